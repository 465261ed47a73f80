/*
 * Losses of rows of outputs, which become the gradient of the summed loss in training. Over time they are
 * added up tile after tile of WT_LOSS_TILE rows; of a list of targets, window after window.
 */
#include "operators.h"

/* A loss is a name and a kernel. `target` [rows] is a class, −1: no target; `value` [rows] of squared
 * error. */
typedef struct {
    const char *name;
    double (*score)(const wt_engine *e, wt_real *y, int rows, int outputs, const int32_t *target,
                    const wt_real *value);
} loss_class;

static double cross_entropy(const wt_engine *e, wt_real *y, int rows, int outputs, const int32_t *target,
                            const wt_real *value) {
    (void)value;
    return e->kernels->cross_entropy(y, outputs, target, rows, outputs, e->shape.backward);
}

static double squared_error(const wt_engine *e, wt_real *y, int rows, int outputs, const int32_t *target,
                            const wt_real *value) {
    return e->kernels->squared_error(y, outputs, value, target, rows, e->shape.backward);
}

static const loss_class losses[] = {
    [WT_LOSS_CROSS_ENTROPY] = {"cross-entropy", cross_entropy},
    [WT_LOSS_SQUARED_ERROR] = {"squared error", squared_error},
};

/* Rows of a window's outputs against the batch's targets from `first` on. */
static double score_window(const wt_engine *e, const wt_op *o, int window, wt_real *y, int first, int rows) {
    const wt_batch *batch = e->batch;
    const size_t at = (size_t)(e->first + window) * (size_t)batch->targets + (size_t)first;
    return losses[o->loss].score(e, y, rows, wt_value_of(e, o->input)->channels, batch->target + at,
                                 batch->value ? batch->value + at : NULL);
}

/* Each window's own rows of the list. */
static void score_targets(const wt_engine *e, const wt_op *o, const wt_tile *tile) {
    const int outputs = wt_value_of(e, o->input)->channels, each = e->microbatch_windows;
    for (int w = tile->group * each; w < (tile->group + 1) * each && w < e->windows; w++) {
        const int first = e->window_first[w], rows = e->window_first[w + 1] - first;
        e->tile_loss[w] = 0;
        if (rows == 0) continue;
        wt_real *y = wt_value_row(e, tile, o->input, first);
        e->tile_loss[w] = losses[o->loss].score(e, y, rows, outputs, e->target + first,
                                                e->value ? e->value + first : NULL);
    }
}

static void forward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_extent extent = wt_value_of(e, o->input)->extent;
    if (extent == WT_EXTENT_TARGETS) {
        score_targets(e, o, tile);
        return;
    }
    const wt_span span = wt_value_span(e, tile, o->input);
    double *loss = e->tile_loss + (size_t)tile->group * (size_t)e->plan->loss_tiles;
    wt_real *y = wt_value_row(e, tile, o->input, span.first);
    if (extent == WT_EXTENT_TIME) {
        loss[span.first / WT_LOSS_TILE] = score_window(e, o, tile->group, y, (int)span.first, span.count);
    } else { /* one target per window: its last */
        loss[0] = score_window(e, o, tile->group, y, wt_window_targets(e, tile->group) - 1, 1);
    }
}

static void count(wt_engine_work *work, const wt_graph *graph, const wt_op *o, double rows) {
    const wt_value *x = &graph->values[o->input];
    if (x->extent == WT_EXTENT_TARGETS) {
        work->list_elements += rows * 2 * x->channels;
    } else {
        work->logits += rows * x->channels;
    }
}

const wt_op_class wt_class_loss = {.forward = forward, .work = count};
