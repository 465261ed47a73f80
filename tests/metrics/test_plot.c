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

#include "base/file.h"
#include "plot_internal.h"
#include "wavetrain/plot.h"

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

static void legends_fit_their_words(void **state) {
    (void)state;
    static const char *const rows[] = {"0009\t2.0760\t-0.5\tadam", "0011\t-\t0.061\tsgd",
                                       "0012\t2.1\t3\tadamw\tlate"};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    static const char *const long_name[] = {"éééééééééééééééééééééééééééééééé"};
    char cell[WT_LEGEND_CELL];
    wt_legend legend;
    wt_legend_place(&legend, "point\tvalidation\tlearning_rate\tkind\twhen", rows, 3, 970);
    assert_int_equal(legend.columns, 5);
    assert_int_equal(legend.rows, 3); /* one block: a heading for one row each would be silly */
    const bool right[] = {false, true, true, false, false};
    for (size_t c = 0; c < 5; c++) assert_int_equal(legend.right[c], right[c]);
    for (size_t c = 1; c < 5; c++) assert_true(legend.x[c] > legend.x[c - 1]);
    const double with_heading = legend.height;
    wt_legend_place(&legend, NULL, rows, 3, 300); /* no room for all */
    assert_int_equal(legend.columns, 2);
    assert_true(legend.x[1] <= 300);
    assert_true(fabs(with_heading - legend.height - WT_LEGEND_LINE) < 1e-9);
    wt_legend_place(&legend, NULL, names, 9, 970);
    assert_int_equal(legend.rows, 3);
    assert_true(2 * legend.block_width + legend.x[0] < 970);
    wt_legend_cell(cell, rows[2], 3);
    assert_string_equal(cell, "adamw");
    wt_legend_cell(cell, rows[0], 4);
    assert_string_equal(cell, "");
    wt_legend_cell(cell, long_name[0], 0);
    assert_int_equal(strlen(cell), WT_LEGEND_CELL - 1); /* whole characters of two bytes */
}

/* Every other step's loss is far off, so that each step's range and the smoothed one's differ. */
static void make_noisy_run(const char *name, double level, const char *yaml) {
    char path[WT_PATH_MAX];
    wt_metrics *metrics;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(wt_folder_make(path), WT_OK);
    snprintf(path, sizeof path, "%s/%s/run.yaml", folder, name);
    assert_int_equal(wt_file_write_atomically(path, yaml, strlen(yaml), NULL, 0), WT_OK);
    snprintf(path, sizeof path, "%s/%s/metrics.csv", folder, name);
    unlink(path);
    assert_int_equal(wt_metrics_open(&metrics, path, 0), WT_OK);
    for (int64_t step = 1; step <= 4000; step++) {
        wt_metrics_row row = {.step = step,
                              .loss = step == 1 ? 8 : level + (step % 2 ? 1.5 : -1.5),
                              .learning_rate = 1e-3,
                              .samples_per_second = step % 100 ? 1e4 : 1e6,
                              .validation_loss = step % 1000 == 0 ? level + 0.25 : NAN};
        assert_int_equal(wt_metrics_append(metrics, &row), WT_OK);
    }
    assert_int_equal(wt_metrics_close(metrics), WT_OK);
}

static void ranges_of_several_runs_are_what_is_drawn(void **state) {
    (void)state;
    static const char text[] = "configuration:\n  data:\n    quantization: vocabulary\n";
    static const char sound[] = "configuration:\n  data:\n    quantization: mu-law\n";
    const char *runs[] = {"test_plot.work/low", "test_plot.work/high", "test_plot.work/sound"};
    make_noisy_run("low", 3, text);
    make_noisy_run("high", 4, text);
    make_noisy_run("sound", 4, sound);
    wt_picture p = {.count = 2};
    assert_int_equal(wt_picture_fill(&p, runs, NULL, NULL), WT_OK);
    assert_true(p.loss.lo > 2.7 && p.loss.lo < 3 && p.loss.hi > 4.25 && p.loss.hi < 4.5);
    assert_true(p.throughput.hi < 1e5);
    assert_string_equal(p.unit, "character");
    assert_string_equal(p.runs[1].name, "high");
    assert_true(p.throughput.bottom > p.legend.height && p.height > p.loss.top);
    wt_picture_dispose(&p);
    p = (wt_picture){.count = 1};
    assert_int_equal(wt_picture_fill(&p, runs, NULL, NULL), WT_OK);
    assert_true(p.loss.lo < 1.5 && p.loss.hi > 4.5 && p.loss.hi < 5);
    wt_picture_dispose(&p);
    p = (wt_picture){.count = 3};
    assert_int_equal(wt_picture_fill(&p, runs, NULL, NULL), WT_OK);
    assert_string_equal(p.unit, "sample");
    wt_picture_dispose(&p);
}

#ifdef WT_HAVE_PLOT

static void assert_error(wt_status status, const char *run, const char *png, const char *words) {
    const char *runs[] = {run};
    assert_int_equal(wt_plot_runs(runs, NULL, NULL, 1, png), status);
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
        assert_int_equal(wt_plot_runs(runs, NULL, NULL, n, "test_plot.work/plot.png"), WT_OK);
        assert_int_equal(wt_file_read(&data, &bytes, "test_plot.work/plot.png", 1 << 24), WT_OK);
        assert_true(bytes > 10000);
        assert_memory_equal(data, signature, 8);
        assert_memory_equal(data + 16, "\0\0\x04\xb0\0\0\x05\x82", 8); /* 1200 by 1410: one line of legend */
        wt_free(data);
    }
    assert_int_equal(wt_plot_runs(runs + 2, NULL, NULL, 1, "test_plot.work/plot.png"), WT_OK);
    assert_int_equal(wt_folder_list(&names, &count, folder, "plot.png", ""), WT_OK);
    assert_int_equal(count, 1); /* nothing half-written beside it */
    wt_folder_list_free(names, count);
}

/* Whatever the numbers: a panel without any, one that begins below 1, points that are not there. */
static void charts_are_drawn(void **state) {
    (void)state;
    const double x[] = {1, 2, 4, 1024}, up[] = {1, 1.5, NAN, 700}, down[] = {1, 0.3, 0.1, 0},
                 none[] = {NAN, NAN, NAN, NAN};
    const wt_chart chart = {
        .title = "A chart #1",
        .note = "of nothing",
        .x_title = "nodes",
        .count = 3,
        .panels = {{.title = "up",
                    .doubling = true,
                    .count = 2,
                    .lines = {{"up", 1, false, 4, x, up}, {"down", 2, true, 4, x, down}}},
                   {.title = "shares", .shares = true, .count = 1, .lines = {{"down", 2, true, 4, x, down}}},
                   {.title = "none", .count = 1, .lines = {{"none", 3, false, 4, x, none}}}}};
    char *data;
    size_t bytes;
    assert_int_equal(wt_plot_chart(&chart, "test_plot.work/chart.png"), WT_OK);
    assert_int_equal(wt_file_read(&data, &bytes, "test_plot.work/chart.png", 1 << 24), WT_OK);
    assert_true(bytes > 10000);
    wt_free(data);
    assert_int_equal(wt_plot_chart(&chart, "test_plot.work/absent/chart.png"), WT_FAILED);
}

/* Colours and dashes of as many runs as are allowed, under a heading. */
static void many_runs_have_a_taller_page(void **state) {
    (void)state;
    const char *runs[WT_PLOT_RUNS_MAX], *labels[WT_PLOT_RUNS_MAX];
    char *data;
    size_t bytes;
    make_run("one", 300);
    for (size_t r = 0; r < WT_PLOT_RUNS_MAX; r++) {
        runs[r] = "test_plot.work/one";
        labels[r] = "0001\t2.5\t0.01";
    }
    assert_int_equal(
        wt_plot_runs(runs, "point\t#loss\trate", labels, WT_PLOT_RUNS_MAX, "test_plot.work/many.png"), WT_OK);
    assert_int_equal(wt_file_read(&data, &bytes, "test_plot.work/many.png", 1 << 24), WT_OK);
    unsigned height = ((unsigned)(unsigned char)data[22] << 8) + (unsigned char)data[23];
    assert_int_equal(height, 1350 + 30 + 30 * (1 + (WT_PLOT_RUNS_MAX + 2) / 3));
    wt_free(data);
}

static void bad_runs_are_named(void **state) {
    (void)state;
    make_run("one", 30);
    make_run("unborn", 0);
    assert_int_equal(wt_folder_make("test_plot.work/empty"), WT_OK);
    assert_error(WT_USAGE, "test_plot.work/none", "test_plot.work/x.png",
                 "test_plot.work/none: no run (no such folder)");
    assert_error(WT_USAGE, "test_plot.work/empty", "test_plot.work/x.png",
                 "test_plot.work/empty: no metrics.csv");
    assert_error(WT_USAGE, "test_plot.work/unborn", "test_plot.work/x.png", "unborn/metrics.csv: no step");
    assert_error(WT_FAILED, "test_plot.work/one", "test_plot.work/none/x.png",
                 "test_plot.work/none/x.png: can't write");
    assert_error(WT_USAGE, "test_plot.work/one", "test_plot.work/empty", "test_plot.work/empty: a folder");
    assert_false(wt_path_exists("test_plot.work/x.png"));
}

#else

static void charts_are_drawn(void **state) {
    (void)state;
    skip();
}

static void pictures_are_made(void **state) {
    (void)state;
    const char *runs[] = {"test_plot.work/one"};
    assert_int_equal(wt_plot_runs(runs, NULL, NULL, 1, "test_plot.work/plot.png"), WT_FAILED);
    assert_non_null(strstr(wt_error_message(), "libplplot-dev"));
}

static void many_runs_have_a_taller_page(void **state) {
    (void)state;
    skip();
}

static void bad_runs_are_named(void **state) {
    (void)state;
    skip();
}

#endif

static void plot_holds_nothing(void **state) {
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
        cmocka_unit_test(legends_fit_their_words),
        cmocka_unit_test(ranges_of_several_runs_are_what_is_drawn),
        cmocka_unit_test(pictures_are_made),
        cmocka_unit_test(charts_are_drawn),
        cmocka_unit_test(many_runs_have_a_taller_page),
        cmocka_unit_test(bad_runs_are_named),
        cmocka_unit_test(plot_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
