/*
 * torch.optim.lr_scheduler.ReduceLROnPlateau (mode min, relative threshold): what it remembers is the
 * caller's, so that it can travel with rank 0's decisions and stand in checkpoints.
 */
#include <math.h>

#include "optim/optim.h"

/* A change of the rate that is smaller is none, as in PyTorch. */
static const double least_change = 1e-8;

wt_plateau wt_plateau_begin(void) {
    return (wt_plateau){.best = INFINITY, .scale = 1.0};
}

bool wt_plateau_note(wt_plateau *plateau, const wt_schedule_config *schedule, double base, double loss) {
    if (loss < plateau->best * (1.0 - schedule->threshold)) {
        plateau->best = loss;
        plateau->bad = 0;
    } else {
        plateau->bad++; /* also if the loss is no number */
    }
    if (plateau->cooldown > 0) {
        plateau->cooldown--;
        plateau->bad = 0;
    }
    if (plateau->bad <= schedule->patience) return false;
    double scale = fmax(plateau->scale * schedule->decay, schedule->floor);
    bool lower = base * (plateau->scale - scale) > least_change;
    if (lower) plateau->scale = scale;
    plateau->cooldown = schedule->cooldown;
    plateau->bad = 0;
    return lower;
}
