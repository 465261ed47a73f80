/*
 * What the model of predict.h says of a scaling study. Computing comes from the calibration of this kind of
 * CPU; without one, from what the fewest ranks took in the same run, in proportion to the microbatches of the
 * rank that has most: then the prediction knows nothing of ranks that share a node's memory, and the
 * measurement shows what that costs.
 */
#include <math.h>
#include <string.h>

#include "bench_scaling.h"
#include "predict/forecast.h"

const char *const wt_scaling_names[WT_SCALINGS] = {[WT_STRONG] = "strong", [WT_WEAK] = "weak"};

/* --- figures --- */

static const wt_scaling_case *find_first_case(const wt_scaling_table *table, wt_scaling_kind kind) {
    for (int i = 0; i < table->count; i++) {
        if (table->cases[i].kind == kind) return &table->cases[i];
    }
    return NULL;
}

/* Strong: the same work in less time. Weak: more work in the same time. */
static wt_scaling_figures compute_figures(const wt_scaling_case *at, const wt_scaling_case *first,
                                          double step, double first_step, double exposed) {
    wt_scaling_figures figures = {NAN, NAN, NAN, NAN};
    if (!(step > 0) || !(first_step > 0)) return figures;
    const double work = (double)at->windows / first->windows;
    figures.step = step;
    figures.speedup = first->ranks * work * first_step / step;
    figures.efficiency = figures.speedup / at->ranks;
    figures.exposed = exposed / step;
    return figures;
}

wt_scaling_figures wt_scaling_measured(const wt_scaling_table *table, const wt_scaling_case *at) {
    const wt_scaling_case *first = find_first_case(table, at->kind);
    wt_scaling_figures figures = compute_figures(at, first, at->step.best, first->step.best, 0);
    figures.exposed = at->step.median > 0 ? at->exposed / at->step.median : NAN;
    return figures;
}

wt_scaling_figures wt_scaling_predicted(const wt_scaling_table *table, const wt_scaling_case *at) {
    const wt_scaling_case *first = find_first_case(table, at->kind);
    return compute_figures(at, first, at->model_step, first->model_step, at->model_exposed);
}

/* --- prediction --- */

void wt_scaling_configure(wt_config *config, const wt_scaling_study *study, const wt_scaling_case *at) {
    *config = study->config;
    config->train.batch = at->windows;
    config->train.microbatches = at->microbatches;
}

wt_status wt_scaling_predict(const wt_scaling_study *study, wt_scaling_case *at) {
    wt_config config;
    wt_forecast forecast;
    wt_scaling_configure(&config, study, at);
    wt_forecast_case run = {.config = &config,
                            .network = study->network,
                            .kernels = study->kernels,
                            .ranks = at->ranks,
                            .threads = study->threads,
                            .nodes = at->nodes,
                            .calibration = study->calibration,
                            .rates_of = study->rates_of};
    if (at->nodes > 1) run.link = study->link;
    if (study->compute > 0) {
        memset(&forecast, 0, sizeof forecast);
        WT_TRY(wt_forecast_microbatches(&forecast, &run));
        forecast.compute = study->compute * forecast.own_microbatches;
        WT_TRY(wt_forecast_exchange(&forecast, &run));
    } else {
        WT_TRY(wt_forecast_make(&forecast, &run));
    }
    if (forecast.compute > 0 && forecast.linked) {
        at->model_step = forecast.compute + forecast.exposed;
        at->model_exposed = forecast.exposed;
    }
    return WT_OK;
}

wt_status wt_scaling_curve(const wt_scaling_study *study, wt_scaling_table *table, int nodes,
                           int ranks_each) {
    const int most = nodes * ranks_each;
    table->count = 0;
    for (int kind = 0; kind < WT_SCALINGS; kind++) {
        for (int n = 1; n <= nodes; n = n < nodes && 2 * n > nodes ? nodes : 2 * n) {
            const int ranks = n * ranks_each, windows = study->windows * (kind == WT_STRONG ? most : ranks);
            wt_scaling_case *at = &table->cases[table->count++];
            *at = (wt_scaling_case){.kind = (wt_scaling_kind)kind,
                                    .ranks = ranks,
                                    .nodes = n,
                                    .windows = windows,
                                    .microbatches = windows / study->microbatch_windows};
            WT_TRY(wt_scaling_predict(study, at));
        }
    }
    return WT_OK;
}
