/*
 * Batch norm's statistics and dropout's draws. A draw is keyed by (seed, step, lane, layer, row of the lane, channel),
 * so that no mask is stored: backward draws it once more. That costs some nanoseconds an element, and no memory.
 */
#include "norms_internal.h"

#include <string.h>

#include "wavetrain/random.h"

void wt_norm_reduce(const wt_pass_step *step, const double *lanes, int lane_count, int count, double *sums) {
    const size_t row = (size_t)count;
    if (step->reduce) {
        step->reduce(step->context, lanes, count, sums);
        return;
    }
    memcpy(sums, lanes, row * sizeof *sums);
    for (int lane = 1; lane < lane_count; lane++) {
        for (size_t i = 0; i < row; i++) sums[i] += lanes[(size_t)lane * row + i];
    }
}

bool wt_norm_take_moments(const double *sums, int width, const wt_real *running_mean,
                          const wt_real *running_variance, wt_real *mean_rate, wt_real *staged) {
    const double momentum = 0.1;
    const double count = sums[2 * width], rest = count > 1 ? count / (count - 1) : 1;
#pragma omp simd
    for (int c = 0; c < width; c++) {
        const double mean = count > 0 ? sums[c] / count : 0;
        const double biased = count > 0 ? sums[width + c] / count - mean * mean : 0;
        const double variance = biased < 0 ? 0 : biased; /* rounding; a NaN stays one */
        mean_rate[c] = (wt_real)mean;
        mean_rate[width + c] = (wt_real)(1 / __builtin_sqrt(variance + WT_NORM_EPSILON));
        staged[c] = (wt_real)((1 - momentum) * (double)running_mean[c] + momentum * mean);
        staged[width + c] = (wt_real)((1 - momentum) * (double)running_variance[c] +
                                      momentum * variance * rest);
    }
    return count > 0;
}

void wt_norm_running(wt_real *mean_rate, const wt_real *mean, const wt_real *variance, int width) {
    for (int c = 0; c < width; c++) {
        mean_rate[c] = mean[c];
        mean_rate[width + c] = (wt_real)(1 / __builtin_sqrt((double)variance[c] + WT_NORM_EPSILON));
    }
}

void wt_norm_take_factors(const double *sums, int width, const wt_real *weight, const wt_real *rate,
                          wt_real *factors) {
    const double count = sums[2 * width] > 0 ? sums[2 * width] : 1;
#pragma omp simd
    for (int c = 0; c < width; c++) {
        factors[c] = weight[c] * rate[c];
        factors[width + c] = (wt_real)(sums[c] / count);
        factors[2 * width + c] = (wt_real)(sums[width + c] / count);
    }
}

void wt_dropout_factors(wt_real *factor, double share, const wt_pass_step *step, int lane, int layer,
                        uint64_t first, int rows, int width) {
    const int groups = (width + 3) / 4; /* four channels share a call */
    const uint64_t key = (uint64_t)step->step << 21 | (uint64_t)lane;
    const uint64_t limit = (uint64_t)(share * 0x1p32);
    const wt_real keep = (wt_real)(1 / (1 - share));
    for (int r = 0; r < rows; r++, factor += width) {
        for (int g = 0; g < groups; g++) {
            uint32_t words[4];
            const uint64_t element = (uint64_t)layer << 48 |
                                     ((first + (uint64_t)r) * (uint64_t)groups + (uint64_t)g);
            wt_random_words(words, step->seed, WT_RANDOM_DROPOUT, key, element);
            for (int k = 0; k < 4 && 4 * g + k < width; k++) factor[4 * g + k] = words[k] < limit ? 0 : keep;
        }
    }
}
