/* What operators of one input share: their rows. */
#include <string.h>

#include "engine_internal.h"

wt_unary wt_unary_rows(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_engine_plan *plan = e->plan;
    const wt_span span = wt_engine_value_span(e, tile, o->output);
    /* an operator that is not alone in reading x has rows of its own, as many as it makes */
    const int64_t row = span.first - wt_engine_left(e, o->output) + wt_engine_left(e, o->input);
    const int in = wt_engine_value(e, o->input)->channels;
    wt_unary u = {.first = span.first,
                  .rows = span.count,
                  .in = in,
                  .out = wt_engine_value(e, o->output)->channels,
                  .x = wt_engine_row(e, tile, plan->values[o->input].buffer, row, in),
                  .work = wt_engine_row(e, tile, plan->ops[op].work, span.first, in),
                  .y = wt_engine_value_row(e, tile, o->output, span.first)};
    if (plan->values[o->output].gradient < 0) return u;
    const int own = plan->ops[op].input_gradient, dx = own >= 0 ? own : plan->values[o->input].gradient;
    u.dy = wt_engine_gradient_row(e, tile, o->output, span.first);
    if (dx >= 0) u.dx = wt_engine_row(e, tile, dx, span.first, in);
    return u;
}

void wt_unary_begin(const wt_unary *u) {
    if (u->work != u->x) memcpy(u->work, u->x, (size_t)u->rows * (size_t)u->in * sizeof *u->work);
}
