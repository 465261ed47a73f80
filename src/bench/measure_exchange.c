/* Exchanges without anything to overlap with. */
#include "bench/measure_exchange.h"

#include "base/memory.h"
#include "base/timer.h"
#include "comm/exchange.h"
#include "config/sections.h"

static wt_status open_exchange(wt_exchange **out, wt_comm *comm, const wt_exchange_plan *plan, size_t count) {
    const double bucket = wt_exchange_bucket(comm, plan->config->bucket);
    wt_exchange_shape shape = {.microbatches = wt_comm_size(comm),
                               .open_microbatches = 1,
                               .count = count,
                               .bucket = (size_t)(bucket * 1024 * 1024) / sizeof(float),
                               .thread = plan->config->progress == WT_DRIVE_THREAD,
                               .after = plan->config->progress == WT_DRIVE_AFTER,
                               .add = plan->kernels->flat.add};
    return wt_comm_agree(comm, wt_exchange_create(out, comm, &shape));
}

/* The slowest rank's time. */
static double max_over_ranks(wt_comm *comm, double seconds) {
    int64_t nanoseconds = (int64_t)(1e9 * seconds);
    wt_comm_max_int64(comm, &nanoseconds, 1);
    return 1e-9 * (double)nanoseconds;
}

static void fill_ramp(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)(i % 1000);
}

static double time_exchange(wt_comm *comm, wt_exchange *exchange, size_t count) {
    fill_ramp(wt_exchange_microbatch(exchange, wt_comm_rank(comm)), count);
    wt_comm_barrier(comm);
    double began = wt_time_now();
    wt_exchange_ready(exchange, 0, count);
    wt_exchange_complete(exchange, NULL);
    return max_over_ranks(comm, wt_time_now() - began);
}

static double time_allreduce(wt_comm *comm, float *values, size_t count) {
    fill_ramp(values, count);
    wt_comm_barrier(comm);
    double began = wt_time_now();
    wt_comm_sum_floats(comm, values, count);
    return max_over_ranks(comm, wt_time_now() - began);
}

/* By turns with MPI_Allreduce, unless `values` [bytes] is NULL. Collective. */
static wt_status measure_size(wt_exchange_speed *speed, wt_comm *comm, const wt_exchange_plan *plan,
                              size_t bytes, float *values) {
    double tree[WT_BENCH_ROUNDS_MAX], allreduce[WT_BENCH_ROUNDS_MAX];
    wt_exchange *exchange;
    const size_t count = bytes / sizeof(float);
    WT_TRY(open_exchange(&exchange, comm, plan, count));
    for (int i = -2; i < plan->rounds; i++) { /* the first ones touch memory and open connections */
        tree[i < 0 ? 0 : i] = time_exchange(comm, exchange, count);
        if (values) allreduce[i < 0 ? 0 : i] = time_allreduce(comm, values, count);
    }
    wt_exchange_destroy(exchange);
    *speed = (wt_exchange_speed){.bytes = bytes, .tree = wt_bench_summarise(tree, plan->rounds)};
    if (values) speed->allreduce = wt_bench_summarise(allreduce, plan->rounds);
    return WT_OK;
}

static wt_status check_exchange_plan(const wt_exchange_plan *plan) {
    WT_CHECK(plan->rounds >= 1 && plan->rounds <= WT_BENCH_ROUNDS_MAX, WT_USAGE,
             "exchanges to measure: rounds are out of range (got %d, expected 1 … %d)", plan->rounds,
             WT_BENCH_ROUNDS_MAX);
    return WT_OK;
}

wt_status wt_measure_exchange_size(double *seconds, wt_comm *comm, const wt_exchange_plan *plan,
                                   size_t bytes) {
    wt_exchange_speed speed;
    WT_TRY(check_exchange_plan(plan));
    WT_TRY(measure_size(&speed, comm, plan, bytes, NULL));
    *seconds = speed.tree.median;
    return WT_OK;
}

static void measure_bound(wt_exchange_speed *speed, wt_comm *comm, int rounds, float *values) {
    const int ranks = wt_comm_size(comm);
    if (ranks == 1) return;
    speed->bandwidth = (double)speed->bytes / wt_comm_ping_pong(comm, values, speed->bytes, rounds);
    speed->bound = 2.0 * (ranks - 1) / ranks * (double)speed->bytes / speed->bandwidth;
}

wt_status wt_measure_exchange(wt_comm *comm, const wt_exchange_plan *plan, wt_exchange_report report,
                              void *context) {
    float *values;
    wt_status status = WT_OK;
    WT_TRY(check_exchange_plan(plan));
    WT_CHECK(plan->from >= 1 && plan->from <= plan->to && plan->to <= WT_EXCHANGE_KIB_MAX, WT_USAGE,
             "exchanges to measure: sizes are out of range (got %d and %d KiB, expected 1 … %d, ascending)",
             plan->from, plan->to, WT_EXCHANGE_KIB_MAX);
    WT_TRY(wt_comm_agree(comm, wt_alloc_huge(&values, (size_t)plan->to, 1024, "gradients to exchange")));
    for (int kib = plan->from; kib <= plan->to; kib *= 2) {
        wt_exchange_speed speed;
        WT_GUARD(measure_size(&speed, comm, plan, (size_t)kib << 10, values));
        measure_bound(&speed, comm, plan->rounds, values);
        report(context, &speed);
    }
cleanup:
    wt_free(values);
    return status;
}
