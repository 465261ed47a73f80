/* Schedules, the gradient's norm, clipping and the update. */
#ifndef WAVETRAIN_OPTIM_H
#define WAVETRAIN_OPTIM_H

#include <stddef.h>
#include <stdint.h>

#include "wavetrain/config.h"
#include "wavetrain/error.h"
#include "wavetrain/kernels.h"

/*
 * The learning rate of step `step` (1 for the first) of `steps`. During warm-up it rises linearly,
 * base·step/warmup; then with s = step − warmup:
 *   constant     base
 *   exponential  base·decay^(s/decay_steps)
 *   cosine       base·(floor + (1 − floor)·½(1 + cos(π·s/(steps − warmup))))
 */
double wt_schedule_rate(const wt_schedule_config *schedule, double base, int64_t step, int64_t steps);

/* Blocks of WT_NORM_BLOCK elements in `count`. */
size_t wt_norm_blocks(size_t count);

/* The Euclidean norm of scale·gradient: squares in double over blocks, blocks added in order. `block_sums` is
 * memory for wt_norm_blocks(count) sums. Threads share blocks; the bits do not depend on them. */
double wt_gradient_norm(const wt_kernels *kernels, const wt_real *gradient, size_t count, double scale,
                        double *block_sums);

/* torch.nn.utils.clip_grad_norm_: min(1, limit/(norm + 1e-6)); 1 where limit is 0. */
double wt_clip_scale(double norm, double limit);

/* What an optimizer remembers: flat buffers as long as the parameters, and the number of updates made. */
typedef struct {
    size_t count; /* elements that are updated: those of the buffers' beginning that are trained */
    wt_real *first, *second; /* Adam's moments */
    int64_t updates;
} wt_optimizer;

wt_status wt_optimizer_init(wt_optimizer *optimizer, size_t count);
void wt_optimizer_dispose(wt_optimizer *optimizer);

/* parameters ← one update with scale·gradient. Threads share blocks; the bits do not depend on them. */
void wt_optimizer_step(wt_optimizer *optimizer, const wt_kernels *kernels, const wt_optimizer_config *config,
                       double learning_rate, double gradient_scale, const wt_real *gradient,
                       wt_real *parameters);

#endif
