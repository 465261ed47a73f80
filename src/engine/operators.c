/* The table of operators' classes, and what classes of one input share. */
#include "operators.h"

#include <string.h>

const wt_op_class *const wt_op_classes[WT_OPERATORS] = {
    [WT_OP_LOOKUP] = &wt_class_lookup,
    [WT_OP_UNFOLD] = &wt_class_unfold,
    [WT_OP_PRODUCT] = &wt_class_product,
    [WT_OP_ACTIVATION] = &wt_class_activation,
    [WT_OP_GATE] = &wt_class_gate,
    [WT_OP_LAYER_NORM] = &wt_class_layer_norm,
    [WT_OP_BATCH_NORM] = &wt_class_batch_norm,
    [WT_OP_DROPOUT] = &wt_class_dropout,
    [WT_OP_FUSE] = &wt_class_fuse,
    [WT_OP_SUM] = &wt_class_sum,
    [WT_OP_READOUT] = &wt_class_readout,
    [WT_OP_LOSS] = &wt_class_loss,
};

const wt_op_class wt_class_fuse = {.name = "fuse"}; /* a view */

wt_unary wt_unary_rows(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_engine_plan *plan = e->plan;
    const wt_span span = wt_value_span(e, tile, o->output);
    /* an operator that is not alone in reading x has rows of its own, as many as it makes */
    const int64_t row = span.first - e->left[o->output] + e->left[o->input];
    const int in = wt_value_of(e, o->input)->channels;
    wt_unary u = {.first = span.first,
                  .rows = span.count,
                  .in = in,
                  .out = wt_value_of(e, o->output)->channels,
                  .x = wt_row(e, tile, plan->value[o->input], row, in),
                  .work = wt_row(e, tile, plan->work[op], span.first, in),
                  .y = wt_value_row(e, tile, o->output, span.first)};
    if (plan->gradient[o->output] < 0) return u;
    const int dx = plan->input_gradient[op] >= 0 ? plan->input_gradient[op] : plan->gradient[o->input];
    u.dy = wt_gradient_row(e, tile, o->output, span.first);
    if (dx >= 0) u.dx = wt_row(e, tile, dx, span.first, in);
    return u;
}

void wt_unary_begin(const wt_unary *u) {
    if (u->work != u->x && u->rows > 0)
        memcpy(u->work, u->x, (size_t)u->rows * (size_t)u->in * sizeof *u->work);
}
