/* A mixture of logistics for each value. */
#include <math.h>

#include "losses.h"

static double score(const wt_kernels *kernels, const wt_mixture *mixture, const wt_loss_rows *rows,
                    bool gradient) {
    return kernels->logistics(rows->y, rows->outputs, rows->value, rows->target, rows->rows, mixture,
                              gradient);
}

/* μ + s·(ln u − ln(1 − u)) */
static double draw_unit(const wt_draw_key *key, const wt_mixture *mixture, int c) {
    const double u = wt_draw_uniform(key, mixture, c, 1);
    return u > 0 ? log(u) - log1p(-u) : -40; /* 2⁻⁵³ gives −36.7 */
}

static void draw(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                 wt_real *values) {
    wt_draw_mixture(mixture, key, outputs, count, values, draw_unit, WT_LOGISTIC_FLOOR);
}

const wt_loss_class wt_loss_logistics = {"mixture of logistics", score, draw, wt_mixture_mean};
