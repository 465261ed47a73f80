/*
 * e^x, tanh and σ in single precision, written so that a compiler turns loops over them into vector
 * code: no branches, no calls, no table. Only IEEE sums, products, quotients and, where WT_FUSED says so,
 * fused multiply-adds are used, and none is contracted by the compiler, so that an element's bits are the
 * same in a vector, in a loop's tail and in every instruction set with fused multiply-adds (a vector library
 * of libm promises neither).
 *
 * Below −87 the exponential is 0: its value would be close to the denormals, which are flushed anyway.
 * A NaN comes out as a NaN.
 */
#ifndef WAVETRAIN_VECTOR_MATH_H
#define WAVETRAIN_VECTOR_MATH_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#define WT_EXP_LEAST (-87.0f)

/* A call that is not inlined leaves its loop in scalar code, ten times as slow. */
#define WT_LANES static inline __attribute__((always_inline))

#ifdef WT_FUSED
#define wt_fused __builtin_fmaf
#else
#define wt_fused(a, b, c) ((a) * (b) + (c))
#endif

/* y = n·ln 2 + r with |r| ≤ ln 2/2: `power` = 2^n, `rest` = e^r − 1. For WT_EXP_LEAST ≤ y ≤ 0. */
typedef struct {
    float power, rest;
} wt_exp_parts;

WT_LANES wt_exp_parts wt_vector_exp_split(float y) {
    /* Adding 1.5·2²³ leaves the nearest integer in the low bits. ln 2 in two parts, the first so short
     * that its product with n is exact. */
    const float rounding = 12582912.0f;
    const float high = 0x1.62e4p-1f, low = 0x1.7f7d1cp-20f;
    const float shifted = wt_fused(y, 0x1.715476p+0f, rounding);
    const float n = shifted - rounding;
    const float r = wt_fused(-n, low, wt_fused(-n, high, y));

    /* (e^r − 1 − r)/r² interpolated at Chebyshev nodes; relative error of e^r − 1 below 2e-9. */
    float q = 0x1.a12516p-13f;
    q = wt_fused(q, r, 0x1.6d434ep-10f);
    q = wt_fused(q, r, 0x1.1110ep-7f);
    q = wt_fused(q, r, 0x1.5554e8p-5f);
    q = wt_fused(q, r, 0x1.555556p-3f);
    q = wt_fused(q, r, 0.5f);

    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23;
    wt_exp_parts parts = {.rest = wt_fused(r * r, q, r)};
    memcpy(&parts.power, &bits, sizeof bits);
    return parts;
}

/* e^y for y ≤ 0. */
WT_LANES float wt_vector_exp_negative(float y) {
    const wt_exp_parts e = wt_vector_exp_split(y < WT_EXP_LEAST ? WT_EXP_LEAST : y);
    const float value = e.power * (1.0f + e.rest); /* power·rest alone might be flushed */
    return y < WT_EXP_LEAST ? 0.0f : value;
}

/* tanh|x| = −m/(2 + m) with m = e^(−2|x|) − 1, which keeps its relative accuracy near 0. */
WT_LANES float wt_vector_tanh(float x) {
    const float y = -2.0f * __builtin_fabsf(x);
    const wt_exp_parts e = wt_vector_exp_split(y < WT_EXP_LEAST ? WT_EXP_LEAST : y);
    const float m = wt_fused(e.power, e.rest, e.power - 1.0f);
    return __builtin_copysignf(-m / (2.0f + m), x);
}

/* tanh a and σ(b) together, by one quotient: with m = e^(−2|a|) − 1 and e = e^−|b| they are −m/(2 + m), with
 * a's sign, and (b < 0 ? e : 1)/(1 + e). */
typedef struct {
    float filter, gate;
} wt_gate_values;

WT_LANES wt_gate_values wt_vector_gate(float a, float b) {
    const float ya = -2.0f * __builtin_fabsf(a), yb = -__builtin_fabsf(b);
    const wt_exp_parts pa = wt_vector_exp_split(ya < WT_EXP_LEAST ? WT_EXP_LEAST : ya);
    const wt_exp_parts pb = wt_vector_exp_split(yb < WT_EXP_LEAST ? WT_EXP_LEAST : yb);
    const float m = wt_fused(pa.power, pa.rest, pa.power - 1.0f);
    const float e = pb.power * (1.0f + pb.rest); /* power·rest alone might be flushed */
    const float below_a = 2.0f + m, below_b = 1.0f + e, shared = 1.0f / (below_a * below_b);
    return (wt_gate_values){__builtin_copysignf(-m * below_b * shared, a),
                            (b < 0.0f ? e : 1.0f) * below_a * shared};
}

/* ln x for a normal x > 0, in double and once a row: m·2^k with √½ ≤ m < √2, and ln m = 2·artanh(s),
 * s = (m − 1)/(m + 1), |s| < 0.172, so that the series is done after s²¹. */
static inline double wt_vector_log(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t root = 0x3fe6a09e667f3bcd; /* √½ */
    if (!(x > 0) || x > DBL_MAX) return x;    /* a NaN stays one */
    const int64_t k = (int64_t)(bits - root) >> 52;
    bits -= (uint64_t)k << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    const double s = (m - 1) / (m + 1), square = s * s;
    double series = 0;
    for (int odd = 21; odd >= 3; odd -= 2) series = (series + 1.0 / odd) * square;
    return (double)k * 0x1.62e42fefa39efp-1 + 2 * (s + s * series);
}

#endif
