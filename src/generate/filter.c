/*
 * A signal through a network by forward passes over blocks. A block's window holds the samples before it that
 * its outputs see, and computes their share of each layer once more; the blocks are so long that this is
 * little.
 */
#include "generate/filter.h"

#include <string.h>

struct wt_filter {
    wt_engine *engine;
    wt_filter_network network;
    int block, count;
    wt_batch batch;
};

static wt_status take_batch(wt_filter *filter) {
    wt_batch *batch = &filter->batch;
    const size_t targets = (size_t)filter->block;
    *batch = (wt_batch){.windows = 1,
                        .targets = filter->block,
                        .context = filter->network.receptive_field,
                        .channels = filter->network.channels,
                        .target_count = &filter->count};
    const size_t samples = (size_t)wt_batch_rows(batch) * (size_t)batch->channels;
    WT_TRY(wt_alloc(&batch->signal, samples, sizeof *batch->signal, "a block of samples"));
    WT_TRY(wt_alloc(&batch->value, targets, sizeof *batch->value, "a block of samples"));
    WT_TRY(wt_alloc(&batch->target, targets, sizeof *batch->target, "a block of samples"));
    for (size_t t = 0; t < targets; t++) batch->target[t] = -1; /* outputs alone */
    return WT_OK;
}

wt_status wt_filter_create(wt_filter **out, const wt_filter_network *network, int block) {
    const wt_engine_shape shape = {.windows = 1, .targets = block};
    wt_status status = WT_OK;
    wt_filter *filter;
    *out = NULL;
    WT_TRY(wt_alloc(&filter, 1, sizeof *filter, "a filter"));
    filter->network = *network;
    filter->block = block;
    WT_GUARD(take_batch(filter));
    WT_GUARD(wt_engine_create(&filter->engine, network->graph, network->kernels, &shape));
    wt_engine_pack(filter->engine, network->parameters);
    *out = filter;
    filter = NULL;
cleanup:
    wt_filter_destroy(filter);
    return status;
}

void wt_filter_destroy(wt_filter *filter) {
    if (!filter) return;
    wt_engine_destroy(filter->engine);
    wt_free(filter->batch.signal);
    wt_free(filter->batch.value);
    wt_free(filter->batch.target);
    wt_free(filter);
}

static void normalise_filter(const wt_normalization *n, wt_real *to, const float *x, int count,
                             int channels) {
    for (int t = 0; t < count; t++) {
        for (int c = 0; c < channels; c++) {
            const double value = (double)x[(size_t)t * (size_t)channels + (size_t)c];
            to[(size_t)t * (size_t)channels + (size_t)c] =
                (wt_real)(n->channels ? (value - n->mean[c]) / n->deviation[c] : value);
        }
    }
}

void wt_filter_run(wt_filter *filter, const float *x, int count, float *y) {
    const size_t channels = (size_t)filter->network.channels;
    const size_t context = (size_t)(filter->network.receptive_field - 1) * channels;
    wt_real *signal = filter->batch.signal;
    wt_window_loss loss;
    filter->count = count;
    normalise_filter(&filter->network.normalization, signal + context, x, count, (int)channels);
    wt_engine_forward(filter->engine, &filter->batch, 0, 1, &loss);
    const wt_real *outputs = wt_engine_outputs(filter->engine, 0);
    for (int t = 0; t < count; t++) y[t] = (float)outputs[t];
    memmove(signal, signal + (size_t)count * channels, context * sizeof *signal);
}
