/*
 * Pairs of recordings brought together: what of each belongs to the other. Recordings of gear are seldom as
 * long as what was played, and lag behind it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/prepare/align.h"
#include "prepare_internal.h"

/* One channel of a recording. Several are taken for one where they are all the same. */
static wt_status load_channel(float **out, int64_t *frames, const wt_recording *file, int choice) {
    wt_sound_format format;
    float *samples;
    wt_status status = WT_OK;
    WT_TRY(wt_sound_read(&samples, &format, file->path, 0, -1));
    const int channels = format.channels, own = choice > 0 ? choice - 1 : 0;
    WT_GUARD_CHECK(own < channels, WT_USAGE, "%s: has no channel %d (got %d channels)", file->path, choice,
                   channels);
    for (int64_t f = 0; f < format.frames; f++) {
        const float *frame = samples + f * channels;
        for (int c = 1; c < channels && choice <= 0; c++)
            WT_GUARD_CHECK(
                frame[c] == frame[0], WT_USAGE,
                "%s: channels 1 and %d differ (expected one signal; --channels K takes one of them)",
                file->path, c + 1);
        samples[f] = frame[own];
    }
    *frames = format.frames;
    *out = samples;
    samples = NULL;
cleanup:
    wt_free(samples);
    return status;
}

static void warn_of_clipping(const char *path, const float *x, int64_t frames) {
    int64_t clipped = 0;
    for (int64_t i = 0; i < frames; i++) clipped += fabsf(x[i]) >= 32767.0f / 32768.0f;
    if (clipped > 0)
        wt_log_warning("%s: %lld samples stand at full scale, as clipped ones do", path, (long long)clipped);
}

/* --- the standard layout --- */

/* By its structure: the last part is the first one once more, with silence before it, and blips stand in
 * silence. */
static bool has_standard_layout(const float *dry, int64_t frames, int rate) {
    const int64_t twin = (int64_t)WT_STANDARD_VALIDATION * rate,
                  length = (int64_t)WT_STANDARD_END * rate - twin;
    const int64_t silence = 2 * rate / 5, blip = 21 * (int64_t)rate / 2;
    bool quiet = true, loud = false;
    if (frames < twin + length) return false;
    for (int64_t i = twin - silence; i < twin; i++) quiet = quiet && dry[i] == 0;
    for (int64_t i = blip - rate / 4; i < blip; i++) quiet = quiet && dry[i] == 0;
    for (int64_t i = 0; i < length; i++) loud = loud || dry[i] != 0;
    return quiet && loud && dry[blip] != 0 && memcmp(dry, dry + twin, (size_t)length * sizeof *dry) == 0;
}

/* What the gear has made of the same twice is the same, but for noise and whatever else no network can
 * learn. */
static void compare_takes(const char *path, const float *wet, int64_t frames, int64_t delay, int rate) {
    const double allowed = 0.01;
    const int64_t twin = (int64_t)WT_STANDARD_VALIDATION * rate, end = (int64_t)WT_STANDARD_END * rate;
    double errors = 0, squares = 0;
    for (int64_t i = delay < 0 ? -delay : 0; i < end - twin && delay + twin + i < frames; i++) {
        const double first = (double)wet[delay + i], difference = (double)wet[delay + twin + i] - first;
        errors += difference * difference;
        squares += first * first;
    }
    if (squares > 0 && errors <= allowed * squares) return;
    wt_log_warning(
        "%s: two takes of the same differ (ESR %.2g, expected at most %g): noise, an effect that changes "
        "with time, a knob that was moved, or tubes that were cold; no network gets below that",
        path, squares > 0 ? errors / squares : INFINITY, allowed);
}

/* --- both --- */

static wt_status find_delay(int64_t *delay, const char *path, const float *x, int64_t x_frames,
                            const float *y, int64_t y_frames) {
    wt_alignment found;
    char how[32] = "its impulse response";
    WT_TRY(wt_align(&found, path, x, x_frames, y, y_frames));
    *delay = found.delay;
    if (found.blips) snprintf(how, sizeof how, "%d blips", found.blips);
    wt_log_info("%s: lags by %d samples, by %s%s", path, found.delay, how,
                found.inverted ? "; its polarity is inverted" : "");
    return WT_OK;
}

wt_status wt_align_examine(wt_pair *pair, const wt_recording *dry, const wt_recording *wet,
                           const wt_audio_options *options, const int64_t *given) {
    float *x = NULL, *y = NULL;
    int64_t x_frames = 0, y_frames = 0;
    wt_status status = WT_OK;
    WT_GUARD(load_channel(&x, &x_frames, dry, options->channels));
    WT_GUARD(load_channel(&y, &y_frames, wet, options->channels));
    warn_of_clipping(wet->path, y, y_frames);
    if (given)
        pair->delay = *given;
    else
        WT_GUARD(find_delay(&pair->delay, wet->path, x, x_frames, y, y_frames));
    pair->standard = has_standard_layout(x, x_frames, dry->format.rate);
    if (pair->standard) {
        wt_log_info("%s: has the standard layout, whose last part is for validation", dry->path);
        compare_takes(wet->path, y, y_frames, pair->delay, dry->format.rate);
    }
cleanup:
    wt_free(x);
    wt_free(y);
    return status;
}

wt_status wt_align_shift(const wt_pair *pair, wt_recording *dry, wt_recording *wet) {
    const int64_t delay = pair->delay, dry_first = delay < 0 ? -delay : 0, wet_first = delay > 0 ? delay : 0;
    const int64_t dry_left = dry->format.frames - dry_first, wet_left = wet->format.frames - wet_first;
    const int64_t frames = dry_left < wet_left ? dry_left : wet_left;
    WT_CHECK(frames > 0, WT_USAGE, "%s: has nothing of %s (got %lld samples, lags by %lld)", wet->path,
             dry->path, (long long)wet->format.frames, (long long)delay);
    if (frames < dry->format.frames)
        wt_log_info("%s: %lld of its samples are left out, of which there is no recording", dry->path,
                    (long long)(dry->format.frames - frames));
    dry->first = dry_first;
    wet->first = wet_first;
    dry->format.frames = wet->format.frames = frames;
    dry->cut = wet->cut = true;
    dry->standard = wet->standard = pair->standard;
    dry->layout_from = wet->layout_from = dry_first;
    return WT_OK;
}
