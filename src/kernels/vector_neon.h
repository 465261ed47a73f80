/* The vector unit NEON (Advanced SIMD of AArch64): 4 floats in each of 32 registers. product_kernels.c says
 * what the primitives mean. */
#ifndef WAVETRAIN_VECTOR_NEON_H
#define WAVETRAIN_VECTOR_NEON_H

#include <arm_neon.h>

typedef float32x4_t vector;
enum { WIDTH = 4, ROWS = 12, IN_ROWS = 12, FEW = 4 };
#define vector_of vdupq_n_f32
#define vector_load vld1q_f32
#define vector_store vst1q_f32
#define vector_add vaddq_f32
#define vector_multiply vmulq_f32
#define vector_low_pairs vzip1q_f32
#define vector_high_pairs vzip2q_f32

INLINE vector vector_zero(void) {
    return vdupq_n_f32(0.0f);
}

INLINE vector vector_fused(vector a, vector b, vector sum) {
    return vfmaq_f32(sum, a, b);
}

/* There is no masked load: lane by lane, which never reads beyond the last. */
INLINE vector vector_load_first(const float *from, int count) {
    float lanes[4] = {0};
    for (int k = 0; k < 4; k++) {
        if (k < count) lanes[k] = from[k];
    }
    return vld1q_f32(lanes);
}

INLINE void vector_store_first(float *to, vector v, int count) {
    float lanes[4];
    vst1q_f32(lanes, v);
    for (int k = 0; k < 4; k++) {
        if (k < count) to[k] = lanes[k];
    }
}

INLINE vector vector_load_fours(const float *from, ptrdiff_t apart, int rows) {
    (void)apart;
    return rows > 0 ? vld1q_f32(from) : vector_zero();
}

INLINE void vector_store_fours(float *to, ptrdiff_t apart, vector fours, int rows) {
    (void)apart;
    if (rows > 0) vst1q_f32(to, fours);
}

#endif
