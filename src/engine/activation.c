/*
 * Activations in place: tanh and max(x, 0); backward reads what they gave. And the gate
 * z = tanh(a)*sigmoid(b): what stays in place of (a, b) is tanh and sigmoid, from which backward makes z
 * again.
 */
#include "operators.h"

static void forward_activation(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    wt_unary_begin(&u);
    e->kernels->activate(u.y, u.out, u.work, u.in, u.rows, u.out, e->graph->ops[op].activation);
}

/* In place, which is how streams have it. */
static void share_activation(const wt_engine *e, int op, const wt_tile *tile, int first, int count) {
    const wt_op *o = &e->graph->ops[op];
    const int channels = wt_engine_value(e, o->output)->channels;
    wt_real *y = wt_engine_value_row(e, tile, o->output, 0) + first;
    e->kernels->activate(y, channels, y, channels, tile->count, count, o->activation);
}

static void backward_activation(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    const wt_op *o = &e->graph->ops[op];
    e->kernels->activate_back(u.dx, u.in, o->kind == WT_OP_GATE ? u.y : NULL, u.out, u.work, u.in, u.dy,
                              u.out, u.rows, u.out, o->activation);
}

const wt_op_class wt_class_activation = {.flags = WT_KEEPS_OUTPUT | WT_GRADIENT_IN_PLACE,
                                         .elements = 1,
                                         .forward = forward_activation,
                                         .share = share_activation,
                                         .backward = backward_activation};

const wt_op_class wt_class_gate = {.flags = WT_KEEPS_INPUT | WT_REMAKES,
                                   .elements = 2,
                                   .forward = forward_activation,
                                   .backward = backward_activation};
