/* A mixture of Gaussians for each value. */
#include "losses.h"

static double score(const wt_loss_call *call, const wt_loss_rows *rows) {
    return call->kernels->gaussians(rows->y, rows->outputs, rows->value, rows->target, rows->rows,
                                    &call->op->mixture, call->gradient);
}

/* μ + σ·n */
static double draw_unit(const wt_draw_key *key, const wt_mixture *mixture, int c) {
    return wt_draw_normal(key, mixture, c, 1);
}

static void draw(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                 wt_real *values) {
    wt_draw_mixture(mixture, key, outputs, count, values, draw_unit, WT_GAUSSIAN_FLOOR);
}

const wt_loss_class wt_loss_gaussians = {
    .name = "mixture of Gaussians", .score = score, .draw = draw, .mean = wt_mixture_mean};
