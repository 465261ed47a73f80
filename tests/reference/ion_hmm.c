/* See ion_hmm.h. Probabilities are scaled at each step, so that nothing underflows; only ratios matter. */
#include "ion_hmm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* k of n, each with probability p. */
static double binomial(int n, int k, double p) {
    double value = 1;
    for (int i = 0; i < k; i++) value *= (double)(n - i) / (k - i);
    return value * pow(p, k) * pow(1 - p, n - k);
}

void wt_ion_chain_make(wt_ion_chain *chain, const wt_ion *ion) {
    double opens, closes;
    wt_ion_transitions(ion, &opens, &closes);
    memset(chain, 0, sizeof *chain);
    chain->states = ion->count + 1;
    for (int from = 0; from < chain->states; from++) {
        chain->start[from] = binomial(ion->count, from, ion->opening / (ion->opening + ion->closing));
        for (int stay = 0; stay <= from; stay++) { /* of the open ones; then of the closed ones some open */
            for (int more = 0; more <= ion->count - from; more++)
                chain->step[from][stay + more] += binomial(from, stay, 1 - closes) *
                                                  binomial(ion->count - from, more, opens);
        }
    }
}

/* Likelihoods of one sample, over their largest. */
static void observe(double *likelihood, const wt_ion_chain *chain, const wt_ion *ion, double x) {
    double largest = -INFINITY;
    for (int s = 0; s < chain->states; s++) {
        const double d = (x - ion->amplitude * s) / ion->noise;
        likelihood[s] = -0.5 * d * d;
        largest = fmax(largest, likelihood[s]);
    }
    for (int s = 0; s < chain->states; s++) likelihood[s] = exp(likelihood[s] - largest);
}

static void scale(double *values, int states) {
    double sum = 0;
    for (int s = 0; s < states; s++) sum += values[s];
    for (int s = 0; s < states; s++) values[s] /= sum;
}

/* The next sample's filtered distribution from this one's; NULL at the start. */
static void filter_forward(double *next, const wt_ion_chain *chain, const double *now,
                           const double *likelihood) {
    for (int to = 0; to < chain->states; to++) {
        double sum = now ? 0 : chain->start[to];
        for (int from = 0; now && from < chain->states; from++) sum += now[from] * chain->step[from][to];
        next[to] = sum * likelihood[to];
    }
    scale(next, chain->states);
}

/* back[s] ∝ p(samples t+1 … end−1 | s at t) */
static void look_ahead(double *back, const wt_ion_chain *chain, const double *likelihood, int64_t t,
                       int64_t end) {
    const int states = chain->states;
    for (int s = 0; s < states; s++) back[s] = 1;
    for (int64_t u = end - 1; u > t; u--) {
        double weighted[WT_ION_STATES];
        for (int s = 0; s < states; s++) weighted[s] = likelihood[u * states + s] * back[s];
        for (int from = 0; from < states; from++) {
            double sum = 0;
            for (int to = 0; to < states; to++) sum += chain->step[from][to] * weighted[to];
            back[from] = sum;
        }
        scale(back, states);
    }
}

void wt_ion_smooth(double *posterior, const wt_ion_chain *chain, const wt_ion *ion, const double *current,
                   int64_t count, int64_t lag) {
    const int states = chain->states;
    double *likelihood = malloc((size_t)count * (size_t)states * sizeof *likelihood);
    double back[WT_ION_STATES];
    if (!likelihood) abort();
    for (int64_t t = 0; t < count; t++) observe(likelihood + t * states, chain, ion, current[t]);
    for (int64_t t = 0; t < count; t++)
        filter_forward(posterior + t * states, chain, t ? posterior + (t - 1) * states : NULL,
                       likelihood + t * states);
    for (int64_t t = 0; t < count && lag > 0; t++) {
        const int64_t end = t + lag + 1 < count ? t + lag + 1 : count;
        look_ahead(back, chain, likelihood, t, end);
        for (int s = 0; s < states; s++) posterior[t * states + s] *= back[s];
        scale(posterior + t * states, states);
    }
    free(likelihood);
}
