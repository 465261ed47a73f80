/* The vector unit AVX2 with FMA: 8 floats in each of 16 registers. product_blocks.h says what the primitives
 * mean. */
#ifndef WAVETRAIN_VECTOR_AVX2_H
#define WAVETRAIN_VECTOR_AVX2_H

#include <immintrin.h>

#define VECTOR_SUPPORTED (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define VECTOR_SUPPORTS_BF16 true
#define VECTOR_PEAK "256-bit fused multiply-add"

typedef __m256 vector;
enum { WIDTH = 8, REGISTERS = 16, ROWS = 6, IN_ROWS = 6, FEW = 4 };
#define vector_zero _mm256_setzero_ps
#define vector_of _mm256_set1_ps
#define vector_load _mm256_loadu_ps
#define vector_store _mm256_storeu_ps
#define vector_add _mm256_add_ps
#define vector_multiply _mm256_mul_ps
#define vector_fused _mm256_fmadd_ps
#define vector_low_pairs _mm256_unpacklo_ps
#define vector_high_pairs _mm256_unpackhi_ps

INLINE __m256i first_lanes(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE vector vector_load_first(const float *from, int count) {
    return _mm256_maskload_ps(from, first_lanes(count));
}

INLINE void vector_store_first(float *to, vector v, int count) {
    _mm256_maskstore_ps(to, first_lanes(count), v);
}

INLINE vector vector_load_fours(const float *from, ptrdiff_t apart, int rows) {
    vector fours = vector_zero();
    if (rows > 0) fours = _mm256_insertf128_ps(fours, _mm_loadu_ps(from), 0);
    if (rows > 4) fours = _mm256_insertf128_ps(fours, _mm_loadu_ps(from + 4 * apart), 1);
    return fours;
}

INLINE void vector_store_fours(float *to, ptrdiff_t apart, vector fours, int rows) {
    if (rows > 0) _mm_storeu_ps(to, _mm256_extractf128_ps(fours, 0));
    if (rows > 4) _mm_storeu_ps(to + 4 * apart, _mm256_extractf128_ps(fours, 1));
}

/* The bf16 numbers in the low and in the high halves of WIDTH times 32 bits, as floats. */
INLINE vector vector_low_halves(const float *from) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_loadu_si256((const __m256i *)(const void *)from), 16));
}

INLINE vector vector_high_halves(const float *from) {
    const vector mask = _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000u));
    return _mm256_and_ps(_mm256_loadu_ps(from), mask);
}

#endif
