/* Steps of many networks, what a run adds to each, a process's own memory, and a link. */
#include "bench/measure_calibration.h"

#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/timer.h"
#include "bench/measure_exchange.h"
#include "bench/stepper.h"
#include "checkpoint/checkpoint_write.h"
#include "comm/ranks.h"
#include "metrics/metrics.h"
#include "predict/forecast.h"

typedef struct {
    wt_comm *comm, *alone; /* all ranks; this one by itself */
    const wt_calibration_plan *plan;
    wt_config config; /* of the network at hand */
    const wt_kernels *kernels;
    double notes; /* seconds of a step's row in metrics.csv; rank 0 */
    wt_calibration *calibration;
} calibrating;

/* --- one network --- */

/* The trainer's share of a step for one rank alone, as prediction counts it. */
static wt_status count_work(double work[WT_WORK_KINDS], const wt_stepper *stepper) {
    wt_forecast forecast;
    const wt_forecast_case run = {.config = &stepper->config,
                                  .network = stepper->network,
                                  .kernels = stepper->kernels,
                                  .ranks = 1,
                                  .threads = omp_get_max_threads(),
                                  .nodes = 1};
    memset(&forecast, 0, sizeof forecast);
    WT_TRY(wt_forecast_microbatches(&forecast, &run));
    wt_work_count(work, &run, &forecast);
    return WT_OK;
}

static double time_one_step(wt_stepper *stepper) {
    const double began = wt_time_now();
    wt_stepper_step(stepper);
    return wt_time_now() - began;
}

/* The median step of this rank, while all others make the same steps. Rank 0 decides on their number.
 * Collective. */
static double time_steps(const calibrating *c, wt_stepper *stepper) {
    enum { STEPS_MIN = 3, STEPS_MAX = WT_BENCH_ROUNDS_MAX };
    double seconds[STEPS_MAX];
    time_one_step(stepper); /* touches memory */
    const double once = time_one_step(stepper);
    int64_t steps = once * STEPS_MIN < c->plan->seconds ? (int64_t)(c->plan->seconds / once) : STEPS_MIN;
    if (steps > STEPS_MAX) steps = STEPS_MAX;
    wt_comm_broadcast(c->comm, &steps, sizeof steps);
    wt_comm_barrier(c->comm);
    for (int i = 0; i < steps; i++) seconds[i] = time_one_step(stepper);
    wt_comm_barrier(c->comm);
    return wt_bench_summarise(seconds, (int)steps).median;
}

/* The slowest rank's. Collective. */
static wt_status time_network(calibrating *c, int number, double work[WT_WORK_KINDS],
                              wt_calibration_step *step) {
    wt_stepper *stepper = NULL;
    wt_status status = wt_calibration_network_configure(&c->config, step->network, number, c->plan->sets,
                                                        c->plan->count);
    if (status == WT_OK) status = wt_stepper_create(&stepper, c->alone, "calibration", &c->config);
    if (status == WT_OK) status = count_work(work, stepper);
    WT_GUARD(wt_comm_agree(c->comm, status));
    wt_timer_init(&stepper->step->timer);
    int64_t nanoseconds = (int64_t)(1e9 * time_steps(c, stepper));
    wt_comm_max_int64(c->comm, &nanoseconds, 1);
    step->measured = 1e-9 * (double)(nanoseconds > 0 ? nanoseconds : 1);
cleanup:
    wt_stepper_destroy(stepper);
    return status;
}

/* --- what a run adds to each step --- */

static wt_status time_rows(const char *folder, double *seconds) {
    enum { ROWS = 5000 };
    char path[WT_PATH_MAX];
    wt_metrics *metrics;
    wt_status status = WT_OK;
    WT_TRY(wt_path_join(path, folder, "metrics.csv"));
    WT_TRY(wt_metrics_open(&metrics, path, 0));
    const double began = wt_time_now();
    for (int i = 1; status == WT_OK && i <= ROWS; i++) {
        const wt_metrics_row row = {.step = i,
                                    .epoch = 1e-3 * i,
                                    .loss = 5.0 / i,
                                    .bits = 7.0 / i,
                                    .silence = NAN,
                                    .gradient_norm = 1.0 / 3,
                                    .learning_rate = 1e-3,
                                    .validation_loss = NAN,
                                    .validation_bits = NAN,
                                    .validation_silence = NAN,
                                    .validation_accuracy = NAN,
                                    .samples_per_second = 12345.6789,
                                    .seconds = 0.001 * i};
        status = wt_metrics_append(metrics, &row);
    }
    *seconds = (wt_time_now() - began) / ROWS;
    const wt_status closed = wt_metrics_close(metrics);
    return status == WT_OK ? closed : status;
}

/* Measures the row of metrics.csv: negligible compared with most steps, a good part of a step of some
 * microseconds. Rank 0. */
static wt_status time_metrics(double *seconds) {
    char folder[WT_PATH_MAX];
    const char *temporary = getenv("TMPDIR");
    WT_TRY(wt_path_join(folder, temporary && *temporary ? temporary : "/tmp", "wavetrain-calibrate-XXXXXX"));
    WT_CHECK(mkdtemp(folder), WT_FAILED, "%s: can't be made (%s)", folder, strerror(errno));
    const wt_status status = time_rows(folder, seconds);
    const wt_status removed = wt_folder_remove(folder);
    return status == WT_OK ? removed : status;
}

/* --- the rates of one number of threads --- */

typedef struct {
    wt_calibration_fit fit;
    double work[WT_CALIBRATION_NETWORKS][WT_WORK_KINDS], seconds[WT_CALIBRATION_NETWORKS];
} measured_steps;

static void compare_fit(measured_steps *measured, const wt_rates *rates) {
    wt_calibration_fit *fit = &measured->fit;
    double squares = 0;
    for (int i = 0; i < fit->count; i++) {
        wt_calibration_step *step = &fit->steps[i];
        step->fitted = 0;
        for (int kind = 0; kind < WT_WORK_KINDS; kind++)
            step->fitted += measured->work[i][kind] * rates->seconds[kind];
        const double error = step->fitted / step->measured - 1;
        squares += error * error;
    }
    fit->error = sqrt(squares / (fit->count ? fit->count : 1));
}

/* Collective. */
static wt_status fit_threads(calibrating *c, measured_steps *measured, int threads) {
    wt_calibration_fit *fit = &measured->fit;
    wt_rates rates = {.threads = threads, .ranks = wt_comm_node_size(c->comm)};
    snprintf(rates.kernels, sizeof rates.kernels, "%s", c->kernels->name);
    omp_set_num_threads(threads);
    fit->threads = threads;
    for (int i = 0; i < WT_CALIBRATION_NETWORKS; i++) {
        if (c->plan->left_out[i] || !wt_calibration_network_suits(i, threads)) continue;
        const int at = fit->count++;
        WT_TRY(time_network(c, i, measured->work[at], &fit->steps[at]));
        measured->seconds[at] = fit->steps[at].measured;
    }
    const double(*work)[WT_WORK_KINDS] = (const double(*)[WT_WORK_KINDS])measured->work;
    WT_TRY(wt_comm_agree(c->comm, wt_rates_fit(rates.seconds, work, measured->seconds, fit->count)));
    compare_fit(measured, &rates);
    if (c->plan->report) c->plan->report(c->plan->context, fit);
    rates.seconds[WT_WORK_STEP] += c->notes;
    return wt_comm_agree(c->comm, wt_calibration_add(c->calibration, &rates));
}

static wt_status calibrate_threads(calibrating *c, int threads) {
    measured_steps *measured;
    WT_TRY(wt_comm_agree(c->comm, wt_alloc(&measured, 1, sizeof *measured, "measured steps")));
    const wt_status status = fit_threads(c, measured, threads);
    wt_free(measured);
    return status;
}

/* --- the process's own memory --- */

/* A checkpoint in memory, so that what HDF5 takes is there too. */
static wt_status warm_up_hdf5(const calibrating *c) {
    static const float zero[1] = {0};
    const wt_checkpoint_tensor tensor = {.name = "one", .rank = 1, .shape = {1}, .parameter = zero};
    wt_checkpoint_state state;
    char *bytes;
    size_t size;
    wt_state_begin(&state);
    WT_TRY(wt_checkpoint_build(&bytes, &size, &state, &c->config, NULL, &tensor, 1));
    wt_free(bytes);
    return WT_OK;
}

/* Memory that is resident in addition to what the program has allocated. Collective. */
static double measure_process_bytes(wt_comm *comm) {
    int64_t bytes = wt_memory_peak_resident() - wt_memory_peak_bytes();
    wt_comm_max_int64(comm, &bytes, 1);
    return bytes > 0 ? (double)bytes : 1;
}

/* Of one rank alone the base, of more what each adds. */
static void record_process(wt_calibration *calibration, int others, double bytes) {
    enum { TYPICAL = 100 << 10 }; /* of a rank, and of a thread, until it was measured */
    if (calibration->rank_bytes == 0) calibration->rank_bytes = TYPICAL;
    if (calibration->thread_bytes == 0) calibration->thread_bytes = TYPICAL;
    if (others == 0 || calibration->base_bytes == 0) calibration->base_bytes = bytes;
    if (others > 0 && bytes > calibration->base_bytes)
        calibration->rank_bytes = (bytes - calibration->base_bytes) / others;
}

/* --- the exchange --- */

/* Latency and bandwidth as the exchange sees them, additions included: with halving, 2·log₂P latencies and
 * 2·(P−1)/P times the bytes, else two latencies (predict/forecast.h). Collective. */
static wt_status measure_link(calibrating *c, wt_link_measured *place) {
    enum { SIZES = 6, SMALLEST = 16 << 10, FACTOR = 4, ROUNDS = 11 };
    const int ranks = wt_comm_size(c->comm), nodes = wt_comm_nodes(c->comm);
    const wt_exchange_plan plan = {.kernels = c->kernels, .config = &c->config.exchange, .rounds = ROUNDS};
    double work[SIZES][WT_WORK_KINDS] = {{0}}, seconds[SIZES], fitted[WT_WORK_KINDS];
    *place = nodes > 1 && nodes < ranks ? WT_LINK_MIXED : WT_LINK_NONE;
    if (ranks == 1 || *place == WT_LINK_MIXED) return WT_OK;
    const bool halving = (ranks & (ranks - 1)) == 0;
    size_t bytes = SMALLEST;
    for (int i = 0; i < SIZES; i++, bytes *= FACTOR) {
        WT_TRY(wt_measure_exchange_size(&seconds[i], c->comm, &plan, bytes));
        work[i][0] = halving ? 2 * log2(ranks) : 2;
        work[i][1] = 2.0 * (ranks - 1) / ranks * (double)bytes;
    }
    WT_TRY(
        wt_comm_agree(c->comm, wt_rates_fit(fitted, (const double(*)[WT_WORK_KINDS])work, seconds, SIZES)));
    if (fitted[1] <= 0) return WT_OK;
    *place = nodes > 1 ? WT_LINK_BETWEEN : WT_LINK_WITHIN;
    *(nodes > 1 ? &c->calibration->between : &c->calibration->within) = (wt_link){fitted[0], 1 / fitted[1]};
    return WT_OK;
}

/* --- the whole --- */

/* Memory first, before the heap has holes of many networks. Collective. */
static wt_status measure_all(calibrating *c, wt_link_measured *link) {
    const wt_bench_list *threads = &c->plan->threads;
    WT_TRY(wt_comm_agree(c->comm, warm_up_hdf5(c)));
    WT_TRY(wt_comm_agree(c->comm, wt_comm_rank(c->comm) == 0 ? time_metrics(&c->notes) : WT_OK));
    record_process(c->calibration, wt_comm_node_size(c->comm) - 1, measure_process_bytes(c->comm));
    for (int i = 0; i < threads->count; i++) WT_TRY(calibrate_threads(c, threads->values[i]));
    return measure_link(c, link);
}

wt_status wt_measure_check_calibration(const wt_calibration_plan *plan) {
    WT_CHECK(plan->seconds > 0 && plan->seconds <= 1000, WT_USAGE,
             "--seconds: out of range (got %g, expected above 0, up to 1000)", plan->seconds);
    return WT_OK;
}

static wt_status init_calibrating(calibrating *c) {
    const wt_calibration_plan *plan = c->plan;
    WT_TRY(wt_measure_check_calibration(plan));
    WT_TRY(wt_config_load(&c->config, NULL, plan->sets, plan->count));
    WT_TRY(wt_kernels_select(&c->kernels, c->config.run.backend, c->config.train.precision));
    return wt_comm_alone(&c->alone, c->comm);
}

wt_status wt_measure_calibration(wt_calibration *calibration, wt_link_measured *link, wt_comm *comm,
                                 const wt_calibration_plan *plan) {
    calibrating *c;
    const int threads = omp_get_max_threads();
    WT_TRY(wt_comm_agree(comm, wt_alloc(&c, 1, sizeof *c, "the measurement")));
    c->comm = comm;
    c->plan = plan;
    c->calibration = calibration;
    wt_status status = wt_comm_agree(comm, init_calibrating(c));
    if (status == WT_OK) status = measure_all(c, link);
    omp_set_num_threads(threads);
    wt_comm_finish(c->alone);
    wt_free(c);
    return status;
}
