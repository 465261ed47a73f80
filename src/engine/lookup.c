/* Table look-ups: a causal convolution on one-hot input, an embedding of each class of a target's context, or
 * of a window's speaker. */
#include <string.h>

#include "operators.h"

/* The classes that a table's first tap reads for some row of time of a window. */
static const int32_t *classes_at(const wt_engine *e, const wt_op *o, int window, int64_t row) {
    const wt_batch *batch = e->batch;
    return batch->classes + (size_t)(e->first + window) * (size_t)wt_batch_rows(batch) +
           (row - wt_engine_left(e, o->output) + batch->context - o->taps);
}

static int table_classes(const wt_engine *e, const wt_op *o) {
    const wt_parameter *table = &e->graph->tensors[o->tensors[0]];
    return (int)table->shape[wt_parameter_is_table(table) ? 0 : 1];
}

static void forward_lookup(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_value *v = wt_engine_value(e, o->output);
    const wt_span span = wt_engine_value_span(e, tile, o->output);
    const wt_real *table = wt_engine_tensor(e, o->tensors[0]);
    wt_real *y = wt_engine_value_row(e, tile, o->output, span.first);
    if (v->extent == WT_EXTENT_TIME) {
        const int windows = e->streams ? span.count : 1, rows = e->streams ? 1 : span.count;
        for (int w = 0; w < windows; w++, y += v->channels)
            e->kernels->embed(y, v->channels, classes_at(e, o, tile->group + w, span.first), table,
                              wt_engine_tensor(e, o->tensors[1]), rows, table_classes(e, o), v->channels,
                              o->taps);
        return;
    }
    if (v->extent == WT_EXTENT_WINDOW) {
        const int32_t speaker = e->batch->speaker[e->first + tile->group];
        memcpy(y, table + (size_t)speaker * (size_t)v->channels, (size_t)v->channels * sizeof *y);
        return;
    }
    for (int64_t i = tile->origin + tile->first; i < tile->origin + tile->first + tile->count; i++) {
        const int32_t *classes = e->batch->classes + e->list.input_at[i];
        for (int j = 0; j < v->rows; j++, y += v->channels) {
            const wt_real *from = table + (size_t)classes[j] * (size_t)v->channels;
            for (int c = 0; c < v->channels; c++) y[c] = from[c];
        }
    }
}

/* --- gradients: a scatter in the order of time, of some channels of a microbatch --- */

typedef struct {
    wt_real *table, *bias; /* gradients; bias may be NULL */
    int first, count;      /* channels */
} columns;

static void scatter(const wt_engine *e, const wt_op *o, const columns *c, const int32_t *classes,
                    const wt_real *dy, int rows) {
    const int channels = wt_engine_value(e, o->output)->channels;
    e->kernels->embed_weights(c->table, channels, classes, dy + c->first, channels, rows, table_classes(e, o),
                              c->count, o->taps);
    if (c->bias) e->kernels->column_sums(c->bias, dy + c->first, channels, rows, c->count);
}

/* A speaker per window. */
static void scatter_speakers(const wt_engine *e, const wt_op *o, const columns *c, const wt_tile *tile) {
    wt_tile window = *tile;
    window.group *= e->microbatch_windows;
    for (; window.group < wt_engine_microbatch_end(e, tile->group); window.group++) {
        if (wt_engine_window_targets(e, window.group) == 0) continue;
        scatter(e, o, c, e->batch->speaker + e->first + window.group,
                wt_engine_gradient_row(e, &window, o->output, 0), 1);
    }
}

static void scatter_windows(const wt_engine *e, const wt_op *o, const columns *c, const wt_tile *tile) {
    wt_tile window = *tile;
    window.group *= e->microbatch_windows;
    for (; window.group < wt_engine_microbatch_end(e, tile->group); window.group++) {
        const int targets = wt_engine_window_targets(e, window.group);
        if (targets == 0) continue;
        scatter(e, o, c, classes_at(e, o, window.group, 0), wt_engine_gradient_row(e, &window, o->output, 0),
                targets + wt_engine_left(e, o->output));
    }
}

static void scatter_targets(const wt_engine *e, const wt_op *o, const columns *c, const wt_tile *tile) {
    const int rows = wt_engine_value(e, o->output)->rows;
    int first, end;
    wt_engine_microbatch_span(e, tile->group, &first, &end);
    for (int i = first; i < end; i++) {
        scatter(e, o, c, e->batch->classes + e->list.input_at[i],
                wt_engine_gradient_row(e, tile, o->output, (int64_t)i * rows), rows);
    }
}

static int count_lookup_panels(const wt_graph *graph, const wt_op *o) {
    return wt_tasks_count(graph->values[o->output].channels, WT_PANEL);
}

static void run_lookup_panel(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_value *v = wt_engine_value(e, o->output);
    const wt_parameter *tensors = e->graph->tensors;
    const int first = tile->first * WT_PANEL, left = v->channels - first;
    wt_real *gradient = e->back.gradients[tile->group];
    columns c = {gradient + tensors[o->tensors[0]].offset + first, NULL, first,
                 left < WT_PANEL ? left : WT_PANEL};
    for (int64_t i = 0; i < (int64_t)o->taps * table_classes(e, o); i++)
        memset(c.table + i * v->channels, 0, (size_t)c.count * sizeof *c.table);
    if (o->tensors[1] >= 0) {
        c.bias = gradient + tensors[o->tensors[1]].offset + first;
        memset(c.bias, 0, (size_t)c.count * sizeof *c.bias);
    }
    (v->extent == WT_EXTENT_TIME     ? scatter_windows
     : v->extent == WT_EXTENT_WINDOW ? scatter_speakers
                                     : scatter_targets)(e, o, &c, tile);
}

const wt_op_class wt_class_lookup = {
    .forward = forward_lookup, .panel = run_lookup_panel, .panels = count_lookup_panels, .elements = 1};
