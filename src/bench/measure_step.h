/*
 * Training steps as the trainer makes them, on random input: packing of weights, forward, backward with the
 * exchange between ranks, norm, update; a burst of the cores' multiply-add peak between two steps. All ranks
 * begin a step together, and the slowest one counts.
 *
 * What a step is worth: the operations that its targets need, three times those of forward (the gradients by
 * the data and by the weights cost as much each). What a kernel or a narrower tile computes beyond that is
 * not counted.
 */
#ifndef WAVETRAIN_MEASURE_STEP_H
#define WAVETRAIN_MEASURE_STEP_H

#include "bench/bench_peak.h"
#include "bench/bench_time.h"
#include "bench/stepper.h"

/* A step's phases, then the whole step. */
enum { WT_STEP_PHASES = WT_PHASE_UPDATE + 1, WT_STEP_ALL = WT_STEP_PHASES, WT_STEP_COLUMNS };

/* Seconds of the slowest rank; operations of all ranks together. */
typedef struct {
    int steps;
    double in_best[WT_STEP_COLUMNS];    /* of the best step */
    wt_bench_time own[WT_STEP_COLUMNS]; /* of each phase over all steps */
    double operations[WT_STEP_COLUMNS];
    double targets; /* of a step */
    wt_bench_peaks peaks;
    int64_t resident, counted, estimate; /* bytes of the largest rank: in all, the program's own, expected */
} wt_step_speed;

/* Two steps touch memory and open connections before those that count. Collective. */
wt_status wt_measure_step(wt_step_speed *speed, wt_stepper *stepper, int steps);

#endif
