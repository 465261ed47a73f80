/*
 * Batch norm over all rows of a step (Ioffe & Szegedy 2015, arXiv 1502.03167). In training it cuts its
 * layer in two, with sums over all microbatches in between, in forward and in backward. Sums grow per unit,
 * in double; they are added unit by unit, microbatch by microbatch. What stays in place of x is x̂.
 *
 * Its memory: mean and rstd = 1/√(variance + ε) [2, width]; the new running statistics [2, width];
 * backward's factor, mean of dy and mean of dy·x̂ [3, width].
 */
#include <string.h>

#include "operators.h"

#define MOMENTUM 0.1

static wt_real *memory_of(const wt_engine *e, int op) {
    return e->arena + e->plan->ops[op].memory_at;
}

static int width_of(const wt_engine *e, int op) {
    return wt_engine_value(e, e->graph->ops[op].output)->channels;
}

/* --- forward --- */

static void gather_forward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    wt_unary_begin(&u);
    e->kernels->norms.column_moments(wt_engine_moments(e, op, tile), u.work, u.in, u.rows, u.in);
}

/* The step's means and biased variances; new running ones as torch.nn.BatchNorm1d keeps them, the variance
 * unbiased. */
static void reduce_forward(wt_engine *e, int op, const wt_stage *stage) {
    const int width = width_of(e, op), *tensors = e->graph->ops[op].tensors;
    const double *sums = wt_engine_reduce_moments(e, op, stage, width);
    const double count = sums[2 * width], rest = count > 1 ? count / (count - 1) : 1;
    const wt_real *running_mean = wt_engine_tensor(e, tensors[2]),
                  *running_variance = wt_engine_tensor(e, tensors[3]);
    wt_real *mean_rstd = memory_of(e, op), *staged = mean_rstd + 2 * width;
    e->staged = count > 0;
#pragma omp simd
    for (int c = 0; c < width; c++) {
        const double mean = count > 0 ? sums[c] / count : 0;
        const double biased = count > 0 ? sums[width + c] / count - mean * mean : 0;
        const double variance = biased < 0 ? 0 : biased; /* rounding; a NaN stays one */
        mean_rstd[c] = (wt_real)mean;
        mean_rstd[width + c] = (wt_real)(1 / __builtin_sqrt(variance + WT_NORM_EPSILON));
        staged[c] = (wt_real)((1 - MOMENTUM) * (double)running_mean[c] + MOMENTUM * mean);
        staged[width + c] = (wt_real)((1 - MOMENTUM) * (double)running_variance[c] +
                                      MOMENTUM * variance * rest);
    }
}

static void forward_batch_norm(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    const int *tensors = e->graph->ops[op].tensors;
    const wt_real *mean_rstd = memory_of(e, op);
    if (!e->shape.backward || tile->stage->phase == WT_BACKWARD)
        wt_unary_begin(&u); /* else the sums' rows are there */
    e->kernels->norms.standardise(u.y, u.out, u.work, u.in, mean_rstd, mean_rstd + u.out,
                                  wt_engine_tensor(e, tensors[0]), wt_engine_tensor(e, tensors[1]), u.rows,
                                  u.out);
}

/* --- backward --- */

static void gather_backward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    e->kernels->norms.column_products(wt_engine_moments(e, op, tile), u.dy, u.out, u.work, u.in, u.rows,
                                      u.out);
}

static void reduce_backward(wt_engine *e, int op, const wt_stage *stage) {
    const int width = width_of(e, op);
    const double *sums = wt_engine_reduce_moments(e, op, stage, width);
    const double count = sums[2 * width] > 0 ? sums[2 * width] : 1;
    const wt_real *weight = wt_engine_tensor(e, e->graph->ops[op].tensors[0]),
                  *rstd = memory_of(e, op) + width;
    wt_real *factors = memory_of(e, op) + 4 * width;
#pragma omp simd
    for (int c = 0; c < width; c++) {
        factors[c] = weight[c] * rstd[c];
        factors[width + c] = (wt_real)(sums[c] / count);
        factors[2 * width + c] = (wt_real)(sums[width + c] / count);
    }
}

static void backward_batch_norm(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    const wt_real *factors = memory_of(e, op) + 4 * u.out;
    e->kernels->norms.standardise_back(u.dx, u.in, u.dy, u.out, u.work, u.in, factors, factors + u.out,
                                       factors + 2 * u.out, u.rows, u.out);
}

/* --- memory --- */

static int count_batch_norm_memory(const wt_graph *graph, const wt_op *o) {
    (void)graph, (void)o;
    return 7;
}

/* In evaluation: the running statistics. */
static void load_running_statistics(wt_engine *e, int op) {
    const int width = width_of(e, op), *tensors = e->graph->ops[op].tensors;
    const wt_real *mean = wt_engine_tensor(e, tensors[2]), *variance = wt_engine_tensor(e, tensors[3]);
    wt_real *mean_rstd = memory_of(e, op);
    for (int c = 0; !e->shape.backward && c < width; c++) {
        mean_rstd[c] = mean[c];
        mean_rstd[width + c] = (wt_real)(1 / __builtin_sqrt((double)variance[c] + WT_NORM_EPSILON));
    }
}

void wt_engine_commit(const wt_engine *e, wt_real *parameters) {
    for (int op = 0; e->staged && op < e->graph->op_count; op++) {
        if (e->graph->ops[op].kind != WT_OP_BATCH_NORM) continue;
        const int *tensors = e->graph->ops[op].tensors;
        const size_t width = (size_t)width_of(e, op);
        const wt_real *staged = memory_of(e, op) + 2 * width;
        memcpy(parameters + e->graph->tensors[tensors[2]].offset, staged, width * sizeof *staged);
        memcpy(parameters + e->graph->tensors[tensors[3]].offset, staged + width, width * sizeof *staged);
    }
}

const wt_op_class wt_class_batch_norm = {.flags = WT_KEEPS_INPUT | WT_GRADIENT_IN_PLACE | WT_MOMENTS,
                                         .elements = 2, /* once for the statistics, and once more */
                                         .forward = forward_batch_norm,
                                         .backward = backward_batch_norm,
                                         .memory = count_batch_norm_memory,
                                         .load = load_running_statistics,
                                         .gather = {gather_forward, gather_backward},
                                         .reduce = {reduce_forward, reduce_backward}};
