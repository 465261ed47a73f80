/*
 * The kernels as the model calls them, each compared with the peak of the same threads, which is measured by
 * turns with it. All threads work at once; rates are of all of them together.
 *
 * Two ways, since a kernel meets both. `hot`: each thread has one tile, again and again, from its own caches.
 * `window`: the threads walk through a window's tiles, each takes the next but threads−1, so that every tile
 * comes from where a window's rows are between two layers, and goes back there. The truth of a step lies
 * between the two: the pipeline takes rows to the next layer while some are still near.
 */
#ifndef WAVETRAIN_MEASURE_KERNELS_H
#define WAVETRAIN_MEASURE_KERNELS_H

#include "bench/bench_peak.h"
#include "bench/bench_time.h"
#include "bench/kernel_bed.h"

enum { WT_MEASURE_WINDOW = 8192 }; /* rows of a window, at least */

typedef struct {
    const wt_kernels *kernels;
    wt_bench_list channels, taps, dilations; /* products with one tap have no dilation */
    int rows, rounds;                        /* of a tile, up to WT_MEASURE_WINDOW; turns of each kernel */
} wt_kernels_plan;

typedef struct {
    const char *kernel;
    bool product;            /* it is counted in operations and compared with the peak; others in elements */
    wt_kernel_shape shape;   /* of what is no product, taps and dilation are 0 */
    double hot, window;      /* operations, or elements, per second */
    double tile_bytes;       /* that a tile reads and writes */
    double bytes_per_second; /* of the window */
    wt_bench_peak peak;      /* fp32, by turns with these */
} wt_kernel_rate;

/* Receives a kernel's rate as soon as it is measured: all products first. */
typedef void (*wt_kernel_report)(void *context, const wt_kernel_rate *rate);

/* With as many threads as OpenMP offers. *peaks: all bursts together. WT_USAGE: a number is out of range. */
wt_status wt_measure_kernels(wt_bench_peaks *peaks, const wt_kernels_plan *plan, wt_kernel_report report,
                             void *context);

#endif
