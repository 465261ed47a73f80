/* Training steps on random input, for whoever measures them: step, scaling, calibration. */
#ifndef WAVETRAIN_STEPPER_H
#define WAVETRAIN_STEPPER_H

#include "train/step.h"

typedef struct {
    const char *name; /* of the model, or the configuration's file */
    wt_config config;
    const wt_kernels *kernels;
    wt_network *network;
    wt_batch *batch;
    wt_step *step;    /* the caller begins its timer before each step */
    double loss;      /* rank 0: the last step's sum */
    int targets;      /* outputs of a window */
    int64_t estimate; /* bytes that the pass and the state should take */
} wt_stepper;

/* The network of a configuration, as its data set makes it. Not collective. */
wt_status wt_stepper_network(wt_network **network, wt_data_facts *facts, const wt_config *config);

/* The name must outlive it. Collective. */
wt_status wt_stepper_create(wt_stepper **out, wt_comm *comm, const char *name, const wt_config *config);
void wt_stepper_destroy(wt_stepper *stepper); /* takes NULL */
/* One step. Collective. */
void wt_stepper_step(wt_stepper *stepper);

#endif
