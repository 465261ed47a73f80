/* Learning rates against the formulas of optim.h and against numbers that PyTorch's schedulers give. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wavetrain/optim.h"

static const double base = 2e-3;

static void assert_close(double got, double expected) {
    if (!(fabs(got - expected) <= 1e-15 + 1e-13 * fabs(expected))) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

static void test_warmup_rises_linearly(void **state) {
    (void)state;
    static const wt_schedule_kind kinds[] = {WT_SCHEDULE_CONSTANT, WT_SCHEDULE_EXPONENTIAL,
                                             WT_SCHEDULE_COSINE};
    for (int i = 0; i < 3; i++) {
        wt_schedule_config schedule = {kinds[i], .warmup = 500, .floor = 0.1, .decay = 0.5,
                                       .decay_steps = 10};
        for (int64_t step = 1; step <= 500; step++) {
            assert_close(wt_schedule_rate(&schedule, base, step, 2000), base * (double)step / 500);
        }
        assert_true(wt_schedule_rate(&schedule, base, 500, 2000) == base); /* its end is the peak, exactly */
        assert_true(wt_schedule_rate(&schedule, base, 501, 2000) <= base);
    }
}

static void test_constant(void **state) {
    (void)state;
    wt_schedule_config schedule = {WT_SCHEDULE_CONSTANT, .warmup = 0};
    for (int64_t step = 1; step <= 100000; step += 999) {
        assert_true(wt_schedule_rate(&schedule, base, step, 100) == base);
    }
}

static void test_exponential(void **state) {
    (void)state;
    wt_schedule_config schedule = {WT_SCHEDULE_EXPONENTIAL, .warmup = 10, .decay = 0.9, .decay_steps = 100};
    assert_close(wt_schedule_rate(&schedule, base, 110, 0), base * 0.9);
    assert_close(wt_schedule_rate(&schedule, base, 210, 0), base * 0.81);
    assert_close(wt_schedule_rate(&schedule, base, 60, 0), base * sqrt(0.9)); /* no stairs in between */
    /* torch.optim.lr_scheduler.ExponentialLR(gamma=0.95), a step at a time */
    wt_schedule_config each = {WT_SCHEDULE_EXPONENTIAL, .decay = 0.95, .decay_steps = 1};
    double rate = base;
    for (int64_t step = 1; step <= 200; step++) {
        rate *= 0.95;
        assert_close(wt_schedule_rate(&each, base, step, 0), rate);
    }
}

static void test_cosine(void **state) {
    (void)state;
    enum { STEPS = 1200, WARMUP = 200 };
    wt_schedule_config schedule = {WT_SCHEDULE_COSINE, .warmup = WARMUP, .floor = 0.1};
    /* CosineAnnealingLR(T_max=1000, eta_min=2e-4) after 250, 500, 750, 1000 steps */
    assert_close(wt_schedule_rate(&schedule, base, WARMUP + 250, STEPS), 1.7363961030678928e-3);
    assert_close(wt_schedule_rate(&schedule, base, WARMUP + 500, STEPS), 1.1e-3);
    assert_close(wt_schedule_rate(&schedule, base, WARMUP + 750, STEPS), 4.6360389693210725e-4);
    assert_close(wt_schedule_rate(&schedule, base, STEPS, STEPS), 2e-4);
    for (int64_t step = WARMUP + 1; step < STEPS; step++) {
        assert_true(wt_schedule_rate(&schedule, base, step + 1, STEPS) <
                    wt_schedule_rate(&schedule, base, step, STEPS));
    }
}

static void test_cosine_beyond_its_end(void **state) {
    (void)state;
    wt_schedule_config schedule = {WT_SCHEDULE_COSINE, .warmup = 10, .floor = 0.25};
    assert_close(wt_schedule_rate(&schedule, base, 101, 100), base * 0.25); /* no second rise */
    assert_close(wt_schedule_rate(&schedule, base, 190, 100), base * 0.25);
    assert_close(wt_schedule_rate(&schedule, base, 11, 10), base * 0.25); /* nothing but warm-up */
    schedule.floor = 0;
    assert_close(wt_schedule_rate(&schedule, base, 100, 100), 0);
    assert_true(wt_schedule_rate(&schedule, base, 100, 100) >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warmup_rises_linearly), cmocka_unit_test(test_constant),
        cmocka_unit_test(test_exponential),           cmocka_unit_test(test_cosine),
        cmocka_unit_test(test_cosine_beyond_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
