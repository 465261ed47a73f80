/* Layer norm over a row's channels (Ba et al. 2016, arXiv 1607.06450). What stays in place of x is x̂;
 * 1/√(variance + ε) of each row is kept too. */
#include "operators.h"

static wt_real *rstd_of(const wt_engine *e, int op, const wt_tile *tile, const wt_unary *u) {
    return wt_engine_row(e, tile, e->plan->ops[op].state, u->first, 1);
}

static void forward_layer_norm(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    const int *tensors = e->graph->ops[op].tensors;
    wt_unary_begin(&u);
    e->kernels->norms.normalise(u.y, u.out, u.work, u.in, rstd_of(e, op, tile, &u),
                                wt_engine_tensor(e, tensors[0]), wt_engine_tensor(e, tensors[1]), u.rows,
                                u.out);
}

static void backward_layer_norm(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    e->kernels->norms.column_products(wt_engine_moments(e, op, tile), u.dy, u.out, u.work, u.in, u.rows,
                                      u.out);
    e->kernels->norms.normalise_back(u.dx, u.in, u.dy, u.out, u.work, u.in, rstd_of(e, op, tile, &u),
                                     wt_engine_tensor(e, e->graph->ops[op].tensors[0]), u.rows, u.out);
}

static void count_layer_norm(double work[WT_WORK_KINDS], const wt_graph *graph, const wt_op *o, double rows) {
    (void)graph, (void)o;
    work[WT_WORK_NORM_ROW] += rows;
}

const wt_op_class wt_class_layer_norm = {.flags = WT_KEEPS_INPUT | WT_GRADIENT_IN_PLACE | WT_MOMENTS |
                                                  WT_STATE_PER_ROW,
                                         .elements = 2, /* once for the statistics, and once more */
                                         .forward = forward_layer_norm,
                                         .backward = backward_layer_norm,
                                         .work = count_layer_norm};
