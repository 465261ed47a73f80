/*
 * Mean and deviation of a data set's channels. Each utterance is measured alone, in two passes over its samples in
 * double, and utterances are combined in their order: whoever measures which, the bits are the same.
 */
#include <math.h>
#include <string.h>

#include "prepare_internal.h"
#include "wavetrain/memory.h"

static void measure_channel(wt_moments *moments, int channel, const float *samples, int64_t count,
                            int channels) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)samples[i * channels + channel];
    const double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)samples[i * channels + channel] - mean;
        squares += d * d;
    }
    moments->mean[channel] = mean;
    moments->squares[channel] = squares;
}

wt_status wt_prepare_measure(const wt_prepare_plan *plan, size_t item, const wt_utterance_source *source,
                             wt_moments *moments) {
    wt_utterance utterance = {.samples = NULL};
    memset(moments, 0, sizeof *moments);
    wt_status status = source->load(source->context, item, &utterance);
    if (status == WT_OK) {
        moments->count = utterance.count;
        for (int c = 0; c < plan->channels; c++)
            measure_channel(moments, c, utterance.samples, utterance.count, plan->channels);
    }
    wt_free(utterance.samples);
    wt_free(utterance.labels);
    return status;
}

void wt_moments_add(wt_moments *total, const wt_moments *other, int channels) {
    if (other->count == 0) return;
    const double a = (double)total->count, b = (double)other->count, all = a + b;
    for (int c = 0; c < channels; c++) {
        const double d = other->mean[c] - total->mean[c];
        total->mean[c] += d * (b / all);
        total->squares[c] += other->squares[c] + d * d * (a * b / all);
    }
    total->count += other->count;
}

void wt_moments_finish(wt_normalization *normalization, const wt_moments *moments, int channels) {
    normalization->channels = channels;
    for (int c = 0; c < channels; c++) {
        const double variance = moments->count > 0 ? moments->squares[c] / (double)moments->count : 0;
        normalization->mean[c] = normalization->offset[c] + moments->mean[c];
        normalization->deviation[c] = variance > 0 ? sqrt(variance) : 1;
    }
}
