/* Plots: the numbers behind them, the picture's file, and what is said when it can't be made. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "plot_internal.h"
#include "wavetrain/file.h"
#include "wavetrain/memory.h"

static const char folder[] = "test_plot.work";

static void make_run(const char *name, int64_t steps) {
    char path[WT_PATH_MAX];
    wt_metrics *metrics;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(wt_folder_make(path), WT_OK);
    snprintf(path, sizeof path, "%s/%s/metrics.csv", folder, name);
    unlink(path);
    assert_int_equal(wt_metrics_open(&metrics, path, 0), WT_OK);
    for (int64_t step = 1; step <= steps; step++) {
        wt_metrics_row row = {.step = step,
                              .loss = step == 7   ? NAN
                                      : step == 9 ? INFINITY
                                                  : 3 + 2 / (double)step,
                              .learning_rate = 1e-3,
                              .samples_per_second = 4e4,
                              .validation_loss = step % 10 == 0 ? 3.5 : NAN};
        assert_int_equal(wt_metrics_append(metrics, &row), WT_OK);
    }
    assert_int_equal(wt_metrics_close(metrics), WT_OK);
}

static void picking_leaves_out_what_is_not_there(void **state) {
    (void)state;
    wt_metrics_row rows[] = {{.step = 1, .loss = 5},
                             {.step = 2, .loss = NAN},
                             {.step = 3, .loss = -INFINITY},
                             {.step = 4, .loss = 3}};
    wt_series series;
    assert_int_equal(wt_series_pick(&series, rows, 4, offsetof(wt_metrics_row, loss)), WT_OK);
    assert_int_equal(series.count, 2);
    assert_true(series.x[1] == 4 && series.y[1] == 3);
    wt_series_dispose(&series);
}

static void smoothing_is_the_mean_of_neighbours_twice(void **state) {
    (void)state;
    double x[] = {1, 2, 3, 4, 5, 6, 7}, y[] = {0, 0, 0, 9, 0, 0, 0};
    double expected[] = {0, 1, 2, 3, 2, 1, 0};
    wt_series in = {.x = x, .y = y, .count = 7}, out;
    assert_int_equal(wt_series_smooth(&out, &in, 1), WT_OK);
    for (size_t i = 0; i < 7; i++) assert_true(out.x[i] == x[i] && fabs(out.y[i] - expected[i]) < 1e-12);
    wt_series_dispose(&out);
    assert_int_equal(wt_series_smooth(&out, &in, 0), WT_OK);
    assert_memory_equal(out.y, y, sizeof y);
    wt_series_dispose(&out);
    for (size_t i = 0; i < 7; i++) y[i] = 10 - 2 * x[i]; /* a line stays a line where the window is whole */
    assert_int_equal(wt_series_smooth(&out, &in, 1), WT_OK);
    for (size_t i = 0; i < 5; i++) assert_true(fabs(out.y[i] - y[i]) < 1e-12);
    wt_series_dispose(&out);
}

static void thinning_keeps_the_extremes(void **state) {
    (void)state;
    enum { N = 10000, COLUMNS = 50 };
    static double x[N], y[N];
    for (int i = 0; i < N; i++) {
        x[i] = i;
        y[i] = i % 100 == 37 ? 1000 + i : i % 100 == 61 ? -1000 - i : 0;
    }
    wt_series series = {.x = x, .y = y, .count = N};
    wt_series_thin(&series, 0, N, COLUMNS);
    assert_int_equal(series.count, 2 * COLUMNS);
    for (size_t i = 0; i < series.count; i++) {
        assert_true(fabs(series.y[i]) >= 1000);
        assert_true(i == 0 || series.x[i] > series.x[i - 1]);
    }
    assert_true(series.y[2 * COLUMNS - 2] == 1000 + 9937 || series.y[2 * COLUMNS - 1] == 1000 + 9937);
}

static void quantiles_begin_where_they_are_told(void **state) {
    (void)state;
    double x[] = {1, 2, 3, 4, 5}, y[] = {100, 5, 1, 3, 2}, value;
    wt_series series = {.x = x, .y = y, .count = 5};
    assert_int_equal(wt_series_quantile(&value, &series, 1, 2), WT_OK);
    assert_true(value == 5);
    assert_int_equal(wt_series_quantile(&value, &series, 0, 0), WT_OK);
    assert_true(value == 1);
    assert_int_equal(wt_series_quantile(&value, &series, 0.5, 0), WT_OK);
    assert_true(value == 3);
    assert_int_equal(wt_series_quantile(&value, &series, 0.5, 6), WT_OK);
    assert_true(isnan(value));
}

static void assert_ticks(double lo, double hi, size_t wanted, size_t count, double first, double apart) {
    double ticks[WT_TICKS_MAX];
    assert_int_equal(wt_plot_ticks(ticks, lo, hi, wanted), count);
    for (size_t i = 0; i < count; i++)
        assert_true(fabs(ticks[i] - (first + (double)i * apart)) < 1e-9 * (hi - lo));
}

static void ticks_are_round(void **state) {
    (void)state;
    assert_ticks(0, 1500, 8, 8, 0, 200);
    assert_ticks(2.83, 4.4, 8, 8, 3, 0.2);
    assert_ticks(0, 0.00224, 4, 5, 0, 0.0005);
    assert_ticks(-3, 3, 3, 3, -2, 2);
    assert_ticks(1, 1, 5, 0, 0, 0);
    assert_ticks(0, INFINITY, 5, 0, 0, 0);
    char label[32];
    wt_plot_count_label(label, sizeof label, 1500);
    assert_string_equal(label, "1.5k");
    wt_plot_count_label(label, sizeof label, 3e6);
    assert_string_equal(label, "3M");
    wt_plot_count_label(label, sizeof label, 800);
    assert_string_equal(label, "800");
}

#ifdef WT_HAVE_PLOT

static void assert_error(wt_status status, const char *run, const char *png, const char *words) {
    const char *runs[] = {run};
    assert_int_equal(wt_plot_runs(runs, NULL, 1, png), status);
    if (strstr(wt_error_message(), words) == NULL) fail_msg("got \"%s\"", wt_error_message());
}

static void pictures_are_made(void **state) {
    (void)state;
    static const char signature[] = "\x89PNG\r\n\x1a\n";
    const char *runs[] = {"test_plot.work/one", "test_plot.work/two #3/", "test_plot.work/short"};
    char **names, *data;
    size_t count, bytes;
    make_run("one", 300);
    make_run("two #3", 200);
    make_run("short", 1);
    for (size_t n = 1; n <= 3; n++) {
        assert_int_equal(wt_plot_runs(runs, NULL, n, "test_plot.work/plot.png"), WT_OK);
        assert_int_equal(wt_file_read(&data, &bytes, "test_plot.work/plot.png", 1 << 24), WT_OK);
        assert_true(bytes > 10000);
        assert_memory_equal(data, signature, 8);
        assert_memory_equal(data + 16, "\0\0\x04\xb0\0\0\x05\x46", 8); /* 1200 by 1350 */
        wt_free(data);
    }
    assert_int_equal(wt_plot_runs(runs + 2, NULL, 1, "test_plot.work/plot.png"), WT_OK);
    assert_int_equal(wt_folder_list(&names, &count, folder, "plot.png", ""), WT_OK);
    assert_int_equal(count, 1); /* nothing half-written beside it */
    wt_folder_list_free(names, count);
}

static void bad_runs_are_named(void **state) {
    (void)state;
    make_run("one", 30);
    make_run("unborn", 0);
    assert_int_equal(wt_folder_make("test_plot.work/empty"), WT_OK);
    assert_error(WT_USAGE, "test_plot.work/none", "test_plot.work/x.png", "test_plot.work/none: no such run");
    assert_error(WT_USAGE, "test_plot.work/empty", "test_plot.work/x.png",
                 "test_plot.work/empty: no metrics.csv");
    assert_error(WT_USAGE, "test_plot.work/unborn", "test_plot.work/x.png", "unborn/metrics.csv: no step");
    assert_error(WT_FAILED, "test_plot.work/one", "test_plot.work/none/x.png",
                 "test_plot.work/none/x.png: can't write");
    assert_error(WT_USAGE, "test_plot.work/one", "test_plot.work/empty", "test_plot.work/empty: a folder");
    assert_false(wt_path_exists("test_plot.work/x.png"));
}

#else

static void pictures_are_made(void **state) {
    (void)state;
    const char *runs[] = {"test_plot.work/one"};
    assert_int_equal(wt_plot_runs(runs, NULL, 1, "test_plot.work/plot.png"), WT_FAILED);
    assert_non_null(strstr(wt_error_message(), "libplplot-dev"));
}

static void bad_runs_are_named(void **state) {
    (void)state;
    skip();
}

#endif

static void nothing_is_held(void **state) {
    (void)state;
    assert_int_equal(wt_folder_remove(folder), WT_OK);
    assert_int_equal(wt_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picking_leaves_out_what_is_not_there),
        cmocka_unit_test(smoothing_is_the_mean_of_neighbours_twice),
        cmocka_unit_test(thinning_keeps_the_extremes),
        cmocka_unit_test(quantiles_begin_where_they_are_told),
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(pictures_are_made),
        cmocka_unit_test(bad_runs_are_named),
        cmocka_unit_test(nothing_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
