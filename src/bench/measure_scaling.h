/*
 * The same steps on more and more of the ranks that there are (predict/scaling.h). Within one start, so that
 * all numbers of ranks meet the same machine: the first ranks compute, the others sleep. They take turns,
 * round after round, since a machine is never quiet; ratios are of the best steps, the exposed exchange is
 * the median's.
 */
#ifndef WAVETRAIN_MEASURE_SCALING_H
#define WAVETRAIN_MEASURE_SCALING_H

#include "predict/scaling.h"
#include "wavetrain/comm.h"

typedef struct {
    const char *name;  /* of the model, for messages */
    int steps, rounds; /* of each case in a round */
} wt_scaling_turns;

/* Measures the links that these ranks have and nothing is known of: within the first node, as the calibration
 * does, and between the first and the last rank where they are on several nodes. Collective. */
wt_status wt_measure_scaling_links(wt_scaling_model *model, wt_comm *comm);

/* Fills the cases' measured figures and their nodes. Collective. */
wt_status wt_measure_scaling(wt_scaling_table *table, const wt_scaling_model *model, wt_comm *comm,
                             const wt_scaling_turns *turns);

#endif
