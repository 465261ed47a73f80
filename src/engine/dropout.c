/*
 * Dropout. A draw is keyed by (seed, step, microbatch, key of the operator, row of the microbatch,
 * channel), so that no mask is kept: backward draws it once more. That costs some nanoseconds per element,
 * and no memory.
 */
#include <string.h>

#include "base/random.h"
#include "operators.h"

/* The tile's factors, 0 or 1/(1 − share), [rows, channels]. Rows are numbered from the microbatch's first
 * window on. */
static wt_real *draw_factors(const wt_engine *e, int op, const wt_tile *tile, const wt_unary *u) {
    const wt_op *o = &e->graph->ops[op];
    const wt_value *v = wt_engine_value(e, o->output);
    const int each = e->microbatch_windows, groups = (u->out + 3) / 4; /* four channels share a call */
    const bool time = v->extent == WT_EXTENT_TIME;
    const int slot = e->first + tile->group, microbatch = time ? slot / each : e->first / each + tile->group;
    const uint64_t longest = (uint64_t)e->shape.targets + (uint64_t)v->left;
    const uint64_t first = time ? (uint64_t)(slot % each) * longest + (uint64_t)u->first
                                : (uint64_t)tile->first * (uint64_t)v->rows;
    const uint64_t key = (uint64_t)e->step.step << 21 | (uint64_t)(e->step.first_microbatch + microbatch);
    const uint64_t limit = (uint64_t)(o->share * 0x1p32);
    const wt_real keep = (wt_real)(1 / (1 - o->share));
    wt_real *factors = wt_engine_row(e, tile, e->plan->ops[op].state, u->first, u->out), *factor = factors;
    for (int r = 0; r < u->rows; r++, factor += u->out) {
        for (int g = 0; g < groups; g++) {
            uint32_t words[4];
            const uint64_t element = (uint64_t)o->key << 48 |
                                     ((first + (uint64_t)r) * (uint64_t)groups + (uint64_t)g);
            wt_random_words(words, e->step.seed, WT_RANDOM_DROPOUT, key, element);
            for (int k = 0; k < 4 && 4 * g + k < u->out; k++) factor[4 * g + k] = words[k] < limit ? 0 : keep;
        }
    }
    return factors;
}

static void apply_factors(wt_real *y, const wt_real *x, const wt_real *factors, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = x[i] * factors[i];
}

static void forward_dropout(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    const size_t count = (size_t)u.rows * (size_t)u.out;
    if (e->shape.backward) {
        apply_factors(u.y, u.x, draw_factors(e, op, tile, &u), count);
    } else if (u.y != u.x) {
        memcpy(u.y, u.x, count * sizeof *u.y);
    }
}

static void backward_dropout(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    apply_factors(u.dx, u.dy, draw_factors(e, op, tile, &u), (size_t)u.rows * (size_t)u.out);
}

/* With the factors that backward has drawn. */
static void remake(const wt_engine *e, int op, const wt_tile *tile) {
    const wt_unary u = wt_unary_rows(e, op, tile);
    const wt_real *factors = wt_engine_row(e, tile, e->plan->ops[op].state, u.first, u.out);
    apply_factors(u.y, u.x, factors, (size_t)u.rows * (size_t)u.out);
}

const wt_op_class wt_class_dropout = {.flags = WT_REMAKES | WT_GRADIENT_IN_PLACE | WT_STATE_PER_ELEMENT,
                                      .forward = forward_dropout,
                                      .backward = backward_dropout,
                                      .remake = remake};
