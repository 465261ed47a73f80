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

/* A component, then its value; the temperature goes with the logits and with the scale. */
static void draw(const wt_mixture *mixture, const wt_draw_key *key, const wt_real *outputs, int count,
                 wt_real *values) {
    const int K = mixture->components, each = count / mixture->channels;
    for (int c = 0; c < mixture->channels; c++) {
        const wt_real *y = outputs + c * each;
        const int k = wt_draw_component(key, mixture, c, y);
        const double log_scale = (double)y[each - K + k];
        const double scale = exp(fmin(fmax(log_scale, WT_LOGISTIC_FLOOR), WT_SCALE_CEILING));
        const double unit = key->temperature > 0 ? draw_unit(key, mixture, c) : 0;
        values[c] = (wt_real)((double)y[each - 2 * K + k] + key->temperature * scale * unit);
    }
}

const wt_loss_class wt_loss_logistics = {"mixture of logistics", score, draw, wt_mixture_mean};
