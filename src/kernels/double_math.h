/*
 * e^x, e^x − 1, ln x and erfcx x in double, written as vector_math.h is: no branches, no calls, no table,
 * IEEE sums, products and quotients alone and none of them fused, so that an element's bits are the same in a
 * vector, in a loop's tail and in every instruction set. A NaN comes out as a NaN.
 */
#ifndef WAVETRAIN_DOUBLE_MATH_H
#define WAVETRAIN_DOUBLE_MATH_H

#include <stdint.h>
#include <string.h>

#define WT_EXP_RANGE 700.0 /* |x| is cut to it; below −700 e^x is 0 */

/* x = n·ln 2 + r with |r| ≤ ln 2/2: `power` = 2^n, `rest` = e^r − 1. For |x| ≤ WT_EXP_RANGE. */
typedef struct {
    double power, rest;
} wt_double_exp_parts;

static inline wt_double_exp_parts wt_double_exp_split(double x) {
    /* Adding 1.5·2⁵² leaves the nearest integer in the low bits. ln 2 in two parts, the first so short that
     * its product with n is exact. */
    const double rounding = 0x1.8p+52, high = 0x1.62e42feep-1, low = 0x1.a39ef35793c76p-33;
    const double shifted = x * 0x1.71547652b82fep+0 + rounding;
    const double n = shifted - rounding;
    const double r = (x - n * high) - n * low;
    double q = 1.0 / 479001600; /* Taylor's series to r¹²/12!, which leaves 2e-16 */
    q = q * r + 1.0 / 39916800;
    q = q * r + 1.0 / 3628800;
    q = q * r + 1.0 / 362880;
    q = q * r + 1.0 / 40320;
    q = q * r + 1.0 / 5040;
    q = q * r + 1.0 / 720;
    q = q * r + 1.0 / 120;
    q = q * r + 1.0 / 24;
    q = q * r + 1.0 / 6;
    q = q * r + 0.5;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023u) << 52;
    wt_double_exp_parts parts = {.rest = r + r * r * q};
    memcpy(&parts.power, &bits, sizeof bits);
    return parts;
}

static inline double wt_double_exp(double x) {
    const double above = x < -WT_EXP_RANGE ? -WT_EXP_RANGE : x;
    const wt_double_exp_parts e = wt_double_exp_split(above > WT_EXP_RANGE ? WT_EXP_RANGE : above);
    const double value = e.power + e.power * e.rest;
    return x < -WT_EXP_RANGE ? 0.0 : value;
}

/* e^x − 1 for x ≤ 0, with its relative accuracy near 0. */
static inline double wt_double_expm1(double x) {
    const wt_double_exp_parts e = wt_double_exp_split(x < -WT_EXP_RANGE ? -WT_EXP_RANGE : x);
    return e.power * e.rest + (e.power - 1.0);
}

/* ln x for a normal x > 0: m·2^k with √½ ≤ m < √2, ln m = 2·artanh(s), s = (m − 1)/(m + 1). */
static inline double wt_double_log(double x) {
    uint64_t bits, up;
    memcpy(&bits, &x, sizeof bits);
    /* 1024 more in the exponent, so that the shift needs no sign; an integer below 2⁵² as a double by its
     * bits */
    const uint64_t k = (bits - 0x3fe6a09e667f3bcd + ((uint64_t)1024 << 52)) >> 52;
    up = k | 0x4330000000000000;
    bits -= (k - 1024) << 52;
    double m, exponent;
    memcpy(&m, &bits, sizeof m);
    memcpy(&exponent, &up, sizeof exponent);
    exponent -= 0x1p+52 + 1024;
    const double s = (m - 1) / (m + 1), square = s * s;
    double series = 0;
    for (int odd = 21; odd >= 3; odd -= 2) series = (series + 1.0 / odd) * square;
    const double value = exponent * 0x1.62e42fefa39efp-1 + 2 * (s + s * series);
    return x > 0 ? value : x; /* a NaN stays one */
}

/* erfcx(x) = e^(x²)·erfc(x) for x ≥ 0: (1 + 2x)·erfcx(x) is smooth in q = (x − 3)/(x + 3) (Shepherd &
 * Laframboise 1981, "Chebyshev approximation of (1 + 2x)exp(x²)erfc x"); interpolated at 23 Chebyshev nodes,
 * error 4e-16. */
static inline double wt_double_erfcx(double x) {
    const double q = (x - 3) / (x + 3);
    double p = -0x1.d21526e85d7edp-29;
    p = p * q - 0x1.068070dca4375p-27;
    p = p * q + 0x1.f23b920cf4cc1p-26;
    p = p * q + 0x1.787197b38c1dbp-24;
    p = p * q - 0x1.08c75f45418f8p-23;
    p = p * q - 0x1.402cf5c2c06f0p-21;
    p = p * q + 0x1.6d82ab482332fp-22;
    p = p * q + 0x1.cf9f9c2d02d16p-19;
    p = p * q - 0x1.838ff4be395a8p-21;
    p = p * q - 0x1.510dc8ad018f4p-16;
    p = p * q + 0x1.4be80e520786dp-18;
    p = p * q + 0x1.0658071317200p-13;
    p = p * q - 0x1.b9117f3c26094p-14;
    p = p * q - 0x1.98db2ea132068p-11;
    p = p * q + 0x1.ef1bdaf05e856p-10;
    p = p * q + 0x1.4b884cf94ca19p-9;
    p = p * q - 0x1.8574c408a6d16p-6;
    p = p * q + 0x1.17ca2878cd8f2p-4;
    p = p * q - 0x1.e88b803a50fccp-4;
    p = p * q + 0x1.098366a5b02ecp-3;
    p = p * q - 0x1.85a15c58aa305p-5;
    p = p * q - 0x1.15c084bb9e82ep-3;
    p = p * q + 0x1.40c522d7e4987p+0;
    return p / (1 + 2 * x);
}

#endif
