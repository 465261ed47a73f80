/* A mixture of Gaussians for each value. */
#include "losses.h"

static double score_gaussians(const wt_loss_call *call, const wt_loss_rows *rows) {
    return call->kernels->losses.gaussians(rows->y, rows->outputs, rows->value, rows->target, rows->rows,
                                           &call->op->mixture, call->gradient);
}

/* μ + σ·n */
static double draw_gaussian_unit(const wt_draw_key *key, const wt_mixture *mixture, int c) {
    return wt_loss_draw_normal(key, mixture, c, 1);
}

static void draw_gaussians(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs,
                           int count, wt_real *values) {
    wt_loss_draw_mixture(mixture, key, outputs, count, values, draw_gaussian_unit, WT_GAUSSIAN_FLOOR);
}

const wt_loss_class wt_loss_gaussians = {.name = "mixture of Gaussians",
                                         .score = score_gaussians,
                                         .draw = draw_gaussians,
                                         .mean = wt_loss_mixture_mean};
