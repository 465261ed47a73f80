/*
 * wavetrain bench step: training steps as the trainer makes them, on random input: derived weights, forward, backward
 * with the exchange between ranks, norm, update; a burst of the cores' multiply-add peak between two steps. Nothing
 * is read or written but the table. Under mpirun all ranks begin a step together, and the slowest one counts.
 *
 * What a step is worth: the operations that the model needs, three times forward's (the gradients by the data and by
 * the weights cost as much each), over the time of the best step, as a share of the best burst. The context that targets
 * need is counted, what a kernel makes beyond the need is not.
 */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "bench_internal.h"
#include "command_internal.h"
#include "wavetrain/data.h"
#include "wavetrain/log.h"
#include "wavetrain/memory.h"
#include "wavetrain/optim.h"
#include "wavetrain/random.h"
#include "wavetrain/timer.h"
#include "wavetrain/train.h"

/* Where popt's constant table points. */
static struct {
    char *model, *backend, *csv;
    char **sets;
    int targets, windows, threads, steps;
} wt_given;

static const struct poptOption wt_options[] = {
    {"model", '\0', POPT_ARG_STRING, &wt_given.model, 0,
     "In place of a configuration: A, 3×10 blocks of 64 channels; B, 4×6 of 128, kernel 3; C, 4×10 of 32, "
     "skip 256; S, "
     "2×8 of 16, kernel 3, windows of 256 (default A)",
     "A|B|C|S"},
    {"targets", '\0', POPT_ARG_INT, &wt_given.targets, 0, "Of a window; default: the model's data.window",
     "N"},
    {"windows", '\0', POPT_ARG_INT, &wt_given.windows, 0,
     "In a step, of each rank; default: 1, or of a configuration its train.batch over all ranks", "N"},
    {"threads", '\0', POPT_ARG_INT, &wt_given.threads, 0, "Of each rank; default: OpenMP's", "T"},
    {"backend", '\0', POPT_ARG_STRING, &wt_given.backend, 0, "As run.backend", "B"},
    {"steps", '\0', POPT_ARG_INT, &wt_given.steps, 0, "That are measured (default 31)", "N"},
    {"set", '\0', POPT_ARG_ARGV, &wt_given.sets, 0, "Set any other key of the configuration", "KEY=VALUE"},
    {"csv", '\0', POPT_ARG_STRING, &wt_given.csv, 0,
     "Write one row of figures here; an existing file is replaced", "FILE"},
    POPT_TABLEEND,
};

/* The named models, as configurations. */
static const struct {
    const char *name, *text;
} wt_models[] = {
    {"A",
     "{model: {stacks: 3, layers: 10, kernel: 2, residual: 64, gate: 64, skip: 128}, data: {window: 8192}}"},
    {"B",
     "{model: {stacks: 4, layers: 6, kernel: 3, residual: 128, gate: 128, skip: 128}, data: {window: 8192}}"},
    {"C",
     "{model: {stacks: 4, layers: 10, kernel: 2, residual: 32, gate: 32, skip: 256}, data: {window: 8192}}"},
    {"S",
     "{model: {stacks: 2, layers: 8, kernel: 3, residual: 16, gate: 16, skip: 16}, data: {window: 256}}"},
};
enum { WT_MODELS = sizeof wt_models / sizeof *wt_models };

/* --- what a step works on --- */

enum { WT_STEP_PHASES = WT_PHASE_UPDATE + 1, WT_STEP_ALL = WT_STEP_PHASES, WT_STEP_COLUMNS };

typedef struct {
    wt_comm *comm;
    const char *name; /* of the model, or the configuration's file */
    wt_config config;
    const wt_kernels *kernels;
    wt_network *network;
    wt_batch *batch;
    wt_pass *pass;
    wt_exchange *exchange;
    wt_optimizer optimizer;
    wt_real *parameters;
    int lanes, first_lane, end_lane, lane_windows, lanes_at_once;
    wt_window_loss *losses;   /* [windows of this rank] */
    wt_real **lane_gradients; /* [lanes_at_once] */
    double *block_sums;       /* of the norm */
    double *lane_sums;        /* of batch norm */
    wt_timer timer;
    wt_bench_peaks peaks;
    int64_t *nanoseconds; /* [steps, WT_STEP_COLUMNS]: phases, then the whole step; the slowest rank's */
    int64_t estimate;     /* bytes that the pass and the state should take */
} wt_stepper;

/* A one-hot or real signal without any pattern. */
static void wt_fill_batch(wt_batch *batch, int classes, uint64_t rank) {
    const int rows = wt_batch_rows(batch);
    const size_t inputs = (size_t)batch->windows * (size_t)rows;
    const size_t targets = (size_t)batch->windows * (size_t)batch->targets;
    for (int w = 0; w < batch->windows; w++) batch->target_count[w] = batch->targets;
    for (size_t i = 0; batch->classes && i < inputs; i++) {
        batch->classes[i] = (int32_t)(classes * wt_random_uniform(rank, WT_RANDOM_TEST, 0, i));
    }
    for (size_t i = 0; batch->signal && i < inputs * (size_t)batch->channels; i++) {
        batch->signal[i] = (wt_real)wt_random_uniform(rank, WT_RANDOM_TEST, 0, i) - 0.5f;
    }
    for (size_t i = 0; i < targets; i++) {
        batch->target[i] = (int32_t)(classes * wt_random_uniform(rank, WT_RANDOM_TEST, 1, i));
    }
}

enum { CHANNELS = 1 }; /* of a real input */

static void wt_share_lanes(wt_stepper *stepper) {
    const wt_config *config = &stepper->config;
    const int ranks = wt_comm_size(stepper->comm);
    stepper->lanes = wt_config_lanes(config);
    if (config->train.lanes == 0 && stepper->lanes < ranks) stepper->lanes = ranks;
    stepper->lane_windows = config->train.batch / stepper->lanes;
    wt_comm_lanes(wt_comm_rank(stepper->comm), ranks, stepper->lanes, &stepper->first_lane,
                  &stepper->end_lane);
    const int own = stepper->end_lane - stepper->first_lane;
    int wanted = config->train.lanes_at_once;
    if (wanted == 0) {
        int windows = wt_windows_at_once(config->data.window, own * stepper->lane_windows);
        wanted = (windows + stepper->lane_windows - 1) / stepper->lane_windows;
    }
    stepper->lanes_at_once = wanted < own && !wt_network_lane_sums(stepper->network) ? wanted : own;
}

static wt_status wt_take_state(wt_stepper *stepper) {
    const wt_config *config = &stepper->config;
    wt_quantization quantization = config->data.quantization;
    WT_TRY(wt_data_classes(&quantization.levels, &config->data));
    const size_t total = stepper->network->parameters.total;
    const int own = (stepper->end_lane - stepper->first_lane) * stepper->lane_windows;
    const wt_pass_shape shape = {stepper->lanes_at_once * stepper->lane_windows, config->data.window, true,
                                 config->train.activations == WT_ACTIVATIONS_RECOMPUTED};
    const wt_batch_shape batch = {own, config->data.window, stepper->network->receptive_field,
                                  config->model.input, quantization};
    WT_TRY(wt_alloc(&stepper->parameters, total, sizeof(wt_real), "parameters"));
    wt_network_initialise(stepper->network, stepper->parameters, (uint64_t)config->train.seed);
    WT_TRY(wt_optimizer_init(&stepper->optimizer, config, total));
    WT_TRY(
        wt_set_update_ranges(&stepper->optimizer, &stepper->network->parameters, config->optimizer.decay_on));
    WT_TRY(wt_alloc(&stepper->lane_sums,
                    (size_t)stepper->lanes * (size_t)wt_network_lane_sums(stepper->network), sizeof(double),
                    "sums of lanes"));
    WT_TRY(wt_batch_create(&stepper->batch, &batch, CHANNELS));
    wt_fill_batch(stepper->batch, quantization.levels, (uint64_t)wt_comm_rank(stepper->comm));
    WT_TRY(wt_pass_create(&stepper->pass, stepper->network, stepper->kernels, &shape));
    WT_TRY(wt_alloc(&stepper->losses, (size_t)own, sizeof *stepper->losses, "losses"));
    WT_TRY(wt_alloc(&stepper->lane_gradients, (size_t)stepper->lanes_at_once, sizeof *stepper->lane_gradients,
                    "gradients of lanes"));
    WT_TRY(wt_alloc(&stepper->block_sums, wt_norm_blocks(total), sizeof(double), "the gradient's norm"));
    stepper->estimate = wt_pass_bytes(stepper->network, stepper->kernels, &shape) +
                        (int64_t)(3 * total * sizeof(wt_real));
    return wt_alloc(&stepper->nanoseconds, (size_t)wt_given.steps * WT_STEP_COLUMNS,
                    sizeof *stepper->nanoseconds, "times");
}

static void wt_stepper_dispose(wt_stepper *stepper) {
    wt_exchange_destroy(stepper->exchange);
    wt_pass_destroy(stepper->pass);
    wt_batch_destroy(stepper->batch);
    wt_optimizer_dispose(&stepper->optimizer);
    wt_network_destroy(stepper->network);
    wt_free(stepper->parameters);
    wt_free(stepper->losses);
    wt_free(stepper->lane_gradients);
    wt_free(stepper->block_sums);
    wt_free(stepper->lane_sums);
    wt_free(stepper->nanoseconds);
    wt_free(stepper);
}

/* --- a step: as wt_trainer_step, without what data, rank 0's guard and files add --- */

static void wt_hand_over(void *context, size_t offset, size_t count) {
    wt_stepper *stepper = context;
    wt_timer_enter(&stepper->timer, WT_PHASE_EXCHANGE);
    wt_exchange_ready(stepper->exchange, offset, count);
    wt_timer_enter(&stepper->timer, WT_PHASE_BACKWARD);
}

static void wt_move_messages(void *context) {
    wt_stepper *stepper = context;
    wt_timer_enter(&stepper->timer, WT_PHASE_EXCHANGE);
    wt_exchange_poke(stepper->exchange);
    wt_timer_enter(&stepper->timer, WT_PHASE_BACKWARD);
}

static void wt_run_wave(wt_stepper *stepper, int first, int lanes) {
    const int slot = (first - stepper->first_lane) * stepper->lane_windows;
    const wt_pass_listener listener = {wt_hand_over, wt_move_messages, stepper};
    wt_timer_enter(&stepper->timer, WT_PHASE_FORWARD);
    wt_pass_forward(stepper->pass, stepper->batch, slot, lanes * stepper->lane_windows,
                    stepper->losses + slot);
    wt_timer_enter(&stepper->timer, WT_PHASE_EXCHANGE);
    for (int i = 0; i < lanes; i++)
        stepper->lane_gradients[i] = wt_exchange_lane(stepper->exchange, first + i);
    wt_timer_enter(&stepper->timer, WT_PHASE_BACKWARD);
    wt_pass_backward(stepper->pass, stepper->lane_windows, stepper->lane_gradients, &listener);
}

/* Rank 0's norm and clipping, which travel. */
static double wt_decide_scale(wt_stepper *stepper, const wt_real *gradient) {
    const wt_config *config = &stepper->config;
    const double mean = 1.0 / ((double)config->train.batch * config->data.window);
    double scale = mean;
    if (wt_comm_rank(stepper->comm) == 0) {
        double norm = wt_gradient_norm(stepper->kernels, gradient, stepper->network->parameters.trained, mean,
                                       stepper->block_sums);
        scale = mean * wt_clip_scale(norm, config->optimizer.clip);
    }
    wt_comm_broadcast(stepper->comm, &scale, sizeof scale);
    return scale;
}

static void wt_sum_lanes(void *context, const double *lanes, int count, double *sum) {
    wt_stepper *stepper = context;
    wt_comm_sum_lanes(stepper->comm, stepper->lanes, lanes, count, stepper->lane_sums, sum);
}

static void wt_step(wt_stepper *stepper) {
    double added;
    const wt_pass_step step = {.first_lane = stepper->first_lane,
                               .lane_windows = stepper->lane_windows,
                               .reduce = wt_sum_lanes,
                               .context = stepper};
    wt_timer_enter(&stepper->timer, WT_PHASE_DERIVE);
    wt_pass_derive(stepper->pass, stepper->parameters);
    wt_pass_begin_step(stepper->pass, &step);
    for (int lane = stepper->first_lane, lanes; lane < stepper->end_lane; lane += lanes) {
        int left = stepper->end_lane - lane;
        lanes = left < stepper->lanes_at_once ? left : stepper->lanes_at_once;
        wt_run_wave(stepper, lane, lanes);
    }
    wt_timer_enter(&stepper->timer, WT_PHASE_WAIT);
    const wt_real *gradient = wt_exchange_complete(stepper->exchange, &added);
    wt_timer_enter(&stepper->timer, WT_PHASE_DECIDE);
    wt_timer_move(&stepper->timer, WT_PHASE_WAIT, WT_PHASE_EXCHANGE, added);
    const double scale = wt_decide_scale(stepper, gradient);
    wt_timer_enter(&stepper->timer, WT_PHASE_UPDATE);
    wt_pass_commit(stepper->pass, stepper->parameters);
    const wt_optimizer_config *optimizer = &stepper->config.optimizer;
    const wt_update update = {optimizer->learning_rate, wt_optimizer_momentum(optimizer), scale};
    wt_optimizer_step(&stepper->optimizer, stepper->kernels, optimizer, &update, gradient,
                      stepper->parameters);
    wt_timer_enter(&stepper->timer, WT_PHASE_OTHER);
}

/* Two steps touch memory and open connections before those that count. Collective. */
static wt_status wt_run_steps(wt_stepper *stepper) {
    enum { FIRST = -2, BURSTS = 3 };
    for (int step = FIRST; step < wt_given.steps; step++) {
        wt_comm_barrier(stepper->comm);
        for (int i = 0; i < BURSTS; i++) wt_bench_peaks_burst(&stepper->peaks);
        wt_comm_barrier(stepper->comm);
        wt_timer_init(&stepper->timer);
        wt_step(stepper);
        if (step < 0) continue;
        int64_t *row = stepper->nanoseconds + step * WT_STEP_COLUMNS;
        for (int phase = 0; phase < WT_STEP_PHASES; phase++) {
            row[phase] = (int64_t)(1e9 * stepper->timer.seconds[phase]);
        }
        row[WT_STEP_ALL] = (int64_t)(1e9 * wt_timer_steps(&stepper->timer));
    }
    wt_comm_max_int64(stepper->comm, stepper->nanoseconds, wt_given.steps * WT_STEP_COLUMNS);
    wt_bench_peaks_sum(&stepper->peaks, stepper->comm);
    double loss = 0.0;
    const int own = (stepper->end_lane - stepper->first_lane) * stepper->lane_windows;
    for (int w = 0; w < own; w++) loss += stepper->losses[w].loss;
    return wt_comm_agree(stepper->comm,
                         isfinite(loss) ? WT_OK
                                        : wt_error(WT_FAILED, "%s: the loss is not finite", stepper->name));
}

/* --- what came out --- */

/* Seconds, and operations of all ranks together. */
typedef struct {
    double in_best[WT_STEP_COLUMNS];    /* of the best step */
    wt_bench_time own[WT_STEP_COLUMNS]; /* of each phase over all steps */
    double operations[WT_STEP_COLUMNS];
    double targets; /* of a step */
    double peak, sustained, peak_bf16;
    int64_t resident, counted, estimate; /* bytes, the largest rank's */
} wt_result;

static wt_status wt_summarise_times(const wt_stepper *stepper, wt_result *result) {
    const int steps = wt_given.steps;
    double *seconds;
    int best = 0;
    WT_TRY(wt_alloc(&seconds, (size_t)steps, sizeof *seconds, "times"));
    for (int step = 1; step < steps; step++) {
        const int64_t *all = stepper->nanoseconds + WT_STEP_ALL;
        if (all[step * WT_STEP_COLUMNS] < all[best * WT_STEP_COLUMNS]) best = step;
    }
    for (int column = 0; column < WT_STEP_COLUMNS; column++) {
        const int64_t *at = stepper->nanoseconds + column;
        for (int step = 0; step < steps; step++) seconds[step] = 1e-9 * (double)at[step * WT_STEP_COLUMNS];
        result->in_best[column] = seconds[best];
        result->own[column] = wt_bench_summarise(seconds, steps);
    }
    wt_free(seconds);
    return WT_OK;
}

/* Forward makes the head's part of backward too. */
static void wt_count_operations(const wt_stepper *stepper, wt_result *result) {
    const wt_network *network = stepper->network;
    double head = 0.0; /* a hierarchy has none: its last layer's backward is with the others */
    for (int i = 0; i < 2; i++) head += 2.0 * network->head[i].in * network->head[i].out;
    result->targets = (double)stepper->config.train.batch * stepper->config.data.window;
    const double forward = wt_network_operations(network, stepper->config.data.window) * result->targets;
    head *= result->targets;
    result->operations[WT_PHASE_FORWARD] = forward + 2.0 * head;
    result->operations[WT_PHASE_BACKWARD] = 2.0 * forward - 2.0 * head;
    result->operations[WT_STEP_ALL] = 3.0 * forward;
}

/* Collective. */
static wt_status wt_make_result(wt_stepper *stepper, wt_result *result) {
    memset(result, 0, sizeof *result);
    const wt_bench_peak *fp32 = &stepper->peaks.of[WT_PEAK_FP32];
    int64_t bytes[] = {wt_memory_peak_resident(), wt_memory_peak_bytes(), stepper->estimate};
    wt_comm_max_int64(stepper->comm, bytes, 3);
    result->resident = bytes[0], result->counted = bytes[1], result->estimate = bytes[2];
    result->peak = fp32->best;
    result->sustained = fp32->operations / fp32->seconds;
    result->peak_bf16 = stepper->peaks.of[WT_PEAK_BF16].best;
    wt_count_operations(stepper, result);
    return wt_comm_agree(stepper->comm, wt_summarise_times(stepper, result));
}

static void wt_print_phases(const wt_result *result) {
    printf("%-10s %12s %8s %12s %12s %9s %8s\n", "phase", "best step", "share", "own best", "median",
           "GFLOP/s", "of peak");
    for (int column = 0; column < WT_STEP_COLUMNS; column++) {
        if (column == WT_PHASE_DATA) continue; /* there is none */
        const wt_bench_time own = result->own[column];
        printf("%-10s %9.3f ms %6.1f %% %9.3f ms %9.3f ms",
               column == WT_STEP_ALL ? "step" : wt_phase_name((wt_phase)column),
               1e3 * result->in_best[column], 100.0 * result->in_best[column] / result->own[WT_STEP_ALL].best,
               1e3 * own.best, 1e3 * own.median);
        const double rate = result->operations[column] / own.best;
        if (result->operations[column] > 0)
            printf(" %9.1f %6.1f %%", 1e-9 * rate, 100.0 * rate / result->peak);
        printf("\n");
    }
}

static void wt_print_result(const wt_stepper *stepper, const wt_result *result) {
    const double mib = 1048576.0, best = result->own[WT_STEP_ALL].best,
                 median = result->own[WT_STEP_ALL].median;
    const int ranks = wt_comm_size(stepper->comm), threads = omp_get_max_threads();
    char products[96], cores[64], layers[32];
    wt_kernels_describe(stepper->kernels, products, sizeof products);
    snprintf(cores, sizeof cores, "%d rank%s × %d thread%s", ranks, ranks > 1 ? "s" : "", threads,
             threads > 1 ? "s" : "");
    wt_network_describe(stepper->network, layers, sizeof layers);
    printf("model %s: %s, %zu parameters, receptive field %d; a step of %d × %d targets, lanes: %d\n",
           stepper->name, layers, stepper->network->parameters.trained, stepper->network->receptive_field,
           stepper->config.train.batch, stepper->config.data.window, stepper->lanes);
    printf("kernels %s (%s), %s, best and medians of %d steps%s\n", stepper->kernels->name, products, cores,
           wt_given.steps, ranks > 1 ? ", each phase the slowest rank's" : "");
    wt_print_phases(result);
    printf("speed: %.2f k targets/s (median %.2f), %.1f GFLOP/s of needed work, %.1f %% of the fp32 peak\n",
           1e-3 * result->targets / best, 1e-3 * result->targets / median,
           1e-9 * result->operations[WT_STEP_ALL] / best,
           100.0 * result->operations[WT_STEP_ALL] / best / result->peak);
    wt_bench_peaks_print(&stepper->peaks, cores);
    printf("memory%s: %.1f MiB at most, %.1f of them the program's own; estimate of pass, parameters and "
           "moments %.1f\n",
           ranks > 1 ? " of a rank" : "", (double)result->resident / mib, (double)result->counted / mib,
           (double)result->estimate / mib);
}

typedef struct {
    const char *phase; /* before the name, or "" */
    const char *name;
    double value;
} wt_figure;

enum {
    WT_FIGURES = 20,
    WT_PHASE_FIGURES = 3,
    WT_FIGURES_MOST = WT_FIGURES + WT_PHASE_FIGURES * WT_STEP_PHASES
};

static int wt_list_figures(const wt_stepper *stepper, const wt_result *result, wt_figure *figures) {
    const wt_bench_time step = result->own[WT_STEP_ALL];
    const double rate = result->operations[WT_STEP_ALL] / step.best;
    const wt_figure whole[] = {
        {"", "ranks", wt_comm_size(stepper->comm)},
        {"", "threads", omp_get_max_threads()},
        {"", "windows", stepper->config.train.batch},
        {"", "targets", stepper->config.data.window},
        {"", "lanes", stepper->lanes},
        {"", "parameters", (double)stepper->network->parameters.trained},
        {"", "steps", wt_given.steps},
        {"", "targets_per_second", result->targets / step.best},
        {"", "median_targets_per_second", result->targets / step.median},
        {"", "flops", rate},
        {"", "share", rate / result->peak},
        {"", "peak_fp32", result->peak},
        {"", "peak_fp32_sustained", result->sustained},
        {"", "peak_bf16", result->peak_bf16},
        {"", "resident_bytes", (double)result->resident},
        {"", "counted_bytes", (double)result->counted},
        {"", "estimated_bytes", (double)result->estimate},
        {"", "step_seconds", step.best},
        {"", "step_median_seconds", step.median},
    };
    int count = sizeof whole / sizeof *whole;
    _Static_assert(sizeof whole / sizeof *whole <= WT_FIGURES, "more figures than there is room for");
    memcpy(figures, whole, sizeof whole);
    for (int phase = WT_PHASE_DERIVE; phase < WT_STEP_PHASES; phase++) {
        const char *name = wt_phase_name((wt_phase)phase);
        figures[count++] = (wt_figure){name, "_seconds", result->in_best[phase]};
        figures[count++] = (wt_figure){name, "_best_seconds", result->own[phase].best};
        figures[count++] = (wt_figure){name, "_median_seconds", result->own[phase].median};
    }
    return count;
}

/* One row. */
static wt_status wt_write_result(const wt_stepper *stepper, const wt_result *result) {
    FILE *file;
    wt_figure figures[WT_FIGURES_MOST];
    const int count = wt_list_figures(stepper, result, figures);
    WT_TRY(wt_bench_csv_open(&file, wt_given.csv, "version,model,kernels"));
    if (!file) return WT_OK;
    for (int i = 0; i < count; i++) fprintf(file, ",%s%s", figures[i].phase, figures[i].name);
    fprintf(file, "\n" WT_VERSION ",\"%s\",%s", stepper->name, stepper->kernels->name);
    for (int i = 0; i < count; i++) fprintf(file, ",%.12g", figures[i].value);
    fputc('\n', file);
    return wt_bench_csv_close(file, wt_given.csv, WT_OK);
}

/* --- the configuration --- */

enum { WT_SETS_MOST = 64, WT_SET_TEXT = 64 };

/* The command's options as --set would give them, so that they pass the same checks; others after them. */
static wt_status wt_collect_sets(char texts[][WT_SET_TEXT], const char **sets, size_t *count, int ranks) {
    const struct {
        const char *key;
        int value;
    } numbers[] = {{"data.window", wt_given.targets}, {"train.batch", wt_given.windows * ranks}};
    *count = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!numbers[i].value) continue;
        snprintf(texts[*count], WT_SET_TEXT, "%s=%d", numbers[i].key, numbers[i].value);
        sets[*count] = texts[*count];
        ++*count;
    }
    if (wt_given.backend) {
        snprintf(texts[*count], WT_SET_TEXT, "run.backend=%.32s", wt_given.backend);
        sets[*count] = texts[*count];
        ++*count;
    }
    for (char **set = wt_given.sets; set && *set; set++) {
        WT_CHECK(*count < WT_SETS_MOST, WT_USAGE, "--set: too many of them (expected at most %d)",
                 WT_SETS_MOST - 3);
        sets[(*count)++] = *set;
    }
    return WT_OK;
}

static wt_status wt_load_model(wt_stepper *stepper, const char *path) {
    char texts[3][WT_SET_TEXT];
    const char *sets[WT_SETS_MOST], *model = wt_given.model ? wt_given.model : "A";
    size_t count;
    WT_CHECK(!path || !wt_given.model, WT_USAGE, "--model: stands in place of a configuration (got %s too)",
             path);
    if (!path && !wt_given.windows) wt_given.windows = 1;
    WT_TRY(wt_collect_sets(texts, sets, &count, wt_comm_size(stepper->comm)));
    stepper->name = path ? path : model;
    if (path) {
        WT_TRY(wt_config_load(&stepper->config, path, sets, count));
        stepper->config.model.head =
            WT_HEAD_SOFTMAX; /* labels are another matter: it is the trunk that takes time */
        stepper->config.data.target = WT_TARGETS_NEXT;
        stepper->config.data.stride = 0;
        return WT_OK;
    }
    for (int i = 0; i < WT_MODELS; i++) {
        const char *text = wt_models[i].text;
        if (strcmp(wt_models[i].name, model) == 0) {
            return wt_config_parse(&stepper->config, wt_models[i].name, text, strlen(text), sets, count);
        }
    }
    return wt_error(WT_USAGE, "--model: no such model (got \"%s\", expected A, B, C or S)", model);
}

static wt_status wt_prepare_stepper(wt_stepper *stepper, const char *path) {
    enum { WINDOWS_MOST = 1 << 16, STEPS_MOST = 1000000 };
    WT_TRY(wt_bench_check("--windows", wt_given.windows, 0, WINDOWS_MOST));
    WT_TRY(wt_bench_check("--steps", wt_given.steps, 1, STEPS_MOST));
    WT_TRY(wt_bench_check("--targets", wt_given.targets, 0, 1 << 30));
    WT_TRY(wt_load_model(stepper, path));
    WT_TRY(
        wt_kernels_select(&stepper->kernels, stepper->config.run.backend, stepper->config.train.precision));
    int classes;
    WT_TRY(wt_data_classes(&classes, &stepper->config.data));
    WT_TRY(wt_network_create(&stepper->network, &stepper->config.model, classes, CHANNELS));
    wt_share_lanes(stepper);
    WT_CHECK(stepper->lanes >= wt_comm_size(stepper->comm), WT_USAGE,
             "train.lanes: fewer than ranks (got %d lanes, expected at least %d)", stepper->lanes,
             wt_comm_size(stepper->comm));
    return wt_take_state(stepper);
}

/* Collective. */
static wt_status wt_bench_step(wt_comm *comm, const char *path) {
    wt_status status;
    wt_stepper *stepper;
    wt_result result;
    WT_TRY(wt_comm_agree(comm, wt_alloc(&stepper, 1, sizeof *stepper, "the measurement")));
    stepper->comm = comm;
    WT_GUARD(wt_bench_set_threads(wt_given.threads));
    WT_GUARD(wt_command_settle(comm, wt_given.threads > 0));
    WT_GUARD(wt_comm_agree(comm, wt_prepare_stepper(stepper, path)));
    WT_GUARD(wt_bench_make_exchange(&stepper->exchange, comm, stepper->kernels, &stepper->config.exchange,
                                    stepper->lanes, stepper->lanes_at_once,
                                    stepper->network->parameters.trained));
    wt_bench_peaks_init(&stepper->peaks);
    WT_GUARD(wt_run_steps(stepper));
    WT_GUARD(wt_make_result(stepper, &result));
    if (wt_comm_rank(comm) == 0) {
        wt_print_result(stepper, &result);
        status = wt_write_result(stepper, &result);
    }
    status = wt_comm_agree(comm, status);
cleanup:
    wt_stepper_dispose(stepper);
    return status;
}

static wt_status wt_bench_step_main(wt_comm *comm, int argc, const char **argv) {
    poptContext context = NULL;
    const char **arguments;
    int count;
    bool done;
    memset(&wt_given, 0, sizeof wt_given);
    wt_given.steps = 31;
    wt_status status = wt_command_parse(&context, &wt_command_bench_step, argc, argv, 0, 1, &arguments,
                                        &count, &done);
    if (status == WT_OK && !done) status = wt_bench_step(comm, count ? arguments[0] : NULL);
    free(wt_given.model);
    free(wt_given.backend);
    free(wt_given.csv);
    for (char **set = wt_given.sets; set && *set; set++) free(*set);
    free(wt_given.sets);
    poptFreeContext(context);
    return status;
}

const wt_command wt_command_bench_step = {
    .name = "bench step",
    .arguments = "[CONFIG.yaml] [OPTION…]",
    .summary = "Measure training steps on random input beside the cores' multiply-add peak, phase by phase, "
               "and their memory",
    .parallel = true,
    .run = wt_bench_step_main,
    .options = wt_options,
};
