/* Activations in place: tanh and max(x, 0); backward reads what they gave. */
#include "operators.h"

static void forward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    if (u.rows <= 0) return;
    wt_unary_begin(&u);
    e->kernels->activate(u.y, u.out, u.work, u.in, u.rows, u.out, e->graph->ops[op].activation);
}

static void backward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    if (u.rows <= 0) return;
    e->kernels->activate_back(u.dx, u.in, NULL, 0, u.y, u.out, u.dy, u.out, u.rows, u.out,
                              e->graph->ops[op].activation);
}

static void count(wt_engine_work *work, const wt_graph *graph, const wt_op *o, double rows) {
    wt_add_elements(work, graph, o->output, rows * graph->values[o->output].channels);
}

const wt_op_class wt_class_activation = {
    .flags = WT_KEEPS_OUTPUT | WT_GRADIENT_IN_PLACE, .forward = forward, .backward = backward, .work = count};
