/*
 * Losses of rows of outputs, which become the gradient of the summed loss in training. Over time they are
 * added up tile after tile of WT_LOSS_TILE rows; of a list of targets, or by a class that takes whole
 * windows, window after window.
 */
#include <omp.h>

#include "losses.h"
#include "operators.h"

static double score_loss_rows(const wt_engine *e, const wt_op *o, const wt_loss_rows *rows) {
    const wt_loss_call call = {.kernels = e->kernels,
                               .op = o,
                               .gradient = e->shape.backward,
                               .weights = e->loss.weights,
                               .tools = e->loss.tools,
                               .scratch = e->loss.scratch + (size_t)omp_get_thread_num() * e->loss.each};
    return wt_loss_classes[o->loss]->score(&call, rows);
}

/* Rows of a window's outputs against the batch's targets from `first` on. */
static double score_loss_window(const wt_engine *e, const wt_op *o, int window, wt_real *y, int first,
                                int rows) {
    const wt_batch *batch = e->batch;
    const size_t at = (size_t)(e->first + window) * (size_t)batch->targets + (size_t)first;
    const size_t values = (size_t)o->mixture.channels;
    return score_loss_rows(e, o,
                           &(wt_loss_rows){y, rows, wt_engine_value(e, o->input)->channels,
                                           batch->target + at,
                                           batch->value ? batch->value + at * values : NULL});
}

/* Each window's own rows of the list. */
static void score_targets(const wt_engine *e, const wt_op *o, const wt_tile *tile) {
    for (int w = tile->group * e->microbatch_windows; w < wt_engine_microbatch_end(e, tile->group); w++) {
        const int first = e->list.window_first[w], rows = e->list.window_first[w + 1] - first;
        const wt_loss_rows target_rows = {wt_engine_value_row(e, tile, o->input, first), rows,
                                          wt_engine_value(e, o->input)->channels, e->list.target + first,
                                          e->list.value + (ptrdiff_t)first * o->mixture.channels};
        e->loss.tiles[w] = score_loss_rows(e, o, &target_rows);
    }
}

static void forward_loss(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_extent extent = wt_engine_value(e, o->input)->extent;
    if (extent == WT_EXTENT_TARGETS) {
        score_targets(e, o, tile);
        return;
    }
    const wt_span span = wt_engine_value_span(e, tile, o->input);
    double *loss = e->loss.tiles + (size_t)tile->group * (size_t)e->plan->loss_tiles;
    wt_real *y = wt_engine_value_row(e, tile, o->input, span.first);
    if (extent == WT_EXTENT_TIME) {
        loss[span.first / WT_LOSS_TILE] = score_loss_window(e, o, tile->group, y, (int)span.first,
                                                            span.count);
    } else { /* one target per window: its last */
        loss[0] = score_loss_window(e, o, tile->group, y, wt_engine_window_targets(e, tile->group) - 1, 1);
    }
}

static void count_loss(double work[WT_WORK_KINDS], const wt_graph *graph, const wt_op *o, double rows) {
    const wt_value *x = &graph->values[o->input];
    const bool list = x->extent == WT_EXTENT_TARGETS;
    work[list ? WT_WORK_LEVEL_ELEMENT : WT_WORK_LOGIT] += rows * (list ? 2 : 1) * x->channels;
}

const wt_op_class wt_class_loss = {.forward = forward_loss, .work = count_loss};
