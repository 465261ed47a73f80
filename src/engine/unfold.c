/* A target's context of real samples as rows of its own. */
#include <string.h>

#include "operators.h"

static void forward_unfold(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_value *v = wt_engine_value(e, e->graph->ops[op].output);
    const size_t channels = (size_t)v->channels, count = (size_t)v->rows * channels;
    wt_real *y = wt_engine_value_row(e, tile, e->graph->ops[op].output,
                                     wt_engine_value_span(e, tile, e->graph->ops[op].output).first);
    for (int64_t i = tile->origin + tile->first; i < tile->origin + tile->first + tile->count;
         i++, y += count)
        memcpy(y, e->batch->signal + e->list.input_at[i] * channels, count * sizeof *y);
}

const wt_op_class wt_class_unfold = {.elements = 1, .forward = forward_unfold};
