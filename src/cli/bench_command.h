/* What the bench commands share: --threads, and the lines about the peak. */
#ifndef WAVETRAIN_BENCH_COMMAND_H
#define WAVETRAIN_BENCH_COMMAND_H

#include "bench/bench_peak.h"

/* --- options --- */

/* --threads: 0 leaves OpenMP's own number. */
wt_status wt_bench_set_threads(int threads);

/* --- lines --- */

/* Two lines, of `cores`: "2 threads". */
void wt_bench_peaks_print(const wt_bench_peaks *peaks, const char *cores);
/* "; disturbed: …", or nothing. */
enum { WT_PEAK_DOUBT = 96 };
void wt_bench_peak_doubt(char text[WT_PEAK_DOUBT], const wt_bench_peak *peak);

#endif
