/* Every kernel over every shape, once each, at tiny sizes. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "bench/measure_kernels.h"
#include "kernels/kernel_set.h"
#include "support.h"

enum { RATES_MAX = 64, ROWS = 20 };

typedef struct {
    int count;
    wt_kernel_rate rates[RATES_MAX];
} collected_rates;

static void collect_rate(void *context, const wt_kernel_rate *rate) {
    collected_rates *collected = context;
    assert_true(collected->count < RATES_MAX);
    collected->rates[collected->count++] = *rate;
}

static wt_kernels_plan make_kernels_plan(void) {
    wt_kernels_plan plan = {
        .channels = {2, {5, 16}}, .taps = {2, {1, 2}}, .dilations = {2, {1, 300}}, .rows = ROWS, .rounds = 1};
    must(wt_kernels_select(&plan.kernels, WT_BACKEND_AUTO, WT_PRECISION_FP32));
    return plan;
}

static int count_rates(const collected_rates *collected, const char *kernel) {
    int count = 0;
    for (int i = 0; i < collected->count; i++) count += strcmp(collected->rates[i].kernel, kernel) == 0;
    return count;
}

static void test_every_kernel_and_shape(void **state) {
    (void)state;
    static const struct {
        const char *kernel;
        int count;
    } expected[] = {
        {"forward", 6}, {"backward data", 6},         {"backward weights", 6},    {"gate", 2},
        {"embed", 2},   {"gate backward", 2},         {"embed backward", 2},      {"column sums", 2},
        {"adam", 1},    {"softmax cross-entropy", 1}, {"squares of the norm", 1}, {"add", 1}};
    static collected_rates collected;
    const wt_kernels_plan plan = make_kernels_plan();
    wt_bench_peaks peaks;
    int all = 0;
    omp_set_num_threads(1);
    must(wt_measure_kernels(&peaks, &plan, collect_rate, &collected));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(count_rates(&collected, expected[i].kernel), expected[i].count);
        all += expected[i].count;
    }
    assert_int_equal(collected.count, all);
    for (int i = 0; i < collected.count; i++) {
        const wt_kernel_rate *rate = &collected.rates[i];
        assert_true(rate->hot > 0 && rate->window > 0 && rate->tile_bytes > 0 && rate->peak.best > 0);
        assert_int_equal(rate->shape.threads, 1);
        assert_int_equal(rate->product, i < 18); /* products come first */
        assert_true(rate->product == (rate->shape.taps > 0));
        assert_true(rate->peak.best <= peaks.of[WT_PEAK_FP32].best);
    }
}

/* Both taps' rows, which lie apart, the output's, the weights. */
static void test_bytes_of_a_tile(void **state) {
    (void)state;
    static collected_rates collected;
    wt_kernels_plan plan = make_kernels_plan();
    wt_bench_peaks peaks;
    plan.channels = (wt_bench_list){1, {5}}, plan.taps = (wt_bench_list){1, {2}};
    plan.dilations = (wt_bench_list){1, {300}};
    omp_set_num_threads(2);
    must(wt_measure_kernels(&peaks, &plan, collect_rate, &collected));
    assert_int_equal(collected.rates[0].shape.threads, 2);
    assert_string_equal(collected.rates[0].kernel, "forward");
    assert_true(collected.rates[0].tile_bytes == 4 * (2 * ROWS * 5 + ROWS * 10 + 2 * 5 * 10));
}

static void test_numbers_out_of_range(void **state) {
    (void)state;
    wt_bench_peaks peaks;
    for (int i = 0; i < 5; i++) {
        wt_kernels_plan plan = make_kernels_plan();
        if (i == 0) plan.channels.values[1] = 0;
        if (i == 1) plan.taps.values[0] = WT_BED_TAPS + 1;
        if (i == 2) plan.dilations.values[1] = -1;
        if (i == 3) plan.rows = 0;
        if (i == 4) plan.rounds = WT_BENCH_ROUNDS_MAX + 1;
        assert_int_equal(wt_measure_kernels(&peaks, &plan, NULL, NULL), WT_USAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kernel_and_shape),
        cmocka_unit_test(test_bytes_of_a_tile),
        cmocka_unit_test(test_numbers_out_of_range),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
