/*
 * Rounding rows of floats to pairs of bfloat16 with AVX512-BF16, which bf16_kernels.c and amx_kernels.c
 * share.
 */
#ifndef WAVETRAIN_BF16_ROWS_H
#define WAVETRAIN_BF16_ROWS_H

#include <immintrin.h>
#include <stdbool.h>

#include "bf16.h"

enum { WIDTH = 16, PANEL = 2 * WIDTH };

INLINE int min_count(int a, int b) {
    return a < b ? a : b;
}

INLINE __mmask16 mask_first_lanes(int count) {
    return count >= WIDTH ? (__mmask16)0xffff : count > 0 ? (__mmask16)((1u << count) - 1u) : (__mmask16)0;
}

/* The values of `low`, then those of `high`. */
INLINE __m512i rounded(__m512 low, __m512 high) {
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* A pair a lane, of low's value and high's. */
INLINE __m512i interleaved(__m512 low, __m512 high) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23,
                                           7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, rounded(low, high));
}

/* Pairs of two rows' columns, `lanes` of them; without `second` the second row is zeros. */
INLINE __m512i pair_rows(const float *y, ptrdiff_t ldy, bool second, __mmask16 lanes) {
    const __m512 low = _mm512_maskz_loadu_ps(lanes, y);
    return interleaved(low, second ? _mm512_maskz_loadu_ps(lanes, y + ldy) : _mm512_setzero_ps());
}

#endif
