/*
 * Generation: streams of a network with random parameters, drawn as `generate` draws them, compared with what
 * bounds them in the same run: one stream reads all weights per sample, so the bound is the best of several
 * reads of the very packed weights; many streams share a read, so there it is the multiply-add peak. All
 * cases take turns, in many short runs.
 */
#ifndef WAVETRAIN_MEASURE_STREAMS_H
#define WAVETRAIN_MEASURE_STREAMS_H

#include <stddef.h>

#include "bench/bench_peak.h"
#include "bench/bench_time.h"
#include "wavetrain/config.h"

enum {
    WT_STREAMS_MAX = 4096,                           /* side by side */
    WT_STREAM_THREADS_MAX = 256,                     /* of OpenMP */
    WT_STREAM_CASES_MAX = WT_BENCH_LIST * WT_WEIGHTS /* numbers of streams, with each kind of weights */
};

typedef struct {
    wt_bench_list streams;
    bool weights[WT_WEIGHTS]; /* those that are measured */
    int rounds;
} wt_streams_plan;

/* Samples per second of all streams together. */
typedef struct {
    int streams;
    wt_weights weights;
    double best, median;
    double bound;        /* if reading the weights were all */
    size_t weight_bytes; /* that one sample of a group of streams reads */
} wt_streams_rate;

typedef struct {
    const wt_kernels *kernels;
    double operations; /* of a sample */
    wt_bench_peaks peaks;
    int count;
    wt_streams_rate rates[WT_STREAM_CASES_MAX];
} wt_streams_speed;

/* With as many threads as OpenMP offers. WT_USAGE: the network generates nothing, or a number is out of
 * range. */
wt_status wt_measure_streams(wt_streams_speed *speed, const wt_config *config, const wt_streams_plan *plan);

#endif
