/*
 * What follows from a validation: a new best, a lower rate on a plateau, an early end. Rank 0 judges from the
 * loss that is the same everywhere, and all ranks get its word; what is remembered is in the checkpoint's
 * state.
 */
#include <math.h>

#include "train_internal.h"

wt_plateau wt_judge_read_plateau(const wt_checkpoint_state *state) {
    return (wt_plateau){state->plateau.best, state->plateau.scale, state->plateau.bad,
                        state->plateau.cooldown};
}

void wt_judge_store_plateau(wt_checkpoint_state *state, wt_plateau plateau) {
    state->plateau.best = plateau.best;
    state->plateau.scale = plateau.scale;
    state->plateau.bad = plateau.bad;
    state->plateau.cooldown = plateau.cooldown;
}

bool wt_judge_needs_validation(const wt_config *config) {
    return config->schedule.kind == WT_SCHEDULE_PLATEAU || config->validation.patience > 0;
}

bool wt_judge_is_out_of_patience(const wt_checkpoint_state *state, const wt_config *config) {
    return config->validation.patience > 0 && state->stale >= config->validation.patience;
}

bool wt_judge_has_reached_esr(const wt_checkpoint_state *state, const wt_config *config) {
    const double until = config->validation.until_esr;
    return until > 0 && state->validation_power > 0 &&
           state->best_validation_loss <= until * state->validation_power;
}

wt_judgement wt_judge(wt_checkpoint_state *state, const wt_config *config, double loss) {
    wt_judgement judgement = {0};
    state->validation_loss = loss;
    judgement.best = isfinite(loss) &&
                     !(loss >= state->best_validation_loss); /* also when there is none yet */
    state->stale++;
    if (judgement.best) {
        state->best_validation_loss = loss;
        state->best_step = state->step;
        state->stale = 0;
    }
    if (config->schedule.kind == WT_SCHEDULE_PLATEAU) {
        wt_plateau plateau = wt_judge_read_plateau(state);
        judgement.lowered = wt_plateau_note(&plateau, &config->schedule, config->optimizer.learning_rate,
                                            loss);
        wt_judge_store_plateau(state, plateau);
    }
    judgement.enough = wt_judge_is_out_of_patience(state, config) || wt_judge_has_reached_esr(state, config);
    return judgement;
}
