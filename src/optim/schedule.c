/*
 * Learning rates and momenta as functions of the step alone; plateau.c has the one schedule that is not. The
 * formulas are those of torch.optim.lr_scheduler, written in closed form, so that a resume needs no state.
 */
#include <math.h>

#include "optim/optim.h"

static const double pi = 3.14159265358979323846;

/* The first step with the full rate; s = 0 there. */
static int64_t find_full_step(const wt_schedule_config *schedule) {
    return schedule->warmup > 1 ? schedule->warmup : 1;
}

/* How much of the way from the full step to the last is behind, 0 … 1. */
static double decay_progress(const wt_schedule_config *schedule, int64_t step, int64_t steps) {
    int64_t full = find_full_step(schedule);
    if (step <= full) return 0.0;
    return step >= steps ? 1.0 : (double)(step - full) / (double)(steps - full);
}

static double piecewise_rate(const wt_point_list *points, double base, int64_t step) {
    for (int i = 0; i < points->count && points->values[i].step < step; i++) base = points->values[i].rate;
    return base;
}

/* --- one-cycle --- */

/* From `begin` to `end`, the share `way` of it. */
static double anneal_between(wt_anneal form, double begin, double end, double way) {
    if (form == WT_ANNEAL_LINEAR) return begin + (end - begin) * way;
    return end + (begin - end) / 2.0 * (1.0 + cos(pi * way));
}

/* A value that goes low → high → last. The rise ends at pct_start·steps − 1, between two steps if need be. */
static double cycle_value(const wt_schedule_config *schedule, int64_t step, int64_t steps, double low,
                          double high, double last) {
    double at = (double)(step - 1), top = schedule->pct_start * (double)steps - 1.0,
           end = (double)(steps - 1);
    if (at <= top) return anneal_between(schedule->anneal, low, high, top > 0 ? at / top : 1.0);
    return anneal_between(schedule->anneal, high, last, at < end ? (at - top) / (end - top) : 1.0);
}

/* --- all --- */

double wt_schedule_rate(const wt_schedule_config *schedule, double base, int64_t step, int64_t steps) {
    if (schedule->kind == WT_SCHEDULE_ONE_CYCLE) {
        double begin = base / schedule->div_factor;
        return cycle_value(schedule, step, steps, begin, base, begin / schedule->final_div_factor);
    }
    if (step < schedule->warmup) return base * (double)step / (double)schedule->warmup;
    int64_t s = step - find_full_step(schedule);
    double share = decay_progress(schedule, step, steps), floor = schedule->floor;
    switch (schedule->kind) {
    case WT_SCHEDULE_STEP: return base * pow(schedule->decay, (double)(s / schedule->decay_steps));
    case WT_SCHEDULE_PIECEWISE: return piecewise_rate(&schedule->points, base, step);
    case WT_SCHEDULE_EXPONENTIAL:
        return base * pow(schedule->decay, (double)s / (double)schedule->decay_steps);
    case WT_SCHEDULE_LINEAR: return base * (1.0 - (1.0 - floor) * share);
    case WT_SCHEDULE_COSINE: return base * (floor + (1.0 - floor) * 0.5 * (1.0 + cos(pi * share)));
    case WT_SCHEDULE_CONSTANT:
    case WT_SCHEDULE_PLATEAU:
    case WT_SCHEDULE_ONE_CYCLE: break;
    }
    return base;
}

bool wt_schedule_cycles_momentum(const wt_schedule_config *schedule) {
    return schedule->kind == WT_SCHEDULE_ONE_CYCLE && schedule->cycle_momentum;
}

double wt_schedule_momentum(const wt_schedule_config *schedule, double base, int64_t step, int64_t steps) {
    if (!wt_schedule_cycles_momentum(schedule)) return base;
    return cycle_value(schedule, step, steps, schedule->max_momentum, schedule->base_momentum,
                       schedule->max_momentum);
}

wt_update wt_schedule_update(wt_update_rule rule, const wt_plateau *plateau, int64_t step) {
    const wt_schedule_config *schedule = rule.schedule;
    int64_t steps = rule.steps;
    double rate = wt_schedule_rate(schedule, rule.optimizer->learning_rate, step, steps);
    if (schedule->kind == WT_SCHEDULE_PLATEAU) rate *= plateau->scale;
    return (wt_update){
        .learning_rate = rate,
        .momentum = wt_schedule_momentum(schedule, wt_optimizer_momentum(rule.optimizer), step, steps),
        .gradient_scale = 1.0,
    };
}
