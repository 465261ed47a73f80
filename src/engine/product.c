/* Products: y = (sum_n W_n x_n + biases + what is added)*scale; dilated convolutions, 1×1 and linear
 * layers, skips. */
#include <math.h>
#include <string.h>

#include "operators.h"

/* The bias that the kernel adds: the tensor's own, or the scaled sum that load has made. */
const wt_real *wt_product_bias(const wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    if (o->bias_count == 0) return NULL;
    if (e->plan->ops[op].memory_at != SIZE_MAX) return e->arena + e->plan->ops[op].memory_at;
    return wt_engine_tensor(e, e->graph->biases[o->first_bias].tensor);
}

static void forward_product(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_span span = wt_engine_value_span(e, tile, o->output);
    const int out = wt_engine_value(e, o->output)->channels;
    const int64_t time = span.first - wt_engine_left(e, o->output);
    wt_real *y = wt_engine_value_row(e, tile, o->output, span.first);
    wt_finish finish = {wt_product_bias(e, op), NULL, out, 1};
    if (span.count <= 0) return;
    if (o->add >= 0)
        finish.add = wt_engine_value_row(e, tile, o->add, time - o->add_delay + wt_engine_left(e, o->add));
    for (int n = 0; n < o->term_count; n += WT_PRODUCT_OPERANDS) {
        wt_operand operands[WT_PRODUCT_OPERANDS];
        const int left = o->term_count - n, count = left < WT_PRODUCT_OPERANDS ? left : WT_PRODUCT_OPERANDS;
        for (int i = 0; i < count; i++) {
            const int number = o->first_term + n + i;
            const wt_term *term = &e->graph->terms[number];
            const int in = wt_engine_value(e, term->value)->channels;
            const wt_real *x = wt_engine_value_row(e, tile, term->value,
                                                   time - term->delay + wt_engine_left(e, term->value));
            operands[i] = (wt_operand){x, e->packed + e->plan->terms[number].forward, in, in, NULL};
        }
        if (count == left) finish.scale = (wt_real)o->scale;
        e->kernels->multiply(y, out, span.count, out, operands, count, &finish);
        finish = (wt_finish){NULL, y, out, 1};
    }
}

void wt_product_weights_call(const wt_engine *e, int number, const wt_tile *tile) {
    const wt_term *term = &e->graph->terms[number];
    const int y = e->graph->ops[term->op].output, x = term->value;
    const wt_span span = wt_engine_value_span(e, tile, y);
    const int in = wt_engine_value(e, x)->channels, out = wt_engine_value(e, y)->channels;
    e->kernels->convolve_weights(
        tile->sums + e->plan->terms[number].sums_at, out,
        wt_engine_value_row(e, tile, x,
                            span.first - wt_engine_left(e, y) - term->delay + wt_engine_left(e, x)),
        in, wt_engine_gradient_row(e, tile, y, span.first), out, span.count, in, out);
}

void wt_product_bias_call(const wt_engine *e, int value, const wt_tile *tile) {
    const wt_span span = wt_engine_value_span(e, tile, value);
    const int out = wt_engine_value(e, value)->channels;
    e->kernels->column_sums(tile->sums + e->plan->values[value].bias_at,
                            wt_engine_gradient_row(e, tile, value, span.first), out, span.count, out);
}

/* --- a microbatch's rows at once --- */

static int count_term_panels(const wt_graph *graph, int term) {
    return wt_tasks_count(graph->values[graph->terms[term].value].channels, WT_PANEL);
}

static int count_product_panels(const wt_graph *graph, const wt_op *o) {
    int count = 0;
    if (graph->values[o->output].extent != WT_EXTENT_TARGETS) return 0;
    for (int n = 0; n < o->term_count; n++) count += count_term_panels(graph, o->first_term + n);
    return count;
}

/* Inputs of one term; the operator's first panel makes the biases too. */
static void run_product_panel(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_graph *graph = e->graph;
    const int out = wt_engine_value(e, o->output)->channels;
    int number = o->first_term, at = tile->first, first, end;
    while (at >= count_term_panels(graph, number)) at -= count_term_panels(graph, number++);
    wt_engine_microbatch_span(e, tile->group, &first, &end);
    const wt_term *term = &graph->terms[number];
    const int in = wt_engine_value(e, term->value)->channels, each = wt_engine_value(e, o->output)->rows;
    const int from = at * WT_PANEL, width = in - from < WT_PANEL ? in - from : WT_PANEL;
    const int64_t row = (int64_t)first * each;
    const int rows = (end - first) * each;
    const wt_real *dy = wt_engine_gradient_row(e, tile, o->output, row);
    wt_real *gradient = e->back.gradients[tile->group];
    wt_real *dw = gradient + graph->tensors[term->tensor].offset +
                  (size_t)(term->tap * in + from) * (size_t)out;
    memset(dw, 0, (size_t)width * (size_t)out * sizeof *dw);
    e->kernels->convolve_weights(dw, out, wt_engine_value_row(e, tile, term->value, row) + from, in, dy, out,
                                 rows, width, out);
    const size_t count = (size_t)width * (size_t)out;
    for (size_t i = 0; term->scale != 1 && i < count; i++) dw[i] *= (wt_real)term->scale;
    for (int b = 0; tile->first == 0 && b < o->bias_count; b++) {
        const wt_bias *bias = &graph->biases[o->first_bias + b];
        wt_real *db = gradient + graph->tensors[bias->tensor].offset;
        memset(db, 0, (size_t)out * sizeof *db);
        e->kernels->column_sums(db, dy, out, rows, out);
        for (int c = 0; bias->scale != 1 && c < out; c++) db[c] *= (wt_real)bias->scale;
    }
}

/* --- biases --- */

static int has_summed_biases(const wt_graph *graph, const wt_op *o) {
    return o->bias_count > 1 || (o->bias_count == 1 && graph->biases[o->first_bias].scale != 1);
}

static void sum_biases(wt_engine *e, int op) {
    const wt_op *o = &e->graph->ops[op];
    const int out = wt_engine_value(e, o->output)->channels;
    if (e->plan->ops[op].memory_at == SIZE_MAX) return;
    wt_real *sum = e->arena + e->plan->ops[op].memory_at;
    memset(sum, 0, (size_t)out * sizeof *sum);
    for (int b = 0; b < o->bias_count; b++) {
        const wt_bias *bias = &e->graph->biases[o->first_bias + b];
        const wt_real *tensor = wt_engine_tensor(e, bias->tensor), factor = (wt_real)bias->scale;
        for (int c = 0; c < out; c++) sum[c] += factor * tensor[c];
    }
}

/* --- estimates --- */

/* Forward, and the gradients by input and weights; narrow sides are filled up to vectors. */
static double operations(double in, double out, double rows) {
    enum { VECTOR = 16 }; /* floats of the widest vectors */
    return 2.0 * rows * (2 * in * ceil(out / VECTOR) * VECTOR + out * ceil(in / VECTOR) * VECTOR);
}

/* Shares operations out to the two nearest widths, by the logarithm. */
static void add_operations(double work[WT_WORK_KINDS], int narrow, double count) {
    enum { NARROWEST = 4, WIDEST = NARROWEST + WT_WORK_PRODUCT_256 - WT_WORK_PRODUCT_16 }; /* 2⁴ channels */
    const double width = fmin(fmax(log2(narrow), NARROWEST), WIDEST);
    const int below = (int)width, above = below < WIDEST ? below + 1 : below;
    work[WT_WORK_PRODUCT_16 + below - NARROWEST] += count * (1 - (width - below));
    work[WT_WORK_PRODUCT_16 + above - NARROWEST] += count * (width - below);
}

static void count_product(double work[WT_WORK_KINDS], const wt_graph *graph, const wt_op *o, double rows) {
    const int out = graph->values[o->output].channels;
    for (int n = o->first_term; n < o->first_term + o->term_count; n++) {
        const int in = graph->values[graph->terms[n].value].channels;
        if (graph->values[o->output].extent == WT_EXTENT_TARGETS) {
            work[WT_WORK_LEVEL_PRODUCT] += operations(in, out, rows);
        } else {
            add_operations(work, in < out ? in : out, operations(in, out, rows));
        }
    }
}

const wt_op_class wt_class_product = {.forward = forward_product,
                                      .panel = run_product_panel,
                                      .panels = count_product_panels,
                                      .memory = has_summed_biases,
                                      .load = sum_biases,
                                      .work = count_product};
