/*
 * A signal through a network by calls of the engine's forward on some hundred rows, so few that all of a
 * call's rows stay in the second cache. The engine carries the rows of the past that later ones see from call
 * to call, so none is computed twice.
 */
#include "generate/filter.h"

#include <omp.h>
#include <string.h>

struct wt_filter {
    wt_engine *engine;
    wt_filter_network network;
    int call, count; /* samples of a call: at most, and of the next one */
    wt_batch batch;
};

enum { CALL = 576 };

/* Several threads share a call where it is work enough. */
static int find_call_samples(const wt_filter_network *network, int block) {
    int call = CALL;
    while (omp_get_max_threads() > 1 && call < block &&
           wt_engine_is_serial(network->graph, false, WT_ENGINE_CARRIED, call))
        call *= 2;
    return call < block ? call : block;
}

static wt_status take_batch(wt_filter *filter) {
    wt_batch *batch = &filter->batch;
    const size_t targets = (size_t)filter->call;
    *batch = (wt_batch){.windows = 1,
                        .targets = filter->call,
                        .context = filter->network.receptive_field,
                        .channels = filter->network.classes ? 0 : filter->network.channels,
                        .target_count = &filter->count};
    const size_t rows = (size_t)wt_batch_rows(batch), samples = rows * (size_t)batch->channels;
    WT_TRY(filter->network.classes
               ? wt_alloc(&batch->classes, rows, sizeof *batch->classes, "a block of samples")
               : wt_alloc(&batch->signal, samples, sizeof *batch->signal, "a block of samples"));
    WT_TRY(wt_alloc(&batch->value, targets, sizeof *batch->value, "a block of samples"));
    WT_TRY(wt_alloc(&batch->target, targets, sizeof *batch->target, "a block of samples"));
    for (size_t t = 0; t < targets; t++) batch->target[t] = -1; /* outputs alone */
    return WT_OK;
}

/* The next call: its outputs. The signal moves on. */
static const wt_real *run_call(wt_filter *filter, int count) {
    wt_batch *batch = &filter->batch;
    const size_t channels = (size_t)batch->channels, context = (size_t)(filter->network.receptive_field - 1);
    wt_window_loss loss;
    filter->count = count;
    wt_engine_forward(filter->engine, batch, 0, 1, &loss);
    if (batch->classes)
        memmove(batch->classes, batch->classes + count, context * sizeof *batch->classes);
    else
        memmove(batch->signal, batch->signal + (size_t)count * channels,
                context * channels * sizeof *batch->signal);
    return wt_engine_outputs(filter->engine, 0);
}

void wt_filter_destroy(wt_filter *filter) {
    if (!filter) return;
    wt_engine_destroy(filter->engine);
    wt_free(filter->batch.signal);
    wt_free(filter->batch.classes);
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

/* Rows of the next call from `row` on: of samples, or of padding. */
static void fill_filter_rows(wt_filter *filter, int row, const float *x, int count) {
    const wt_filter_network *network = &filter->network;
    const size_t channels = (size_t)network->channels;
    if (network->classes) {
        int32_t *to = filter->batch.classes + row;
        for (int t = 0; t < count; t++)
            to[t] = x ? wt_quantize(*network->classes, (double)x[t]) : wt_quantize_silence(*network->classes);
        return;
    }
    wt_real *to = filter->batch.signal + (size_t)row * channels;
    if (x)
        normalise_filter(&network->normalization, to, x, count, network->channels);
    else
        memset(to, 0, (size_t)count * channels * sizeof *to);
}

/* After receptive_field - 1 targets of padding nothing is left of what was before. */
void wt_filter_restart(wt_filter *filter) {
    const int context = filter->network.receptive_field - 1;
    fill_filter_rows(filter, 0, NULL, context);
    for (int left = context, some; left > 0; left -= some) {
        some = left < filter->call ? left : filter->call;
        fill_filter_rows(filter, context, NULL, some);
        run_call(filter, some);
    }
}

wt_status wt_filter_create(wt_filter **out, const wt_filter_network *network, int block) {
    wt_status status = WT_OK;
    wt_filter *filter;
    *out = NULL;
    WT_TRY(wt_alloc(&filter, 1, sizeof *filter, "a filter"));
    filter->network = *network;
    filter->call = find_call_samples(network, block);
    const wt_engine_shape shape = {.windows = 1, .targets = filter->call, .carries = true};
    WT_GUARD(take_batch(filter));
    WT_GUARD(wt_engine_create(&filter->engine, network->graph, network->kernels, &shape));
    wt_engine_pack(filter->engine, network->parameters);
    wt_filter_restart(filter);
    *out = filter;
    filter = NULL;
cleanup:
    wt_filter_destroy(filter);
    return status;
}

void wt_filter_run(wt_filter *filter, const float *x, int count, float *y) {
    const size_t channels = (size_t)filter->network.channels, each = (size_t)filter->network.outputs;
    for (int done = 0, some; done < count; done += some) {
        some = count - done < filter->call ? count - done : filter->call;
        fill_filter_rows(filter, filter->network.receptive_field - 1, x ? x + (size_t)done * channels : NULL,
                         some);
        const wt_real *outputs = run_call(filter, some);
        float *to = y + (size_t)done * each;
        for (size_t i = 0; i < (size_t)some * each; i++) to[i] = (float)outputs[i];
    }
}
