/* A mixture of Gaussians for each value. */
#include "losses.h"

static double score(const wt_kernels *kernels, const wt_mixture *mixture, const wt_loss_rows *rows,
                    bool gradient) {
    return kernels->gaussians(rows->y, rows->outputs, rows->value, rows->target, rows->rows, mixture,
                              gradient);
}

/* μ + σ·n */
static double draw_unit(const wt_draw_key *key, const wt_mixture *mixture, int c) {
    return wt_draw_normal(key, mixture, c, 1);
}

static void draw(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                 wt_real *values) {
    wt_draw_mixture(mixture, key, outputs, count, values, draw_unit, WT_GAUSSIAN_FLOOR);
}

const wt_loss_class wt_loss_gaussians = {"mixture of Gaussians", score, draw, wt_mixture_mean};
