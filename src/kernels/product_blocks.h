/*
 * What product_kernels.c and gradient_kernels.c share: blocks of rows by a panel of columns, in registers.
 *
 * A vector unit's header gives: `vector`, of WIDTH floats; ROWS and IN_ROWS of a block of products and of
 * weights' gradients; FEW, the columns of a block where vectors hold rows (4, or half a vector); zero, one
 * value in all lanes (of), load, store, the first `count` lanes of either; add, multiply, fused (a·b + c); of
 * each four lanes, the pairs a₀ b₀ a₁ b₁ (low) and a₂ b₂ a₃ b₃ (high); four values from each of every fourth
 * row (of `rows`), as zeros where there is no row, and back.
 */
#ifndef WAVETRAIN_PRODUCT_BLOCKS_H
#define WAVETRAIN_PRODUCT_BLOCKS_H

#include "vector_unit.h"

#define NAME(suffix) JOIN(wt_, WT_ISA, suffix)
/* A block is compiled for each number of its rows: the cases of a switch for 1 … 12. */
#define EACH_TO_12(CASE) \
    CASE(1);             \
    CASE(2);             \
    CASE(3);             \
    CASE(4);             \
    CASE(5);             \
    CASE(6);             \
    CASE(7);             \
    CASE(8);             \
    CASE(9);             \
    CASE(10);            \
    CASE(11);            \
    CASE(12)

#include WT_VECTOR

enum { PANEL = 2 * WIDTH, LINE = 64 / sizeof(float) };

/* A vector of columns, or the `last` of a row; which of them is known when compiling. */
INLINE vector load_columns(const float *from, bool whole, int last) {
    return whole ? vector_load(from) : vector_load_first(from, last);
}

INLINE void store_columns(float *to, vector value, bool whole, int last) {
    if (whole) {
        vector_store(to, value);
    } else {
        vector_store_first(to, value, last);
    }
}

/* --- squares of four by four, WIDTH/4 of them at once --- */

/* Turns the squares whose rows stand in four vectors. */
INLINE void turn_fours(vector four[4]) {
    const vector low = vector_low_pairs(four[0], four[2]), high = vector_high_pairs(four[0], four[2]);
    const vector odd_low = vector_low_pairs(four[1], four[3]), odd_high = vector_high_pairs(four[1], four[3]);
    four[0] = vector_low_pairs(low, odd_low);
    four[1] = vector_high_pairs(low, odd_low);
    four[2] = vector_low_pairs(high, odd_high);
    four[3] = vector_high_pairs(high, odd_high);
}

#endif
