/*
 * wavetrain sweep: one configuration at many points. A point's run is the program's own `train` with --set,
 * in a folder of its own; what it is at is known from its run.yaml alone, so that a sweep goes on where it
 * was interrupted, and several of its points may run as jobs of an array.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "comm/launcher.h"
#include "command_internal.h"
#include "sweep/sweep.h"
#include "wavetrain/plot.h"

typedef struct {
    int jobs, index, report, list;
} wt_sweep_options;

static wt_sweep_options wt_given;

static const struct poptOption wt_options[] = {
    {"jobs", '\0', POPT_ARG_INT, &wt_given.jobs, 0,
     "How many runs at once, which share the cores (default 1); their output goes to RUNS/*.log", "N"},
    {"index", '\0', POPT_ARG_INT, &wt_given.index, 0,
     "Only this point, 1 to their number, in this process (also under mpirun or srun): for arrays of jobs",
     "I"},
    {"report", '\0', POPT_ARG_NONE, &wt_given.report, 0,
     "Run nothing: print all points, the best validation loss first, and draw their curves into "
     "RUNS/report.png",
     NULL},
    {"list", '\0', POPT_ARG_NONE, &wt_given.list, 0,
     "Run nothing: print the folder of each point's run, a line each, in the order of --index", NULL},
    POPT_TABLEEND,
};

/* --- the report --- */

static wt_status measure_column(int *width, const wt_sweep *sweep, int key) {
    char cell[WT_SWEEP_CELL];
    *width = (int)strlen(wt_sweep_key(sweep, key));
    for (int point = 1; point <= wt_sweep_points(sweep); point++) {
        WT_TRY(wt_sweep_cell(cell, sweep, point, key));
        if ((int)strlen(cell) > *width) *width = (int)strlen(cell);
    }
    return WT_OK;
}

static wt_status print_row(const wt_sweep *sweep, const wt_sweep_result *result, const int *widths) {
    char loss[32] = "-", at[32] = "-", cell[WT_SWEEP_CELL];
    if (!isnan(result->best)) {
        snprintf(loss, sizeof loss, "%.4f", result->best);
        snprintf(at, sizeof at, "%" PRId64, result->best_step);
    }
    printf("%04d   %10s  %8s  %8" PRId64 "  %-8s", result->point, loss, at, result->step, result->verdict);
    for (int k = 0; k < wt_sweep_key_count(sweep); k++) {
        WT_TRY(wt_sweep_cell(cell, sweep, result->point, k));
        printf("  %*s", widths[k], cell);
    }
    printf("\n");
    return WT_OK;
}

static wt_status print_table(const wt_sweep *sweep, const wt_sweep_result *results) {
    wt_status status = WT_OK;
    int *widths, keys = wt_sweep_key_count(sweep);
    WT_TRY(wt_alloc(&widths, (size_t)keys, sizeof *widths, "columns"));
    for (int k = 0; k < keys; k++) WT_GUARD(measure_column(&widths[k], sweep, k));
    printf("point  validation   at step      step  verdict ");
    for (int k = 0; k < keys; k++) printf("  %*s", widths[k], wt_sweep_key(sweep, k));
    printf("\n");
    for (int i = 0; i < wt_sweep_points(sweep); i++) WT_GUARD(print_row(sweep, &results[i], widths));
cleanup:
    wt_free(widths);
    return status;
}

static wt_status plot_results(const wt_sweep *sweep, const wt_sweep_result *results) {
    char png[WT_PATH_MAX];
    bool drawn;
    if (!wt_plot_can()) {
        wt_log_warning("this build draws no plots (it was configured without PLplot)");
        return WT_OK;
    }
    WT_TRY(wt_path_join(png, wt_sweep_runs(sweep), "report.png"));
    WT_TRY(wt_sweep_plot(&drawn, sweep, results, png));
    if (drawn) printf("\ncurves: %s\n", png);
    return WT_OK;
}

static wt_status report_points(const wt_sweep *sweep) {
    wt_status status = WT_OK;
    wt_sweep_result *results;
    WT_TRY(wt_alloc(&results, (size_t)wt_sweep_points(sweep), sizeof *results, "a sweep's results"));
    WT_GUARD(wt_sweep_read_results(results, sweep));
    WT_GUARD(print_table(sweep, results));
    WT_GUARD(plot_results(sweep, results));
cleanup:
    wt_free(results);
    return status;
}

/* --- the runs --- */

/* This program's own file. */
static wt_status find_program(char path[WT_PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", path, WT_PATH_MAX - 1);
    WT_CHECK(length > 0, WT_FAILED, "/proc/self/exe: can't be read (%s)", strerror(errno));
    path[length] = '\0';
    return WT_OK;
}

static wt_status run_points(const wt_sweep *sweep, int jobs) {
    char program[WT_PATH_MAX];
    WT_TRY(find_program(program));
    return wt_sweep_run_all(sweep, program, jobs);
}

/* This process becomes the point's run; returns only if there is nothing to do, or on a failure. */
static wt_status become_run(const wt_sweep *sweep, int point) {
    bool done;
    char program[WT_PATH_MAX], **arguments;
    WT_CHECK(point >= 1 && point <= wt_sweep_points(sweep), WT_USAGE,
             "--index is out of range (got %d, expected 1 … %d)", point, wt_sweep_points(sweep));
    WT_TRY(wt_sweep_is_done(&done, sweep, point));
    if (done) {
        wt_log_info("point %d of %d is done already", point, wt_sweep_points(sweep));
        return WT_OK;
    }
    WT_TRY(find_program(program));
    WT_TRY(wt_sweep_arguments(&arguments, sweep, point));
    fflush(NULL);
    execv(program, arguments);
    wt_status status = wt_error(WT_FAILED, "%s: can't be started (%s)", program, strerror(errno));
    wt_sweep_free_arguments(arguments);
    return status;
}

static wt_status list_runs(const wt_sweep *sweep) {
    char run[WT_PATH_MAX];
    wt_output_is_data();
    for (int point = 1; point <= wt_sweep_points(sweep); point++) {
        WT_TRY(wt_sweep_run_path(run, sweep, point));
        printf("%s\n", run);
    }
    return WT_OK;
}

static wt_status dispatch_sweep(const char *path, bool indexed) {
    wt_sweep *sweep;
    WT_CHECK(indexed + (wt_given.jobs != 0) + wt_given.report + wt_given.list <= 1, WT_USAGE,
             "--jobs, --index, --report and --list: expected one of them");
    WT_CHECK(wt_given.jobs >= 0 && wt_given.jobs <= 1024, WT_USAGE,
             "--jobs is out of range (got %d, expected 1 … 1024)", wt_given.jobs);
    WT_CHECK(indexed || wt_launch_read().ranks <= 1, WT_USAGE, /* each rank would run everything */
             "%s: a sweep starts its runs by itself (expected one process, or --index with several ranks)",
             path);
    WT_TRY(wt_sweep_load(&sweep, path));
    wt_status status = indexed           ? become_run(sweep, wt_given.index)
                       : wt_given.report ? report_points(sweep)
                       : wt_given.list   ? list_runs(sweep)
                                         : run_points(sweep, wt_given.jobs ? wt_given.jobs : 1);
    wt_sweep_destroy(sweep);
    return status;
}

static wt_status run_sweep(wt_comm *comm, int argc, const char **argv) {
    (void)comm;
    enum { NO_INDEX = -2147483647 };
    wt_command_line line;
    wt_given = (wt_sweep_options){.index = NO_INDEX};
    wt_status status = wt_command_parse(&line, &wt_command_sweep, argc, argv, 1, 1);
    if (status == WT_OK && !line.done) status = dispatch_sweep(line.arguments[0], wt_given.index != NO_INDEX);
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_sweep = {
    .name = "sweep",
    .arguments = "SWEEP.yaml [OPTION…]",
    .summary = "Train one configuration at many points: a grid, a list, or random draws of its keys",
    .run = run_sweep,
    .options = wt_options,
};
