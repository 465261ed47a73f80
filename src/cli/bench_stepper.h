/* Training steps for the commands that measure them: bench step, bench calibrate. */
#ifndef WAVETRAIN_BENCH_STEPPER_H
#define WAVETRAIN_BENCH_STEPPER_H

#include "bench_internal.h"
#include "wavetrain/model.h"
#include "wavetrain/optim.h"
#include "wavetrain/timer.h"

typedef struct {
    wt_comm *comm;
    const char *name; /* of the model, or the configuration's file */
    wt_config config;
    const wt_kernels *kernels;
    wt_network *network;
    wt_batch *batch;
    wt_pass *pass;
    wt_exchange *exchange;
    wt_optimizer optimizer;
    wt_real *parameters;
    int lanes, first_lane, end_lane, lane_windows, lanes_at_once;
    wt_window_loss *losses;   /* [windows of this rank] */
    wt_real **lane_gradients; /* [lanes_at_once] */
    double *block_sums;       /* of the norm */
    double *lane_sums;        /* of batch norm */
    wt_timer timer;           /* the caller begins it before each step */
    int64_t estimate;         /* bytes that the pass and the state should take */
} wt_stepper;

/* The name must outlive it. Collective. */
wt_status wt_stepper_create(wt_stepper **out, wt_comm *comm, const char *name, const wt_config *config);
void wt_stepper_destroy(wt_stepper *stepper); /* takes NULL */
/* One step. Collective. */
void wt_stepper_step(wt_stepper *stepper);

#endif
