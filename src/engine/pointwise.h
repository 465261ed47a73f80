/*
 * Operators of one number at a time: a file defines its function and its derivative, and takes one of the two
 * macros, which make the class `name` of them. `p` is the operator's scale.
 *   WT_POINTWISE_OF_OUTPUT: works in place; slope(y, p) is the derivative by the input in terms of the result
 *   WT_POINTWISE_OF_INPUT:  keeps the input; slope(x, p) in terms of it; backward makes the result once more
 */
#ifndef WAVETRAIN_ENGINE_POINTWISE_H
#define WAVETRAIN_ENGINE_POINTWISE_H

#include "operators.h"

static inline size_t wt_pointwise_count(const wt_unary *u) {
    return u->rows > 0 ? (size_t)u->rows * (size_t)u->out : 0;
}

/* The tile's rows `u`, how many numbers they are, and the scale `p`. */
#define WT_POINTWISE_TILE                               \
    const wt_unary u = wt_unary_rows(e, op, tile);      \
    const size_t count = wt_pointwise_count(&u);        \
    const wt_real p = (wt_real)e->graph->ops[op].scale; \
    (void)p

#define WT_POINTWISE_FORWARD(value)                                        \
    static void forward(const wt_engine *e, int op, const wt_tile *tile) { \
        WT_POINTWISE_TILE;                                                 \
        wt_unary_begin(&u);                                                \
        for (size_t i = 0; i < count; i++) u.y[i] = value(u.work[i], p);   \
    }

#define WT_POINTWISE_OF_OUTPUT(name, value, slope)                               \
    WT_POINTWISE_FORWARD(value)                                                  \
    static void backward(const wt_engine *e, int op, const wt_tile *tile) {      \
        WT_POINTWISE_TILE;                                                       \
        for (size_t i = 0; i < count; i++) u.dx[i] = u.dy[i] * slope(u.y[i], p); \
    }                                                                            \
    const wt_op_class name = {.flags = WT_KEEPS_OUTPUT | WT_GRADIENT_IN_PLACE,   \
                              .forward = forward,                                \
                              .backward = backward,                              \
                              .elements = 1}

#define WT_POINTWISE_OF_INPUT(name, value, slope)                           \
    WT_POINTWISE_FORWARD(value)                                             \
    static void backward(const wt_engine *e, int op, const wt_tile *tile) { \
        WT_POINTWISE_TILE;                                                  \
        for (size_t i = 0; i < count; i++) {                                \
            const wt_real x = u.work[i], d = u.dy[i];                       \
            u.y[i] = value(x, p);                                           \
            u.dx[i] = d * slope(x, p);                                      \
        }                                                                   \
    }                                                                       \
    const wt_op_class name = {                                              \
        .flags = WT_KEEPS_INPUT | WT_REMAKES, .forward = forward, .backward = backward, .elements = 1}

#endif
