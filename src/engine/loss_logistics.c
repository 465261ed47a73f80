/* A mixture of logistics for each value. */
#include <math.h>

#include "losses.h"

static double score_logistics(const wt_loss_call *call, const wt_loss_rows *rows) {
    return call->kernels->losses.logistics(rows->y, rows->outputs, rows->value, rows->target, rows->rows,
                                           &call->op->mixture, call->gradient);
}

/* μ + s·(ln u − ln(1 − u)) */
static double draw_logistic_unit(const wt_draw_key *key, const wt_mixture *mixture, int c) {
    const double u = wt_loss_draw_uniform(key, mixture, c, 1);
    return u > 0 ? log(u) - log1p(-u) : -40; /* 2⁻⁵³ gives −36.7 */
}

static void draw_logistics(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs,
                           int count, wt_real *values) {
    wt_loss_draw_mixture(mixture, key, outputs, count, values, draw_logistic_unit, WT_LOGISTIC_FLOOR);
}

const wt_loss_class wt_loss_logistics = {.name = "mixture of logistics",
                                         .score = score_logistics,
                                         .draw = draw_logistics,
                                         .mean = wt_loss_mixture_mean};
