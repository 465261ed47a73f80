/*
 * What a sweep's points have come to, the best validation loss first, and their curves over each other.
 * Losses come from metrics.csv, which has each step also of a run that is at work or was killed; run.yaml
 * says how it ended.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/metrics.h"
#include "sweep/sweep.h"
#include "wavetrain/plot.h"
#include "wavetrain/train.h"

enum { LEGEND = 256 }; /* bytes of a row of the legend */

static wt_status read_result(wt_sweep_result *result, const wt_sweep *sweep, int point) {
    char run[WT_PATH_MAX], path[WT_PATH_MAX];
    wt_metrics_row *rows;
    size_t count;
    *result = (wt_sweep_result){.point = point, .best = NAN};
    WT_TRY(wt_sweep_run_path(run, sweep, point));
    WT_TRY(wt_path_join(path, run, "metrics.csv"));
    const wt_run_verdict verdict = wt_run_read_verdict(run);
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
static int compare_results(const void *a, const void *b) {
    const wt_sweep_result *one = a, *other = b;
    if (isnan(one->best) != isnan(other->best)) return isnan(one->best) ? 1 : -1;
    if (!isnan(one->best) && one->best != other->best) return one->best < other->best ? -1 : 1;
    return one->point - other->point;
}

wt_status wt_sweep_cell(char out[WT_SWEEP_CELL], const wt_sweep *sweep, int point, int key) {
    char *value;
    WT_TRY(wt_sweep_value(&value, sweep, point, key));
    snprintf(out, WT_SWEEP_CELL, "%s", value ? value : "-");
    wt_free(value);
    return WT_OK;
}

wt_status wt_sweep_read_results(wt_sweep_result *results, const wt_sweep *sweep) {
    const int points = wt_sweep_points(sweep);
    for (int i = 0; i < points; i++) WT_TRY(read_result(&results[i], sweep, i + 1));
    qsort(results, (size_t)points, sizeof *results, compare_results);
    return WT_OK;
}

/* --- the picture --- */

/* A key without its section, where no other key of the sweep ends like it. */
static const char *short_key(const wt_sweep *sweep, int key) {
    const char *full = wt_sweep_key(sweep, key), *dot = strrchr(full, '.');
    if (dot == NULL) return full;
    for (int k = 0; k < wt_sweep_key_count(sweep); k++) {
        const char *other = strrchr(wt_sweep_key(sweep, k), '.');
        if (k != key && other != NULL && strcmp(other, dot) == 0) return full;
    }
    return dot + 1;
}

/* The names of the legend's columns: number, loss, and the keys; the plot leaves out those that do not
 * fit. */
static void legend_heading(char heading[LEGEND], const wt_sweep *sweep) {
    size_t used = (size_t)snprintf(heading, LEGEND, "point\tvalidation");
    for (int k = 0; k < wt_sweep_key_count(sweep) && used < LEGEND; k++)
        used += (size_t)snprintf(heading + used, LEGEND - used, "\t%s", short_key(sweep, k));
}

static wt_status legend_row(char row[LEGEND], const wt_sweep *sweep, const wt_sweep_result *result) {
    size_t used = (size_t)snprintf(row, LEGEND, "%04d\t", result->point);
    if (isnan(result->best))
        used += (size_t)snprintf(row + used, LEGEND - used, "-");
    else
        used += (size_t)snprintf(row + used, LEGEND - used, "%.4f", result->best);
    for (int k = 0; k < wt_sweep_key_count(sweep) && used < LEGEND; k++) {
        char cell[WT_SWEEP_CELL];
        WT_TRY(wt_sweep_cell(cell, sweep, result->point, k));
        used += (size_t)snprintf(row + used, LEGEND - used, "\t%s", cell);
    }
    return WT_OK;
}

/* The folders and the legend's names of the best runs that have a step. */
static wt_status collect_runs(const wt_sweep *sweep, const wt_sweep_result *results, char **runs,
                              char **labels, size_t *count) {
    for (int i = 0; i < wt_sweep_points(sweep) && *count < WT_PLOT_RUNS_MAX; i++) {
        char run[WT_PATH_MAX], label[LEGEND];
        if (results[i].step == 0) continue;
        WT_TRY(wt_sweep_run_path(run, sweep, results[i].point));
        WT_TRY(legend_row(label, sweep, &results[i]));
        WT_TRY(wt_memory_copy_string(&runs[*count], run));
        WT_TRY(wt_memory_copy_string(&labels[*count], label));
        ++*count;
    }
    return WT_OK;
}

wt_status wt_sweep_plot(bool *drawn, const wt_sweep *sweep, const wt_sweep_result *results, const char *png) {
    char *runs[WT_PLOT_RUNS_MAX] = {NULL}, *labels[WT_PLOT_RUNS_MAX] = {NULL}, heading[LEGEND];
    size_t count = 0;
    wt_status status = WT_OK;
    *drawn = false;
    WT_GUARD(collect_runs(sweep, results, runs, labels, &count));
    if (count == 0) goto cleanup;
    legend_heading(heading, sweep);
    WT_GUARD(wt_plot_runs((const char *const *)runs, heading, (const char *const *)labels, count, png));
    *drawn = true;
cleanup:
    for (int i = 0; i < WT_PLOT_RUNS_MAX; i++) {
        wt_free(runs[i]);
        wt_free(labels[i]);
    }
    return status;
}
