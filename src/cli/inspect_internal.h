/* inspect's look ahead: what a run of a configuration will take. */
#ifndef WAVETRAIN_INSPECT_INTERNAL_H
#define WAVETRAIN_INSPECT_INTERNAL_H

#include "predict/run_plan.h"

/* As given; 0 or NULL where they are not. */
typedef struct {
    int ranks, threads, nodes;
    char *calibration;
    double latency, bandwidth; /* microseconds, Gbit/s */
    double node_memory;        /* GiB */
} wt_plan_options;

bool wt_plan_asked(const wt_plan_options *options);
/* Fails where a number is out of range. */
wt_status wt_plan_read_options(wt_plan_request *request, const wt_plan_options *options);

/* On standard output; then, on standard error, a line for each thing that will go wrong. */
void wt_plan_print(const wt_plan *plan);

#endif
