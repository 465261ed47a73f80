/*
 * What this kind of CPU takes for each kind of a training step's work, for predictions.
 *
 * Steps of two dozen networks are measured as a run makes them, pipeline, caches and all, rather than kernels
 * by themselves: what a step takes is more than its kernels. Rates are then fitted to all of them together
 * (predict/forecast.h). All ranks measure at the same time, each by itself, as ranks that share a node's
 * memory do, and the exchange between them is measured too: within a node, or, with a rank on each of several
 * nodes, between nodes.
 */
#ifndef WAVETRAIN_MEASURE_CALIBRATION_H
#define WAVETRAIN_MEASURE_CALIBRATION_H

#include "bench/bench_time.h"
#include "bench/calibration_networks.h"
#include "predict/calibration.h"
#include "wavetrain/comm.h"

/* A network's step. */
typedef struct {
    char network[WT_CALIBRATION_NETWORK_NAME];
    double measured, fitted; /* seconds */
} wt_calibration_step;

/* All networks that suit a number of threads. */
typedef struct {
    int threads, count;
    wt_calibration_step steps[WT_CALIBRATION_NETWORKS];
    double error; /* of the fit: root mean square of the relative errors */
} wt_calibration_fit;

/* Receives each number of threads when it is fitted, on each rank. */
typedef void (*wt_calibration_report)(void *context, const wt_calibration_fit *fit);

typedef struct {
    wt_bench_list threads;   /* of a rank, one number after the other */
    double seconds;          /* for each network; at least three steps are made */
    const char *const *sets; /* [count] settings of every network: backend, precision */
    size_t count;            /* of them */
    bool left_out[WT_CALIBRATION_NETWORKS];
    wt_calibration_report report;
    void *context;
} wt_calibration_plan;

/* Which link the ranks have measured: none, as there is one rank or no time depends on bytes; not, as some
 * share nodes and others do not. */
typedef enum { WT_LINK_NONE, WT_LINK_WITHIN, WT_LINK_BETWEEN, WT_LINK_MIXED } wt_link_measured;

/* Whether the plan can be measured, before anything is. */
wt_status wt_measure_check_calibration(const wt_calibration_plan *plan);

/* Adds rates, memory of a process and a link to the calibration, the same on all ranks. Collective. */
wt_status wt_measure_calibration(wt_calibration *calibration, wt_link_measured *link, wt_comm *comm,
                                 const wt_calibration_plan *plan);

#endif
