/*
 * Mean and deviation of a data set's channels. Each utterance is measured alone, in two passes over its
 * samples in double, and utterances are combined in their order: whoever measures which, the bits are the
 * same.
 */
#include <math.h>
#include <string.h>

#include "prepare_internal.h"

static void measure_channel(double *mean_of, double *squares_of, int channel, const float *samples,
                            int64_t count, int channels) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)samples[i * channels + channel];
    const double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)samples[i * channels + channel] - mean;
        squares += d * d;
    }
    mean_of[channel] = mean;
    squares_of[channel] = squares;
}

wt_status wt_prepare_measure(const wt_prepare_plan *plan, size_t item, const wt_utterance_source *source,
                             wt_moments *moments) {
    wt_utterance utterance = {.samples = NULL};
    memset(moments, 0, sizeof *moments);
    wt_status status = source->load(source->context, item, &utterance);
    if (status == WT_OK) {
        moments->count = utterance.count;
        for (int c = 0; c < plan->channels; c++)
            measure_channel(moments->mean, moments->squares, c, utterance.samples, utterance.count,
                            plan->channels);
    }
    wt_prepare_dispose_utterance(&utterance);
    return status;
}

/* One channel's; a and b are the counts. */
static void add_channel(double *mean, double *squares, double a, double b, const double other[2]) {
    const double all = a + b, d = other[0] - *mean;
    *mean += d * (b / all);
    *squares += other[1] + d * d * (a * b / all);
}

void wt_moments_add(wt_moments *total, const wt_moments *other, int channels) {
    if (other->count == 0) return;
    for (int c = 0; c < channels; c++)
        add_channel(&total->mean[c], &total->squares[c], (double)total->count, (double)other->count,
                    (const double[]){other->mean[c], other->squares[c]});
    total->count += other->count;
}

/* --- of frames --- */

wt_status wt_prepare_measure_frames(const wt_prepare_plan *plan, size_t item,
                                    const wt_utterance_source *source, wt_frame_moments *moments) {
    wt_utterance utterance = {.samples = NULL};
    memset(moments, 0, sizeof *moments);
    wt_status status = source->load(source->context, item, &utterance);
    if (status == WT_OK) {
        moments->count = utterance.frame_count;
        for (int c = 0; c < plan->features.count; c++)
            measure_channel(moments->mean, moments->squares, c, utterance.frames, utterance.frame_count,
                            plan->features.count);
    }
    wt_prepare_dispose_utterance(&utterance);
    return status;
}

void wt_moments_add_frame(wt_frame_moments *total, const wt_frame_moments *other, int count) {
    if (other->count == 0) return;
    for (int c = 0; c < count; c++)
        add_channel(&total->mean[c], &total->squares[c], (double)total->count, (double)other->count,
                    (const double[]){other->mean[c], other->squares[c]});
    total->count += other->count;
}

void wt_moments_finish_frames(wt_features *features, const wt_frame_moments *moments) {
    for (int c = 0; c < features->count; c++) {
        const double variance = moments->count > 0 ? moments->squares[c] / (double)moments->count : 0;
        features->mean[c] = moments->mean[c];
        features->deviation[c] = variance > 0 ? sqrt(variance) : 1;
    }
}

void wt_moments_finish(wt_normalization *normalization, const wt_moments *moments, int channels) {
    normalization->channels = channels;
    for (int c = 0; c < channels; c++) {
        const double variance = moments->count > 0 ? moments->squares[c] / (double)moments->count : 0;
        normalization->mean[c] = normalization->offset[c] + moments->mean[c];
        normalization->deviation[c] = variance > 0 ? sqrt(variance) : 1;
    }
}
