/* Bursts of multiply-adds, in all threads at once and in one alone. */
#include "bench/bench_peak.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/timer.h"
#include "bench/bench_time.h"
#include "kernels/kernel_set.h"

typedef struct {
    wt_peak peak;
    int64_t rounds;
    double operations; /* of thread 0 */
} burst_work;

static void run_burst(void *context, int thread, int threads) {
    burst_work *burst = context;
    double operations = burst->peak.run(burst->rounds);
    if (thread == 0) burst->operations = operations * threads;
}

void wt_bench_peaks_init(wt_bench_peaks *peaks, const wt_kernels *kernels) {
    memset(peaks, 0, sizeof *peaks);
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        burst_work burst = {wt_kernels_peak(kernels, (wt_peak_kind)kind), 1000, 0.0};
        peaks->unit[kind] = burst.peak;
        if (!burst.peak.run) continue;
        peaks->rounds[kind] = burst.rounds * wt_bench_repeats(run_burst, &burst);
    }
}

/* The calling thread alone: a thread that other load holds up makes the burst of all threads look slow, but
 * not that of the others. */
static double burst_apart(burst_work *burst, int threads) {
    const double began = wt_time_now();
    run_burst(burst, 0, threads);
    const double seconds = wt_time_now() - began;
    return seconds > 0 ? burst->operations / seconds : 0.0;
}

static void record_burst(wt_bench_peaks *peaks, int kind) {
    wt_bench_peak *peak = &peaks->of[kind];
    burst_work burst = {peaks->unit[kind], peaks->rounds[kind], 0.0};
    if (!burst.rounds) return;
    const double seconds = wt_bench_together(run_burst, &burst), rate = burst.operations / seconds;
    peak->operations += burst.operations;
    peak->seconds += seconds;
    if (rate > peak->best) peak->best = rate;
    const double apart = burst_apart(&burst, omp_get_max_threads());
    if (apart > peak->apart) peak->apart = apart;
}

/* Each kind several times by turns: the first goes after something else often finds a thread still on its
 * way, or the core not yet at its speed for wide vectors. */
void wt_bench_peaks_burst(wt_bench_peaks *peaks) {
    enum { TURNS = 3 };
    for (int turn = 0; turn < TURNS; turn++) {
        for (int kind = 0; kind < WT_PEAKS; kind++) record_burst(peaks, kind);
    }
}

void wt_bench_peaks_clear(wt_bench_peaks *peaks) {
    memset(peaks->of, 0, sizeof peaks->of);
}

void wt_bench_peaks_merge(wt_bench_peaks *peaks, const wt_bench_peaks *others) {
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        wt_bench_peak *peak = &peaks->of[kind];
        const wt_bench_peak *other = &others->of[kind];
        peak->operations += other->operations;
        peak->seconds += other->seconds;
        if (other->best > peak->best) peak->best = other->best;
        if (other->apart > peak->apart) peak->apart = other->apart;
    }
}

void wt_bench_peaks_sum(wt_bench_peaks *peaks, wt_comm *comm) {
    for (int kind = 0; kind < WT_PEAKS; kind++) {
        wt_bench_peak *peak = &peaks->of[kind];
        int64_t rates[3] = {(int64_t)peak->best, (int64_t)peak->apart,
                            (int64_t)wt_bench_peak_sustained(peak)};
        wt_comm_sum_int64(comm, rates, 3);
        *peak = (wt_bench_peak){(double)rates[0], (double)rates[1], (double)rates[2], 1.0};
    }
}

double wt_bench_peak_sustained(const wt_bench_peak *peak) {
    return peak->seconds > 0 ? peak->operations / peak->seconds : 0.0;
}

bool wt_bench_peak_disturbed(const wt_bench_peak *peak, double *ratio) {
    const double tolerance = 0.1;
    *ratio = peak->apart > 0 ? peak->best / peak->apart : 1.0;
    return fabs(*ratio - 1.0) > tolerance;
}
