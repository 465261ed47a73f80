/*
 * Trimming of silence, and how long resampled sound is.
 *
 * The level of a frame is its largest absolute value, not its mean power: the frame with the recording's
 * peak always stays, whatever the threshold. The price is that a click in the silence keeps the silence.
 */
#include <math.h>

#include "prepare_internal.h"

static float peak_of(const float *samples, int64_t count) {
    float peak = 0;
    for (int64_t i = 0; i < count; i++) peak = fmaxf(peak, fabsf(samples[i]));
    return peak;
}

void wt_trim(const float *samples, int64_t frames, int channels, int rate, double decibels, int64_t *first,
             int64_t *kept) {
    int64_t step = rate / 100, end = frames;
    double limit = peak_of(samples, frames * channels) * pow(10, -decibels / 20);
    *first = 0;
    *kept = frames;
    if (!(limit > 0)) return;
    while (peak_of(samples + *first * channels,
                   (frames - *first < step ? frames - *first : step) * channels) < limit)
        *first += step;
    while (end - *first > step && peak_of(samples + (end - step) * channels, step * channels) < limit)
        end -= step;
    *kept = end - *first;
}

int64_t wt_sound_resampled_frames(int64_t frames, int from, int to) {
    int64_t whole = frames / from * to, rest = (frames % from * to + from / 2) / from;
    return whole + rest > 0 ? whole + rest : 1;
}
