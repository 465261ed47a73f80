/* The exact answer for simulated ion channels: how many are open, by the hidden Markov model that they
 * are. */
#ifndef WAVETRAIN_TESTS_ION_HMM_H
#define WAVETRAIN_TESTS_ION_HMM_H

#include "data/prepare/prepare.h"

enum { WT_ION_STATES = 17 }; /* at most 16 channels */

/* Of how many of identical, independent channels are open: a Markov chain too. */
typedef struct {
    int states;
    double start[WT_ION_STATES];               /* in equilibrium */
    double step[WT_ION_STATES][WT_ION_STATES]; /* from, to */
} wt_ion_chain;

void wt_ion_chain_make(wt_ion_chain *chain, const wt_ion *ion);

/*
 * posterior[t][s] = p(s open at sample t | samples 0 … t + lag), of what there is of them; `current` is the
 * signal without hum and drift. Forward as usual; the look-ahead's part is made anew for each sample, lag
 * steps back from its end (Rabiner 1989, equations 19 to 27), so it takes lag·states² operations a sample.
 */
void wt_ion_smooth(double *posterior, const wt_ion_chain *chain, const wt_ion *ion, const double *current,
                   int64_t count, int64_t lag);

#endif
