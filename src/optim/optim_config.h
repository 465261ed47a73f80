/* How parameters are updated: the sections optimizer, schedule and ema of a configuration. */
#ifndef WAVETRAIN_OPTIM_CONFIG_H
#define WAVETRAIN_OPTIM_CONFIG_H

#include <stdint.h>

#include "wavetrain/base.h"

enum { WT_POINTS_MAX = 64 }; /* of schedule.points */

typedef enum { WT_OPTIMIZER_ADAM, WT_OPTIMIZER_ADAMW, WT_OPTIMIZER_SGD } wt_optimizer_kind;
typedef enum { WT_DECAY_ALL, WT_DECAY_WEIGHTS } wt_decay_on;
typedef enum {
    WT_SCHEDULE_CONSTANT,
    WT_SCHEDULE_STEP,
    WT_SCHEDULE_PIECEWISE,
    WT_SCHEDULE_EXPONENTIAL,
    WT_SCHEDULE_LINEAR,
    WT_SCHEDULE_COSINE,
    WT_SCHEDULE_ONE_CYCLE,
    WT_SCHEDULE_PLATEAU,
} wt_schedule_kind;
typedef enum { WT_ANNEAL_COSINE, WT_ANNEAL_LINEAR } wt_anneal;

typedef struct {
    wt_optimizer_kind kind;
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    double momentum; /* SGD's; beta1 and beta2 are Adam's */
    int nesterov;    /* 0 or 1 */
    wt_decay_on decay_on;
    double clip; /* largest norm of the whole gradient; 0: no clipping */
} wt_optimizer_config;

/* After `step` steps the learning rate is `rate`, until the next point. */
typedef struct {
    int64_t step;
    double rate;
} wt_schedule_point;

typedef struct {
    int count;
    wt_schedule_point values[WT_POINTS_MAX]; /* steps ascend */
} wt_point_list;

typedef struct {
    wt_schedule_kind kind;
    int64_t warmup;       /* steps of linear rise from 0 */
    double floor;         /* cosine, linear, plateau: share of the learning rate that is left at the end */
    double decay;         /* exponential, step, plateau: factor … */
    int64_t decay_steps;  /* … for every so many steps */
    wt_point_list points; /* piecewise */
    /* one-cycle, by PyTorch's names */
    double pct_start, div_factor, final_div_factor;
    wt_anneal anneal;
    int cycle_momentum; /* 0 or 1 */
    double base_momentum, max_momentum;
    /* plateau */
    int patience, cooldown; /* validations */
    double threshold;
} wt_schedule_config;

/* A running mean of the parameters. */
typedef struct {
    double decay; /* 0: none */
} wt_ema_config;

/* How a run updates its parameters: all that the updates depend on. */
typedef struct {
    const wt_optimizer_config *optimizer;
    const wt_schedule_config *schedule;
    const wt_ema_config *ema;
    int64_t steps; /* of the run */
} wt_update_rule;

#endif
