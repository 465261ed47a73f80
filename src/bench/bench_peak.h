/* The multiply-add peak of the cores, measured in short bursts between what it is compared with. */
#ifndef WAVETRAIN_BENCH_PEAK_H
#define WAVETRAIN_BENCH_PEAK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/kernel_set.h"
#include "wavetrain/comm.h"

typedef struct {
    double best;                /* operations per second of all threads at once, in the best burst */
    double apart;               /* threads × the best burst of one thread while the others wait */
    double operations, seconds; /* of all bursts of all threads */
} wt_bench_peak;

typedef struct {
    wt_peak unit[WT_PEAKS]; /* run is NULL: the kernels' vector unit has no such instruction */
    wt_bench_peak of[WT_PEAKS];
    int64_t rounds[WT_PEAKS]; /* of a burst */
} wt_bench_peaks;

/* Of the vector unit that the kernels use. Chooses the bursts' length, by trying. */
void wt_bench_peaks_init(wt_bench_peaks *peaks, const wt_kernels *kernels);
/* A few bursts of each kind. */
void wt_bench_peaks_burst(wt_bench_peaks *peaks);
/* Begins anew, with the same bursts. */
void wt_bench_peaks_clear(wt_bench_peaks *peaks);
/* What other bursts have found becomes part of it. */
void wt_bench_peaks_merge(wt_bench_peaks *peaks, const wt_bench_peaks *others);
/* The same of all ranks together. Collective. */
void wt_bench_peaks_sum(wt_bench_peaks *peaks, wt_comm *comm);

/* Operations per second of all bursts together. */
double wt_bench_peak_sustained(const wt_bench_peak *peak);
/* A peak that other load disturbed makes shares of it too large: whether the best burst of all threads and
 * the threads × one thread's, whose *ratio that is, differ by more than a tenth. */
bool wt_bench_peak_disturbed(const wt_bench_peak *peak, double *ratio);

#endif
