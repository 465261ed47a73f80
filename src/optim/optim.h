/* Schedules, the gradient's norm, clipping and the update. */
#ifndef WAVETRAIN_OPTIM_H
#define WAVETRAIN_OPTIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel_set.h"
#include "optim/optim_config.h"

/*
 * The learning rate of step `step` (1 for the first) of `steps`. During warm-up it rises linearly,
 * base·step/warmup, to base in step max(warmup, 1), the full step. With s = step − full step (0 there), S =
 * steps − full step:
 *   constant, plateau  base
 *   step               base·decay^⌊s/decay_steps⌋                     (StepLR)
 *   piecewise          the rate of the last point with point.step < step, base before the first
 *   exponential        base·decay^(s/decay_steps)                     (ExponentialLR)
 *   linear             base·(1 − (1 − floor)·s/S)                     (LinearLR)
 *   cosine             base·(floor + (1 − floor)·½(1 + cos(π·s/S)))   (CosineAnnealingLR)
 *   one-cycle          no warm-up: base/div_factor, up to base, down to base/div_factor/final_div_factor
 *                      (OneCycleLR with total_steps = steps)
 */
double wt_schedule_rate(const wt_schedule_config *schedule, double base, int64_t step, int64_t steps);

/* SGD's momentum, or Adam's β₁, of a step: `base`, or what one-cycle makes of it. */
double wt_schedule_momentum(const wt_schedule_config *schedule, double base, int64_t step, int64_t steps);
bool wt_schedule_cycles_momentum(const wt_schedule_config *schedule);

/* What the plateau schedule remembers. */
typedef struct {
    double best;       /* loss; infinite before the first */
    double scale;      /* factor on the learning rate */
    int bad, cooldown; /* validations */
} wt_plateau;

wt_plateau wt_plateau_begin(void);
/* After a validation; true if the rate is lower from now on. `base` is optimizer.learning_rate. */
bool wt_plateau_note(wt_plateau *plateau, const wt_schedule_config *schedule, double base, double loss);

/* The numbers of one update that steps differ in. */
typedef struct {
    double learning_rate;
    double momentum;       /* SGD's, or Adam's β₁: wt_schedule_momentum */
    double gradient_scale; /* 1/targets · clip scale */
} wt_update;

/* Those of step `step`, by schedule and, where that is a plateau, what it remembers; gradient_scale is 1. */
wt_update wt_schedule_update(wt_update_rule rule, const wt_plateau *plateau, int64_t step);

/* Blocks of WT_NORM_BLOCK elements in `count`. */
size_t wt_gradient_norm_blocks(size_t count);

/* The Euclidean norm of scale·gradient: squares in double over blocks, blocks added in order. `block_sums` is
 * memory for wt_gradient_norm_blocks(count) sums. Threads share blocks; the bits do not depend on them. */
double wt_gradient_norm(const wt_kernels *kernels, const wt_real *gradient, size_t count, double scale,
                        double *block_sums);

/* torch.nn.utils.clip_grad_norm_: min(1, limit/(norm + 1e-6)); 1 where limit is 0. */
double wt_gradient_clip_scale(double norm, double limit);

/* Flat buffers, as long as the parameters, that an optimizer may keep. Everything that copies, hashes, sends
 * or stores them goes by this list. */
typedef enum {
    WT_MOMENT_FIRST,   /* Adam's first moments, or SGD's momentum */
    WT_MOMENT_SECOND,  /* Adam's second moments */
    WT_MOMENT_AVERAGE, /* the running mean of the parameters (ema.decay) */
    WT_MOMENTS
} wt_moment;

/* Whether the rule needs it. */
bool wt_optimizer_keeps(wt_update_rule rule, wt_moment moment);

/* A part of the flat buffers that is updated in one way. */
typedef struct {
    size_t offset, count;
    bool decay; /* by optimizer.weight_decay */
} wt_update_range;

/* What an optimizer remembers, and the number of updates made. */
typedef struct {
    size_t count;
    wt_real *moments[WT_MOMENTS]; /* NULL: not kept */
    int64_t updates;
    double average_decay;
    wt_update_range *ranges; /* ascending; what is in none of them stays as it is */
    int range_count;
} wt_optimizer;

/* One range: everything is updated, and decays. */
wt_status wt_optimizer_init(wt_optimizer *optimizer, wt_update_rule rule, size_t count);
void wt_optimizer_dispose(wt_optimizer *optimizer);
/* Other ranges; copies them. */
wt_status wt_optimizer_set_ranges(wt_optimizer *optimizer, const wt_update_range *ranges, int count);

/* As before the first update: moments 0, the mean at the parameters. */
void wt_optimizer_reset(wt_optimizer *optimizer, const wt_real *parameters);

/* SGD's momentum, or Adam's β₁, as configured. */
double wt_optimizer_momentum(const wt_optimizer_config *config);

/* parameters ← one update with scale·gradient; then, where a mean is kept, after update t
 *   mean ← d·mean + (1 − d)·parameters,   d = min(ema.decay, (1 + t)/(10 + t)).
 * Threads share blocks; the bits do not depend on them. */
void wt_optimizer_step(wt_optimizer *optimizer, const wt_kernels *kernels, const wt_optimizer_config *config,
                       const wt_update *update, const wt_real *gradient, wt_real *parameters);

#endif
