/* A sweep through the C API: its points as processes of another program than wavetrain, and what they have
 * come to. */
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "h5/h5_folder.h"
#include "metrics/metrics.h"
#include "sweep/sweep.h"

static void write_sweep_text(const char *name, const char *text) {
    assert_ok(wt_file_write_atomically(in_folder(name), text, strlen(text), NULL, 0));
}

/* A program that takes a run's arguments and leaves them, its verdict and a validated step in the run's
 * folder. The runs of width 2 fail, those of width 3 stop. */
static const char *make_program(void) {
    write_sweep_text(
        "program",
        "#!/bin/sh\n"
        "mkdir -p \"$4\" && echo \"$@\" >\"$4/arguments\"\n"
        "case $* in *residual=2) echo 'no such width' >&2; exit 1 ;; *residual=3) exit 75 ;; esac\n"
        "printf 'verdict: done\\nwhy: \"all steps\"\\n' >\"$4/run.yaml\"\n");
    assert_int_equal(chmod(in_folder("program"), 0700), 0);
    return in_folder("program");
}

static wt_sweep *load_sweep(const char *name, const char *points) {
    char text[2048];
    wt_sweep *sweep;
    write_sweep_text("config.yaml", "model: {stacks: 1, layers: 2}\n");
    snprintf(text, sizeof text, "config: %s\nruns: %s\nset: {train.steps: 7}\n%s", in_folder("config.yaml"),
             in_folder(name), points);
    write_sweep_text("sweep.yaml", text);
    assert_ok(wt_sweep_load(&sweep, in_folder("sweep.yaml")));
    return sweep;
}

static void expect_file(const wt_sweep *sweep, int point, const char *name, const char *part) {
    char run[WT_PATH_MAX], path[WT_PATH_MAX], *text;
    size_t bytes;
    assert_ok(wt_sweep_run_path(run, sweep, point));
    assert_ok(wt_path_join(path, run, name));
    assert_ok(wt_file_read(&text, &bytes, path, 1 << 16));
    if (!strstr(text, part)) fail_msg("%s: got \"%s\", expected \"%s\"", path, text, part);
    wt_free(text);
}

static void test_points_are_run(void **state) {
    (void)state;
    wt_sweep *sweep = load_sweep("all", "list: [{model.residual: 1}, {model.residual: 4, train.batch: 2}]\n");
    assert_ok(wt_sweep_run_all(sweep, make_program(), 2));
    expect_file(sweep, 1, "arguments", "--set train.steps=7 --set model.residual=1");
    expect_file(sweep, 2, "arguments", "--set model.residual=4 --set train.batch=2");
    expect_file(sweep, 2, "run.yaml", "verdict: done");
    wt_sweep_destroy(sweep);
}

/* A process that becomes a point's run is it; of one that is done, nothing runs. */
static void test_a_process_becomes_a_run(void **state) {
    (void)state;
    int status;
    wt_sweep *sweep = load_sweep("becomes", "grid: {model.residual: [1, 4]}\n");
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        wt_sweep_become_run(sweep, make_program(), 2);
        _exit(99); /* it is not a run */
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    expect_file(sweep, 2, "arguments", "--set model.residual=4");
    assert_error(wt_sweep_become_run(sweep, "/nonexistent/program", 1), "can't be started");
    wt_sweep_destroy(sweep);
}

static void test_a_point_that_fails_is_the_sweeps_failure(void **state) {
    (void)state;
    wt_sweep *sweep = load_sweep("fails", "grid: {model.residual: [1, 2, 4]}\n");
    assert_error(wt_sweep_run_all(sweep, make_program(), 1), "1 of 3 points failed");
    expect_file(sweep, 3, "run.yaml", "verdict: done"); /* the others are run */
    wt_sweep_destroy(sweep);
}

static void test_a_point_that_stops_ends_the_sweep(void **state) {
    (void)state;
    char run[WT_PATH_MAX];
    wt_sweep *sweep = load_sweep("stops", "grid: {model.residual: [1, 3, 4]}\n");
    assert_int_equal(wt_sweep_run_all(sweep, make_program(), 1), WT_CONTINUE);
    assert_ok(wt_sweep_run_path(run, sweep, 3));
    assert_false(wt_path_exists(run));
    wt_sweep_destroy(sweep);
}

static void test_done_points_are_known(void **state) {
    (void)state;
    char run[WT_PATH_MAX], *text;
    wt_config config;
    bool done;
    wt_sweep *sweep = load_sweep("known", "grid: {model.residual: [1, 4]}\n");
    assert_ok(wt_sweep_is_done(&done, sweep, 2));
    assert_false(done);
    assert_ok(wt_sweep_run_path(run, sweep, 2));
    assert_ok(wt_folder_make(run));
    assert_ok(wt_sweep_configure(&config, sweep, 2));
    assert_ok(wt_config_text(&text, &config));
    FILE *out = fopen(in_folder("known/0002/run.yaml"), "w");
    fprintf(out, "verdict: done\nwhy: \"all\"\nconfiguration:\n");
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) fprintf(out, "  %s\n", line);
    assert_int_equal(fclose(out), 0);
    wt_free(text);
    assert_ok(wt_sweep_is_done(&done, sweep, 2));
    assert_true(done);
    wt_sweep_destroy(sweep);
    sweep = load_sweep("known", "grid: {model.residual: [1, 5]}\n");
    assert_error(wt_sweep_is_done(&done, sweep, 2), "model.residual was 4, now 5");
    wt_sweep_destroy(sweep);
}

static void write_metrics(const wt_sweep *sweep, int point, double loss) {
    char run[WT_PATH_MAX], path[WT_PATH_MAX];
    wt_metrics *metrics;
    assert_ok(wt_sweep_run_path(run, sweep, point));
    assert_ok(wt_folder_make(run));
    assert_ok(wt_path_join(path, run, "metrics.csv"));
    assert_ok(wt_metrics_open(&metrics, path, 0));
    for (int step = 1; step <= 3; step++) {
        const wt_metrics_row row = {.step = step, .loss = 1, .validation_loss = step == 2 ? loss : loss + 1};
        assert_ok(wt_metrics_append(metrics, &row));
    }
    assert_ok(wt_metrics_close(metrics));
}

static void test_results_are_in_order(void **state) {
    (void)state;
    wt_sweep_result results[3];
    char cell[WT_SWEEP_CELL];
    wt_sweep *sweep = load_sweep("ordered",
                                 "list: [{model.residual: 1}, {train.batch: 2}, {train.batch: 4}]\n");
    write_metrics(sweep, 1, 3.0);
    write_metrics(sweep, 3, 2.0);
    assert_ok(wt_sweep_read_results(results, sweep));
    assert_int_equal(results[0].point, 3);
    assert_int_equal(results[1].point, 1);
    assert_int_equal(results[2].point, 2);
    assert_true(results[0].best == 2.0 && results[0].best_step == 2 && results[0].step == 3);
    assert_true(isnan(results[2].best) && results[2].step == 0);
    assert_string_equal(results[2].verdict, "-");
    assert_ok(wt_sweep_cell(cell, sweep, 3, 1));
    assert_string_equal(cell, "4");
    assert_ok(wt_sweep_cell(cell, sweep, 3, 0));
    assert_string_equal(cell, "-");
    wt_sweep_destroy(sweep);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_are_run),
        cmocka_unit_test(test_a_process_becomes_a_run),
        cmocka_unit_test(test_a_point_that_fails_is_the_sweeps_failure),
        cmocka_unit_test(test_a_point_that_stops_ends_the_sweep),
        cmocka_unit_test(test_done_points_are_known),
        cmocka_unit_test(test_results_are_in_order),
    };
    wt_log_setup(WT_LOG_QUIET, true);
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
