/* Steps on parts of the ranks, by turns. */
#include "bench/measure_scaling.h"

#include "bench/measure_exchange.h"
#include "bench/stepper.h"
#include "comm/exchange.h"
#include "comm/ranks.h"

/* --- steps --- */

/* Nanoseconds of the steps of one case, [steps], of the slowest rank. */
typedef struct {
    int64_t *all, *exposed;
} case_times;

static void time_scaling_steps(wt_stepper *stepper, const case_times *times, int steps) {
    enum { FIRST = -2 };
    wt_timer *timer = &stepper->step->timer;
    wt_comm *part = stepper->step->comm;
    for (int step = FIRST; step < steps; step++) {
        wt_comm_barrier(part);
        wt_timer_init(timer);
        wt_stepper_step(stepper);
        if (step < 0) continue;
        const double exposed = timer->seconds[WT_PHASE_WAIT] + timer->seconds[WT_PHASE_EXCHANGE];
        times->all[step] = (int64_t)(1e9 * wt_timer_steps(timer));
        times->exposed[step] = (int64_t)(1e9 * exposed);
    }
    wt_comm_max_int64(part, times->all, steps);
    wt_comm_max_int64(part, times->exposed, steps);
}

/* All take part that are ranks of `part`. */
static wt_status time_case(const wt_scaling_model *model, wt_scaling_case *at, wt_comm *part,
                           const wt_scaling_turns *turns, const case_times *times) {
    wt_stepper *stepper;
    wt_config *config;
    WT_TRY(wt_comm_agree(part, wt_alloc(&config, 1, sizeof *config, "a configuration")));
    wt_scaling_configure(config, model, at);
    const wt_status status = wt_stepper_create(&stepper, part, turns->name, config);
    wt_free(config);
    WT_TRY(status);
    time_scaling_steps(stepper, times, turns->steps);
    at->nodes = wt_comm_nodes(part);
    wt_stepper_destroy(stepper);
    return WT_OK;
}

/* The ranks that have no part in a case sleep until it is over. */
static wt_status run_scaling_case(const wt_scaling_model *model, wt_comm *comm, wt_scaling_case *at,
                                  const wt_scaling_turns *turns, const case_times *times) {
    wt_comm *part;
    wt_status status = WT_OK;
    WT_TRY(wt_comm_first_ranks(&part, comm, at->ranks));
    if (part) status = time_case(model, at, part, turns, times);
    wt_comm_end_part(part);
    wt_comm_meet(comm);
    return wt_comm_agree(comm, status);
}

static void summarise_case(wt_scaling_case *at, const case_times *times, double *seconds, int count) {
    for (int i = 0; i < count; i++) seconds[i] = 1e-9 * (double)times->exposed[i];
    at->exposed = at->ranks > 1 ? wt_bench_summarise(seconds, count).median : 0;
    for (int i = 0; i < count; i++) seconds[i] = 1e-9 * (double)times->all[i];
    const wt_bench_time step = wt_bench_summarise(seconds, count);
    at->best = step.best;
    at->median = step.median;
}

static wt_status allocate_times(case_times *times, double **seconds, size_t cases, size_t each) {
    WT_TRY(wt_alloc(&times->all, cases * each, sizeof *times->all, "times"));
    WT_TRY(wt_alloc(&times->exposed, cases * each, sizeof *times->exposed, "times"));
    return wt_alloc(seconds, each, sizeof **seconds, "times");
}

wt_status wt_measure_scaling(wt_scaling_table *table, const wt_scaling_model *model, wt_comm *comm,
                             const wt_scaling_turns *turns) {
    const size_t steps = (size_t)turns->steps, each = steps * (size_t)turns->rounds;
    case_times times = {NULL, NULL};
    double *seconds = NULL;
    wt_status status = WT_OK;
    WT_CHECK(turns->steps >= 1 && turns->rounds >= 1, WT_USAGE,
             "scaling to measure: out of range (got %d steps and %d rounds, expected at least 1)",
             turns->steps, turns->rounds);
    WT_GUARD(wt_comm_agree(comm, allocate_times(&times, &seconds, (size_t)table->count, each)));
    for (int round = 0; round < turns->rounds; round++) {
        for (int i = 0; i < table->count; i++) {
            const size_t at = (size_t)i * each + (size_t)round * steps;
            const case_times own = {times.all + at, times.exposed + at};
            WT_GUARD(run_scaling_case(model, comm, &table->cases[i], turns, &own));
        }
    }
    for (int i = 0; i < table->count; i++) {
        const case_times own = {times.all + (size_t)i * each, times.exposed + (size_t)i * each};
        summarise_case(&table->cases[i], &own, seconds, (int)each);
    }
cleanup:
    wt_free(times.all);
    wt_free(times.exposed);
    wt_free(seconds);
    return status;
}

/* --- links --- */

/* From an exchange between two ranks, n bytes each way, additions included. Collective over the two. */
static wt_status measure_link_within(wt_scaling_model *model, wt_comm *pair) {
    enum { BYTES = 4 << 20, SMALL = 4 << 10, ROUNDS = 11 };
    const wt_exchange_plan plan = {
        .kernels = model->kernels, .config = &model->config.exchange, .rounds = ROUNDS};
    double small, large;
    WT_TRY(wt_measure_exchange_size(&small, pair, &plan, SMALL));
    WT_TRY(wt_measure_exchange_size(&large, pair, &plan, BYTES));
    if (large > small) model->calibration.within = (wt_link){small / 2, (BYTES - SMALL) / (large - small)};
    return WT_OK;
}

/* Between the first and the last rank. Collective. */
static wt_status measure_link_between(wt_scaling_model *model, wt_comm *comm) {
    enum { BYTES = 4 << 20, SMALL = 8, ROUNDS = 15 };
    char *data;
    WT_TRY(wt_comm_agree(comm, wt_alloc(&data, BYTES, 1, "a message")));
    const double small = wt_comm_ping_pong(comm, data, SMALL, ROUNDS);
    const double large = wt_comm_ping_pong(comm, data, BYTES, ROUNDS);
    if (large > small) model->link = (wt_link){small, BYTES / (large - small)};
    model->link_source = WT_SOURCE_MEASURED;
    wt_free(data);
    return WT_OK;
}

wt_status wt_measure_scaling_links(wt_scaling_model *model, wt_comm *comm) {
    wt_comm *pair;
    wt_status status = WT_OK;
    if (wt_comm_size(comm) > 1 && model->calibration.within.bandwidth == 0) {
        WT_TRY(wt_comm_first_ranks(&pair, comm, 2));
        if (pair && wt_comm_nodes(pair) == 1) status = measure_link_within(model, pair);
        wt_comm_end_part(pair);
        wt_comm_meet(comm);
        WT_TRY(wt_comm_agree(comm, status));
    }
    return wt_comm_nodes(comm) > 1 && model->link_source == WT_SOURCE_ASSUMED
               ? measure_link_between(model, comm)
               : WT_OK;
}
