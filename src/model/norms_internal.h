/*
 * Batch norm's numbers and dropout's draws, as hierarchies and blocks share them: plain arrays, no passes.
 *
 * `sums` are of rows of `width` channels: Σ x and Σ x² (or Σ dy and Σ dy·x̂), [2, width], and behind them how many rows
 * there were. `mean_rate` is the mean and 1/√(variance + ε) of each channel, [2, width].
 */
#ifndef WAVETRAIN_NORMS_INTERNAL_H
#define WAVETRAIN_NORMS_INTERNAL_H

#include "wavetrain/model.h"

/* Adds the lanes of a call, [lanes, count], over all lanes of the step. */
void wt_norm_reduce(const wt_pass_step *step, const double *lanes, int lane_count, int count, double *sums);

/* The step's means and biased variances, and in `staged` [2, width] the new running ones as torch.nn.BatchNorm1d keeps
 * them, the variance unbiased. False: there were no rows, and nothing to keep. */
bool wt_norm_take_moments(const double *sums, int width, const wt_real *running_mean,
                          const wt_real *running_variance, wt_real *mean_rate, wt_real *staged);

/* What standardise_back takes: factor, mean of dy, mean of dy·x̂, [3, width]. */
void wt_norm_take_factors(const double *sums, int width, const wt_real *weight, const wt_real *rate,
                          wt_real *factors);

/* Dropout's factors, 0 or 1/(1 − share), of `rows` rows of a layer, from row `first` of the lane on. */
void wt_dropout_factors(wt_real *factor, double share, const wt_pass_step *step, int lane, int layer,
                        uint64_t first, int rows, int width);

#endif
