/* What becomes of steps that are not finite, and of spikes: the guard's count, alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "train_internal.h"

static wt_checkpoint_state fresh_state(void) {
    wt_checkpoint_state state;
    memset(&state, 0, sizeof state);
    state.guard.rate_scale = 1.0;
    return state;
}

static void finite_steps_are_applied(void **unused) {
    (void)unused;
    wt_checkpoint_state state = fresh_state();
    const wt_guard_config guard = {.skips = 2, .rollbacks = 1, .rate = 0.5};
    for (int i = 0; i < 200; i++)
        assert_int_equal(wt_guard_step(&state, &guard, true, 1.0 + i), WT_STEP_APPLY);
    assert_int_equal(state.guard.skipped, 0);
    assert_int_equal(state.guard.norm_count, 200);
}

static void steps_that_are_not_finite_are_skipped_then_undone(void **unused) {
    (void)unused;
    wt_checkpoint_state state = fresh_state();
    const wt_guard_config guard = {.skips = 3, .rollbacks = 1, .rate = 0.5};
    assert_int_equal(wt_guard_step(&state, &guard, false, NAN), WT_STEP_SKIP);
    assert_int_equal(wt_guard_step(&state, &guard, false, NAN), WT_STEP_SKIP);
    assert_int_equal(wt_guard_step(&state, &guard, true, 1.0), WT_STEP_APPLY); /* in a row no longer */
    assert_int_equal(wt_guard_step(&state, &guard, false, INFINITY), WT_STEP_SKIP);
    assert_int_equal(wt_guard_step(&state, &guard, false, NAN), WT_STEP_SKIP);
    assert_int_equal(wt_guard_step(&state, &guard, false, NAN), WT_STEP_ROLL_BACK);
    assert_int_equal(state.guard.skipped, 5);
    assert_int_equal(state.guard.norm_count, 1); /* nothing that was skipped is in the ring */
    state.guard.rollbacks = 1;
    state.guard.skipped_in_row = 2;
    assert_int_equal(wt_guard_step(&state, &guard, false, NAN), WT_STEP_GIVE_UP);
}

static void a_spike_is_beyond_the_median_of_a_full_ring(void **unused) {
    (void)unused;
    wt_checkpoint_state state = fresh_state();
    const wt_guard_config guard = {.skips = 9, .rollbacks = 1, .rate = 0.5, .spike = 10.0};
    for (int i = 0; i < WT_NORM_RING; i++) {
        /* ring not full: nothing is a spike; a few wild ones leave the median at 1 */
        assert_int_equal(wt_guard_step(&state, &guard, true, i % 4 ? 1.0 : 1e6), WT_STEP_APPLY);
    }
    assert_int_equal(wt_guard_step(&state, &guard, true, 10.5), WT_STEP_SKIP_SPIKE);
    assert_int_equal(wt_guard_step(&state, &guard, true, 9.5), WT_STEP_APPLY);
    const wt_guard_config off = {.skips = 9, .rollbacks = 1, .rate = 0.5, .spike = 0.0};
    assert_int_equal(wt_guard_step(&state, &off, true, 1e9), WT_STEP_APPLY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finite_steps_are_applied),
        cmocka_unit_test(steps_that_are_not_finite_are_skipped_then_undone),
        cmocka_unit_test(a_spike_is_beyond_the_median_of_a_full_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
