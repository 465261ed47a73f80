/*
 * wavetrain sweep: one configuration at many points. A point's run is the program's own `train` with --set,
 * in a folder of its own; what it is at is known from its run.yaml alone, so that a sweep goes on where it
 * was interrupted, and several of its points may run as jobs of an array.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/output.h"
#include "comm/launcher.h"
#include "command_internal.h"
#include "sweep/sweep.h"
#include "wavetrain/plot.h"

typedef struct {
    int jobs, index, report, list;
} arguments;

enum { NO_INDEX = -2147483647 };
static arguments given = {.index = NO_INDEX};

static const struct poptOption options[] = {
    {"jobs", '\0', POPT_ARG_INT, &given.jobs, 0,
     "How many runs at once, which share the cores (default 1); their output goes to RUNS/*.log", "N"},
    {"index", '\0', POPT_ARG_INT, &given.index, 0,
     "Only this point, 1 to their number, in this process (also under mpirun or srun): for arrays of jobs",
     "I"},
    {"report", '\0', POPT_ARG_NONE, &given.report, 0,
     "Run nothing: print all points, the best validation loss first, and draw their curves into "
     "RUNS/report.png",
     NULL},
    {"list", '\0', POPT_ARG_NONE, &given.list, 0,
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
    if (wt_plot_require() != WT_OK) {
        wt_log_warning("%s", wt_error_message());
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

static wt_status run_point(const wt_sweep *sweep, int point) {
    WT_CHECK(point >= 1 && point <= wt_sweep_points(sweep), WT_USAGE,
             "--index is out of range (got %d, expected 1 … %d)", point, wt_sweep_points(sweep));
    return wt_sweep_become_run(sweep, NULL, point);
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

static wt_status dispatch_sweep(wt_comm *comm, const wt_command_line *line) {
    const char *path = line->arguments[0];
    const bool indexed = given.index != NO_INDEX;
    wt_sweep *sweep;
    (void)comm;
    WT_CHECK(indexed + (given.jobs != 0) + given.report + given.list <= 1, WT_USAGE,
             "--jobs, --index, --report and --list: expected one of them");
    WT_CHECK(given.jobs >= 0 && given.jobs <= 1024, WT_USAGE,
             "--jobs is out of range (got %d, expected 1 … 1024)", given.jobs);
    WT_CHECK(indexed || wt_launch_read().ranks <= 1, WT_USAGE, /* each rank would run everything */
             "%s: a sweep starts its runs by itself (expected one process, or --index with several ranks)",
             path);
    WT_TRY(wt_sweep_load(&sweep, path));
    wt_status status = indexed        ? run_point(sweep, given.index)
                       : given.report ? report_points(sweep)
                       : given.list   ? list_runs(sweep)
                                      : wt_sweep_run_all(sweep, NULL, given.jobs ? given.jobs : 1);
    wt_sweep_destroy(sweep);
    return status;
}

const wt_command wt_command_sweep = {
    .name = "sweep",
    .arguments = "SWEEP.yaml [OPTION…]",
    .summary = "Train one configuration at many points: a grid, a list, or random draws of its keys",
    .options = options,
    .min = 1,
    .max = 1,
    .work = dispatch_sweep,
};
