/*
 * A step's work, counted by kind, of the rank that has most microbatches. Counts are of what the kernels do:
 * a product's narrow sides are filled up to vectors, context rows are computed too. They need not be exact,
 * since rates are fitted to these very counts; they must grow with a configuration as its time does.
 */
#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "optim/optim.h"
#include "predict/forecast.h"
#include "predict_internal.h"

/* How much of a call's values, kept for backward, lie beyond the second cache: from none at half a MiB to
 * all at eight. */
static double compute_far_share(double values) {
    const double share = log2(values * sizeof(float) / (1 << 19)) / 4;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

static void add_call_work(double work[WT_WORK_KINDS], const wt_forecast_case *run, double windows) {
    const double before = work[WT_WORK_LEVEL_ELEMENT];
    wt_engine_count_work(work, wt_network_graph(run->network), windows, wt_forecast_targets(run));
    const double values = work[WT_WORK_LEVEL_ELEMENT] - before;
    work[WT_WORK_LEVEL_FAR] += values > 0 ? values * compute_far_share(values) : 0;
}

/* Gradients of microbatches: written, their parts added up, and joined in the tree. */
static double count_gradient_traffic(const wt_forecast_case *run, const wt_forecast *forecast) {
    const double parameters = (double)wt_network_parameters(run->network)->trained * sizeof(float);
    const double own = forecast->own_microbatches, windows = own * forecast->microbatch_windows;
    const double parts = wt_engine_partial_gradients(wt_network_graph(run->network), wt_forecast_targets(run),
                                                     own, windows);
    return parameters * (2 * parts + own + 3 * (own - 1));
}

/* Parameters, gradient and moments of an update; the norm; both packed copies of the weights. */
static double count_update_traffic(const wt_forecast_case *run) {
    enum { UPDATE = 3, NORM = 1, PACKING = 4 };
    int moments = 0;
    for (int m = 0; m < WT_MOMENTS; m++)
        moments += wt_optimizer_keeps(wt_config_update_rule(run->config), (wt_moment)m);
    return (double)wt_network_parameters(run->network)->total * sizeof(float) *
           (UPDATE + NORM + PACKING + 2 * moments);
}

void wt_work_count(double work[WT_WORK_KINDS], const wt_forecast_case *run, const wt_forecast *forecast) {
    const int own = forecast->own_microbatches, at_once = forecast->microbatches_at_once;
    memset(work, 0, WT_WORK_KINDS * sizeof *work);
    add_call_work(work, run, (double)at_once * forecast->microbatch_windows);
    /* alike, but for a last one */
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) work[kind] *= own / at_once;
    if (own % at_once) add_call_work(work, run, (double)(own % at_once) * forecast->microbatch_windows);
    work[WT_WORK_GRADIENT] = count_gradient_traffic(run, forecast);
    work[WT_WORK_UPDATE] = count_update_traffic(run);
    work[WT_WORK_STEP] = 1;
}
