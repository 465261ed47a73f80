/*
 * The table of a sweep's points, the best validation loss first, and their curves over each other. Losses come from
 * metrics.csv, which has each step also of a run that is at work or was killed; run.yaml says how it ended.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_internal.h"
#include "wavetrain/log.h"
#include "wavetrain/memory.h"
#include "wavetrain/metrics.h"

enum { WT_LEGEND = 256 }; /* bytes of a row of the legend */

typedef struct {
    int point;
    char verdict[16];
    int64_t step; /* that it has come to */
    int64_t best_step;
    double best; /* NaN: not validated */
} wt_result;

static wt_status wt_read_result(wt_result *result, const wt_sweep *sweep, int point) {
    char run[WT_PATH_MAX], path[WT_PATH_MAX];
    wt_metrics_row *rows;
    size_t count;
    *result = (wt_result){.point = point, .best = NAN};
    WT_TRY(wt_sweep_run(run, sweep, point));
    WT_TRY(wt_path_join(path, run, "metrics.csv"));
    const wt_run_verdict verdict = wt_read_verdict(run);
    snprintf(result->verdict, sizeof result->verdict, "%s", *verdict.verdict ? verdict.verdict : "-");
    if (!wt_path_exists(path)) return WT_OK;
    WT_TRY(wt_metrics_read(&rows, &count, path));
    for (size_t i = 0; i < count; i++) {
        result->step = rows[i].step;
        if (!isfinite(rows[i].validation_loss) || rows[i].validation_loss >= result->best) continue;
        result->best = rows[i].validation_loss;
        result->best_step = rows[i].step;
    }
    wt_free(rows);
    return WT_OK;
}

/* By loss, those without one last; then by number. */
static int wt_compare_results(const void *a, const void *b) {
    const wt_result *one = a, *other = b;
    if (isnan(one->best) != isnan(other->best)) return isnan(one->best) ? 1 : -1;
    if (!isnan(one->best) && one->best != other->best) return one->best < other->best ? -1 : 1;
    return one->point - other->point;
}

/* --- the table --- */

/* A cell of the keys' columns; NULL values show as "-". */
static wt_status wt_cell(char out[64], const wt_sweep *sweep, int point, int key) {
    char *value;
    WT_TRY(wt_sweep_value(&value, sweep, point, key));
    snprintf(out, 64, "%s", value ? value : "-");
    wt_free(value);
    return WT_OK;
}

static wt_status wt_column_width(int *width, const wt_sweep *sweep, int key) {
    char cell[64];
    *width = (int)strlen(wt_sweep_key(sweep, key));
    for (int point = 1; point <= wt_sweep_points(sweep); point++) {
        WT_TRY(wt_cell(cell, sweep, point, key));
        if ((int)strlen(cell) > *width) *width = (int)strlen(cell);
    }
    return WT_OK;
}

static wt_status wt_print_row(const wt_sweep *sweep, const wt_result *result, const int *widths) {
    char loss[32] = "-", at[32] = "-", cell[64];
    if (!isnan(result->best)) {
        snprintf(loss, sizeof loss, "%.4f", result->best);
        snprintf(at, sizeof at, "%" PRId64, result->best_step);
    }
    printf("%04d   %10s  %8s  %8" PRId64 "  %-8s", result->point, loss, at, result->step, result->verdict);
    for (int k = 0; k < wt_sweep_key_count(sweep); k++) {
        WT_TRY(wt_cell(cell, sweep, result->point, k));
        printf("  %*s", widths[k], cell);
    }
    printf("\n");
    return WT_OK;
}

static wt_status wt_print_table(const wt_sweep *sweep, const wt_result *results) {
    wt_status status = WT_OK;
    int *widths, keys = wt_sweep_key_count(sweep);
    WT_TRY(wt_alloc(&widths, (size_t)keys, sizeof *widths, "columns"));
    for (int k = 0; k < keys; k++) WT_GUARD(wt_column_width(&widths[k], sweep, k));
    printf("point  validation   at step      step  verdict ");
    for (int k = 0; k < keys; k++) printf("  %*s", widths[k], wt_sweep_key(sweep, k));
    printf("\n");
    for (int i = 0; i < wt_sweep_points(sweep); i++) WT_GUARD(wt_print_row(sweep, &results[i], widths));
cleanup:
    wt_free(widths);
    return status;
}

/* --- the picture --- */

/* A key without its section, where no other key of the sweep ends like it. */
static const char *wt_short_key(const wt_sweep *sweep, int key) {
    const char *full = wt_sweep_key(sweep, key), *dot = strrchr(full, '.');
    if (dot == NULL) return full;
    for (int k = 0; k < wt_sweep_key_count(sweep); k++) {
        const char *other = strrchr(wt_sweep_key(sweep, k), '.');
        if (k != key && other != NULL && strcmp(other, dot) == 0) return full;
    }
    return dot + 1;
}

/* The names of the legend's columns: number, loss, and the keys; the plot leaves out those that find no room. */
static void wt_legend_heading(char heading[WT_LEGEND], const wt_sweep *sweep) {
    size_t used = (size_t)snprintf(heading, WT_LEGEND, "point\tvalidation");
    for (int k = 0; k < wt_sweep_key_count(sweep) && used < WT_LEGEND; k++)
        used += (size_t)snprintf(heading + used, WT_LEGEND - used, "\t%s", wt_short_key(sweep, k));
}

static wt_status wt_legend_row(char row[WT_LEGEND], const wt_sweep *sweep, const wt_result *result) {
    size_t used = (size_t)snprintf(row, WT_LEGEND, "%04d\t", result->point);
    if (isnan(result->best))
        used += (size_t)snprintf(row + used, WT_LEGEND - used, "-");
    else
        used += (size_t)snprintf(row + used, WT_LEGEND - used, "%.4f", result->best);
    for (int k = 0; k < wt_sweep_key_count(sweep) && used < WT_LEGEND; k++) {
        char cell[64];
        WT_TRY(wt_cell(cell, sweep, result->point, k));
        used += (size_t)snprintf(row + used, WT_LEGEND - used, "\t%s", cell);
    }
    return WT_OK;
}

/* The folders and the legend's names of the best runs that have a step. */
static wt_status wt_collect_runs(const wt_sweep *sweep, const wt_result *results, char **runs, char **labels,
                                 size_t *count) {
    for (int i = 0; i < wt_sweep_points(sweep) && *count < WT_PLOT_RUNS_MAX; i++) {
        char run[WT_PATH_MAX], label[WT_LEGEND];
        if (results[i].step == 0) continue;
        WT_TRY(wt_sweep_run(run, sweep, results[i].point));
        WT_TRY(wt_legend_row(label, sweep, &results[i]));
        WT_TRY(wt_copy_string(&runs[*count], run));
        WT_TRY(wt_copy_string(&labels[*count], label));
        ++*count;
    }
    return WT_OK;
}

static wt_status wt_draw(const wt_sweep *sweep, const wt_result *results) {
    char *runs[WT_PLOT_RUNS_MAX] = {NULL}, *labels[WT_PLOT_RUNS_MAX] = {NULL}, png[WT_PATH_MAX],
         heading[WT_LEGEND];
    size_t count = 0;
    wt_status status;
    if (!wt_plot_can()) {
        wt_log_warning("this build draws no plots (it was configured without PLplot)");
        return WT_OK;
    }
    WT_GUARD(wt_path_join(png, wt_sweep_runs(sweep), "report.png"));
    WT_GUARD(wt_collect_runs(sweep, results, runs, labels, &count));
    if (count == 0) goto cleanup;
    wt_legend_heading(heading, sweep);
    WT_GUARD(wt_plot_runs((const char *const *)runs, heading, (const char *const *)labels, count, png));
    printf("\ncurves: %s\n", png);
cleanup:
    for (int i = 0; i < WT_PLOT_RUNS_MAX; i++) {
        wt_free(runs[i]);
        wt_free(labels[i]);
    }
    return status;
}

wt_status wt_sweep_report(const wt_sweep *sweep) {
    wt_status status = WT_OK;
    wt_result *results;
    size_t points = (size_t)wt_sweep_points(sweep);
    WT_TRY(wt_alloc(&results, points, sizeof *results, "a sweep's results"));
    for (size_t i = 0; i < points; i++) WT_GUARD(wt_read_result(&results[i], sweep, (int)i + 1));
    qsort(results, points, sizeof *results, wt_compare_results);
    WT_GUARD(wt_print_table(sweep, results));
    WT_GUARD(wt_draw(sweep, results));
cleanup:
    wt_free(results);
    return status;
}
