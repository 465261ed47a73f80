/* Times and peaks: medians and bests, work of all threads at once, when a peak is disturbed. */
#include <math.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench_peak.h"
#include "bench/bench_time.h"
#include "kernels/kernel_set.h"
#include "support.h"

static void test_the_best_and_the_median(void **state) {
    (void)state;
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2}, one[] = {7};
    const wt_bench_time of_odd = wt_bench_summarise(odd, 3), of_even = wt_bench_summarise(even, 4),
                        of_one = wt_bench_summarise(one, 1);
    assert_true(of_odd.best == 1 && of_odd.median == 2);
    assert_true(of_even.best == 1 && of_even.median == 3);
    assert_true(of_one.best == 7 && of_one.median == 7);
}

enum { THREADS = 3 };
typedef struct {
    int calls[THREADS], wrong;
} counted_work;

static void count_call(void *context, int thread, int threads) {
    counted_work *work = context;
    if (threads != THREADS) work->wrong = 1;
    work->calls[thread]++;
    usleep(1000);
}

static void test_all_threads_work_at_once(void **state) {
    (void)state;
    counted_work work = {{0}, 0};
    omp_set_num_threads(THREADS);
    const double seconds = wt_bench_best_of(count_call, &work, 4);
    assert_true(seconds >= 0.001);
    assert_int_equal(work.wrong, 0);
    for (int thread = 0; thread < THREADS; thread++) assert_int_equal(work.calls[thread], 4);
    assert_int_equal(wt_bench_repeats(count_call, &work), 1); /* long enough as it is */
}

static void test_bursts_add_up(void **state) {
    (void)state;
    const wt_kernels *kernels;
    wt_bench_peaks form, all;
    double ratio;
    omp_set_num_threads(1);
    must(wt_kernels_select(&kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32));
    wt_bench_peaks_init(&form, kernels);
    all = form;
    assert_true(form.unit[WT_PEAK_FP32].run && form.rounds[WT_PEAK_FP32] > 0);
    wt_bench_peaks_burst(&form);
    wt_bench_peaks_merge(&all, &form);
    wt_bench_peaks_merge(&all, &form);
    const wt_bench_peak *one = &form.of[WT_PEAK_FP32], *both = &all.of[WT_PEAK_FP32];
    assert_true(one->best > 0 && both->best == one->best && both->apart == one->apart);
    assert_true(both->operations == 2 * one->operations && both->seconds == 2 * one->seconds);
    assert_true(wt_bench_peak_sustained(one) <= one->best * (1 + 1e-9));
    wt_bench_peaks_clear(&all);
    assert_true(both->best == 0 && wt_bench_peak_sustained(both) == 0 && all.rounds[WT_PEAK_FP32] > 0);
    assert_false(wt_bench_peak_disturbed(&(wt_bench_peak){.best = 95, .apart = 100}, &ratio));
    assert_true(wt_bench_peak_disturbed(&(wt_bench_peak){.best = 80, .apart = 100}, &ratio));
    assert_true(fabs(ratio - 0.8) < 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_and_the_median),
        cmocka_unit_test(test_all_threads_work_at_once),
        cmocka_unit_test(test_bursts_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
