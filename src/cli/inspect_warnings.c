/* What will go wrong, or worse than it could: a line each, with what was found and what is expected. */
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "inspect_internal.h"

int64_t wt_plan_node_memory(const wt_plan_options *options, const char **limit) {
    if (options->node_memory > 0) {
        *limit = "--node-memory";
        return (int64_t)(options->node_memory * 1073741824.0);
    }
    return wt_node_memory_available(limit);
}

/* The nearest folder that exists of runs/NAME, where a run goes by default. */
long long wt_plan_free_bytes(char folder[WT_PATH_MAX], const char *config) {
    const char *base = wt_path_base(config);
    snprintf(folder, WT_PATH_MAX, "runs/%.*s", (int)strcspn(base, "."), base);
    if (!wt_path_is_folder(folder)) snprintf(folder, WT_PATH_MAX, "runs");
    if (!wt_path_is_folder(folder)) snprintf(folder, WT_PATH_MAX, ".");
    return wt_folder_free_bytes(folder);
}

static void warn_of_shares(const wt_plan *plan) {
    const wt_forecast *forecast = &plan->forecast;
    const int ranks = plan->run.ranks, nodes = plan->run.nodes, threads = plan->run.threads;
    if (forecast->microbatches % ranks != 0) {
        wt_log_warning(
            "%d microbatches do not share out evenly to %d ranks, so those with %d wait for those with %d "
            "(expected a number of ranks that divides %d; see train.batch and train.microbatches)",
            forecast->microbatches, ranks, forecast->first_microbatches, forecast->own_microbatches,
            forecast->microbatches);
    }
    if (ranks % nodes != 0) {
        wt_log_warning("%d ranks do not share out evenly to %d nodes (expected a multiple of %d)", ranks,
                       nodes, nodes);
    }
    const wt_calibration *calibration = plan->run.calibration;
    const int cores = calibration ? calibration->cores : omp_get_num_procs();
    if (forecast->ranks_on_node * threads > cores) {
        wt_log_warning("more threads on a node than it has cores (got %d × %d, expected at most %d: %s)",
                       forecast->ranks_on_node, threads, cores,
                       calibration ? "those of the calibrated node" : "this machine's");
    }
}

/* Threads that share work are less than so many times as fast; ranks that share a node's memory slow each
 * other down. */
static void warn_of_rates(const wt_plan *plan) {
    const wt_forecast *forecast = &plan->forecast;
    const int threads = plan->run.threads, ranks = forecast->ranks_on_node;
    if (!forecast->timed || !forecast->near) return;
    wt_log_warning(
        "times are scaled from other numbers of threads and ranks on a node (got %d and %d, expected "
        "%d and %d: mpirun -n %d wavetrain bench calibrate --threads %d, on a node)",
        forecast->rates_threads, forecast->rates_ranks, threads, ranks, ranks, threads);
}

static void warn_of_field(const wt_plan *plan) {
    const wt_data_config *data = &plan->run.config->data;
    const int field = wt_network_get_traits(plan->run.network)->receptive_field;
    const int targets = wt_network_targets(plan->run.network, data->window, data->stride);
    if (wt_network_get_traits(plan->run.network)->context_rows > 0 && data->stride == 0 && field > targets) {
        wt_log_warning("the receptive field is longer than the window (got %d samples, expected at most "
                       "data.window, %d): most of a step computes context",
                       field, targets);
    }
    if (plan->data.found && plan->data.longest < field) {
        wt_log_warning("%s: the receptive field is longer than every utterance (got %d samples, expected at "
                       "most %" PRId64 "): all targets see padding",
                       data->path, field, plan->data.longest);
    }
}

static void warn_of_data(const wt_plan *plan) {
    const wt_config *config = plan->run.config;
    const int64_t windows = plan->data.windows;
    if (!plan->data.found) {
        wt_log_warning("%s: no data set there yet, so its memory and its windows are not counted",
                       config->data.path);
        return;
    }
    if (windows < plan->run.ranks) {
        wt_log_warning("%s: fewer windows than ranks (got %" PRId64 ", expected at least %d)",
                       config->data.path, windows, plan->run.ranks);
    } else if (windows < plan->forecast.microbatches) {
        wt_log_warning("%s: fewer windows than a step has microbatches (got %" PRId64
                       ", expected at least %d)",
                       config->data.path, windows, plan->forecast.microbatches);
    } else if (windows < config->train.batch) {
        wt_log_warning("%s: fewer windows than a step takes, so some come twice (got %" PRId64
                       ", expected at least %d, train.batch)",
                       config->data.path, windows, config->train.batch);
    }
}

static void warn_of_memory(const wt_plan *plan) {
    const char *limit;
    const double mib = 1048576.0;
    const int64_t has = wt_plan_node_memory(plan->options, &limit), needs = plan->forecast.node_memory;
    if (has <= 0 || needs <= has) return;
    wt_log_warning("less memory than the ranks of a node need (got %.1f MiB, %s; expected at least %.1f; see "
                   "train.microbatches_at_once, train.activations and data.memory)",
                   (double)has / mib, limit, (double)needs / mib);
}

/* Those that are kept, the best, and the one that is being written. */
static void warn_of_space(const wt_plan *plan) {
    char folder[WT_PATH_MAX];
    const double mib = 1048576.0;
    const long long has = wt_plan_free_bytes(folder, plan->path);
    const long long files = plan->run.config->checkpoint.keep + 2LL;
    const long long needs = files * plan->forecast.checkpoint_bytes;
    if (has < 0 || needs <= has) return;
    wt_log_warning("%s: too little space for checkpoints (got %.1f MiB free, expected at least %.1f for %lld "
                   "files of %.1f; see checkpoint.keep and --run)",
                   folder, (double)has / mib, (double)needs / mib, files,
                   (double)plan->forecast.checkpoint_bytes / mib);
}

void wt_plan_warn(const wt_plan *plan) {
    warn_of_shares(plan);
    warn_of_rates(plan);
    warn_of_field(plan);
    warn_of_data(plan);
    warn_of_memory(plan);
    warn_of_space(plan);
}
