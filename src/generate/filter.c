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

enum { CALL = 576, MANY = 1 << 24 /* targets, compared with which a window's context is nothing */ };

/* Several threads share a call where it is work enough. */
static int find_call_samples(const wt_filter_network *network, int block) {
    int call = CALL;
    while (omp_get_max_threads() > 1 && call < block &&
           wt_engine_is_serial(network->graph, false, MANY, call))
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
    if (filter->network.classes) {
        const int32_t silence = wt_quantize_silence(*filter->network.classes);
        WT_TRY(wt_alloc(&batch->classes, rows, sizeof *batch->classes, "a block of samples"));
        for (size_t i = 0; i < rows; i++) batch->classes[i] = silence;
    } else {
        WT_TRY(wt_alloc(&batch->signal, samples, sizeof *batch->signal, "a block of samples"));
    }
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

/* What stands before the signal, whose samples are zeros. */
static void run_padding(wt_filter *filter) {
    for (int left = filter->network.receptive_field - 1; left > 0; left -= filter->count)
        run_call(filter, left < filter->call ? left : filter->call);
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
    run_padding(filter);
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

/* The newest rows of the next call: of samples, or of padding. */
static void put_newest(wt_filter *filter, const float *x, int count) {
    const wt_filter_network *network = &filter->network;
    const size_t context = (size_t)(network->receptive_field - 1), channels = (size_t)network->channels;
    if (network->classes) {
        int32_t *newest = filter->batch.classes + context;
        for (int t = 0; t < count; t++)
            newest[t] = x ? wt_quantize(*network->classes, (double)x[t])
                          : wt_quantize_silence(*network->classes);
        return;
    }
    wt_real *newest = filter->batch.signal + context * channels;
    if (x)
        normalise_filter(&network->normalization, newest, x, count, network->channels);
    else
        memset(newest, 0, (size_t)count * channels * sizeof *newest);
}

void wt_filter_run(wt_filter *filter, const float *x, int count, float *y) {
    const size_t channels = (size_t)filter->network.channels;
    const int each = filter->network.outputs ? filter->network.outputs : 1;
    for (int done = 0, some; done < count; done += some) {
        some = count - done < filter->call ? count - done : filter->call;
        put_newest(filter, x ? x + (size_t)done * channels : NULL, some);
        const wt_real *outputs = run_call(filter, some);
        float *to = y + (size_t)done * (size_t)each;
        for (size_t i = 0; i < (size_t)some * (size_t)each; i++) to[i] = (float)outputs[i];
    }
}
