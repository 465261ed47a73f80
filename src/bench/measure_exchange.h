/*
 * The exchange in its fixed tree compared with MPI_Allreduce, over sizes, on all ranks. Both run by turns on
 * a gradient that is all ready at once (nothing to overlap with), so that other load on the machine meets
 * both alike; a time is the slowest rank's. The bound is 2·(P−1)/P·n over the bandwidth of a ping-pong in the
 * same run.
 */
#ifndef WAVETRAIN_MEASURE_EXCHANGE_H
#define WAVETRAIN_MEASURE_EXCHANGE_H

#include <stddef.h>

#include "bench/bench_time.h"
#include "config/sections.h"
#include "wavetrain/comm.h"

enum { WT_EXCHANGE_KIB_MAX = 1 << 20 };

typedef struct {
    const wt_kernels *kernels;
    const wt_exchange_config *config;
    int rounds;
    int from, to; /* KiB; each size is twice the one before, up to WT_EXCHANGE_KIB_MAX */
} wt_exchange_plan;

typedef struct {
    size_t bytes;
    wt_bench_time tree, allreduce;
    double bandwidth; /* bytes per second, one way; 0: of one rank there is none */
    double bound;     /* seconds */
} wt_exchange_speed;

/* Receives a size's times as soon as they are measured, on each rank. */
typedef void (*wt_exchange_report)(void *context, const wt_exchange_speed *speed);

/* Collective. */
wt_status wt_measure_exchange(wt_comm *comm, const wt_exchange_plan *plan, wt_exchange_report report,
                              void *context);

/* The median time of an exchange without overlap, with a microbatch per rank. Of the plan, the sizes are not
 * read. Collective. */
wt_status wt_measure_exchange_size(double *seconds, wt_comm *comm, const wt_exchange_plan *plan,
                                   size_t bytes);

#endif
