/* The phases of a step. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "train/phases.h"

static void test_every_phase_has_a_name(void **state) {
    (void)state;
    for (int p = 0; p < WT_PHASES; p++) {
        assert_non_null(wt_phase_name((wt_phase)p));
        for (int q = 0; q < p; q++) {
            assert_string_not_equal(wt_phase_name((wt_phase)p), wt_phase_name((wt_phase)q));
        }
    }
    assert_string_equal(wt_phase_name(WT_PHASE_EXCHANGE), "exchange");
    assert_string_equal(wt_phase_name(WT_PHASE_WAIT), "wait");
}

static void test_time_goes_to_the_running_phase(void **state) {
    (void)state;
    wt_timer timer;
    wt_timer_init(&timer);
    double begun = timer.since;
    assert_int_equal(timer.phase, WT_PHASE_OTHER);
    wt_timer_enter(&timer, WT_PHASE_FORWARD);
    usleep(10000);
    wt_timer_enter(&timer, WT_PHASE_UPDATE);
    wt_timer_enter(&timer, WT_PHASE_FORWARD); /* a phase may come again */
    usleep(10000);
    wt_timer_enter(&timer, WT_PHASE_OTHER);
    assert_true(timer.seconds[WT_PHASE_FORWARD] >= 0.02);
    assert_true(timer.seconds[WT_PHASE_DATA] == 0);
    double sum = 0;
    for (int p = 0; p < WT_PHASES; p++) sum += timer.seconds[p];
    assert_true(fabs(sum - (timer.since - begun)) < 1e-6); /* nothing lost, nothing counted twice */
}

static void test_time_is_booked_to_another_phase(void **state) {
    (void)state;
    wt_timer timer;
    wt_timer_init(&timer);
    for (int p = 0; p < WT_PHASES; p++) timer.seconds[p] = 1;
    double steps = wt_timer_steps(&timer);
    wt_timer_move(&timer, WT_PHASE_WAIT, WT_PHASE_EXCHANGE, 0.25);
    assert_true(timer.seconds[WT_PHASE_WAIT] == 0.75 && timer.seconds[WT_PHASE_EXCHANGE] == 1.25);
    assert_true(wt_timer_steps(&timer) == steps);
    assert_true(steps == WT_PHASES - 3); /* all but validation, checkpoints and the rest */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_phase_has_a_name),
        cmocka_unit_test(test_time_goes_to_the_running_phase),
        cmocka_unit_test(test_time_is_booked_to_another_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
