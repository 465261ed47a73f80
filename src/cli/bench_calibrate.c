/*
 * wavetrain bench calibrate: what this kind of CPU takes for each kind of a training step's work, for
 * inspect's predictions.
 *
 * Steps of a dozen networks are measured as a run makes them, pipeline, caches and all, rather than kernels
 * by themselves: what a step takes is more than its kernels. Rates are then fitted to all of them together
 * (predict.h). Under mpirun all ranks measure at the same time, each by itself, as ranks that share a node's
 * memory do, and the exchange between them is measured too: within a node, or, with a rank on each of several
 * nodes, between nodes.
 */
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
#include "bench_command.h"
#include "checkpoint/checkpoint_write.h"
#include "comm/ranks.h"
#include "command_internal.h"
#include "metrics/metrics.h"
#include "predict/calibration.h"
#include "predict/forecast.h"
#include "wavetrain/predict.h"

/* Where popt's constant table points. */
static struct {
    char *threads, *file, *backend, *precision;
    double seconds;
} wt_given;

static const struct poptOption wt_options[] = {
    {"threads", '\0', POPT_ARG_STRING, &wt_given.threads, 0,
     "Threads per rank used for the measurement (default: 1, and the cores of the node divided by its ranks)",
     "LIST"},
    {"calibration", '\0', POPT_ARG_STRING, &wt_given.file, 0,
     "File to write; default: ~/.cache/wavetrain/calibration/CPU.yaml. What an existing file of this CPU has "
     "of "
     "other threads, ranks and kernels stays",
     "FILE"},
    {"backend", '\0', POPT_ARG_STRING, &wt_given.backend, 0, "As run.backend (default auto)", "B"},
    {"precision", '\0', POPT_ARG_STRING, &wt_given.precision, 0, "As train.precision (default fp32)",
     "fp32|bf16"},
    {"seconds", '\0', POPT_ARG_DOUBLE, &wt_given.seconds, 0,
     "Seconds spent on each network, at least three steps (default 1)", "S"},
    POPT_TABLEEND,
};

/* --- networks --- */

/* They span what configurations have: widths and kernels, windows long and short, many parameters and few.
 * The second part are hierarchies; those marked `large` are work for threads too. */
static const struct {
    const char *text;
    bool hierarchy, large;
} wt_networks[] = {
    {"{model: {stacks: 2, layers: 7, kernel: 2, residual: 16, gate: 16, skip: 32}, data: {window: 2048}, "
     "train: {batch: 2}}",
     false, false},
    {"{model: {stacks: 2, layers: 5, kernel: 3, residual: 16, gate: 16, skip: 16}, data: {window: 512}, "
     "train: {batch: 4}}",
     false, false},
    {"{model: {stacks: 1, layers: 4, kernel: 2, residual: 16, gate: 16, skip: 16}, data: {window: 64}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 1, layers: 7, kernel: 2, residual: 24, gate: 24, skip: 32}, data: {window: 512}, "
     "train: {batch: 8, microbatches: 4}}",
     false, false},
    {"{model: {stacks: 2, layers: 8, kernel: 2, residual: 32, gate: 32, skip: 64}, data: {window: 2048}, "
     "train: {batch: 4}}",
     false, false},
    {"{model: {stacks: 2, layers: 6, kernel: 3, residual: 32, gate: 32, skip: 32}, data: {window: 4096}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 2, layers: 8, kernel: 2, residual: 32, gate: 32, skip: 256}, data: {window: 4096}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 1, layers: 4, kernel: 2, residual: 48, gate: 48, skip: 96}, data: {window: 32}, "
     "train: {batch: 64, microbatches: 4}}",
     false, false},
    {"{model: {stacks: 3, layers: 10, kernel: 2, residual: 64, gate: 64, skip: 128}, data: {window: 8192}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 2, layers: 9, kernel: 2, residual: 64, gate: 64, skip: 128}, data: {window: 2048}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 1, layers: 8, kernel: 3, residual: 64, gate: 64, skip: 64}, data: {window: 1024}, "
     "train: {batch: 2}}",
     false, false},
    {"{model: {stacks: 1, layers: 8, kernel: 2, residual: 128, gate: 128, skip: 128}, data: {window: 2048}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 2, layers: 6, kernel: 3, residual: 128, gate: 128, skip: 128}, data: {window: 4096}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 1, layers: 8, kernel: 2, residual: 32, gate: 32, skip: 64, norm: batch}, data: "
     "{window: 2048}, train: {batch: 2}}",
     false, false},
    {"{model: {stacks: 1, layers: 8, kernel: 2, residual: 64, gate: 64, skip: 64, norm: layer}, data: "
     "{window: 2048}, train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 1, layers: 4, kernel: 2, residual: 128, gate: 128, skip: 128}, data: {window: 96}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 2, layers: 6, kernel: 2, residual: 64, gate: 64, skip: 128}, data: {window: 128}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {stacks: 1, layers: 6, kernel: 2, residual: 128, gate: 128, skip: 128}, data: {window: 256}, "
     "train: {batch: 2, microbatches: 2}}",
     false, false},
    {"{model: {stacks: 1, layers: 4, kernel: 2, residual: 256, gate: 256, skip: 256}, data: {window: 1024}, "
     "train: {batch: 1}}",
     false, false},
    {"{model: {trunk: hierarchy, embedding: 10, fuse: [2, 2, 2], width: 68, norm: batch}, data: {window: 1, "
     "quantization: \"linear:27\"}, train: {batch: 32}, optimizer: {kind: sgd}}",
     true, false},
    {"{model: {trunk: hierarchy, embedding: 10, fuse: [8], width: 200, norm: batch}, data: {window: 1, "
     "quantization: \"linear:27\"}, train: {batch: 32}}",
     true, false},
    {"{model: {trunk: hierarchy, embedding: 24, fuse: [2, 2, 2], width: 128, norm: batch}, data: {window: 1, "
     "quantization: \"linear:45\"}, train: {batch: 32}}",
     true, false},
    {"{model: {trunk: hierarchy, embedding: 10, fuse: [2, 2, 2], width: 128, norm: batch}, data: {window: 1, "
     "quantization: \"linear:45\"}, train: {batch: 256}}",
     true, true},
    {"{model: {trunk: hierarchy, embedding: 16, fuse: [2, 2, 2], width: 64, norm: batch}, data: {window: 1, "
     "quantization: \"linear:45\"}, train: {batch: 256}}",
     true, false},
    {"{model: {trunk: hierarchy, embedding: 12, fuse: [2, 2, 2, 2, 2], width: 40, norm: layer}, data: "
     "{window: 1, quantization: \"linear:29\"}, train: {batch: 80}}",
     true, false},
    {"{model: {trunk: hierarchy, embedding: 16, fuse: [4, 4], width: 256}, data: {window: 1, quantization: "
     "\"linear:64\"}, train: {batch: 1024}}",
     true, true},
    {"{model: {trunk: hierarchy, embedding: 16, fuse: [2, 2, 2], width: 64, norm: layer}, data: {window: 1, "
     "quantization: \"linear:45\"}, train: {batch: 2048}}",
     true, true},
};
enum { WT_NETWORKS = sizeof wt_networks / sizeof *wt_networks };

/* --- one network --- */

typedef struct {
    wt_comm *comm, *alone; /* all ranks; this one by itself */
    wt_config *config;     /* of the network at hand */
    char sets[2][64];
    const char *set_list[2];
    const wt_kernels *kernels;
    int cores;
    double notes; /* seconds of a step's row in metrics.csv; rank 0 */
    wt_calibration calibration;
} wt_calibrating;

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

/* The median step of this rank, while all others make the same steps. The number of steps is rank 0's word.
 * Collective. */
static double time_steps(const wt_calibrating *c, wt_stepper *stepper) {
    enum { LEAST = 3, MOST = WT_BENCH_ROUNDS_MAX };
    double seconds[MOST];
    int64_t steps = LEAST;
    double once = 0;
    for (int i = 0; i < 2; i++) { /* touch memory, then say how long one is */
        const double began = wt_time_now();
        wt_stepper_step(stepper);
        once = wt_time_now() - began;
    }
    if (once * LEAST < wt_given.seconds) steps = (int64_t)(wt_given.seconds / once);
    if (steps > MOST) steps = MOST;
    wt_comm_broadcast(c->comm, &steps, sizeof steps);
    wt_comm_barrier(c->comm);
    for (int i = 0; i < steps; i++) {
        const double began = wt_time_now();
        wt_stepper_step(stepper);
        seconds[i] = wt_time_now() - began;
    }
    wt_comm_barrier(c->comm);
    return wt_bench_summarise(seconds, (int)steps).median;
}

/* The slowest rank's. Collective. */
static wt_status time_network(wt_calibrating *c, const char *text, double work[WT_WORK_KINDS],
                              double *seconds) {
    wt_stepper *stepper = NULL;
    wt_status status = wt_config_parse(c->config, "calibration", text, strlen(text), c->set_list, 2);
    if (status == WT_OK) status = wt_stepper_create(&stepper, c->alone, "calibration", c->config);
    if (status == WT_OK) status = count_work(work, stepper);
    WT_GUARD(wt_comm_agree(c->comm, status));
    wt_timer_init(&stepper->step->timer);
    int64_t nanoseconds = (int64_t)(1e9 * time_steps(c, stepper));
    wt_comm_max_int64(c->comm, &nanoseconds, 1);
    *seconds = 1e-9 * (double)(nanoseconds > 0 ? nanoseconds : 1);
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
    int count, place[WT_NETWORKS]; /* in the table */
    double work[WT_NETWORKS][WT_WORK_KINDS], seconds[WT_NETWORKS];
} wt_measured;

static double compute_fitted_seconds(const wt_measured *measured, int i, const wt_rates *rates) {
    double sum = 0;
    for (int kind = 0; kind < WT_WORK_KINDS; kind++) sum += measured->work[i][kind] * rates->seconds[kind];
    return sum;
}

static void print_fit(const wt_measured *measured, const wt_rates *rates) {
    double squares = 0;
    if (!wt_log_is_verbose()) return;
    printf("\n%-44s %12s %12s %7s\n", rates->threads > 1 ? "network, threads" : "network, one thread",
           "measured ms", "fitted ms", "ratio");
    for (int i = 0; i < measured->count; i++) {
        wt_config config;
        char name[64];
        const char *text = wt_networks[measured->place[i]].text;
        const double fitted = compute_fitted_seconds(measured, i, rates),
                     ratio = fitted / measured->seconds[i];
        if (wt_config_parse(&config, "calibration", text, strlen(text), NULL, 0) != WT_OK) continue;
        if (config.model.trunk == WT_TRUNK_HIERARCHY) {
            snprintf(name, sizeof name, "hierarchy, %d levels of %d, batch %d",
                     config.model.hierarchy.fuse.count, config.model.hierarchy.width.values[0],
                     config.train.batch);
        } else {
            snprintf(name, sizeof name, "%d×%d blocks of %d, kernel %d, window %d", config.model.array.stacks,
                     config.model.array.layers, config.model.array.residual, config.model.array.kernel,
                     config.data.window);
        }
        const int wide = strchr(name, '\xc3') ? 45 : 44; /* × takes two bytes and one column */
        printf("%-*s %12.3f %12.3f %7.2f\n", wide, name, 1e3 * measured->seconds[i], 1e3 * fitted, ratio);
        squares += (ratio - 1) * (ratio - 1);
    }
    printf("root mean square of the fit's errors: %.1f %%\n",
           100.0 * sqrt(squares / (measured->count ? measured->count : 1)));
    fflush(stdout);
}

/* Of these threads. Collective. */
static wt_status calibrate_threads(wt_calibrating *c, int threads) {
    wt_status status = WT_OK;
    wt_measured *measured;
    wt_rates rates = {.threads = threads, .ranks = wt_comm_node_size(c->comm)};
    snprintf(rates.kernels, sizeof rates.kernels, "%s", c->kernels->name);
    omp_set_num_threads(threads);
    WT_TRY(wt_comm_agree(c->comm, wt_alloc(&measured, 1, sizeof *measured, "measured steps")));
    for (int i = 0; i < WT_NETWORKS; i++) {
        if (threads > 1 && wt_networks[i].hierarchy && !wt_networks[i].large) continue;
        const int at = measured->count++;
        measured->place[at] = i;
        WT_GUARD(time_network(c, wt_networks[i].text, measured->work[at], &measured->seconds[at]));
    }
    WT_GUARD(
        wt_comm_agree(c->comm, wt_rates_fit(rates.seconds, (const double(*)[WT_WORK_KINDS])measured->work,
                                            measured->seconds, measured->count)));
    print_fit(measured, &rates);
    rates.seconds[WT_WORK_STEP] += c->notes;
    WT_GUARD(wt_comm_agree(c->comm, wt_calibration_add(&c->calibration, &rates)));
cleanup:
    wt_free(measured);
    return status;
}

/* --- the process's own memory --- */

/* A checkpoint in memory, so that what HDF5 takes is there too. */
static wt_status warm_up_hdf5(const wt_calibrating *c) {
    static const float zero[1] = {0};
    const wt_checkpoint_tensor tensor = {.name = "one", .rank = 1, .shape = {1}, .parameter = zero};
    const wt_checkpoint_state state = {.sample_rate = 1,
                                       .channels = 1,
                                       .ranks = 1,
                                       .threads = 1,
                                       .validation_loss = NAN,
                                       .best_validation_loss = NAN,
                                       .best_step = -1,
                                       .dataset = "00000000000000000000000000000000",
                                       .guard.rate_scale = 1,
                                       .plateau.scale = 1};
    char *bytes;
    size_t size;
    WT_TRY(wt_checkpoint_build(&bytes, &size, &state, c->config, NULL, &tensor, 1));
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
static void record_process(wt_calibrating *c, double bytes) {
    enum { TYPICAL = 100 << 10 }; /* of a rank, and of a thread, until it was measured */
    wt_calibration *calibration = &c->calibration;
    const int others = wt_comm_node_size(c->comm) - 1;
    if (calibration->rank_bytes == 0) calibration->rank_bytes = TYPICAL;
    if (calibration->thread_bytes == 0) calibration->thread_bytes = TYPICAL;
    if (others == 0 || calibration->base_bytes == 0) calibration->base_bytes = bytes;
    if (others > 0 && bytes > calibration->base_bytes)
        calibration->rank_bytes = (bytes - calibration->base_bytes) / others;
}

/* --- the exchange --- */

/* Latency and bandwidth as the exchange sees them, additions included: with halving, 2·log₂P latencies and
 * 2·(P−1)/P times the bytes, else two latencies (predict.h). Collective. */
static wt_status measure_link(wt_calibrating *c) {
    enum { SIZES = 6, SMALLEST = 16 << 10, FACTOR = 4, ROUNDS = 11 };
    const int ranks = wt_comm_size(c->comm), nodes = wt_comm_nodes(c->comm);
    double work[SIZES][WT_WORK_KINDS] = {{0}}, seconds[SIZES], fitted[WT_WORK_KINDS];
    if (ranks == 1) return WT_OK;
    if (nodes > 1 && nodes < ranks) {
        if (wt_log_is_verbose())
            printf(
                "\nexchange: not measured (got %d ranks on %d nodes, expected all on one, or one on each)\n",
                ranks, nodes);
        return WT_OK;
    }
    const bool halving = (ranks & (ranks - 1)) == 0;
    const wt_exchange_plan plan = {.kernels = c->kernels, .config = &c->config->exchange, .rounds = ROUNDS};
    size_t bytes = SMALLEST;
    for (int i = 0; i < SIZES; i++, bytes *= FACTOR) {
        WT_TRY(wt_measure_exchange_size(&seconds[i], c->comm, &plan, bytes));
        work[i][0] = halving ? 2 * log2(ranks) : 2;
        work[i][1] = 2.0 * (ranks - 1) / ranks * (double)bytes;
    }
    WT_TRY(
        wt_comm_agree(c->comm, wt_rates_fit(fitted, (const double(*)[WT_WORK_KINDS])work, seconds, SIZES)));
    if (fitted[1] <= 0) return WT_OK;
    const wt_link link = {fitted[0], 1 / fitted[1]};
    *(nodes > 1 ? &c->calibration.between : &c->calibration.within) = link;
    if (wt_log_is_verbose())
        printf("\nexchange %s: latency %.1f µs, bandwidth %.2f GB/s (%.1f Gbit/s)\n",
               nodes > 1 ? "between nodes" : "within a node", 1e6 * link.latency, 1e-9 * link.bandwidth,
               8e-9 * link.bandwidth);
    return WT_OK;
}

/* --- the whole --- */

/* What is kept of the file that there is: all of the same CPU's. Rank 0. */
static void load_existing(wt_calibrating *c, const char *path) {
    char cpu[WT_CPU_NAME];
    wt_calibration *old = NULL;
    wt_cpu_name(cpu);
    if (wt_path_exists(path) && wt_alloc(&old, 1, sizeof *old, "a calibration") == WT_OK) {
        if (wt_calibration_load(old, path) != WT_OK) {
            wt_log_warning("%s; it is made anew", wt_error_message());
        } else if (strcmp(old->cpu, cpu) != 0) {
            wt_log_warning("%s: is of another CPU and is replaced (got %s, expected %s)", path, old->cpu,
                           cpu);
        } else {
            c->calibration = *old;
        }
    }
    wt_free(old);
    snprintf(c->calibration.cpu, sizeof c->calibration.cpu, "%s", cpu);
    c->calibration.cores = c->cores;
}

static wt_status calibrate_list(wt_calibrating *c, const wt_bench_list *threads) {
    WT_TRY(wt_comm_agree(c->comm, warm_up_hdf5(c)));
    WT_TRY(wt_comm_agree(c->comm, wt_comm_rank(c->comm) == 0 ? time_metrics(&c->notes) : WT_OK));
    record_process(c, measure_process_bytes(c->comm)); /* before the heap has holes of many networks */
    for (int i = 0; i < threads->count; i++) WT_TRY(calibrate_threads(c, threads->values[i]));
    return measure_link(c);
}

static wt_status choose_threads(wt_calibrating *c, wt_bench_list *threads) {
    enum { MOST = 1024 };
    if (wt_given.threads) return wt_bench_parse_list(threads, "--threads", wt_given.threads, 1, MOST);
    const int share = c->cores / wt_comm_node_size(c->comm);
    *threads = (wt_bench_list){.count = share > 1 ? 2 : 1, .values = {1, share}};
    return WT_OK;
}

static wt_status prepare_calibration(wt_calibrating *c, wt_bench_list *threads, char path[WT_PATH_MAX]) {
    char cpu[WT_CPU_NAME];
    WT_CHECK(wt_given.seconds > 0 && wt_given.seconds <= 1000, WT_USAGE,
             "--seconds: out of range (got %g, expected above 0, up to 1000)", wt_given.seconds);
    c->cores = omp_get_num_procs();
    WT_TRY(choose_threads(c, threads));
    snprintf(c->sets[0], sizeof *c->sets, "run.backend=%.32s", wt_given.backend ? wt_given.backend : "auto");
    snprintf(c->sets[1], sizeof *c->sets, "train.precision=%.32s",
             wt_given.precision ? wt_given.precision : "fp32");
    for (int i = 0; i < 2; i++) c->set_list[i] = c->sets[i];
    WT_TRY(wt_alloc(&c->config, 1, sizeof *c->config, "a configuration"));
    WT_TRY(wt_config_load(c->config, NULL, c->set_list, 2));
    WT_TRY(wt_kernels_select(&c->kernels, c->config->run.backend, c->config->train.precision));
    WT_TRY(wt_comm_alone(&c->alone, c->comm));
    wt_cpu_name(cpu);
    if (!wt_given.file) return wt_calibration_path(path, cpu);
    snprintf(path, WT_PATH_MAX, "%s", wt_given.file);
    return WT_OK;
}

static wt_status run_calibration(wt_calibrating *c) {
    wt_bench_list threads;
    char path[WT_PATH_MAX];
    WT_TRY(wt_comm_agree(c->comm, prepare_calibration(c, &threads, path)));
    if (wt_comm_rank(c->comm) == 0) load_existing(c, path);
    wt_comm_broadcast(c->comm, &c->calibration, sizeof c->calibration);
    if (wt_log_is_verbose())
        printf("%s: %s, %d rank%s on %d core%s\n", c->calibration.cpu, c->kernels->name,
               wt_comm_node_size(c->comm), wt_comm_node_size(c->comm) > 1 ? "s" : "", c->cores,
               c->cores > 1 ? "s" : "");
    WT_TRY(calibrate_list(c, &threads));
    wt_status status = wt_comm_rank(c->comm) == 0 ? wt_calibration_save(&c->calibration, path) : WT_OK;
    WT_TRY(wt_comm_agree(c->comm, status));
    if (wt_log_is_verbose())
        printf("\na process by itself: %.1f MiB\nkept in %s\n", c->calibration.base_bytes / 1048576.0, path);
    return WT_OK;
}

/* Collective. */
static wt_status bench_calibrate(wt_comm *comm) {
    wt_calibrating *c;
    WT_TRY(wt_comm_agree(comm, wt_alloc(&c, 1, sizeof *c, "the measurement")));
    c->comm = comm;
    wt_status status = run_calibration(c);
    wt_comm_finish(c->alone);
    wt_free(c->config);
    wt_free(c);
    return status;
}

static wt_status bench_calibrate_main(wt_comm *comm, int argc, const char **argv) {
    wt_command_line line;
    memset(&wt_given, 0, sizeof wt_given);
    wt_given.seconds = 1;
    wt_status status = wt_command_parse(&line, &wt_command_bench_calibrate, argc, argv, 0, 0);
    if (status == WT_OK && !line.done) status = bench_calibrate(comm);
    free(wt_given.threads);
    free(wt_given.file);
    free(wt_given.backend);
    free(wt_given.precision);
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_bench_calibrate = {
    .name = "bench calibrate",
    .arguments = "[OPTION…]",
    .summary = "Measure what inspect predicts from, on a node of the kind that will run: training steps of "
               "many networks, a process's own memory, and under mpirun the exchange",
    .parallel = true,
    .run = bench_calibrate_main,
    .options = wt_options,
};
