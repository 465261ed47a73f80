/* The vector unit AVX-512: 16 floats in each of 32 registers. product_blocks.h says what the primitives
 * mean. */
#ifndef WAVETRAIN_VECTOR_AVX512_H
#define WAVETRAIN_VECTOR_AVX512_H

#include <immintrin.h>

#define WT_NARROWER avx2
#define VECTOR_SUPPORTED                                                        \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && \
     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
#define VECTOR_SUPPORTS_BF16 __builtin_cpu_supports("avx512bf16")
#define VECTOR_PEAK "512-bit fused multiply-add"
#define VECTOR_PEAK_BF16 "512-bit vdpbf16ps"

typedef __m512 vector;
enum { WIDTH = 16, REGISTERS = 32, ROWS = 12, IN_ROWS = 8, FEW = 8 };
#define vector_zero _mm512_setzero_ps
#define vector_of _mm512_set1_ps
#define vector_load _mm512_loadu_ps
#define vector_store _mm512_storeu_ps
#define vector_add _mm512_add_ps
#define vector_multiply _mm512_mul_ps
#define vector_fused _mm512_fmadd_ps
#define vector_low_pairs _mm512_unpacklo_ps
#define vector_high_pairs _mm512_unpackhi_ps

INLINE vector vector_load_first(const float *from, int count) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), from);
}

INLINE void vector_store_first(float *to, vector v, int count) {
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1u), v);
}

INLINE vector vector_load_fours(const float *from, ptrdiff_t apart, int rows) {
    vector fours = vector_zero();
    if (rows > 0) fours = _mm512_insertf32x4(fours, _mm_loadu_ps(from), 0);
    if (rows > 4) fours = _mm512_insertf32x4(fours, _mm_loadu_ps(from + 4 * apart), 1);
    if (rows > 8) fours = _mm512_insertf32x4(fours, _mm_loadu_ps(from + 8 * apart), 2);
    if (rows > 12) fours = _mm512_insertf32x4(fours, _mm_loadu_ps(from + 12 * apart), 3);
    return fours;
}

INLINE void vector_store_fours(float *to, ptrdiff_t apart, vector fours, int rows) {
    if (rows > 0) _mm_storeu_ps(to, _mm512_extractf32x4_ps(fours, 0));
    if (rows > 4) _mm_storeu_ps(to + 4 * apart, _mm512_extractf32x4_ps(fours, 1));
    if (rows > 8) _mm_storeu_ps(to + 8 * apart, _mm512_extractf32x4_ps(fours, 2));
    if (rows > 12) _mm_storeu_ps(to + 12 * apart, _mm512_extractf32x4_ps(fours, 3));
}

/* The bf16 numbers in the low and in the high halves of WIDTH times 32 bits, as floats. */
INLINE vector vector_low_halves(const float *from) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(from), 16));
}

INLINE vector vector_high_halves(const float *from) {
    const __m512i mask = _mm512_set1_epi32((int)0xffff0000u);
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(from), mask));
}

#endif
