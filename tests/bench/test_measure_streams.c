/* Streams of a small network: one rate per number of streams and kind of weights, with its bound. */
#include <omp.h>
#include <string.h>

#include "bench/bench_models.h"
#include "bench/measure_streams.h"
#include "config/sections.h"
#include "data/data_config.h"
#include "kernels/kernel_set.h"
#include "support.h"

static wt_config config;
static wt_streams_speed speed;

static void test_a_rate_for_each_case(void **state) {
    (void)state;
    const wt_streams_plan plan = {.streams = {2, {1, 5}}, .weights = {true, true}, .rounds = 2};
    omp_set_num_threads(2);
    must(wt_bench_model_configure(&config, "S", NULL, 0));
    must(wt_measure_streams(&speed, &config, &plan));
    assert_int_equal(speed.count, 4);
    assert_true(speed.operations > 0 && speed.peaks.of[WT_PEAK_FP32].best > 0);
    for (int i = 0; i < speed.count; i++) {
        const wt_streams_rate *rate = &speed.rates[i];
        assert_int_equal(rate->streams, i < 2 ? 1 : 5);
        assert_int_equal(rate->weights, i % 2 ? WT_WEIGHTS_BF16 : WT_WEIGHTS_FP32);
        assert_true(rate->median > 0 && rate->median <= rate->best && rate->bound > 0);
    }
    assert_true(speed.rates[1].weight_bytes < speed.rates[0].weight_bytes);
}

static void test_one_kind_of_weights(void **state) {
    (void)state;
    const wt_streams_plan plan = {.streams = {1, {1}}, .weights = {[WT_WEIGHTS_BF16] = true}, .rounds = 1};
    must(wt_bench_model_configure(&config, "S", NULL, 0));
    must(wt_measure_streams(&speed, &config, &plan));
    assert_int_equal(speed.count, 1);
    assert_int_equal(speed.rates[0].weights, WT_WEIGHTS_BF16);
}

static void test_what_can_not_be_measured(void **state) {
    (void)state;
    wt_streams_plan plan = {.streams = {1, {0}}, .weights = {true, true}, .rounds = 1};
    must(wt_bench_model_configure(&config, "S", NULL, 0));
    assert_int_equal(wt_measure_streams(&speed, &config, &plan), WT_USAGE);
    plan.streams.values[0] = 1, plan.rounds = 0;
    assert_int_equal(wt_measure_streams(&speed, &config, &plan), WT_USAGE);
    plan.rounds = 1;
    config.data.target = WT_TARGETS_LABEL;
    assert_int_equal(wt_measure_streams(&speed, &config, &plan), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "data.target"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rate_for_each_case),
        cmocka_unit_test(test_one_kind_of_weights),
        cmocka_unit_test(test_what_can_not_be_measured),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
