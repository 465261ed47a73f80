/* The gradient's norm, clipping and the update. Threads share out blocks; sums are added in order. */
#include <math.h>

#include "wavetrain/memory.h"
#include "wavetrain/optim.h"

enum {
    WT_UPDATE_BLOCK = 4 * WT_NORM_BLOCK, /* elements that one thread updates at a time */
    WT_SERIAL_BLOCKS = 32                /* of the norm: fewer are done before another thread is awake */
};

size_t wt_norm_blocks(size_t count) {
    return (count + WT_NORM_BLOCK - 1) / WT_NORM_BLOCK;
}

double wt_gradient_norm(const wt_kernels *kernels, const wt_real *gradient, size_t count, double scale,
                        double *block_sums) {
    size_t blocks = wt_norm_blocks(count);
    double sum = 0.0;
#pragma omp parallel for schedule(static) if (blocks > WT_SERIAL_BLOCKS)
    for (size_t block = 0; block < blocks; block++) {
        size_t at = block * WT_NORM_BLOCK;
        size_t part = count - at < WT_NORM_BLOCK ? count - at : WT_NORM_BLOCK;
        block_sums[block] = kernels->squares(gradient + at, part, scale);
    }
    for (size_t block = 0; block < blocks; block++) sum += block_sums[block];
    return sqrt(sum);
}

double wt_clip_scale(double norm, double limit) {
    if (limit <= 0.0) return 1.0;
    double scale = limit / (norm + 1e-6);
    return scale < 1.0 ? scale : 1.0;
}

wt_status wt_optimizer_init(wt_optimizer *optimizer, size_t count) {
    *optimizer = (wt_optimizer){.count = count};
    wt_status status = wt_alloc(&optimizer->first, count, sizeof *optimizer->first, "Adam's first moments");
    if (status == WT_OK) {
        status = wt_alloc(&optimizer->second, count, sizeof *optimizer->second, "Adam's second moments");
    }
    if (status != WT_OK) wt_optimizer_dispose(optimizer);
    return status;
}

void wt_optimizer_dispose(wt_optimizer *optimizer) {
    wt_free(optimizer->first);
    wt_free(optimizer->second);
    *optimizer = (wt_optimizer){0};
}

void wt_optimizer_step(wt_optimizer *optimizer, const wt_kernels *kernels, const wt_optimizer_config *config,
                       double learning_rate, double gradient_scale, const wt_real *gradient,
                       wt_real *parameters) {
    wt_adam_step step = {
        .learning_rate = learning_rate,
        .beta1 = config->beta1,
        .beta2 = config->beta2,
        .epsilon = config->epsilon,
        .weight_decay = config->weight_decay,
        .decoupled = config->kind == WT_OPTIMIZER_ADAMW,
        .gradient_scale = gradient_scale,
        .step = ++optimizer->updates,
    };
    size_t count = optimizer->count;
#pragma omp parallel for schedule(static) if (count > WT_SERIAL_BLOCKS * WT_NORM_BLOCK)
    for (size_t at = 0; at < count; at += WT_UPDATE_BLOCK) {
        size_t part = count - at < WT_UPDATE_BLOCK ? count - at : WT_UPDATE_BLOCK;
        kernels->adam(parameters + at, optimizer->first + at, optimizer->second + at, gradient + at, part,
                      &step);
    }
}
