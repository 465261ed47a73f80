/*
 * The arithmetic of bfloat16 products, bit for bit as the AVX512-BF16 instructions have it, whatever the
 * thread's rounding and denormal modes are: to nearest even, denormals read and written as zeros of their
 * sign, a product not rounded before it is added (a fused multiply-add). A pair is two numbers in 32 bits,
 * the first one low.
 */
#ifndef WAVETRAIN_BF16_H
#define WAVETRAIN_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WT_BF16_PANEL = 32 };

static inline int wt_bf16_pairs(int count) {
    return (count + 1) / 2;
}

/* In elements of 32 bits: [panel][pair][WT_BF16_PANEL]. */
static inline size_t wt_bf16_packed_pairs(int in, int out) {
    return (size_t)wt_bf16_pairs(in) * (size_t)((out + WT_BF16_PANEL - 1) / WT_BF16_PANEL) * WT_BF16_PANEL;
}

static inline uint32_t wt_bf16_float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float wt_bf16_bits_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* VCVTNEPS2BF16. A NaN is cut short and made quiet. */
static inline uint32_t wt_bf16_round(float value) {
    const uint32_t bits = wt_bf16_float_bits(value), magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return bits >> 16 | 0x40u;
    if (magnitude < 0x00800000u) return bits >> 16 & 0x8000u;
    return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

static inline uint32_t wt_bf16_pair(float first, float second) {
    return wt_bf16_round(first) | wt_bf16_round(second) << 16;
}

/* A denormal is a zero of its sign. */
static inline uint32_t wt_bf16_flush(uint32_t bits) {
    return bits & 0x7f800000u ? bits : bits & 0x80000000u;
}

static inline int wt_bf16_is_nan(uint32_t bits) {
    return (bits & 0x7fffffffu) > 0x7f800000u;
}

/* a·b + c where the sum is infinite or none: the first NaN, a quiet one, or the negative quiet NaN of a
 * forbidden operation, or the infinity. */
static inline uint32_t wt_bf16_step_special(uint32_t a, uint32_t b, uint32_t c, double sum) {
    const uint32_t quiet = 0x00400000u;
    if (wt_bf16_is_nan(a)) return a | quiet;
    if (wt_bf16_is_nan(b)) return b | quiet;
    if (wt_bf16_is_nan(c)) return c | quiet;
    return sum == sum ? wt_bf16_float_bits((float)sum) : 0xffc00000u;
}

/*
 * a·b + c, rounded once. The product is exact in double; the sum is rounded there to odd (Boldo and Melquiond
 * 2008): where it is not exact its last bit is set, so that rounding it again to float is as if it were the
 * first time. Tiny is what is below the least normal number after rounding to 24 bits.
 */
static inline uint32_t wt_bf16_step(uint32_t a, uint32_t b, uint32_t c) {
    const double least_normal = 0x1p-126 - 0x1p-151, infinite = 0x1p+200;
    const double product = (double)wt_bf16_bits_float(a) * (double)wt_bf16_bits_float(b),
                 added = (double)wt_bf16_bits_float(c);
    const double sum = product + added;
    if (!(sum < infinite && sum > -infinite)) return wt_bf16_step_special(a, b, c, sum);
    const double part = sum - product, error = (product - (sum - part)) + (added - part);
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if (error != 0.0 && !(bits & 1u)) bits += (error > 0.0) == (sum > 0.0) ? 1u : (uint64_t)-1;
    double odd;
    memcpy(&odd, &bits, sizeof odd);
    if (odd < least_normal && odd > -least_normal) return (uint32_t)(bits >> 32) & 0x80000000u;
    return wt_bf16_float_bits((float)odd);
}

/* VDPBF16PS: the second numbers' product is added first. Pairs are as wt_bf16_pair makes them, or any
 * bits. */
static inline uint32_t wt_bf16_add_pair(uint32_t sum, uint32_t x, uint32_t w) {
    const uint32_t second = wt_bf16_step(wt_bf16_flush(x & 0xffff0000u), wt_bf16_flush(w & 0xffff0000u),
                                         wt_bf16_flush(sum));
    return wt_bf16_step(wt_bf16_flush(x << 16), wt_bf16_flush(w << 16), second);
}

#endif
