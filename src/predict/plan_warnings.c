/* What will go wrong, or worse than it could: a line each, with what was found and what is expected. */
#include <inttypes.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>

#include "config/sections.h"
#include "data/data_config.h"
#include "network/network_model.h"
#include "predict/run_plan.h"

typedef struct {
    wt_plan_warning warn;
    void *context;
} warnings;

static void __attribute__((format(printf, 2, 3))) report(const warnings *to, const char *format, ...) {
    enum { TEXT = 1024 };
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    to->warn(to->context, text);
}

static void warn_of_link(const wt_plan *plan, const warnings *to) {
    if (!plan->forecast.timed || plan->forecast.linked) return;
    report(to, "no time of the exchange: the link between nodes is not known (expected --latency and "
               "--bandwidth, or wavetrain bench calibrate on two nodes with a rank each)");
}

static void warn_of_shares(const wt_plan *plan, const warnings *to) {
    const wt_forecast *forecast = &plan->forecast;
    const int ranks = plan->run.ranks, nodes = plan->run.nodes, threads = plan->run.threads;
    if (forecast->microbatches % ranks != 0) {
        report(to,
               "%d microbatches do not share out evenly to %d ranks, so those with %d wait for those with %d "
               "(expected a number of ranks that divides %d; see train.batch and train.microbatches)",
               forecast->microbatches, ranks, forecast->first_microbatches, forecast->own_microbatches,
               forecast->microbatches);
    }
    if (ranks % nodes != 0) {
        report(to, "%d ranks do not share out evenly to %d nodes (expected a multiple of %d)", ranks, nodes,
               nodes);
    }
    const wt_calibration *calibration = plan->run.calibration;
    const int cores = calibration ? calibration->cores : omp_get_num_procs();
    if (forecast->ranks_on_node * threads > cores) {
        report(to, "more threads on a node than it has cores (got %d × %d, expected at most %d: %s)",
               forecast->ranks_on_node, threads, cores,
               calibration ? "those of the calibrated node" : "this machine's");
    }
}

/* Threads that share work are less than so many times as fast; ranks that share a node's memory slow each
 * other down. */
static void warn_of_rates(const wt_plan *plan, const warnings *to) {
    const wt_forecast *forecast = &plan->forecast;
    const int threads = plan->run.threads, ranks = forecast->ranks_on_node;
    if (!forecast->timed || !forecast->near) return;
    report(to,
           "times are scaled from other numbers of threads and ranks on a node (got %d and %d, expected "
           "%d and %d: mpirun -n %d wavetrain bench calibrate --threads %d, on a node)",
           forecast->rates_threads, forecast->rates_ranks, threads, ranks, ranks, threads);
}

static void warn_of_field(const wt_plan *plan, const warnings *to) {
    const wt_data_config *data = &plan->run.config->data;
    const wt_network_traits *traits = wt_network_get_traits(plan->run.network);
    const int field = traits->receptive_field;
    const int targets = wt_network_targets(plan->run.network, data->window, data->stride);
    if (traits->context_rows > 0 && data->stride == 0 && field > targets) {
        report(to,
               "the receptive field is longer than the window (got %d samples, expected at most "
               "data.window, %d): most of a step computes context",
               field, targets);
    }
    if (plan->data.found && plan->data.longest < field) {
        report(to,
               "%s: the receptive field is longer than every utterance (got %d samples, expected at "
               "most %" PRId64 "): all targets see padding",
               data->path, field, plan->data.longest);
    }
}

static void warn_of_data(const wt_plan *plan, const warnings *to) {
    const wt_config *config = plan->run.config;
    const int64_t windows = plan->data.windows;
    if (!plan->data.found) {
        report(to, "%s: no data set there yet, so its memory and its windows are not counted",
               config->data.path);
        return;
    }
    if (windows < plan->run.ranks) {
        report(to, "%s: fewer windows than ranks (got %" PRId64 ", expected at least %d)", config->data.path,
               windows, plan->run.ranks);
    } else if (windows < plan->forecast.microbatches) {
        report(to, "%s: fewer windows than a step has microbatches (got %" PRId64 ", expected at least %d)",
               config->data.path, windows, plan->forecast.microbatches);
    } else if (windows < config->train.batch) {
        report(to,
               "%s: fewer windows than a step takes, so some come twice (got %" PRId64
               ", expected at least %d, train.batch)",
               config->data.path, windows, config->train.batch);
    }
}

static void warn_of_memory(const wt_plan *plan, const warnings *to) {
    const double mib = 1048576.0;
    const int64_t has = plan->node.memory, needs = plan->forecast.node_memory;
    if (has <= 0 || needs <= has) return;
    report(to,
           "less memory than the ranks of a node need (got %.1f MiB, %s; expected at least %.1f; see "
           "train.microbatches_at_once, train.activations and data.memory)",
           (double)has / mib, plan->node.limit, (double)needs / mib);
}

/* Those that are kept, the best, and the one that is being written. */
static void warn_of_space(const wt_plan *plan, const warnings *to) {
    const double mib = 1048576.0;
    const long long has = plan->node.free_bytes;
    const long long files = plan->run.config->checkpoint.keep + 2LL;
    const long long needs = files * plan->forecast.checkpoint_bytes;
    if (has < 0 || needs <= has) return;
    report(to,
           "%s: too little space for checkpoints (got %.1f MiB free, expected at least %.1f for %lld "
           "files of %.1f; see checkpoint.keep and --run)",
           plan->node.folder, (double)has / mib, (double)needs / mib, files,
           (double)plan->forecast.checkpoint_bytes / mib);
}

void wt_plan_warn(const wt_plan *plan, wt_plan_warning warn, void *context) {
    static void (*const checks[])(const wt_plan *plan, const warnings *to) = {
        warn_of_link, warn_of_shares, warn_of_rates, warn_of_field,
        warn_of_data, warn_of_memory, warn_of_space};
    const warnings to = {warn, context};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) checks[i](plan, &to);
}
