/*
 * The reference of the mixtures' kernels: the formulas of kernel_set.h with the C library's functions, in
 * double also where a wt_real is a float. An interval's probability is the difference of two tails on the
 * side where they are small, over the larger one's exponential, so that nothing underflows.
 */
#include <string.h>

#include "kernels_internal.h"

/* ln P of one component, and its gradients by the mean and by the (clamped) ln s. */
typedef struct {
    double log_p, by_mean, by_scale;
} term;

static double log_sigmoid(double x) {
    return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

static double sigmoid(double x) {
    return exp(log_sigmoid(x));
}

static term logistic_term(double y, double half, bool low, bool high, double mean, double scale) {
    const double s = exp(scale), a = ((y + half) - mean) / s, b = ((y - half) - mean) / s,
                 delta = 2 * half / s;
    if (half == 0) {
        return (term){log_sigmoid(a) + log_sigmoid(-a) - scale, (sigmoid(a) - sigmoid(-a)) / s,
                      a * (sigmoid(a) - sigmoid(-a)) - 1};
    }
    if (low) return (term){log_sigmoid(a), -sigmoid(-a) / s, -a * sigmoid(-a)};
    if (high) return (term){log_sigmoid(-b), sigmoid(b) / s, b * sigmoid(b)};
    return (term){log_sigmoid(a) + log_sigmoid(-b) + log(-expm1(-delta)), (sigmoid(b) - sigmoid(-a)) / s,
                  b * sigmoid(b) - a * sigmoid(-a) - delta * exp(-delta) / -expm1(-delta)};
}

/* e^(z²/2)·Q(z), Q the standard normal's upper tail, for z ≥ 0. */
static double scaled_tail(double z) {
    const double x2 = z * z;
    if (z < 30) return 0.5 * exp(0.5 * x2) * erfc(z * sqrt(0.5));
    return (1 - (1 - (3 - 15 / x2) / x2) / x2) / (z * sqrt(2 * acos(-1)));
}

static term gaussian_term(double y, double half, bool low, bool high, double mean, double scale) {
    const double s = exp(scale), t = (y - mean) / s, w = half / s, root = sqrt(2 * acos(-1));
    if (half == 0) return (term){-0.5 * t * t - log(root) - scale, t / s, t * t - 1};
    if (t < 0) { /* its mirror image */
        const term mirrored = gaussian_term(-y, half, high, low, -mean, scale);
        return (term){mirrored.log_p, -mirrored.by_mean, mirrored.by_scale};
    }
    const double z1 = t - w, z2 = t + w;
    const bool tail = z1 >= 0 && !low;
    const double power = tail ? -0.5 * z1 * z1 : 0;
    const double e1 = exp(-0.5 * z1 * z1 - power), e2 = tail ? exp(-2 * t * w) : exp(-0.5 * z2 * z2);
    const double q1 = e1 * scaled_tail(fabs(z1)), q2 = e2 * scaled_tail(z2);
    const double p = tail ? q1 - (high ? 0 : q2) : 1 - (low ? 0 : q1) - (high ? 0 : q2);
    const double p1 = low ? 0 : e1 / root / p, p2 = high ? 0 : e2 / root / p;
    return (term){power + log(p), (p1 - p2) / s, t * (p1 - p2) - w * (p1 + p2)};
}

typedef term (*term_function)(double y, double half, bool low, bool high, double mean, double scale);

static double clamped(double scale, double floor) {
    return scale < floor ? floor : scale > WT_SCALE_CEILING ? WT_SCALE_CEILING : scale;
}

/* ln Σ e^x */
static double log_sum(const double *x, int count) {
    double largest = x[0], sum = 0;
    for (int k = 1; k < count; k++) largest = x[k] > largest ? x[k] : largest;
    for (int k = 0; k < count; k++) sum += exp(x[k] - largest);
    return largest + log(sum);
}

/* The mean that an output stands for, and its gradient. */
static double mean_of(const wt_mixture *mixture, double output, double *slope) {
    const double o = output < -WT_MEAN_CEILING  ? -WT_MEAN_CEILING
                     : output > WT_MEAN_CEILING ? WT_MEAN_CEILING
                                                : output;
    *slope = !mixture->curved ? mixture->unit : o == output ? mixture->unit * cosh(o) : 0;
    return mixture->unit * (mixture->curved ? sinh(o) : output);
}

/* One value against its outputs: K logits (none where K is 1), K means, K ln s. */
static double score_value(wt_real *y, double value, int edge, const wt_mixture *mixture,
                          term_function function, double floor, bool gradient) {
    const int K = mixture->components;
    wt_real *mean = K > 1 ? y + K : y, *scale = mean + K;
    double logit[WT_COMPONENTS_MAX] = {0}, joint[WT_COMPONENTS_MAX] = {0}, slope[WT_COMPONENTS_MAX];
    term terms[WT_COMPONENTS_MAX];
    for (int k = 0; k < K; k++) {
        terms[k] = function(value, mixture->half, edge & WT_EDGE_LOW, edge & WT_EDGE_HIGH,
                            mean_of(mixture, (double)mean[k], &slope[k]), clamped((double)scale[k], floor));
        logit[k] = K > 1 ? (double)y[k] : 0;
        joint[k] = logit[k] + terms[k].log_p;
    }
    const double prior = log_sum(logit, K), all = log_sum(joint, K);
    for (int k = 0; gradient && k < K; k++) {
        const double r = exp(joint[k] - all);
        const bool moves = clamped((double)scale[k], floor) == (double)scale[k];
        if (K > 1) y[k] = (wt_real)(exp(logit[k] - prior) - r);
        mean[k] = (wt_real)(-r * terms[k].by_mean * slope[k]);
        scale[k] = (wt_real)(moves ? -r * terms[k].by_scale : 0);
    }
    return prior - all;
}

static double score_mixture_rows(wt_real *y, int ldy, const wt_real *values, const int32_t *targets, int rows,
                                 const wt_mixture *mixture, term_function function, double floor,
                                 bool gradient) {
    const int outputs = wt_kernels_mixture_outputs(mixture), each = outputs / mixture->channels;
    double loss = 0;
    for (ptrdiff_t t = 0; t < rows; t++) {
        wt_real *row = y + t * ldy;
        if (targets[t] < 0 && gradient) memset(row, 0, (size_t)outputs * sizeof *row);
        for (int c = 0; targets[t] >= 0 && c < mixture->channels; c++) {
            loss += score_value(row + c * each, (double)values[t * mixture->channels + c],
                                targets[t] >> 2 * c, mixture, function, floor, gradient);
        }
    }
    return loss;
}

double wt_reference_logistics(wt_real *y, int ldy, const wt_real *values, const int32_t *targets, int rows,
                              const wt_mixture *mixture, bool gradient) {
    return score_mixture_rows(y, ldy, values, targets, rows, mixture, logistic_term, WT_LOGISTIC_FLOOR,
                              gradient);
}

double wt_reference_gaussians(wt_real *y, int ldy, const wt_real *values, const int32_t *targets, int rows,
                              const wt_mixture *mixture, bool gradient) {
    return score_mixture_rows(y, ldy, values, targets, rows, mixture, gaussian_term, WT_GAUSSIAN_FLOOR,
                              gradient);
}
