/*
 * From runs' files to what a picture of them shows: each run's series, smoothed and thinned, and the range of
 * each axis. One run is shown with every step; of several, the noise of single steps would hide the
 * differences, so that smoothed curves and validation points alone are drawn and alone decide on the range.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "plot_internal.h"

static const size_t run_yaml_limit = (size_t)1 << 20;

const char *const wt_plot_single[3] = {"each step", "smoothed", "validation"};

static void name_run(wt_curves *run, const char *folder) {
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    size_t begin = length;
    while (begin > 0 && folder[begin - 1] != '/') begin--;
    snprintf(run->name, sizeof run->name, "%.*s", (int)(length - begin), folder + begin);
}

static wt_status pick_curves(wt_curves *run, const wt_metrics_row *rows, size_t count) {
    WT_TRY(wt_series_pick(&run->loss, rows, count, offsetof(wt_metrics_row, loss)));
    WT_TRY(wt_series_pick(&run->validation, rows, count, offsetof(wt_metrics_row, validation_loss)));
    WT_TRY(wt_series_pick(&run->rate, rows, count, offsetof(wt_metrics_row, learning_rate)));
    WT_TRY(wt_series_pick(&run->throughput, rows, count, offsetof(wt_metrics_row, samples_per_second)));
    WT_TRY(wt_series_smooth(&run->loss_smooth, &run->loss, run->loss.count / 80));
    WT_TRY(wt_series_smooth(&run->throughput_smooth, &run->throughput, run->throughput.count / 80));
    run->last_step = (double)rows[count - 1].step;
    return WT_OK;
}

/* Of text, or of squared errors, by the configuration that the run keeps; a run without one is of samples, in
 * nats. */
static wt_status read_loss_kind(wt_curves *run, const char *folder) {
    char path[WT_PATH_MAX], *words;
    size_t bytes;
    WT_TRY(wt_path_join(path, folder, "run.yaml"));
    if (!wt_path_exists(path)) return WT_OK;
    WT_TRY(wt_file_read(&words, &bytes, path, run_yaml_limit));
    static const char key[] = "quantization: vocabulary", head[] = " head: mse\n";
    run->text = memmem(words, bytes, key, sizeof key - 1) != NULL;
    run->squares = memmem(words, bytes, head, sizeof head - 1) != NULL;
    wt_free(words);
    return WT_OK;
}

static wt_status load_run(wt_curves *run, const char *folder) {
    char path[WT_PATH_MAX];
    WT_TRY(wt_path_require_folder(folder, "run", ""));
    WT_TRY(wt_path_join(path, folder, "metrics.csv"));
    WT_CHECK(wt_path_exists(path), WT_USAGE, "%s: no metrics.csv in it (expected a run's folder)", folder);
    name_run(run, folder);
    WT_TRY(read_loss_kind(run, folder));
    wt_metrics_row *rows;
    size_t count;
    WT_TRY(wt_metrics_read(&rows, &count, path));
    wt_status status;
    WT_GUARD_CHECK(count > 0, WT_USAGE, "%s: no step in it yet", path);
    WT_GUARD(pick_curves(run, rows, count));
cleanup:
    wt_free(rows);
    return status;
}

static void widen(double *lo, double *hi, double value) {
    if (isnan(value)) return;
    if (isnan(*lo) || value < *lo) *lo = value;
    if (isnan(*hi) || value > *hi) *hi = value;
}

/* The y of a series, with a share of its points from x = `from` on below it, is to be seen. */
typedef struct {
    const wt_series *series;
    double share, from;
} bound;

static wt_status widen_to(double *lo, double *hi, const bound *bounds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double value;
        WT_TRY(wt_series_quantile(&value, bounds[i].series, bounds[i].share, bounds[i].from));
        widen(lo, hi, value);
    }
    return WT_OK;
}

/* The first steps fall from ln(classes) and would flatten all that matters. One run: the top is where the
 * loss has come to after 2 % of the steps, less the highest 2 % of the steps' own noise. Several: what is
 * drawn of them after 1 %. */
static wt_status loss_range(wt_picture *p) {
    double lo = NAN, hi = NAN;
    for (size_t r = 0; r < p->count; r++) {
        const wt_curves *run = &p->runs[r];
        double from = (p->count == 1 ? 0.02 : 0.01) * run->last_step;
        const bound smooth[] = {{&run->loss_smooth, 0, from},
                                {&run->loss_smooth, 1, from},
                                {&run->validation, 0, 0},
                                {&run->validation, 1, from}};
        const bound noise[] = {{&run->loss, 0.005, from}, {&run->loss, 0.98, from}};
        WT_TRY(widen_to(&lo, &hi, smooth, 4));
        if (p->count == 1) WT_TRY(widen_to(&lo, &hi, noise, 2));
    }
    if (isnan(lo)) lo = hi = 0;
    double margin = hi > lo ? 0.05 * (hi - lo) : 0.1 * (fabs(hi) + 1);
    p->loss.lo = lo >= 0 && lo - margin < 0 ? 0 : lo - margin;
    p->loss.hi = hi + margin;
    return WT_OK;
}

/* Axes that begin at zero. */
static wt_status other_ranges(wt_picture *p) {
    p->rate.hi = p->throughput.hi = 0;
    for (size_t r = 0; r < p->count; r++) {
        double rate, throughput;
        WT_TRY(wt_series_quantile(&rate, &p->runs[r].rate, 1, 0));
        WT_TRY(p->count == 1 ? wt_series_quantile(&throughput, &p->runs[r].throughput, 0.98, 0)
                             : wt_series_quantile(&throughput, &p->runs[r].throughput_smooth, 1, 0));
        if (rate > p->rate.hi) p->rate.hi = rate;
        if (throughput > p->throughput.hi) p->throughput.hi = throughput;
    }
    if (!(p->rate.hi > 0)) p->rate.hi = 1;
    if (!(p->throughput.hi > 0)) p->throughput.hi = 1;
    p->rate_unit = pow(10, floor(log10(p->rate.hi) + 1e-9));
    p->rate.hi *= 1.12;
    p->throughput.hi *= 1.2;
    return WT_OK;
}

static wt_status place_legend(wt_picture *p, const char *heading) {
    const char **rows;
    WT_TRY(wt_alloc(&rows, p->count, sizeof *rows, "a plot's legend"));
    for (size_t r = 0; r < p->count; r++) rows[r] = p->runs[r].name;
    if (p->count == 1)
        wt_legend_place(&p->legend, NULL, wt_plot_single, 3, WT_PLOT_RIGHT - WT_PLOT_LEFT);
    else
        wt_legend_place(&p->legend, heading, rows, p->count, WT_PLOT_RIGHT - WT_PLOT_LEFT);
    wt_free(rows);
    return WT_OK;
}

/* From the bottom: the legend, as tall as it is, then the panels. */
static void place_panels(wt_picture *p) {
    double floor = p->legend.height;
    p->throughput = (wt_panel){.bottom = floor + 100, .top = floor + 300};
    p->rate = (wt_panel){.bottom = floor + 370, .top = floor + 570};
    p->loss = (wt_panel){.bottom = floor + 640, .top = floor + 1190};
    p->height = floor + 1350;
}

static void thin_curves(wt_picture *p) {
    for (size_t r = 0; r < p->count; r++) {
        wt_series *all[] = {&p->runs[r].loss, &p->runs[r].loss_smooth, &p->runs[r].rate,
                            &p->runs[r].throughput, &p->runs[r].throughput_smooth};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            wt_series_thin(all[i], p->x_lo, p->x_hi, WT_PLOT_RIGHT - WT_PLOT_LEFT);
    }
}

wt_status wt_picture_fill(wt_picture *p, const char *const *folders, const char *heading,
                          const char *const *labels) {
    *p = (wt_picture){.count = p->count, .unit = "character"};
    WT_TRY(wt_alloc(&p->runs, p->count, sizeof *p->runs, "a plot's runs"));
    for (size_t r = 0; r < p->count; r++) {
        WT_TRY(load_run(&p->runs[r], folders[r]));
        if (labels) snprintf(p->runs[r].name, sizeof p->runs[r].name, "%s", labels[r]);
        if (!p->runs[r].text) p->unit = "sample";
        if (p->runs[r].squares) p->squares = true;
        if (p->runs[r].last_step > p->x_hi) p->x_hi = p->runs[r].last_step;
    }
    if (!(p->x_hi > 0)) p->x_hi = 1;
    WT_TRY(place_legend(p, heading));
    place_panels(p);
    WT_TRY(loss_range(p));
    WT_TRY(other_ranges(p));
    thin_curves(p);
    return WT_OK;
}

void wt_picture_dispose(wt_picture *p) {
    for (size_t r = 0; p->runs != NULL && r < p->count; r++) {
        wt_series *all[] = {&p->runs[r].loss, &p->runs[r].loss_smooth, &p->runs[r].validation,
                            &p->runs[r].rate, &p->runs[r].throughput,  &p->runs[r].throughput_smooth};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) wt_series_dispose(all[i]);
    }
    wt_free(p->runs);
}
