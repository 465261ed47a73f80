/* The vector unit NEON (Advanced SIMD of AArch64): 4 floats in each of 32 registers. product_blocks.h says
 * what the primitives mean. */
#ifndef WAVETRAIN_VECTOR_NEON_H
#define WAVETRAIN_VECTOR_NEON_H

#include <arm_neon.h>

#define VECTOR_SUPPORTED true
#define VECTOR_SUPPORTS_BF16 true
#define VECTOR_PEAK "128-bit fused multiply-add"

typedef float32x4_t vector;
enum { WIDTH = 4, REGISTERS = 32, ROWS = 12, IN_ROWS = 8, FEW = 4 };
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

INLINE vector vector_fused(vector a, vector b, vector c) {
    return vfmaq_f32(c, a, b);
}

INLINE vector vector_load_first(const float *from, int count) {
    if (count >= WIDTH) return vld1q_f32(from);
    vector v = vector_zero();
    if (count >= 2) v = vcombine_f32(vld1_f32(from), vdup_n_f32(0.0f));
    if (count == 1) v = vld1q_lane_f32(from, v, 0);
    if (count == 3) v = vld1q_lane_f32(from + 2, v, 2);
    return v;
}

INLINE void vector_store_first(float *to, vector v, int count) {
    if (count >= WIDTH) {
        vst1q_f32(to, v);
        return;
    }
    if (count >= 2) vst1_f32(to, vget_low_f32(v));
    if (count == 1) vst1q_lane_f32(to, v, 0);
    if (count == 3) vst1q_lane_f32(to + 2, v, 2);
}

/* One row is every fourth of WIDTH. */
INLINE vector vector_load_fours(const float *from, ptrdiff_t apart, int rows) {
    (void)apart;
    return rows > 0 ? vld1q_f32(from) : vector_zero();
}

INLINE void vector_store_fours(float *to, ptrdiff_t apart, vector fours, int rows) {
    (void)apart;
    if (rows > 0) vst1q_f32(to, fours);
}

/* The bf16 numbers in the low and in the high halves of WIDTH times 32 bits, as floats. */
INLINE vector vector_low_halves(const float *from) {
    return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(vld1q_f32(from)), 16));
}

INLINE vector vector_high_halves(const float *from) {
    const uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(from));
    return vreinterpretq_f32_u32(vandq_u32(bits, vdupq_n_u32(0xffff0000u)));
}

#endif
