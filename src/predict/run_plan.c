/* A plan from a configuration, its data set and what a node has. */
#include "predict/run_plan.h"

#include <string.h>

#include "base/file.h"
#include "checkpoint/run_lock.h"
#include "predict/calibration_choice.h"
#include "predict/forecast.h"
#include "predict_internal.h"
#include "train/evaluation.h"

wt_status wt_plan_describe_step(wt_plan_step *step, const wt_config *config, const wt_network *network) {
    const wt_kernels *kernels;
    const int microbatches = wt_config_microbatches(config);
    const wt_forecast_case run = {.config = config, .network = network};
    WT_TRY(wt_kernels_select(&kernels, config->run.backend, config->train.precision));
    *step = (wt_plan_step){.microbatches = microbatches,
                           .microbatch_windows = config->train.batch / microbatches,
                           .targets = wt_forecast_targets(&run),
                           .state_bytes = wt_forecast_state_bytes(&run)};
    const wt_engine_shape shape = {.windows = step->microbatch_windows,
                                   .targets = step->targets,
                                   .backward = true,
                                   .recompute = config->train.activations == WT_ACTIVATIONS_RECOMPUTED};
    step->operations = wt_network_operations(network, step->targets);
    step->microbatch_bytes = (int64_t)wt_engine_bytes(wt_network_graph(network), kernels, &shape);
    return WT_OK;
}

/* --- data --- */

double wt_plan_sample_rate(const wt_config *config) {
    wt_dataset *dataset;
    double rate = 0;
    if (!wt_dataset_has_split(config->data.path, "train")) return 0;
    if (wt_dataset_open(&dataset, config->data.path, "train", 0) != WT_OK) return 0;
    if (wt_dataset_kind(dataset) != WT_DATA_TEXT) rate = wt_dataset_sample_rate(dataset);
    wt_dataset_close(dataset);
    return rate;
}

/* A split's windows, and the bytes that it takes; refused as the trainer would. */
static wt_status measure_split(const wt_forecast_case *run, const char *split, int64_t *bytes,
                               int64_t *windows, wt_dataset **dataset) {
    enum { READER = 65536 * sizeof(int32_t) }; /* a class of each int16 */
    const wt_config *config = run->config;
    wt_normalization normalization;
    wt_windows *grid;
    WT_TRY(wt_dataset_open(dataset, config->data.path, split, 0));
    wt_train_take_normalization(&normalization, config, *dataset);
    WT_TRY(wt_train_make_windows(&grid, *dataset, run->network, &config->data, &normalization));
    *windows = wt_windows_count(grid);
    const bool listed = wt_dataset_mask(*dataset, 0) != NULL;
    *bytes = wt_dataset_memory(*dataset, config->data.memory) + READER +
             (int64_t)sizeof(int64_t) * (wt_dataset_utterances(*dataset) + (listed ? *windows : 0));
    wt_windows_destroy(grid);
    return WT_OK;
}

static wt_status measure_data(wt_forecast_case *run, wt_plan_data *data) {
    wt_status status = WT_OK;
    wt_dataset *dataset = NULL, *validation = NULL;
    const char *path = run->config->data.path;
    data->found = wt_dataset_has_split(path, "train");
    if (!data->found) return WT_OK;
    WT_GUARD(measure_split(run, "train", &run->data.train_bytes, &data->windows, &dataset));
    run->data.channels = wt_dataset_channels(dataset);
    for (int64_t u = 0; u < wt_dataset_utterances(dataset); u++) {
        if (wt_dataset_length(dataset, u) > data->longest) data->longest = wt_dataset_length(dataset, u);
    }
    if (run->config->validation.every > 0 && wt_dataset_has_split(path, "validation"))
        WT_GUARD(measure_split(run, "validation", &run->data.validation_bytes, &run->data.validation_windows,
                               &validation));
cleanup:
    wt_dataset_close(dataset);
    wt_dataset_close(validation);
    return status;
}

/* --- the node --- */

/* The nearest folder that exists of where a run goes by default. */
static void find_run_folder(char folder[WT_PATH_MAX], const char *config) {
    if (wt_run_default_folder(folder, config) == WT_OK && wt_path_is_folder(folder)) return;
    snprintf(folder, WT_PATH_MAX, "%s", wt_path_is_folder("runs") ? "runs" : ".");
}

static void find_node(wt_plan_node *node, int64_t memory, const char *path) {
    node->limit = "--node-memory";
    node->memory = memory > 0 ? memory : wt_node_memory_available(&node->limit);
    find_run_folder(node->folder, path);
    node->free_bytes = wt_folder_free_bytes(node->folder);
}

/* --- the plan --- */

/* What can't be is refused before anything is read. */
static wt_status make_plan(wt_plan *plan, const char *calibration) {
    wt_forecast_case *run = &plan->run;
    bool loaded = false;
    WT_TRY(wt_kernels_select(&run->kernels, run->config->run.backend, run->config->train.precision));
    WT_TRY(wt_forecast_microbatches(&plan->forecast, run));
    WT_TRY(measure_data(run, &plan->data));
    WT_TRY(wt_calibration_choose(&plan->calibration, calibration, plan->calibration_path, &loaded));
    if (loaded) run->calibration = &plan->calibration;
    wt_calibration_choose_rates(run, plan->calibration_path);
    WT_TRY(wt_plan_describe_step(&plan->step, run->config, run->network));
    return wt_forecast_make(&plan->forecast, run);
}

wt_status wt_plan_create(wt_plan **out, const wt_plan_request *request, const wt_config *config,
                         const wt_network *network, const char *path) {
    wt_plan *plan;
    *out = NULL;
    WT_TRY(wt_alloc(&plan, 1, sizeof *plan, "a plan"));
    const int nodes = request->nodes ? request->nodes : 1;
    plan->run = (wt_forecast_case){.config = config,
                                   .network = network,
                                   .ranks = request->ranks ? request->ranks : nodes,
                                   .threads = request->threads ? request->threads : 1,
                                   .nodes = nodes,
                                   .link = request->link};
    wt_status status = make_plan(plan, request->calibration);
    if (status == WT_OK) {
        find_node(&plan->node, request->node_memory, path);
        *out = plan;
    } else {
        wt_free(plan);
    }
    return status;
}
