/* The gradient's norm, clipping, the update, the parameters' mean. Threads share out blocks; sums are added
 * in order. */
#include <math.h>
#include <string.h>

#include "optim/optim.h"

enum {
    WT_UPDATE_BLOCK = 4 * WT_NORM_BLOCK, /* elements that one thread updates at a time */
    WT_SERIAL_BLOCKS = 32                /* of the norm: fewer are done before another thread is awake */
};

size_t wt_gradient_norm_blocks(size_t count) {
    return (count + WT_NORM_BLOCK - 1) / WT_NORM_BLOCK;
}

double wt_gradient_norm(const wt_kernels *kernels, const wt_real *gradient, size_t count, double scale,
                        double *block_sums) {
    size_t blocks = wt_gradient_norm_blocks(count);
    double sum = 0.0;
#pragma omp parallel for schedule(static) if (blocks > WT_SERIAL_BLOCKS)
    for (size_t block = 0; block < blocks; block++) {
        size_t at = block * WT_NORM_BLOCK;
        size_t part = count - at < WT_NORM_BLOCK ? count - at : WT_NORM_BLOCK;
        block_sums[block] = kernels->flat.squares(gradient + at, part, scale);
    }
    for (size_t block = 0; block < blocks; block++) sum += block_sums[block];
    return sqrt(sum);
}

double wt_gradient_clip_scale(double norm, double limit) {
    if (limit <= 0.0) return 1.0;
    double scale = limit / (norm + 1e-6);
    return scale < 1.0 ? scale : 1.0;
}

/* --- what is kept --- */

/* By kind; SGD keeps its momentum only where it has some. */
static const struct {
    bool keeps[WT_MOMENTS];
    const char *names[WT_MOMENTS];
} wt_kinds[] = {
    [WT_OPTIMIZER_ADAM] = {{true, true}, {"Adam's first moments", "Adam's second moments"}},
    [WT_OPTIMIZER_ADAMW] = {{true, true}, {"Adam's first moments", "Adam's second moments"}},
    [WT_OPTIMIZER_SGD] = {{true, false}, {"SGD's momentum", ""}},
};

bool wt_optimizer_keeps(wt_update_rule rule, wt_moment moment) {
    const wt_optimizer_config *optimizer = rule.optimizer;
    if (moment == WT_MOMENT_AVERAGE) return rule.ema->decay > 0;
    bool moves = optimizer->kind != WT_OPTIMIZER_SGD || optimizer->momentum > 0 ||
                 wt_schedule_cycles_momentum(rule.schedule);
    return moves && wt_kinds[optimizer->kind].keeps[moment];
}

wt_status wt_optimizer_init(wt_optimizer *optimizer, wt_update_rule rule, size_t count) {
    wt_status status = WT_OK;
    *optimizer = (wt_optimizer){.count = count, .average_decay = rule.ema->decay};
    const wt_update_range all = {0, count, true};
    for (int m = 0; status == WT_OK && m < WT_MOMENTS; m++) {
        if (!wt_optimizer_keeps(rule, (wt_moment)m)) continue;
        const char *name = wt_kinds[rule.optimizer->kind].names[m];
        status = wt_alloc(&optimizer->moments[m], count, sizeof(wt_real),
                          name ? name : "the parameters' mean");
    }
    if (status == WT_OK) status = wt_optimizer_set_ranges(optimizer, &all, 1);
    if (status != WT_OK) wt_optimizer_dispose(optimizer);
    return status;
}

void wt_optimizer_dispose(wt_optimizer *optimizer) {
    for (int m = 0; m < WT_MOMENTS; m++) wt_free(optimizer->moments[m]);
    wt_free(optimizer->ranges);
    *optimizer = (wt_optimizer){0};
}

wt_status wt_optimizer_set_ranges(wt_optimizer *optimizer, const wt_update_range *ranges, int count) {
    wt_update_range *copy;
    WT_TRY(wt_alloc(&copy, (size_t)count, sizeof *copy, "ranges of parameters"));
    memcpy(copy, ranges, (size_t)count * sizeof *copy);
    wt_free(optimizer->ranges);
    optimizer->ranges = copy;
    optimizer->range_count = count;
    return WT_OK;
}

void wt_optimizer_reset(wt_optimizer *optimizer, const wt_real *parameters) {
    size_t bytes = optimizer->count * sizeof(wt_real);
    for (int m = 0; m < WT_MOMENTS; m++) {
        if (!optimizer->moments[m]) continue;
        if (m == WT_MOMENT_AVERAGE)
            memcpy(optimizer->moments[m], parameters, bytes);
        else
            memset(optimizer->moments[m], 0, bytes);
    }
    optimizer->updates = 0;
}

double wt_optimizer_momentum(const wt_optimizer_config *config) {
    return config->kind == WT_OPTIMIZER_SGD ? config->momentum : config->beta1;
}

/* --- the update --- */

/* What a block needs of the step. */
typedef struct {
    const wt_kernels *kernels;
    const wt_optimizer_config *config;
    wt_adam_step adam;
    wt_sgd_step sgd;
    double rest; /* of the mean: 1 − d */
} wt_work;

static wt_work prepare_update(const wt_optimizer *optimizer, const wt_kernels *kernels,
                              const wt_optimizer_config *config, const wt_update *update) {
    double t = (double)optimizer->updates, decay = (1.0 + t) / (10.0 + t);
    if (decay > optimizer->average_decay) decay = optimizer->average_decay;
    return (wt_work){
        .kernels = kernels,
        .config = config,
        .adam = {.learning_rate = update->learning_rate,
                 .beta1 = update->momentum,
                 .beta2 = config->beta2,
                 .epsilon = config->epsilon,
                 .weight_decay = config->weight_decay,
                 .decoupled = config->kind == WT_OPTIMIZER_ADAMW,
                 .gradient_scale = update->gradient_scale,
                 .step = optimizer->updates},
        .sgd = {.learning_rate = update->learning_rate,
                .momentum = update->momentum,
                .weight_decay = config->weight_decay,
                .nesterov = config->nesterov,
                .gradient_scale = update->gradient_scale},
        .rest = 1.0 - decay,
    };
}

static wt_real *offset_buffer(wt_real *buffer, size_t at) {
    return buffer ? buffer + at : NULL;
}

/* Elements at … at+part−1, which are of one range. */
static void update_part(const wt_optimizer *optimizer, const wt_work *work, bool decay,
                        const wt_real *gradient, wt_real *parameters, size_t at, size_t part) {
    wt_real *first = offset_buffer(optimizer->moments[WT_MOMENT_FIRST], at);
    if (work->config->kind == WT_OPTIMIZER_SGD) {
        wt_sgd_step step = work->sgd;
        if (!decay) step.weight_decay = 0;
        work->kernels->flat.sgd(parameters + at, first, gradient + at, part, &step);
    } else {
        wt_adam_step step = work->adam;
        if (!decay) step.weight_decay = 0;
        work->kernels->flat.adam(parameters + at, first, optimizer->moments[WT_MOMENT_SECOND] + at,
                                 gradient + at, part, &step);
    }
}

/* Elements at … end−1: what the ranges say of each, then the mean, while they are in the cache. */
static void update_block(const wt_optimizer *optimizer, const wt_work *work, const wt_real *gradient,
                         wt_real *parameters, size_t at, size_t end) {
    for (int r = 0; r < optimizer->range_count; r++) {
        const wt_update_range *range = &optimizer->ranges[r];
        size_t from = range->offset > at ? range->offset : at;
        size_t to = range->offset + range->count < end ? range->offset + range->count : end;
        if (from < to) update_part(optimizer, work, range->decay, gradient, parameters, from, to - from);
    }
    wt_real *mean = offset_buffer(optimizer->moments[WT_MOMENT_AVERAGE], at);
    if (mean) work->kernels->flat.average(mean, parameters + at, end - at, work->rest);
}

void wt_optimizer_step(wt_optimizer *optimizer, const wt_kernels *kernels, const wt_optimizer_config *config,
                       const wt_update *update, const wt_real *gradient, wt_real *parameters) {
    optimizer->updates++;
    const wt_work work = prepare_update(optimizer, kernels, config, update);
    size_t count = optimizer->count;
#pragma omp parallel for schedule(static) if (count > WT_SERIAL_BLOCKS * WT_NORM_BLOCK)
    for (size_t at = 0; at < count; at += WT_UPDATE_BLOCK) {
        size_t end = count - at < WT_UPDATE_BLOCK ? count : at + WT_UPDATE_BLOCK;
        update_block(optimizer, &work, gradient, parameters, at, end);
    }
}
