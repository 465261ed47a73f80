/* The gate z = tanh(a)*sigmoid(b). What stays in place of (a, b) is tanh and sigmoid, from which backward
 * makes z again. */
#include "operators.h"

static void forward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    if (u.rows <= 0) return;
    wt_unary_begin(&u);
    e->kernels->activate(u.y, u.out, u.work, u.in, u.rows, u.out, WT_ACTIVATION_GATE);
}

static void backward(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    if (u.rows <= 0) return;
    e->kernels->activate_back(u.dx, u.in, u.y, u.out, u.work, u.in, u.dy, u.out, u.rows, u.out,
                              WT_ACTIVATION_GATE);
}

static void count(wt_engine_work *work, const wt_graph *graph, const wt_op *o, double rows) {
    wt_add_elements(work, graph, o->output, rows * graph->values[o->input].channels);
}

const wt_op_class wt_class_gate = {
    .flags = WT_KEEPS_INPUT | WT_REMAKES, .forward = forward, .backward = backward, .work = count};
