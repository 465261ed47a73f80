/*
 * e^x, tanh and σ in single precision, written so that a compiler turns loops over them into vector
 * code: no branches, no calls, no table. Only IEEE sums, products and quotients are used and none is
 * contracted, so that an element's bits are the same in a vector, in a loop's tail and in every
 * instruction set (a vector library of libm promises neither).
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

/* y = n·ln 2 + r with |r| ≤ ln 2/2: `power` = 2^n, `rest` = e^r − 1. For WT_EXP_LEAST ≤ y ≤ 0. */
typedef struct {
    float power, rest;
} wt_exp_parts;

static inline wt_exp_parts wt_exp_split(float y) {
    /* Adding 1.5·2²³ leaves the nearest integer in the low bits. ln 2 in two parts, the first so short
     * that its product with n is exact. */
    const float rounding = 12582912.0f;
    const float high = 0x1.62e4p-1f, low = 0x1.7f7d1cp-20f;
    const float shifted = y * 0x1.715476p+0f + rounding;
    const float n = shifted - rounding;
    const float r = (y - n * high) - n * low;

    /* (e^r − 1 − r)/r² interpolated at Chebyshev nodes; relative error of e^r − 1 below 2e-9. */
    float q = 0x1.a12516p-13f;
    q = q * r + 0x1.6d434ep-10f;
    q = q * r + 0x1.1110ep-7f;
    q = q * r + 0x1.5554e8p-5f;
    q = q * r + 0x1.555556p-3f;
    q = q * r + 0.5f;

    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23;
    wt_exp_parts parts = {.rest = r + r * r * q};
    memcpy(&parts.power, &bits, sizeof bits);
    return parts;
}

/* e^y for y ≤ 0. */
static inline float wt_exp_negative(float y) {
    const wt_exp_parts e = wt_exp_split(y < WT_EXP_LEAST ? WT_EXP_LEAST : y);
    const float value = e.power * (1.0f + e.rest); /* power·rest alone might be flushed */
    return y < WT_EXP_LEAST ? 0.0f : value;
}

/* tanh|x| = −m/(2 + m) with m = e^(−2|x|) − 1, which keeps its relative accuracy near 0. */
static inline float wt_tanh(float x) {
    const float y = -2.0f * __builtin_fabsf(x);
    const wt_exp_parts e = wt_exp_split(y < WT_EXP_LEAST ? WT_EXP_LEAST : y);
    const float m = e.power * e.rest + (e.power - 1.0f);
    return __builtin_copysignf(-m / (2.0f + m), x);
}

/* σ(x) = e/(1 + e) below 0 and 1/(1 + e) above, e = e^−|x|: no overflow, small values accurate. */
static inline float wt_sigmoid(float x) {
    const float e = wt_exp_negative(-__builtin_fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* ln x for a normal x > 0, in double and once a row: m·2^k with √½ ≤ m < √2, and ln m = 2·artanh(s),
 * s = (m − 1)/(m + 1), |s| < 0.172, so that the series is done after s²¹. */
static inline double wt_log(double x) {
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
