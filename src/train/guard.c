/*
 * What becomes of a step whose loss or gradient is not finite, or whose gradient's norm jumps: it is skipped,
 * and counted. After guard.skips in a row the run goes back to the last checkpoint that was due with a
 * lower learning rate, and after guard.rollbacks of these it gives up. All of it is decided on rank 0 from
 * sums that are the same on any number of ranks, and what it remembers is in the checkpoint.
 */
#include <math.h>
#include <string.h>

#include "base/order.h"
#include "train_internal.h"

/* The median of the norms that the ring holds (wt_order_median). */
static double find_median_norm(const wt_checkpoint_state *state) {
    double sorted[WT_NORM_RING];
    memcpy(sorted, state->guard.norms, sizeof sorted);
    return wt_order_median(sorted, WT_NORM_RING);
}

/* Only a full ring is a measure. */
static bool is_spike(const wt_checkpoint_state *state, const wt_guard_config *guard, double norm) {
    return guard->spike > 0 && state->guard.norm_count >= WT_NORM_RING &&
           norm > guard->spike * find_median_norm(state);
}

wt_step_verdict wt_guard_step(wt_checkpoint_state *state, const wt_guard_config *guard, bool finite,
                              double norm) {
    if (finite && !is_spike(state, guard, norm)) {
        state->guard.skipped_in_row = 0;
        state->guard.norms[state->guard.norm_count++ % WT_NORM_RING] = norm;
        return WT_STEP_APPLY;
    }
    state->guard.skipped++;
    state->guard.skipped_in_row++;
    if (state->guard.skipped_in_row < guard->skips) return finite ? WT_STEP_SKIP_SPIKE : WT_STEP_SKIP;
    return state->guard.rollbacks < guard->rollbacks ? WT_STEP_ROLL_BACK : WT_STEP_GIVE_UP;
}
