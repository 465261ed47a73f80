/* Cases of scaling, and what the model says of them. */
#include "predict/scaling.h"

#include <math.h>
#include <string.h>

#include "config/sections.h"
#include "predict/calibration.h"
#include "predict/calibration_choice.h"
#include "predict/forecast.h"

/* Where nothing is given or known of the link between nodes: a common fabric. */
static const wt_link assumed_link = {2e-6, 100e9 / 8};

/* --- cases --- */

static int find_common_divisor(int a, int b) {
    while (b) {
        const int rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

wt_status wt_scaling_distribute(wt_scaling_model *model, int ranks, int windows) {
    wt_config *config = &model->config;
    WT_CHECK(windows || config->train.batch % ranks == 0, WT_USAGE,
             "train.batch: no multiple of the ranks (got %d windows for %d ranks; see --windows)",
             config->train.batch, ranks);
    model->windows = windows ? windows : config->train.batch / ranks;
    config->train.batch = model->windows * ranks;
    const int microbatches = wt_config_microbatches(config);
    WT_CHECK(config->train.microbatches == 0 ||
                 (microbatches >= ranks && config->train.batch % microbatches == 0),
             WT_USAGE, "train.microbatches: must divide %d windows and be no fewer than %d ranks (got %d)",
             config->train.batch, ranks, config->train.microbatches);
    model->microbatch_windows = find_common_divisor(model->windows, config->train.batch / microbatches);
    return WT_OK;
}

static wt_scaling_case *add_case(wt_scaling_table *table, const wt_scaling_model *model, wt_scaling_kind kind,
                                 int ranks, int max_ranks) {
    wt_scaling_case *at = &table->cases[table->count++];
    const int windows = model->windows * (kind == WT_STRONG ? max_ranks : ranks);
    *at = (wt_scaling_case){.kind = kind,
                            .ranks = ranks,
                            .nodes = 1,
                            .windows = windows,
                            .microbatches = windows / model->microbatch_windows};
    return at;
}

void wt_scaling_list(wt_scaling_table *table, const wt_scaling_model *model, const int *ranks, int count) {
    table->count = 0;
    for (int kind = 0; kind < WT_SCALINGS; kind++) {
        for (int i = 0; i < count; i++)
            add_case(table, model, (wt_scaling_kind)kind, ranks[i], ranks[count - 1]);
    }
}

wt_status wt_scaling_curve(wt_scaling_table *table, const wt_scaling_model *model, int nodes,
                           int ranks_each) {
    table->count = 0;
    for (int kind = 0; kind < WT_SCALINGS; kind++) {
        for (int n = 1; n <= nodes; n = n < nodes && 2 * n > nodes ? nodes : 2 * n) {
            wt_scaling_case *at = add_case(table, model, (wt_scaling_kind)kind, n * ranks_each,
                                           nodes * ranks_each);
            at->nodes = n;
            WT_TRY(wt_scaling_predict(model, at));
        }
    }
    return WT_OK;
}

void wt_scaling_configure(wt_config *config, const wt_scaling_model *model, const wt_scaling_case *at) {
    *config = model->config;
    config->train.batch = at->windows;
    config->train.microbatches = at->microbatches;
}

/* --- what the model stands on --- */

static wt_status load_basis_calibration(wt_scaling_model *model, const wt_scaling_basis *basis,
                                        char path[WT_PATH_MAX]) {
    bool loaded = false;
    wt_forecast_case run = {
        .config = &model->config, .kernels = model->kernels, .calibration = &model->calibration};
    if (basis->file || basis->needed || wt_calibration_is_there(path))
        WT_TRY(wt_calibration_choose(&model->calibration, basis->file, path, &loaded));
    WT_CHECK(loaded || !basis->needed, WT_USAGE,
             "--model-only: the model knows nothing of this CPU (expected a calibration, or --compute)");
    if (!loaded) return WT_OK;
    wt_calibration_choose_rates(&run, path);
    model->rates_of = run.rates_of;
    model->compute_source = WT_SOURCE_CALIBRATION;
    return WT_OK;
}

wt_status wt_scaling_stand_on(wt_scaling_model *model, const wt_scaling_basis *basis,
                              char path[WT_PATH_MAX]) {
    memset(&model->calibration, 0, sizeof model->calibration);
    model->rates_of = NULL;
    model->compute = basis->compute * model->microbatch_windows / model->windows;
    model->compute_source = basis->compute > 0 ? WT_SOURCE_GIVEN : WT_SOURCE_MEASURED;
    if (basis->compute == 0) WT_TRY(load_basis_calibration(model, basis, path));
    model->link = basis->link.bandwidth > 0 ? basis->link : model->calibration.between;
    model->link_source = basis->link.bandwidth > 0 ? WT_SOURCE_GIVEN : WT_SOURCE_MEASURED;
    if (model->link.bandwidth > 0) return WT_OK;
    model->link = assumed_link;
    model->link_source = WT_SOURCE_ASSUMED;
    return WT_OK;
}

static const wt_scaling_case *find_first_case(const wt_scaling_table *table, wt_scaling_kind kind) {
    for (int i = 0; i < table->count; i++) {
        if (table->cases[i].kind == kind) return &table->cases[i];
    }
    return NULL;
}

const wt_scaling_case *wt_scaling_take_compute(wt_scaling_model *model, const wt_scaling_table *table) {
    wt_rates rates;
    const char *kernels = model->rates_of ? model->rates_of : model->kernels->name;
    const wt_scaling_case *first = find_first_case(table, WT_WEAK); /* as few microbatches as there are */
    if (model->compute > 0 || !first ||
        wt_calibration_rates(&rates, &model->calibration, kernels, model->threads, 1, NULL))
        return NULL;
    const int own = (first->microbatches + first->ranks - 1) / first->ranks;
    model->compute = (first->best - (first->ranks > 1 ? first->exposed : 0)) / own;
    model->compute_source = WT_SOURCE_MEASURED;
    return first;
}

/* --- prediction --- */

wt_status wt_scaling_predict(const wt_scaling_model *model, wt_scaling_case *at) {
    wt_config config;
    wt_forecast forecast;
    wt_scaling_configure(&config, model, at);
    wt_forecast_case run = {.config = &config,
                            .network = model->network,
                            .kernels = model->kernels,
                            .ranks = at->ranks,
                            .threads = model->threads,
                            .nodes = at->nodes,
                            .calibration = &model->calibration,
                            .rates_of = model->rates_of};
    if (at->nodes > 1) run.link = model->link;
    if (model->compute > 0) {
        memset(&forecast, 0, sizeof forecast);
        WT_TRY(wt_forecast_microbatches(&forecast, &run));
        forecast.compute = model->compute * forecast.own_microbatches;
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

/* --- figures --- */

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
    wt_scaling_figures figures = compute_figures(at, first, at->best, first->best, 0);
    figures.exposed = at->median > 0 ? at->exposed / at->median : NAN;
    return figures;
}

wt_scaling_figures wt_scaling_predicted(const wt_scaling_table *table, const wt_scaling_case *at) {
    const wt_scaling_case *first = find_first_case(table, at->kind);
    return compute_figures(at, first, at->model_step, first->model_step, at->model_exposed);
}
