/* Calibrations: written and read again, damaged in every way that a file is, and which rates are taken for
 * what. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "predict/calibration.h"
#include "support.h"
#include "wavetrain/predict.h"

static char folder[] = "/tmp/wavetrain-test-XXXXXX", file[64];

static wt_calibration make_calibration(void) {
    wt_calibration made = {.cpu = "A CPU (family 1, model 2)",
                           .cores = 8,
                           .base_bytes = 3e7,
                           .rank_bytes = 1e5,
                           .within = {2e-6, 5e9}};
    const wt_rates rates[] = {{"avx512", 1, 1, {[WT_WORK_PRODUCT_64] = 4e-12, [WT_WORK_STEP] = 1e-5}},
                              {"avx512", 8, 1, {[WT_WORK_PRODUCT_64] = 6e-13, [WT_WORK_STEP] = 2e-5}},
                              {"avx2", 4, 2, {[WT_WORK_ELEMENT] = 1e-9}}};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        assert_int_equal(wt_calibration_add(&made, &rates[i]), WT_OK);
    return made;
}

static void test_it_comes_back(void **state) {
    (void)state;
    wt_calibration made = make_calibration(), read;
    assert_int_equal(wt_calibration_save(&made, file), WT_OK);
    assert_int_equal(wt_calibration_load(&read, file), WT_OK);
    assert_string_equal(read.cpu, made.cpu);
    assert_int_equal(read.cores, 8);
    assert_true(read.base_bytes == 3e7 && read.rank_bytes == 1e5 && read.thread_bytes == 0);
    assert_true(read.within.latency == 2e-6 && read.within.bandwidth == 5e9 && read.between.bandwidth == 0);
    assert_int_equal(read.count, 3);
    for (int i = 0; i < 3; i++) assert_memory_equal(&read.rates[i], &made.rates[i], sizeof(wt_rates));
}

static void test_rates_replace_their_like(void **state) {
    (void)state;
    wt_calibration made = make_calibration();
    const wt_rates again = {"avx512", 8, 1, {[WT_WORK_PRODUCT_64] = 7e-13}};
    assert_int_equal(wt_calibration_add(&made, &again), WT_OK);
    assert_int_equal(made.count, 3);
    assert_true(made.rates[1].seconds[WT_WORK_PRODUCT_64] == 7e-13);
}

static void test_which_rates_are_taken(void **state) {
    (void)state;
    const wt_calibration made = make_calibration();
    wt_rates rates;
    bool near;
    assert_true(wt_calibration_rates(&rates, &made, "avx512", 8, 1, &near));
    assert_false(near);
    assert_true(rates.seconds[WT_WORK_PRODUCT_64] == 6e-13);
    /* as if 6 threads took 8/6 of the time; what is one thread's work is not scaled */
    assert_true(wt_calibration_rates(&rates, &made, "avx512", 6, 1, &near));
    assert_true(near);
    assert_true(fabs(rates.seconds[WT_WORK_PRODUCT_64] / 8e-13 - 1) < 1e-12);
    assert_true(rates.seconds[WT_WORK_STEP] == 2e-5);
    assert_true(wt_calibration_rates(&rates, &made, "avx512", 2, 4, &near));
    assert_true(fabs(rates.seconds[WT_WORK_PRODUCT_64] / 2e-12 - 1) < 1e-12);
    assert_false(wt_calibration_rates(&rates, &made, "openblas", 1, 1, &near));
}

static void write_calibration(const char *text) {
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

/* One line with the file, the line, what was found, and what to do. */
static void expect_refusal(const char *text, const char *words) {
    wt_calibration read;
    write_calibration(text);
    assert_int_equal(wt_calibration_load(&read, file), WT_USAGE);
    const char *message = wt_error_message();
    if (!strstr(message, words) || strchr(message, '\n') || strncmp(message, file, strlen(file)) != 0)
        fail_msg("got \"%s\", expected %s and \"%s\"", message, file, words);
}

#define HEAD "format: wavetrain-calibration\nversion: 1\ncpu: x\ncores: 2\n"
#define PROCESS "process: {base: 1.0e7, rank: 0, thread: 0}\n"
#define RATES "rates:\n- {kernels: avx512, threads: 1, ranks: 1, step: 1.0e-5}\n"

static void test_damage_is_named(void **state) {
    (void)state;
    wt_calibration read;
    write_calibration(HEAD PROCESS RATES);
    assert_int_equal(wt_calibration_load(&read, file), WT_OK);
    expect_refusal("", "is empty");
    expect_refusal("model: {}\n", "format is missing (measure it again: wavetrain bench calibrate)");
    expect_refusal("format: other\n", "1: is no calibration (got format other");
    expect_refusal("format: wavetrain-calibration\nversion: 2\n",
                   "2: is of another version of wavetrain (got");
    expect_refusal(HEAD RATES, "process is missing (measure it again");
    expect_refusal(HEAD PROCESS, "rates is missing");
    expect_refusal(HEAD "process: {base: 0, rank: 0, thread: 0}\n" RATES, "5: base is damaged (got 0");
    expect_refusal(HEAD PROCESS "rates: 3\n", "6: rates is damaged");
    expect_refusal(HEAD PROCESS "rates:\n- {kernels: a, threads: 1, ranks: 1, step: nan}\n",
                   "7: step is damaged (got nan");
    expect_refusal(HEAD PROCESS "rates:\n- {kernels: a, threads: 1.5, ranks: 1, step: 1}\n",
                   "threads is damaged (got 1.5");
    expect_refusal(HEAD PROCESS "rates:\n- {kernels: a, threads: 1, ranks: 1, step: -1}\n",
                   "step is damaged (got -1");
    expect_refusal(HEAD PROCESS "rates:\n- {kernels: a, threads: 1, ranks: 1}\n", "entry of rates is empty");
    expect_refusal(HEAD PROCESS "rates:\n- {kernels: a, threads", "is no YAML");
    expect_refusal(HEAD PROCESS "links: {within: {latency: 0, bandwidth: 0}}\n" RATES,
                   "6: bandwidth is damaged (got 0");
}

static void test_each_cpu_has_its_own_file(void **state) {
    (void)state;
    char path[WT_PATH_MAX], cpu[WT_CPU_NAME];
    setenv("XDG_CACHE_HOME", "/cache", 1);
    assert_int_equal(wt_calibration_path(path, "AMD EPYC 9654 (family 25, model 17)"), WT_OK);
    assert_string_equal(path, "/cache/wavetrain/calibration/amd-epyc-9654-family-25-model-17.yaml");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/home/one", 1);
    assert_int_equal(wt_calibration_path(path, "../x"), WT_OK);
    assert_string_equal(path, "/home/one/.cache/wavetrain/calibration/x.yaml");
    unsetenv("HOME");
    assert_int_not_equal(wt_calibration_path(path, "x"), WT_OK);
    wt_cpu_name(cpu);
    assert_true(strlen(cpu) > 0);
}

static int begin_calibration(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(file, sizeof file, "%s/c.yaml", folder);
    return 0;
}

static int end_calibration(void **state) {
    (void)state;
    unlink(file);
    return test_end_group(rmdir(folder) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_comes_back),
        cmocka_unit_test(test_rates_replace_their_like),
        cmocka_unit_test(test_which_rates_are_taken),
        cmocka_unit_test(test_damage_is_named),
        cmocka_unit_test(test_each_cpu_has_its_own_file),
    };
    return cmocka_run_group_tests(tests, begin_calibration, end_calibration);
}
