/* Learning rates against the formulas of optim.h and against numbers that PyTorch's schedulers give. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optim/optim.h"

static const double base = 2e-3;

static void assert_rate_close(double got, double expected) {
    if (!(fabs(got - expected) <= 1e-15 + 1e-13 * fabs(expected))) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

static void test_warmup_rises_linearly(void **state) {
    (void)state;
    static const wt_schedule_kind kinds[] = {WT_SCHEDULE_CONSTANT,    WT_SCHEDULE_STEP,
                                             WT_SCHEDULE_EXPONENTIAL, WT_SCHEDULE_LINEAR,
                                             WT_SCHEDULE_COSINE,      WT_SCHEDULE_PLATEAU};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        wt_schedule_config schedule = {kinds[i], .warmup = 500, .floor = 0.1, .decay = 0.5,
                                       .decay_steps = 10};
        for (int64_t step = 1; step <= 500; step++) {
            assert_rate_close(wt_schedule_rate(&schedule, base, step, 2000), base * (double)step / 500);
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
    assert_rate_close(wt_schedule_rate(&schedule, base, 110, 0), base * 0.9);
    assert_rate_close(wt_schedule_rate(&schedule, base, 210, 0), base * 0.81);
    assert_rate_close(wt_schedule_rate(&schedule, base, 60, 0), base * sqrt(0.9)); /* no stairs in between */
    /* torch.optim.lr_scheduler.ExponentialLR(gamma=0.95), a step at a time */
    wt_schedule_config each = {WT_SCHEDULE_EXPONENTIAL, .decay = 0.95, .decay_steps = 1};
    double rate = base;
    for (int64_t step = 1; step <= 200; step++) { /* without warm-up the first step has the full rate */
        assert_rate_close(wt_schedule_rate(&each, base, step, 0), rate);
        rate *= 0.95;
    }
}

/* torch.optim.lr_scheduler.StepLR(step_size=30, gamma=0.1) */
static void test_step(void **state) {
    (void)state;
    wt_schedule_config schedule = {WT_SCHEDULE_STEP, .decay = 0.1, .decay_steps = 30};
    assert_rate_close(wt_schedule_rate(&schedule, base, 1, 0), base);
    assert_rate_close(wt_schedule_rate(&schedule, base, 30, 0), base);
    assert_rate_close(wt_schedule_rate(&schedule, base, 31, 0), base * 0.1);
    assert_rate_close(wt_schedule_rate(&schedule, base, 61, 0), base * 0.01);
    schedule.warmup = 10;
    assert_rate_close(wt_schedule_rate(&schedule, base, 39, 0), base);
    assert_rate_close(wt_schedule_rate(&schedule, base, 40, 0), base * 0.1);
}

static void test_piecewise(void **state) {
    (void)state;
    wt_schedule_config schedule = {WT_SCHEDULE_PIECEWISE, .points = {3, {{10, 0.5}, {11, 0.25}, {20, 0}}}};
    static const struct {
        int64_t step;
        double rate;
    } expected[] = {{1, 2e-3}, {10, 2e-3}, {11, 0.5}, {12, 0.25}, {20, 0.25}, {21, 0}, {1000000, 0}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(wt_schedule_rate(&schedule, base, expected[i].step, 100) == expected[i].rate);
    }
    schedule.warmup = 4;
    assert_rate_close(wt_schedule_rate(&schedule, base, 2, 100), base / 2);
    assert_rate_close(wt_schedule_rate(&schedule, base, 11, 100), 0.5); /* steps count from the run's first */
}

static void test_linear(void **state) {
    (void)state;
    wt_schedule_config schedule = {WT_SCHEDULE_LINEAR, .warmup = 100, .floor = 0.2};
    assert_rate_close(wt_schedule_rate(&schedule, base, 100, 1100), base);
    assert_rate_close(wt_schedule_rate(&schedule, base, 600, 1100), base * 0.6);
    assert_rate_close(wt_schedule_rate(&schedule, base, 1100, 1100), base * 0.2);
    assert_rate_close(wt_schedule_rate(&schedule, base, 5000, 1100), base * 0.2);
    schedule.warmup = 0;
    assert_rate_close(wt_schedule_rate(&schedule, base, 1, 101), base);
    assert_rate_close(wt_schedule_rate(&schedule, base, 51, 101), base * 0.6);
    assert_rate_close(wt_schedule_rate(&schedule, base, 1, 1), base); /* a run of one step */
}

/* torch.optim.lr_scheduler.OneCycleLR(max_lr=2e-3, total_steps=100) */
static const wt_schedule_config one_cycle = {
    WT_SCHEDULE_ONE_CYCLE, .pct_start = 0.3,      .div_factor = 25,    .final_div_factor = 1e4,
    .cycle_momentum = 1,   .base_momentum = 0.85, .max_momentum = 0.95};

static void test_one_cycle(void **state) {
    (void)state;
    assert_rate_close(wt_schedule_rate(&one_cycle, base, 1, 100), 8e-5);
    assert_rate_close(wt_schedule_rate(&one_cycle, base, 30, 100), base);
    assert_rate_close(wt_schedule_rate(&one_cycle, base, 100, 100), 8e-9);
    assert_rate_close(wt_schedule_momentum(&one_cycle, 0.5, 1, 100), 0.95);
    assert_rate_close(wt_schedule_momentum(&one_cycle, 0.5, 30, 100), 0.85);
    assert_rate_close(wt_schedule_momentum(&one_cycle, 0.5, 100, 100), 0.95);
    wt_schedule_config linear = one_cycle;
    linear.anneal = WT_ANNEAL_LINEAR;
    assert_rate_close(wt_schedule_rate(&linear, base, 65, 100), base + (8e-9 - base) * 0.5);
    linear.cycle_momentum = 0;
    assert_rate_close(wt_schedule_momentum(&linear, 0.5, 30, 100), 0.5);
    for (int64_t steps = 1; steps < 12; steps++) { /* no division by zero in short runs, and after the end */
        for (int64_t step = 1; step <= steps + 2; step++) {
            double rate = wt_schedule_rate(&one_cycle, base, step, steps);
            assert_true(rate > 0 && rate <= base);
        }
    }
}

/* torch.optim.lr_scheduler.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=2e-4) */
static void test_plateau(void **state) {
    (void)state;
    wt_schedule_config schedule = {WT_SCHEDULE_PLATEAU, .decay = 0.5,      .patience = 2,
                                   .cooldown = 1,       .threshold = 1e-2, .floor = 0.1};
    static const struct {
        double loss, scale;
    } expected[] = {{5, 1},      {4, 1},      {3.97, 1},   {NAN, 1},     {4, 0.5}, /* three in a row */
                    {9, 0.5},    {9, 0.5},    {9, 0.5},    {9, 0.25},              /* the first cools down */
                    {3.9, 0.25}, {3.9, 0.25}, {3.9, 0.25}, {3.9, 0.125}, {4, 0.125},
                    {4, 0.125},  {4, 0.125},  {4, 0.1}, /* the least */
                    {4, 0.1},    {4, 0.1},    {4, 0.1},    {4, 0.1}};
    wt_plateau plateau = wt_plateau_begin();
    double before = 1;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bool lower = wt_plateau_note(&plateau, &schedule, base, expected[i].loss);
        if (plateau.scale != expected[i].scale) fail_msg("validation %zu: scale %g", i, plateau.scale);
        assert_int_equal(lower, plateau.scale < before);
        before = plateau.scale;
    }
    assert_true(plateau.best == 3.9);
    wt_plateau other = wt_plateau_begin();
    schedule.decay = 0.999999; /* a change below 1e-8 is none */
    for (int i = 0; i < 10; i++) assert_false(wt_plateau_note(&other, &schedule, base, 1));
    assert_true(other.scale == 1);
}

static void test_cosine(void **state) {
    (void)state;
    enum { STEPS = 1200, WARMUP = 200 };
    wt_schedule_config schedule = {WT_SCHEDULE_COSINE, .warmup = WARMUP, .floor = 0.1};
    /* CosineAnnealingLR(T_max=1000, eta_min=2e-4) after 250, 500, 750, 1000 steps */
    assert_rate_close(wt_schedule_rate(&schedule, base, WARMUP + 250, STEPS), 1.7363961030678928e-3);
    assert_rate_close(wt_schedule_rate(&schedule, base, WARMUP + 500, STEPS), 1.1e-3);
    assert_rate_close(wt_schedule_rate(&schedule, base, WARMUP + 750, STEPS), 4.6360389693210725e-4);
    assert_rate_close(wt_schedule_rate(&schedule, base, STEPS, STEPS), 2e-4);
    for (int64_t step = WARMUP + 1; step < STEPS; step++) {
        assert_true(wt_schedule_rate(&schedule, base, step + 1, STEPS) <
                    wt_schedule_rate(&schedule, base, step, STEPS));
    }
}

static void test_cosine_beyond_its_end(void **state) {
    (void)state;
    wt_schedule_config schedule = {WT_SCHEDULE_COSINE, .warmup = 10, .floor = 0.25};
    assert_rate_close(wt_schedule_rate(&schedule, base, 101, 100), base * 0.25); /* no second rise */
    assert_rate_close(wt_schedule_rate(&schedule, base, 190, 100), base * 0.25);
    assert_rate_close(wt_schedule_rate(&schedule, base, 11, 10), base * 0.25); /* nothing but warm-up */
    assert_rate_close(wt_schedule_rate(&schedule, base, 10, 10), base);
    schedule.floor = 0;
    assert_rate_close(wt_schedule_rate(&schedule, base, 100, 100), 0);
    assert_true(wt_schedule_rate(&schedule, base, 100, 100) >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warmup_rises_linearly),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_exponential),
        cmocka_unit_test(test_cosine),
        cmocka_unit_test(test_cosine_beyond_its_end),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_piecewise),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_one_cycle),
        cmocka_unit_test(test_plateau),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
