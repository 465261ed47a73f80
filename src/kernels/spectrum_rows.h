/*
 * How far spectra are apart, for vector_kernels.c, which includes this once for each instruction set: LANES
 * bins at a time, with a partial sum per lane in double. Bins behind the last one are computed from zeros and
 * count for nothing.
 */
#ifndef WAVETRAIN_SPECTRUM_ROWS_H
#define WAVETRAIN_SPECTRUM_ROWS_H

#include <math.h>

#include "double_math.h"
#include "kernels/kernel_set.h"

typedef struct {
    double apart[LANES], own[LANES], logarithms[LANES];
} spectrum_sums;

static inline float floored_power(float re, float im) {
    const float power = re * re + im * im;
    return power > (float)WT_SPECTRUM_FLOOR ? power : (float)WT_SPECTRUM_FLOOR;
}

INLINE void spectrum_lanes(spectrum_sums *sums, const float *target, const float *output, int count) {
    float p[LANES], q[LANES];
    for (int k = 0; k < LANES; k++) {
        p[k] = floored_power(target[2 * k], target[2 * k + 1]);
        q[k] = floored_power(output[2 * k], output[2 * k + 1]);
    }
#pragma omp simd
    for (int k = 0; k < LANES; k++) {
        const double difference = (double)(sqrtf(p[k]) - sqrtf(q[k]));
        const double logarithm = wt_double_log((double)p[k] / (double)q[k]);
        sums->apart[k] += difference * difference;
        sums->own[k] += k < count ? (double)p[k] : 0;
        sums->logarithms[k] += logarithm < 0 ? -logarithm : logarithm;
    }
}

static void spectrum(const float *target, const float *output, int bins, double *sums) {
    spectrum_sums parts = {{0}, {0}, {0}};
    float last[2][2 * LANES] = {{0}, {0}};
    int k = 0;
    for (; k + LANES <= bins; k += LANES) spectrum_lanes(&parts, target + 2 * k, output + 2 * k, LANES);
    memcpy(last[0], target + 2 * k, 2 * (size_t)(bins - k) * sizeof(float));
    memcpy(last[1], output + 2 * k, 2 * (size_t)(bins - k) * sizeof(float));
    spectrum_lanes(&parts, last[0], last[1], bins - k);
    sums[0] += sum_lanes(parts.apart);
    sums[1] += sum_lanes(parts.own);
    sums[2] += sum_lanes(parts.logarithms) / 2;
}

INLINE void spectrum_back_lanes(const float *target, float *output, float convergence, float logarithm) {
    float factor[LANES];
#pragma omp simd
    for (int k = 0; k < LANES; k++) {
        const float p = floored_power(target[2 * k], target[2 * k + 1]);
        const float q = floored_power(output[2 * k], output[2 * k + 1]);
        const float sign = q > p ? logarithm : q < p ? -logarithm : 0.0f;
        const float all = (1.0f - sqrtf(p) / sqrtf(q)) * convergence + sign / q;
        factor[k] = q > (float)WT_SPECTRUM_FLOOR ? all : 0.0f;
    }
    for (int k = 0; k < LANES; k++) {
        output[2 * k] *= factor[k];
        output[2 * k + 1] *= factor[k];
    }
}

static void spectrum_back(const float *target, float *output, int bins, float convergence, float logarithm) {
    float last[2][2 * LANES] = {{0}, {0}};
    const size_t bytes = 2 * (size_t)(bins % LANES) * sizeof(float);
    int k = 0;
    for (; k + LANES <= bins; k += LANES)
        spectrum_back_lanes(target + 2 * k, output + 2 * k, convergence, logarithm);
    memcpy(last[0], target + 2 * k, bytes);
    memcpy(last[1], output + 2 * k, bytes);
    spectrum_back_lanes(last[0], last[1], convergence, logarithm);
    memcpy(output + 2 * k, last[1], bytes);
}

#endif
