/*
 * The forecast: how microbatches fall on ranks, then memory, computing, exchange, and what follows from them.
 * The slowest rank makes a step's time, which is the one with most microbatches; the microbatches of a rank
 * are computed in groups, as the trainer's.
 */
#include "predict_internal.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "predict/calibration.h"
#include "predict/forecast.h"
#include "train/step.h"

wt_status wt_forecast_microbatches(wt_forecast *forecast, const wt_forecast_case *run) {
    const wt_train_config *train = &run->config->train;
    const int microbatches = wt_config_microbatches(run->config), ranks = run->ranks,
              before = omp_get_max_threads();
    WT_CHECK(ranks >= 1 && run->threads >= 1 && run->nodes >= 1, WT_USAGE,
             "ranks, threads and nodes: out of range (got %d, %d and %d, expected at least 1 each)", ranks,
             run->threads, run->nodes);
    WT_CHECK(run->nodes <= ranks, WT_USAGE, "more nodes than ranks (got %d nodes, expected at most %d)",
             run->nodes, ranks);
    WT_CHECK(ranks <= microbatches, WT_USAGE,
             "more ranks than microbatches (got %d ranks, expected at most %d: a step has %d windows in %d "
             "microbatches; "
             "see train.batch and train.microbatches)",
             ranks, microbatches, train->batch, microbatches);
    forecast->microbatches = microbatches;
    forecast->microbatch_windows = train->batch / microbatches;
    forecast->own_microbatches = (microbatches + ranks - 1) / ranks;
    forecast->first_microbatches = microbatches / ranks;
    forecast->ranks_on_node = (ranks + run->nodes - 1) / run->nodes;
    omp_set_num_threads(run->threads); /* what the trainer asks as well */
    forecast->microbatches_at_once = wt_step_microbatches_at_once(run->config, run->network,
                                                                  forecast->own_microbatches);
    forecast->first_at_once = wt_step_microbatches_at_once(run->config, run->network,
                                                           forecast->first_microbatches);
    omp_set_num_threads(before);
    return WT_OK;
}

/* Small calls are one thread's work, however many there are. */
static bool runs_serially(const wt_forecast_case *run, const wt_forecast *forecast) {
    const double targets = (double)forecast->microbatches_at_once * forecast->microbatch_windows *
                           wt_forecast_targets(run);
    return wt_engine_is_serial(wt_network_graph(run->network), true, wt_forecast_targets(run), targets);
}

static void forecast_compute(wt_forecast *forecast, const wt_forecast_case *run) {
    wt_rates rates;
    double work[WT_WORK_KINDS];
    const int threads = runs_serially(run, forecast) ? 1 : run->threads;
    forecast->timed = run->calibration &&
                      wt_calibration_rates(&rates, run->calibration,
                                           run->rates_of ? run->rates_of : run->kernels->name, threads,
                                           forecast->ranks_on_node, &forecast->near);
    if (!forecast->timed) return;
    forecast->rates_threads = rates.threads;
    forecast->rates_ranks = rates.ranks;
    wt_work_count(work, run, forecast);
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) forecast->compute += work[kind] * rates.seconds[kind];
}

wt_status wt_forecast_make(wt_forecast *forecast, const wt_forecast_case *run) {
    memset(forecast, 0, sizeof *forecast);
    WT_TRY(wt_forecast_microbatches(forecast, run));
    wt_forecast_memory(forecast, run);
    forecast_compute(forecast, run);
    WT_TRY(wt_forecast_exchange(forecast, run));
    forecast->step = forecast->compute + forecast->exposed;
    forecast->node_hours = forecast->step * (double)run->config->train.steps * run->nodes / 3600.0;
    return WT_OK;
}
