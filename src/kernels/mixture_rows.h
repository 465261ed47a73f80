/*
 * Mixtures of logistics and of Gaussians for vector_kernels.c, which includes this once for each instruction
 * set. A row is computed in double, WIDTH components at a time; components that are none weigh nothing. Sums
 * over components grow in their order, so that all builds give the same bits.
 *
 * With a = (y + h − μ)/s and b = (y − h − μ)/s a code's probability is σ(a) − σ(b), which cancels; but
 *   ln P = ln σ(a) + ln σ(−b) + ln(1 − e^(b−a))
 * does not (Salimans et al. 2017, arXiv 1701.05517, has the mixture; its guards are for 8 bits).
 */
#ifndef WAVETRAIN_MIXTURE_ROWS_H
#define WAVETRAIN_MIXTURE_ROWS_H

#include "base/batch.h"
#include "double_math.h"
#include "kernels/kernel_set.h"

enum { WIDTH = 8 };

#define LOG_ROOT_2PI 0x1.d67f1c864beb5p-1 /* ½·ln 2π */
#define ROOT_HALF 0x1.6a09e667f3bcdp-1    /* √½ */
#define PER_ROOT_2PI 0x1.9884533d43651p-2 /* 1/√2π */

/* One value, as its components see it. `low`, `high`: the code's lower or upper end is open. */
typedef struct {
    double y, half, log_width; /* ln of a code's width; of a density 0 */
    bool low, high;
} value_view;

/* Per component: the mean, ln s and what is made of them: ln P, and its gradients by the mean and by ln s. */
typedef struct {
    double logit[WT_COMPONENTS_MAX], mean[WT_COMPONENTS_MAX], scale[WT_COMPONENTS_MAX];
    double log_p[WT_COMPONENTS_MAX], by_mean[WT_COMPONENTS_MAX], by_scale[WT_COMPONENTS_MAX];
    double slope[WT_COMPONENTS_MAX]; /* the mean's gradient by its output */
    double joint[WT_COMPONENTS_MAX]; /* logit + ln P */
} mixture_terms;

static inline double clamp_scale(double scale, double floor) {
    const double above = scale < floor ? floor : scale;
    return above > WT_SCALE_CEILING ? WT_SCALE_CEILING : above;
}

INLINE void logistic_lanes(mixture_terms *m, int first, const value_view *v) {
    const double y = v->y, half = v->half;
    const bool low = v->low, high = v->high, density = half == 0;
#pragma omp simd
    for (int k = first; k < first + WIDTH; k++) {
        const double scale = clamp_scale(m->scale[k], WT_LOGISTIC_FLOOR), per = wt_double_exp(-scale);
        const double a = ((y + half) - m->mean[k]) * per, b = ((y - half) - m->mean[k]) * per;
        const double delta = 2 * half * per, less = wt_double_expm1(-delta);
        const double ea = wt_double_exp(a < 0 ? a : -a), eb = wt_double_exp(b < 0 ? b : -b);
        const double da = 1 + ea, db = 1 + eb;
        const double above = (a < 0 ? 1 : ea) / da, below = (b < 0 ? eb : 1) / db; /* σ(−a), σ(b) */
        const double width = low || high ? 1 : density ? per : -less;
        const double shrink = low || high ? 0 : density ? 1 : delta * (1 + less) / -less;
        const double power = (high || a > 0 ? 0 : a) + (low || b < 0 ? 0 : -b);
        m->log_p[k] = power + wt_double_log(width / ((high ? 1 : da) * (low ? 1 : db)));
        m->by_mean[k] = ((low ? 0 : below) - (high ? 0 : above)) * per;
        const double by_scale = (low ? 0 : b * below) - (high ? 0 : a * above) - shrink;
        m->by_scale[k] = scale == m->scale[k] ? by_scale : 0;
    }
}

/* With t = (y − μ)/σ and w = h/σ a code is the integral of φ from t − w to t + w; by symmetry t ≥ 0. In the
 * tail e^(−(t−w)²/2) is taken out of it; where w and t·w are small, its series about t has no difference of
 * like numbers (and is the density for w = 0). */
INLINE void gaussian_lanes(mixture_terms *m, int first, const value_view *v) {
    const double y = v->y, half = v->half, log_width = v->log_width;
    const bool left = v->low, right = v->high, edge = left || right;
#pragma omp simd
    for (int k = first; k < first + WIDTH; k++) {
        const double scale = clamp_scale(m->scale[k], WT_GAUSSIAN_FLOOR), per = wt_double_exp(-scale);
        const double signed_t = (y - m->mean[k]) * per, t = signed_t < 0 ? -signed_t : signed_t,
                     w = half * per;
        const bool low = signed_t < 0 ? right : left, high = signed_t < 0 ? left : right;
        const double z1 = t - w, z2 = t + w, tw = t * w, ww = w * w, tt = t * t;
        /* the series: P = 2w·φ(t)·(1 + w²·A + w⁴·B) */
        const bool small = !edge && w < 0.01 && tw < 0.01;
        const double A = (tt - 1) / 6, B = (tt * tt - 6 * tt + 3) / 120, S = 1 + ww * (A + ww * B);
        /* the difference, over e^power */
        const bool tail = z1 >= 0 && !low;
        const double power = tail ? -0.5 * z1 * z1 : 0;
        const double e1 = tail ? 1 : wt_double_exp(-0.5 * z1 * z1),
                     e2 = wt_double_exp(tail ? -2 * tw : -0.5 * z2 * z2);
        const double q1 = 0.5 * e1 * wt_double_erfcx((z1 < 0 ? -z1 : z1) * ROOT_HALF);
        const double q2 = 0.5 * e2 * wt_double_erfcx(z2 * ROOT_HALF);
        const double P = tail ? q1 - (high ? 0 : q2) : 1 - (low ? 0 : q1) - (high ? 0 : q2);
        const double log_of = wt_double_log(small ? S : P);
        m->log_p[k] = small ? log_of + log_width - scale - LOG_ROOT_2PI - 0.5 * tt : power + log_of;
        const double p1 = low ? 0 : PER_ROOT_2PI * e1 / P, p2 = high ? 0 : PER_ROOT_2PI * e2 / P;
        const double by_t = small ? -t + ww * t * (1.0 / 3 + ww * (tt - 3) / 30) / S : p2 - p1;
        const double w_by_w = small ? 1 + ww * (2 * A + 4 * ww * B) / S : w * (p1 + p2);
        m->by_mean[k] = (signed_t < 0 ? by_t : -by_t) * per;
        m->by_scale[k] = scale == m->scale[k] ? -t * by_t - w_by_w : 0;
    }
}

/* Means from their outputs. With E = e^−|o| − 1, sinh |o| = −½·E·(2 + E)·e^|o|, without differences of
 * like numbers. */
INLINE void find_means(mixture_terms *m, int padded, const wt_mixture *mixture) {
    const double unit = mixture->unit;
    for (int k = 0; k < padded; k++) m->slope[k] = unit;
    if (!mixture->curved) {
        for (int k = 0; k < padded; k++) m->mean[k] *= unit;
        return;
    }
#pragma omp simd
    for (int k = 0; k < padded; k++) {
        const double o = m->mean[k], size = o < 0 ? -o : o;
        const double within = size > WT_MEAN_CEILING ? WT_MEAN_CEILING : size;
        const wt_double_exp_parts e = wt_double_exp_split(-within); /* for e^−|o| and E */
        const double above = e.power + e.power * e.rest, less = e.power * e.rest + (e.power - 1.0);
        const double mean = -0.5 * less * (2 + less) / above * unit;
        m->mean[k] = o < 0 ? -mean : mean;
        m->slope[k] = size > WT_MEAN_CEILING ? 0 : 0.5 * (above + 1 / above) * unit;
    }
}

/* One value's components from its outputs; what fills up the last lanes weighs nothing. */
INLINE int read_terms(mixture_terms *m, const float *y, const wt_mixture *mixture) {
    const int components = mixture->components;
    const int padded = (components + WIDTH - 1) / WIDTH * WIDTH;
    const float *mean = components > 1 ? y + components : y, *scale = mean + components;
    for (int k = 0; k < padded; k++) {
        const bool is = k < components;
        m->logit[k] = !is ? -HUGE_VAL : components > 1 ? (double)y[k] : 0;
        m->mean[k] = is ? (double)mean[k] : 0;
        m->scale[k] = is ? (double)scale[k] : 0;
    }
    find_means(m, padded, mixture);
    return padded;
}

/* x[k] ← e^(x[k] − the largest); returns ln Σ e^x, and 1/Σ in *share. */
INLINE double soften_components(double *x, int components, int padded, double *share) {
    double largest = x[0], sum = 0;
    for (int k = 1; k < components; k++) largest = x[k] > largest ? x[k] : largest;
#pragma omp simd
    for (int k = 0; k < padded; k++) x[k] = wt_double_exp(x[k] - largest);
    for (int k = 0; k < components; k++) sum += x[k];
    *share = 1 / sum;
    return largest + wt_vector_log(sum);
}

INLINE double mixture_value(mixture_terms *m, float *y, const value_view *v, const wt_mixture *mixture,
                            bool gaussian, bool gradient) {
    const int components = mixture->components;
    double prior_share, joint_share;
    const int padded = read_terms(m, y, mixture);
    for (int k = 0; k < padded; k += WIDTH) {
        if (gaussian) {
            gaussian_lanes(m, k, v);
        } else {
            logistic_lanes(m, k, v);
        }
    }
    for (int k = 0; k < padded; k++) m->joint[k] = m->logit[k] + m->log_p[k];
    const double prior = soften_components(m->logit, components, padded, &prior_share);
    const double loss = prior - soften_components(m->joint, components, padded, &joint_share);
    if (!gradient) return loss;
    float *mean = components > 1 ? y + components : y, *scale = mean + components;
    for (int k = 0; k < components; k++) {
        const double r = m->joint[k] * joint_share;
        if (components > 1) y[k] = (float)(m->logit[k] * prior_share - r);
        mean[k] = (float)(-r * m->by_mean[k] * m->slope[k]);
        scale[k] = (float)(-r * m->by_scale[k]);
    }
    return loss;
}

INLINE double mixture_rows(float *y, int ldy, const float *values, const int32_t *targets, int rows,
                           const wt_mixture *mixture, bool gaussian, bool gradient) {
    const int outputs = wt_kernels_mixture_outputs(mixture), each = outputs / mixture->channels;
    value_view v = {.half = mixture->half,
                    .log_width = mixture->half > 0 ? wt_vector_log(2 * mixture->half) : 0};
    mixture_terms m = {.logit = {0}};
    double loss = 0;
    for (ptrdiff_t t = 0; t < rows; t++) {
        float *row = y + t * ldy;
        if (targets[t] < 0) {
            if (gradient) memset(row, 0, (size_t)outputs * sizeof *row);
            continue;
        }
        for (int c = 0; c < mixture->channels; c++) {
            v.y = (double)values[t * mixture->channels + c];
            v.low = targets[t] >> 2 * c & WT_EDGE_LOW;
            v.high = targets[t] >> 2 * c & WT_EDGE_HIGH;
            loss += mixture_value(&m, row + c * each, &v, mixture, gaussian, gradient);
        }
    }
    return loss;
}

static double logistics(float *y, int ldy, const float *values, const int32_t *targets, int rows,
                        const wt_mixture *mixture, bool gradient) {
    return mixture_rows(y, ldy, values, targets, rows, mixture, false, gradient);
}

static double gaussians(float *y, int ldy, const float *values, const int32_t *targets, int rows,
                        const wt_mixture *mixture, bool gradient) {
    return mixture_rows(y, ldy, values, targets, rows, mixture, true, gradient);
}

#undef ROOT_HALF
#undef LOG_ROOT_2PI
#undef PER_ROOT_2PI

#endif
