/*
 * Where a window has one target: its outputs o[t] become y = Σ_t w_t·o[t] + b, in the order of t, w_t = 1/T
 * without tensors (torch.nn.Linear over time, or a mean). The gradients by o are made tile by tile where o
 * was made.
 */
#include <string.h>

#include "operators.h"

static wt_real factor_of(const wt_engine *e, const wt_op *o, int t) {
    return o->tensors[0] < 0 ? (wt_real)1 / (wt_real)o->taps : wt_engine_tensor(e, o->tensors[0])[t];
}

/* A window's outputs. */
static wt_real *outputs_of(const wt_engine *e, const wt_op *o, const wt_tile *tile) {
    const wt_value *x = wt_engine_value(e, o->input);
    return wt_engine_value_row(e, tile, o->input,
                               x->extent == WT_EXTENT_TARGETS ? e->list.window_first[tile->group] : 0);
}

static void forward_readout(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const int channels = wt_engine_value(e, o->output)->channels;
    const wt_real *x = outputs_of(e, o, tile),
                  bias = o->tensors[1] < 0 ? 0 : wt_engine_tensor(e, o->tensors[1])[0];
    wt_real *y = wt_engine_value_row(e, tile, o->output, 0);
    for (int c = 0; c < channels; c++) y[c] = bias;
    for (int t = 0; t < o->taps; t++, x += channels) {
        const wt_real factor = factor_of(e, o, t);
        for (int c = 0; c < channels; c++) y[c] += factor * x[c];
    }
}

/* A window's share of dw_t = Σ_c dy[c]·o[t, c] and, behind it, db = dy; `tile` is of the window. */
static void add_weights(const wt_engine *e, const wt_op *o, const wt_tile *tile, wt_real *dw, wt_real *db) {
    const int channels = wt_engine_value(e, o->output)->channels;
    const wt_real *x = outputs_of(e, o, tile), *dy = wt_engine_gradient_row(e, tile, o->output, 0);
    for (int t = 0; t < o->taps; t++, x += channels) {
        for (int c = 0; c < channels; c++) dw[t] += dy[c] * x[c];
    }
    if (o->tensors[1] >= 0) db[0] += dy[0];
}

static void weights(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    wt_real *dw = tile->sums + e->plan->ops[op].sums_at;
    add_weights(e, o, tile, dw, dw + o->taps);
}

/* Where targets have rows of their own: a microbatch's windows at once. */
static int count_readout_panels(const wt_graph *graph, const wt_op *o) {
    return o->tensors[0] >= 0 && graph->values[o->input].extent == WT_EXTENT_TARGETS;
}

static void run_readout_panel(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    wt_real *gradient = e->back.gradients[tile->group],
            *dw = gradient + e->graph->tensors[o->tensors[0]].offset;
    wt_real *db = o->tensors[1] < 0 ? NULL : gradient + e->graph->tensors[o->tensors[1]].offset;
    wt_tile window = *tile;
    memset(dw, 0, (size_t)o->taps * sizeof *dw);
    if (db) db[0] = 0;
    window.group *= e->microbatch_windows;
    for (; window.group < wt_engine_microbatch_end(e, tile->group); window.group++) {
        if (wt_engine_window_targets(e, window.group)) add_weights(e, o, &window, dw, db);
    }
}

/* do[t, c] = w_t·dy[c] for rows of a window from t = `first` on; `tile` is of the window. */
static void spread_gradient(const wt_engine *e, const wt_op *o, const wt_tile *tile, wt_real *dx, int first,
                            int rows) {
    const int channels = wt_engine_value(e, o->output)->channels;
    const wt_real *dy = wt_engine_gradient_row(e, tile, o->output, 0);
    for (int t = first; t < first + rows; t++, dx += channels) {
        const wt_real factor = factor_of(e, o, t);
        for (int c = 0; c < channels; c++) dx[c] = factor * dy[c];
    }
}

static void backward_readout(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_span span = wt_engine_value_span(e, tile, o->input);
    wt_real *dx = wt_engine_gradient_row(e, tile, o->input, span.first);
    if (wt_engine_value(e, o->input)->extent == WT_EXTENT_TIME) {
        spread_gradient(e, o, tile, dx, (int)span.first, span.count);
        return;
    }
    wt_tile window = *tile;
    window.group = 0;
    for (int64_t i = span.first; i < span.first + span.count;
         i++, dx += wt_engine_value(e, o->input)->channels) {
        while (e->list.window_first[window.group + 1] <= i) window.group++;
        spread_gradient(e, o, &window, dx, (int)(i - e->list.window_first[window.group]), 1);
    }
}

const wt_op_class wt_class_readout = {.flags = WT_PULLED,
                                      .forward = forward_readout,
                                      .backward = backward_readout,
                                      .weights = weights,
                                      .panel = run_readout_panel,
                                      .panels = count_readout_panels};
