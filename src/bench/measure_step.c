/* Steps by turns with bursts of the peak, and what they come to. */
#include "bench/measure_step.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/timer.h"
#include "engine/engine.h"
#include "network/network_model.h"

/* nanoseconds: [steps, WT_STEP_COLUMNS], the slowest rank's. Collective. */
static wt_status measure_steps(wt_stepper *stepper, wt_bench_peaks *peaks, int64_t *nanoseconds, int steps) {
    enum { FIRST = -2, BURSTS = 3 };
    wt_comm *comm = stepper->step->comm;
    wt_timer *timer = &stepper->step->timer;
    wt_bench_peaks_init(peaks, stepper->kernels);
    for (int step = FIRST; step < steps; step++) {
        wt_comm_barrier(comm);
        for (int i = 0; i < BURSTS; i++) wt_bench_peaks_burst(peaks);
        wt_comm_barrier(comm);
        wt_timer_init(timer);
        wt_stepper_step(stepper);
        if (step < 0) continue;
        int64_t *row = nanoseconds + step * WT_STEP_COLUMNS;
        for (int phase = 0; phase < WT_STEP_PHASES; phase++)
            row[phase] = (int64_t)(1e9 * timer->seconds[phase]);
        row[WT_STEP_ALL] = (int64_t)(1e9 * wt_timer_steps(timer));
    }
    wt_comm_max_int64(comm, nanoseconds, steps * WT_STEP_COLUMNS);
    wt_bench_peaks_sum(peaks, comm);
    return wt_comm_agree(comm, isfinite(stepper->loss)
                                   ? WT_OK
                                   : wt_error(WT_FAILED, "%s: the loss is not finite", stepper->name));
}

static wt_status summarise_times(wt_step_speed *speed, const int64_t *nanoseconds) {
    const int steps = speed->steps;
    double *seconds;
    int best = 0;
    WT_TRY(wt_alloc(&seconds, (size_t)steps, sizeof *seconds, "times"));
    for (int step = 1; step < steps; step++) {
        const int64_t *all = nanoseconds + WT_STEP_ALL;
        if (all[step * WT_STEP_COLUMNS] < all[best * WT_STEP_COLUMNS]) best = step;
    }
    for (int column = 0; column < WT_STEP_COLUMNS; column++) {
        const int64_t *at = nanoseconds + column;
        for (int step = 0; step < steps; step++) seconds[step] = 1e-9 * (double)at[step * WT_STEP_COLUMNS];
        speed->in_best[column] = seconds[best];
        speed->own[column] = wt_bench_summarise(seconds, steps);
    }
    wt_free(seconds);
    return WT_OK;
}

/* Forward makes the head's part of backward too. */
static void count_operations(wt_step_speed *speed, const wt_stepper *stepper) {
    const wt_network *network = stepper->network;
    speed->targets = (double)stepper->config.train.batch * stepper->targets;
    const double forward = wt_network_operations(network, stepper->targets) * speed->targets,
                 head = wt_engine_turned_operations(wt_network_graph(network), stepper->targets) *
                        speed->targets;
    speed->operations[WT_PHASE_FORWARD] = forward + 2.0 * head;
    speed->operations[WT_PHASE_BACKWARD] = 2.0 * forward - 2.0 * head;
    speed->operations[WT_STEP_ALL] = 3.0 * forward;
}

/* Collective. */
static void measure_memory(wt_step_speed *speed, const wt_stepper *stepper) {
    int64_t bytes[] = {wt_memory_peak_resident(), wt_memory_peak_bytes(), stepper->estimate};
    wt_comm_max_int64(stepper->step->comm, bytes, 3);
    speed->resident = bytes[0], speed->counted = bytes[1], speed->estimate = bytes[2];
}

wt_status wt_measure_step(wt_step_speed *speed, wt_stepper *stepper, int steps) {
    wt_comm *comm = stepper->step->comm;
    int64_t *nanoseconds;
    WT_CHECK(steps >= 1, WT_USAGE, "steps to measure: out of range (got %d, expected at least 1)", steps);
    wt_status status = wt_alloc(&nanoseconds, (size_t)steps * WT_STEP_COLUMNS, sizeof *nanoseconds, "times");
    WT_TRY(wt_comm_agree(comm, status));
    memset(speed, 0, sizeof *speed);
    speed->steps = steps;
    status = measure_steps(stepper, &speed->peaks, nanoseconds, steps);
    if (status == WT_OK) {
        measure_memory(speed, stepper);
        count_operations(speed, stepper);
        status = wt_comm_agree(comm, summarise_times(speed, nanoseconds));
    }
    wt_free(nanoseconds);
    return status;
}
