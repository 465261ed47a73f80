/* Layer norm over a row's channels (Ba et al. 2016, arXiv 1607.06450). What stays in place of x is x̂;
 * 1/√(variance + ε) of each row is kept too. */
#include "operators.h"

static wt_real *rstd_of(const wt_engine *e, int op, const wt_tile *tile, const wt_unary *u) {
    return wt_row(e, tile, e->plan->state[op], u->first, 1);
}

static void forward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    const int *tensors = e->graph->ops[op].tensors;
    if (u.rows <= 0) return;
    wt_unary_begin(&u);
    e->kernels->normalise(u.y, u.out, u.work, u.in, rstd_of(e, op, tile, &u), wt_tensor(e, tensors[0]),
                          wt_tensor(e, tensors[1]), u.rows, u.out);
}

static void backward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    if (u.rows <= 0) return;
    e->kernels->column_products(wt_moments(e, op, tile), u.dy, u.out, u.work, u.in, u.rows, u.out);
    e->kernels->normalise_back(u.dx, u.in, u.dy, u.out, u.work, u.in, rstd_of(e, op, tile, &u),
                               wt_tensor(e, e->graph->ops[op].tensors[0]), u.rows, u.out);
}

static size_t moments(const wt_graph *graph, const wt_op *o) {
    return 2 * (size_t)graph->values[o->output].channels;
}

static int state(const wt_graph *graph, const wt_op *o) {
    (void)graph, (void)o;
    return 1;
}

/* Once for the statistics, and once more. */
static void count(wt_engine_work *work, const wt_graph *graph, const wt_op *o, double rows) {
    wt_add_elements(work, graph, o->output, rows * 2.0 * graph->values[o->output].channels);
    work->norm_rows += rows;
}

const wt_op_class wt_class_layer_norm = {.flags = WT_KEEPS_INPUT | WT_GRADIENT_IN_PLACE,
                                         .forward = forward,
                                         .backward = backward,
                                         .moments = moments,
                                         .state = state,
                                         .work = count};
