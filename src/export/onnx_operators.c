/*
 * The nodes of each operator. Rows of time, of frames and of windows (one) are [batch, channels, rows], those
 * of targets [batch, samples, rows, channels]. Tensors keep their PyTorch names and shapes; what a node takes
 * in another order is turned by nodes on constants, which a runtime computes once.
 */
#include <stdio.h>
#include <string.h>

#include "onnx_internal.h"

static bool is_of_targets(const wt_onnx_walk *w, int value) {
    return w->graph->values[value].extent == WT_EXTENT_TARGETS;
}

static int channel_axis(const wt_onnx_walk *w, int value) {
    return is_of_targets(w, value) ? 3 : 1;
}

static const char *tensor_of(wt_onnx_walk *w, int tensor) {
    return wt_onnx_tensor(&w->builder, &w->graph->tensors[tensor], w->source->values);
}

/* A tensor of a number per channel, as it is added to a value's rows. */
static const char *onnx_vector_of(wt_onnx_walk *w, int tensor, int value) {
    const char *vector = tensor_of(w, tensor);
    return is_of_targets(w, value) ? vector : wt_onnx_unsqueeze(&w->builder, vector, 1);
}

int wt_onnx_past(const wt_onnx_walk *w, int value) {
    const wt_value *v = &w->graph->values[value];
    if (v->extent == WT_EXTENT_FRAMES) return v->left;
    if (v->extent != WT_EXTENT_TIME) return 0;
    return w->source->kind == WT_ONNX_STEP ? w->history[value] : v->left;
}

int wt_onnx_made_past(const wt_onnx_walk *w, int value) {
    const wt_value *v = &w->graph->values[value];
    const bool one = w->source->kind == WT_ONNX_STEP && v->extent == WT_EXTENT_TIME;
    return one ? 0 : wt_onnx_past(w, value);
}

/* The rows of x that the rows of y read, from the oldest delay to the newest. */
static const char *past_rows_of(wt_onnx_walk *w, int x, int y, int oldest, int newest) {
    const wt_extent extent = w->graph->values[x].extent;
    if (extent != WT_EXTENT_TIME && extent != WT_EXTENT_FRAMES) return w->names[x];
    return wt_onnx_slice(&w->builder, w->names[x], 2, wt_onnx_past(w, x) - wt_onnx_made_past(w, y) - oldest,
                         -newest);
}

/* --- products --- */

/* A weight, or one tap of it, as a matrix [in, out] for targets, else as a convolution's weight. */
static const char *onnx_weight_of(wt_onnx_walk *w, const wt_term *term, bool whole, bool targets) {
    const wt_parameter *tensor = &w->graph->tensors[term->tensor];
    const char *weight = tensor_of(w, term->tensor);
    if (tensor->rank == 3 && !whole) weight = wt_onnx_slice(&w->builder, weight, 2, term->tap, term->tap + 1);
    if (!targets) return tensor->rank == 3 ? weight : wt_onnx_unsqueeze(&w->builder, weight, 2);
    if (tensor->rank == 3)
        weight = WT_ONNX(&w->builder, "Squeeze", weight, wt_onnx_list(&w->builder, &(int64_t){2}, 1));
    return wt_onnx_transpose(&w->builder, weight, (const int64_t[]){1, 0}, 2);
}

static const char *emit_part(wt_onnx_walk *w, const wt_op *op, const wt_term_part *p) {
    const wt_term *first = &w->graph->terms[p->first];
    const bool targets = is_of_targets(w, op->output);
    const char *x = past_rows_of(w, first->value, op->output, first->delay,
                                 w->graph->terms[p->first + p->count - 1].delay);
    if (first->tensor >= 0) {
        const char *weight = onnx_weight_of(w, first, p->whole, targets);
        x = WT_ONNX(&w->builder, targets ? "MatMul" : "Conv", x, weight);
        if (p->count > 1) wt_onnx_ints(&w->builder, "dilations", &(int64_t){p->dilation}, 1);
    }
    return wt_onnx_scale(&w->builder, x, first->scale);
}

static const char *emit_terms(wt_onnx_walk *w, const wt_op *op) {
    const wt_graph *graph = w->graph;
    const int end = op->first_term + op->term_count;
    const char *sum = NULL;
    for (int n = op->first_term; n < end;) {
        const wt_term_part p = wt_term_find_part(graph, n, end);
        sum = wt_onnx_add(&w->builder, sum, emit_part(w, op, &p));
        n += p.count;
    }
    for (int b = op->first_bias; b < op->first_bias + op->bias_count; b++) {
        const char *bias = onnx_vector_of(w, graph->biases[b].tensor, op->output);
        sum = wt_onnx_add(&w->builder, sum, wt_onnx_scale(&w->builder, bias, graph->biases[b].scale));
    }
    if (op->add >= 0)
        sum = wt_onnx_add(&w->builder, sum,
                          past_rows_of(w, op->add, op->output, op->add_delay, op->add_delay));
    return wt_onnx_scale(&w->builder, sum, op->scale);
}

/* --- inputs --- */

/* A count along an axis of x, a number. */
static const char *axis_count(wt_onnx_walk *w, const char *x, int axis) {
    return wt_onnx_gather(&w->builder, WT_ONNX(&w->builder, "Shape", x), wt_onnx_number(&w->builder, axis),
                          0);
}

/* The indices [samples, rows] of what each target sees of x. */
static const char *windows_of(wt_onnx_walk *w, int rows) {
    wt_onnx_builder *b = &w->builder;
    if (w->windows) return w->windows;
    const char *all = axis_count(w, w->x, w->network->classes ? 1 : 2);
    const char *samples = WT_ONNX(b, "Sub", all, wt_onnx_number(b, rows - 1));
    return w->windows = WT_ONNX(b, "Add", wt_onnx_unsqueeze(b, wt_onnx_range(b, samples), 1),
                                wt_onnx_range(b, wt_onnx_number(b, rows)));
}

/* Sums of a table's rows: [in, taps] of classes. */
static const char *emit_time_lookup(wt_onnx_walk *w, const wt_op *op) {
    wt_onnx_builder *b = &w->builder;
    const int taps = op->taps > 1 ? op->taps : 1;
    const bool ranks = w->graph->tensors[op->tensors[0]].rank == 3;
    const char *table = tensor_of(w, op->tensors[0]), *sum = NULL;
    table = ranks ? wt_onnx_transpose(b, table, (const int64_t[]){2, 1, 0}, 3)
                  : wt_onnx_transpose(b, table, (const int64_t[]){1, 0}, 2);
    for (int j = 0; j < taps; j++) {
        const int delay = taps - 1 - j;
        const char *tap = ranks ? wt_onnx_gather(b, table, wt_onnx_number(b, j), 0) : table;
        const char *ids = wt_onnx_slice(b, w->x, 1, w->before - wt_onnx_made_past(w, op->output) - delay,
                                        -delay);
        sum = wt_onnx_add(b, sum, wt_onnx_gather(b, tap, ids, 0));
    }
    if (op->tensors[1] >= 0) sum = wt_onnx_add(b, sum, tensor_of(w, op->tensors[1]));
    return wt_onnx_transpose(b, sum, (const int64_t[]){0, 2, 1}, 3);
}

static const char *emit_lookup(wt_onnx_walk *w, const wt_op *op) {
    wt_onnx_builder *b = &w->builder;
    const wt_value *output = &w->graph->values[op->output];
    if (output->extent == WT_EXTENT_TIME) return emit_time_lookup(w, op);
    const bool windows = output->extent == WT_EXTENT_WINDOW;
    const char *ids = windows ? w->speaker : wt_onnx_gather(b, w->x, windows_of(w, output->rows), 1);
    const char *rows = wt_onnx_gather(b, tensor_of(w, op->tensors[0]), ids, 0);
    if (op->tensors[1] >= 0) rows = wt_onnx_add(b, rows, tensor_of(w, op->tensors[1]));
    return windows ? wt_onnx_unsqueeze(b, rows, 2) : rows;
}

static const char *emit_unfold(wt_onnx_walk *w, const wt_op *op) {
    const char *windows = windows_of(w, w->graph->values[op->output].rows);
    return wt_onnx_transpose(&w->builder, wt_onnx_gather(&w->builder, w->x, windows, 2),
                             (const int64_t[]){0, 2, 3, 1}, 4);
}

/* --- pointwise --- */

static const char *emit_tanh_or_relu(wt_onnx_walk *w, const wt_op *op) {
    return WT_ONNX(&w->builder, op->activation == WT_ACTIVATION_RELU ? "Relu" : "Tanh", w->names[op->input]);
}

static const char *emit_gate(wt_onnx_walk *w, const wt_op *op) {
    wt_onnx_builder *b = &w->builder;
    const int axis = channel_axis(w, op->input), half = w->graph->values[op->input].channels / 2;
    const char *x = w->names[op->input];
    return WT_ONNX(b, "Mul", WT_ONNX(b, "Tanh", wt_onnx_slice(b, x, axis, 0, half)),
                   WT_ONNX(b, "Sigmoid", wt_onnx_slice(b, x, axis, half, 0)));
}

static const char *emit_leaky_relu(wt_onnx_walk *w, const wt_op *op) {
    const char *y = WT_ONNX(&w->builder, "LeakyRelu", w->names[op->input]);
    wt_onnx_real(&w->builder, "alpha", op->scale);
    return y;
}

static const char *emit_hardtanh(wt_onnx_walk *w, const wt_op *op) {
    return WT_ONNX(&w->builder, "Clip", w->names[op->input], wt_onnx_scalar(&w->builder, -1),
                   wt_onnx_scalar(&w->builder, 1));
}

static const char *emit_sigmoid(wt_onnx_walk *w, const wt_op *op) {
    return WT_ONNX(&w->builder, "Sigmoid", w->names[op->input]);
}

static const char *emit_silu(wt_onnx_walk *w, const wt_op *op) {
    return WT_ONNX(&w->builder, "Mul", w->names[op->input], emit_sigmoid(w, op));
}

static const char *emit_hardswish(wt_onnx_walk *w, const wt_op *op) {
    return WT_ONNX(&w->builder, "HardSwish", w->names[op->input]);
}

static const char *emit_softsign(wt_onnx_walk *w, const wt_op *op) {
    return WT_ONNX(&w->builder, "Softsign", w->names[op->input]);
}

static const char *emit_dropout(wt_onnx_walk *w, const wt_op *op) {
    return w->names[op->input];
}

/* --- norms --- */

static const char *emit_layer_norm(wt_onnx_walk *w, const wt_op *op) {
    wt_onnx_builder *b = &w->builder;
    static const int64_t turned[] = {0, 2, 1};
    const bool last = is_of_targets(w, op->input);
    const char *x = last ? w->names[op->input] : wt_onnx_transpose(b, w->names[op->input], turned, 3);
    x = WT_ONNX(b, "LayerNormalization", x, tensor_of(w, op->tensors[0]), tensor_of(w, op->tensors[1]));
    wt_onnx_real(b, "epsilon", WT_NORM_EPSILON);
    return last ? x : wt_onnx_transpose(b, x, turned, 3);
}

/* By the running statistics. */
static const char *emit_batch_norm(wt_onnx_walk *w, const wt_op *op) {
    wt_onnx_builder *b = &w->builder;
    const char *weight = onnx_vector_of(w, op->tensors[0], op->input),
               *bias = onnx_vector_of(w, op->tensors[1], op->input);
    const char *mean = onnx_vector_of(w, op->tensors[2], op->input);
    const char *variance = onnx_vector_of(w, op->tensors[3], op->input);
    const char *deviation = WT_ONNX(b, "Sqrt", wt_onnx_add(b, variance, wt_onnx_scalar(b, WT_NORM_EPSILON)));
    const char *x = WT_ONNX(b, "Sub", w->names[op->input], mean);
    return WT_ONNX(b, "Add", WT_ONNX(b, "Mul", WT_ONNX(b, "Div", x, deviation), weight), bias);
}

/* --- rows per target, per frame, per window --- */

static const char *emit_fuse(wt_onnx_walk *w, const wt_op *op) {
    const wt_value *output = &w->graph->values[op->output];
    const int64_t shape[] = {0, 0, output->rows, output->channels};
    return WT_ONNX(&w->builder, "Reshape", w->names[op->input], wt_onnx_list(&w->builder, shape, 4));
}

/* Weights [taps, hop]: frames repeated and filtered, scale after scale, from an impulse in each frame. */
static const char *emit_stretch(wt_onnx_walk *w, const wt_op *op) {
    wt_onnx_builder *b = &w->builder;
    const int64_t hop = w->graph->framing.hop, taps = op->taps;
    int64_t rows = taps;
    const char *x = wt_onnx_unsqueeze(b,
                                      WT_ONNX(b, "EyeLike",
                                              WT_ONNX(b, "Expand", wt_onnx_scalar(b, 1),
                                                      wt_onnx_list(b, (const int64_t[]){taps, taps}, 2))),
                                      1);
    for (int k = 0; k < 4 && op->tensors[k] >= 0; k++) {
        const int64_t scale = w->graph->tensors[op->tensors[k]].shape[2] / 2;
        const int64_t repeated[] = {taps, 1, rows, scale}, joined[] = {taps, 1, rows *= scale};
        x = WT_ONNX(b, "Expand", wt_onnx_unsqueeze(b, x, 3), wt_onnx_list(b, repeated, 4));
        x = WT_ONNX(b, "Reshape", x, wt_onnx_list(b, joined, 3));
        x = WT_ONNX(b, "Conv", x, tensor_of(w, op->tensors[k]));
        wt_onnx_ints(b, "pads", (const int64_t[]){scale, scale}, 2);
    }
    const int64_t begin = taps / 2 * hop;
    return WT_ONNX(b, "Squeeze", wt_onnx_slice(b, x, 2, begin, begin + hop),
                   wt_onnx_list(b, &(int64_t){1}, 1));
}

/* The weight of frame f + j in each row, from its place among frames. */
static const char *upsample_weight(wt_onnx_walk *w, const wt_op *op, const char *phase, int j) {
    wt_onnx_builder *b = &w->builder;
    if (op->term_count) {
        const char *weights = w->names[w->graph->terms[op->first_term].value];
        return wt_onnx_gather(b, wt_onnx_gather(b, weights, wt_onnx_number(b, j), 0), phase, 0);
    }
    const char *real = WT_ONNX(b, "Cast", phase);
    wt_onnx_int(b, "to", WT_ONNX_FLOAT);
    const char *share = WT_ONNX(b, "Div", real, wt_onnx_scalar(b, w->graph->framing.hop));
    return j ? share : WT_ONNX(b, "Sub", wt_onnx_scalar(b, 1), share);
}

static const char *emit_upsample(wt_onnx_walk *w, const wt_op *op) {
    wt_onnx_builder *b = &w->builder;
    const char *sum = past_rows_of(w, op->add, op->output, op->add_delay, op->add_delay);
    if (w->graph->values[op->input].extent == WT_EXTENT_WINDOW)
        return wt_onnx_add(b, sum, w->names[op->input]);
    const int skipped = w->source->kind == WT_ONNX_STEP ? 0 : w->before - wt_onnx_made_past(w, op->output);
    const char *frame = wt_onnx_slice(b, w->frame, 0, skipped, 0);
    const char *phase = wt_onnx_slice(b, w->phase, 0, skipped, 0);
    const char *x = wt_onnx_slice(b, w->names[op->input], 2, wt_onnx_past(w, op->input), 0);
    for (int j = 0; j < op->taps; j++) {
        const char *at = j ? wt_onnx_add(b, frame, wt_onnx_number(b, j)) : frame;
        const char *rows = wt_onnx_gather(b, x, at, 2);
        if (op->taps > 1 || op->term_count) rows = WT_ONNX(b, "Mul", rows, upsample_weight(w, op, phase, j));
        sum = wt_onnx_add(b, sum, rows);
    }
    return sum;
}

/* [batch, outputs] */
static const char *emit_readout(wt_onnx_walk *w, const wt_op *op) {
    wt_onnx_builder *b = &w->builder;
    const char *x = wt_onnx_emit_outputs(w, op->input);
    if (op->tensors[0] < 0) {
        x = WT_ONNX(b, "ReduceMean", x);
        wt_onnx_ints(b, "axes", &(int64_t){2}, 1);
        wt_onnx_int(b, "keepdims", 0);
        return x;
    }
    const char *weight = wt_onnx_transpose(b, tensor_of(w, op->tensors[0]), (const int64_t[]){1, 0}, 2);
    x = WT_ONNX(b, "MatMul", x, weight);
    x = WT_ONNX(b, "Squeeze", x, wt_onnx_list(b, &(int64_t){2}, 1));
    return op->tensors[1] >= 0 ? wt_onnx_add(b, x, tensor_of(w, op->tensors[1])) : x;
}

const char *wt_onnx_emit_outputs(wt_onnx_walk *w, int value) {
    wt_onnx_builder *b = &w->builder;
    const wt_value *v = &w->graph->values[value];
    if (!is_of_targets(w, value)) return w->names[value];
    const int64_t flat[] = {0, 0, (int64_t)v->rows * v->channels};
    return wt_onnx_transpose(b, WT_ONNX(b, "Reshape", w->names[value], wt_onnx_list(b, flat, 3)),
                             (const int64_t[]){0, 2, 1}, 3);
}

/* The loss is not in a graph. */
static const char *(*const emitters[WT_OPERATORS])(wt_onnx_walk *w, const wt_op *op) = {
    [WT_OP_LOOKUP] = emit_lookup,
    [WT_OP_UNFOLD] = emit_unfold,
    [WT_OP_PRODUCT] = emit_terms,
    [WT_OP_ACTIVATION] = emit_tanh_or_relu,
    [WT_OP_GATE] = emit_gate,
    [WT_OP_LEAKY_RELU] = emit_leaky_relu,
    [WT_OP_HARDTANH] = emit_hardtanh,
    [WT_OP_SIGMOID] = emit_sigmoid,
    [WT_OP_SILU] = emit_silu,
    [WT_OP_HARDSWISH] = emit_hardswish,
    [WT_OP_SOFTSIGN] = emit_softsign,
    [WT_OP_LAYER_NORM] = emit_layer_norm,
    [WT_OP_BATCH_NORM] = emit_batch_norm,
    [WT_OP_DROPOUT] = emit_dropout,
    [WT_OP_FUSE] = emit_fuse,
    [WT_OP_SUM] = emit_terms,
    [WT_OP_STRETCH] = emit_stretch,
    [WT_OP_UPSAMPLE] = emit_upsample,
    [WT_OP_READOUT] = emit_readout,
};

const char *wt_onnx_emit(wt_onnx_walk *w, const wt_op *op) {
    if (emitters[op->kind]) return emitters[op->kind](w, op);
    wt_onnx_fail(&w->builder,
                 wt_error(WT_USAGE, "export: ONNX has no node for one of the network's operators"));
    return "";
}
