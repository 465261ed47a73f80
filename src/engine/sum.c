/* Sums of rows: y[t] = sum_n x_n[t - delay_n]. Their gradients are sources of the gradients by their
 * inputs. */
#include <string.h>

#include "operators.h"

static void forward_sum(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_op *o = &e->graph->ops[op];
    const wt_span span = wt_engine_value_span(e, tile, o->output);
    const int64_t time = span.first - wt_engine_left(e, o->output);
    const size_t count = (size_t)span.count * (size_t)wt_engine_value(e, o->output)->channels;
    wt_real *y = wt_engine_value_row(e, tile, o->output, span.first);
    for (int n = 0; n < o->term_count; n++) {
        const wt_term *term = &e->graph->terms[o->first_term + n];
        const wt_real *x = wt_engine_value_row(e, tile, term->value,
                                               time - term->delay + wt_engine_left(e, term->value));
        if (n > 0)
            e->kernels->flat.add(y, x, count);
        else
            memcpy(y, x, count * sizeof *y);
    }
}

const wt_op_class wt_class_sum = {.forward = forward_sum};
