/*
 * Quantisation of single values, in double with libm's functions: the same class on every machine but for
 * values within rounding of a boundary. Not made for speed; the loader keeps a table (class_reader.c).
 */
#include <math.h>

#include "wavetrain/data.h"

int32_t wt_quantize_silence(wt_quantization quantization) {
    return quantization.kind == WT_QUANTIZATION_VOCABULARY ? quantization.padding : quantization.levels / 2;
}

/* A value that is not a number counts as −1: it must have some class. */
static double clip(double x) {
    if (!(x > -1.0)) return -1.0;
    return x < 1.0 ? x : 1.0;
}

int32_t wt_quantize(wt_quantization quantization, double x) {
    if (quantization.kind == WT_QUANTIZATION_VOCABULARY) return (int32_t)x;
    double mu = quantization.levels - 1, f = clip(x);
    if (quantization.kind == WT_QUANTIZATION_MULAW) f = copysign(log1p(mu * fabs(f)) / log1p(mu), f);
    return (int32_t)floor((f + 1.0) / 2.0 * mu + 0.5);
}

double wt_dequantize(wt_quantization quantization, int32_t class) {
    if (quantization.kind == WT_QUANTIZATION_VOCABULARY) return class;
    double mu = quantization.levels - 1, f = 2.0 * class / mu - 1.0;
    if (class == wt_quantize_silence(quantization)) return 0.0;
    if (quantization.kind == WT_QUANTIZATION_LINEAR) return f;
    return copysign(fmin(expm1(fabs(f) * log1p(mu)) / mu, 1.0), f);
}
