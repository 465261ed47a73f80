/*
 * The exchange's time and how much of it is exposed: the model of predict.h. A bucket is sent when
 * backward has finished the layers that its elements belong to, and buckets go one behind the other.
 */
#include <math.h>

#include "comm/exchange.h"
#include "predict/calibration.h"
#include "predict/forecast.h"
#include "predict_internal.h"

/* Within a node, where nothing was measured: memory that ranks share. */
#define WT_WITHIN_LATENCY 2e-6
#define WT_WITHIN_BANDWIDTH 4e9

/* What a bucket takes: once, and for each byte. */
typedef struct {
    double latency, byte;
} wt_cost;

static wt_link link_within(const wt_forecast_case *run) {
    if (run->nodes == 1 && run->link.bandwidth > 0) return run->link;
    if (run->calibration && run->calibration->within.bandwidth > 0) return run->calibration->within;
    return (wt_link){WT_WITHIN_LATENCY, WT_WITHIN_BANDWIDTH};
}

static wt_link link_between(const wt_forecast_case *run) {
    if (run->link.bandwidth > 0) return run->link;
    return run->calibration ? run->calibration->between : (wt_link){0, 0};
}

static bool is_power_of_two(int n) {
    return (n & (n - 1)) == 0;
}

static wt_cost cost_bucket(const wt_forecast_case *run, const wt_forecast *forecast) {
    const double p = run->ranks, r = forecast->ranks_on_node, n = run->nodes;
    const wt_link within = link_within(run), between = link_between(run);
    wt_cost cost = {0, 0};
    if (is_power_of_two(run->ranks) && is_power_of_two(forecast->microbatches)) {
        cost.latency += 2 * log2(r) * within.latency;
        cost.byte += 2 * (r - 1) / r / within.bandwidth;
        if (n > 1) cost.latency += 2 * log2(n) * between.latency;
        if (n > 1) cost.byte += 2 * (n - 1) / n / between.bandwidth;
        return cost;
    }
    if (r > 1) cost.latency += 2 * within.latency;
    cost.byte += 2 * (r - 1) / p / within.bandwidth;
    if (n > 1) cost.latency += 2 * between.latency;
    if (n > 1) cost.byte += 2 * r * (p - r) / p / between.bandwidth;
    return cost;
}

/* --- what is still to come of backward --- */

/* Seconds of backward in the rank's last group of microbatches. */
static double time_last_backward(const wt_forecast_case *run, const wt_forecast *forecast) {
    if (run->config->exchange.progress == WT_DRIVE_AFTER) return 0;
    const int own = forecast->own_microbatches, at_once = forecast->microbatches_at_once;
    const int last = own % at_once ? own % at_once : at_once;
    return 2.0 / 3.0 * forecast->compute * last / own;
}

/* --- the exchange --- */

/* The latencies of the buckets in flight overlap. */
static double bucket_seconds(wt_cost cost, double bytes) {
    return fmax(bytes * cost.byte, (cost.latency + bytes * cost.byte) / wt_exchange_buckets_in_flight());
}

/*
 * Buckets begin at multiples of their size. Those that begin within one tensor wait for the same layers, and
 * the last of them is the latest: so one sum per tensor gives the result of a loop over buckets, of which a
 * large network has more than there is time for.
 */
static void time_buckets(wt_forecast *forecast, const wt_forecast_case *run, wt_cost cost,
                         const double *shares) {
    const wt_parameter_table *tensors = wt_network_parameters(
        run->network); /* in the order of the flat buffer */
    const size_t count = tensors->trained;
    const double mib = wt_exchange_bucket_mib(run->nodes > 1, run->config->exchange.bucket);
    const size_t bucket = (size_t)(mib * 1048576.0 / sizeof(float)), buckets = (count + bucket - 1) / bucket;
    const double backward = time_last_backward(run, forecast);
    double left = 0, after = 0; /* share of backward; seconds of the buckets so far */
    size_t done = 0;
    for (int i = 0; i <= tensors->count && done < buckets; i++) {
        /* those that begin after the tensor before and not after this one */
        const size_t offset = i < tensors->count ? tensors->entries[i].offset : count;
        const size_t end = offset < count ? offset / bucket + 1 : buckets;
        if (end > done) {
            const double bytes = fmin((double)end * (double)bucket, (double)count) * sizeof(float);
            const double full = (double)bucket * sizeof(float);
            const double rest = bytes - full * (double)(end - 1); /* of the last one */
            after = bucket_seconds(cost, full) * (double)(end - 1) + bucket_seconds(cost, rest);
            const double exposed = cost.latency + after - backward * left;
            if (exposed > forecast->exposed) forecast->exposed = exposed;
            done = end;
        }
        if (i < tensors->count) left += shares[i];
    }
    forecast->exchange = cost.latency + after;
}

/* Batch norm adds up the microbatches' sums in the midst of each level or block, forward and backward: a
 * gather and a broadcast. */
static double time_norm(const wt_forecast_case *run, const wt_forecast *forecast) {
    const double sums = wt_engine_microbatch_sums(wt_network_graph(run->network));
    if (sums == 0) return 0;
    const wt_link link = run->nodes > 1 ? link_between(run) : link_within(run);
    const double bytes = sums * sizeof(double) * forecast->microbatches;
    return wt_engine_microbatch_sum_count(wt_network_graph(run->network)) *
           (2 * ceil(log2(run->ranks)) * link.latency + bytes / link.bandwidth);
}

wt_status wt_forecast_exchange(wt_forecast *forecast, const wt_forecast_case *run) {
    if (run->ranks == 1) {
        forecast->linked = true;
        return WT_OK;
    }
    forecast->linked = run->nodes == 1 || link_between(run).bandwidth > 0;
    if (!forecast->linked) return WT_OK;
    double *shares;
    WT_TRY(wt_alloc(&shares, (size_t)wt_network_parameters(run->network)->count, sizeof *shares,
                    "shares of backward"));
    wt_engine_tensor_shares(shares, wt_network_graph(run->network), wt_forecast_targets(run));
    time_buckets(forecast, run, cost_bucket(run, forecast), shares);
    wt_free(shares);
    const double norm = time_norm(run, forecast);
    forecast->exchange += norm;
    forecast->exposed += norm;
    return WT_OK;
}
