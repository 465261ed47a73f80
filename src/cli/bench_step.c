/*
 * wavetrain bench step: training steps as the trainer makes them, on random input: packing of weights,
 * forward, backward with the exchange between ranks, norm, update; a burst of the cores' multiply-add peak
 * between two steps. Nothing is read or written but the table. Under mpirun all ranks begin a step together,
 * and the slowest one counts.
 *
 * What a step is worth: the operations that its targets need, three times those of forward that inspect
 * prints (the gradients by the data and by the weights cost as much each), over the time of the best step, as
 * a share of the best burst. What a kernel or a narrower tile computes beyond that is not counted.
 */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bench_stepper.h"
#include "command_internal.h"

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
    {"targets", '\0', POPT_ARG_INT, &wt_given.targets, 0,
     "Targets per window; default: the model's data.window", "N"},
    {"windows", '\0', POPT_ARG_INT, &wt_given.windows, 0,
     "Windows per step and rank; default: 1, or the train.batch of a configuration, shared out to all ranks",
     "N"},
    {"threads", '\0', POPT_ARG_INT, &wt_given.threads, 0, "Threads per rank; default: OpenMP's", "T"},
    {"backend", '\0', POPT_ARG_STRING, &wt_given.backend, 0, "As run.backend", "B"},
    {"steps", '\0', POPT_ARG_INT, &wt_given.steps, 0, "Steps that are measured (default 31)", "N"},
    {"set", '\0', POPT_ARG_ARGV, &wt_given.sets, 0, "Set any other key of the configuration", "KEY=VALUE"},
    {"csv", '\0', POPT_ARG_STRING, &wt_given.csv, 0,
     "Write one row of figures here; an existing file is replaced", "FILE"},
    POPT_TABLEEND,
};

/* --- steps --- */

enum { WT_STEP_PHASES = WT_PHASE_UPDATE + 1, WT_STEP_ALL = WT_STEP_PHASES, WT_STEP_COLUMNS };

typedef struct {
    wt_stepper *stepper;
    wt_bench_peaks peaks;
    int64_t *nanoseconds; /* [steps, WT_STEP_COLUMNS]: phases, then the whole step; the slowest rank's */
} wt_measurement;

/* Two steps touch memory and open connections before those that count. Collective. */
static wt_status measure_steps(wt_measurement *measurement) {
    enum { FIRST = -2, BURSTS = 3 };
    wt_stepper *stepper = measurement->stepper;
    for (int step = FIRST; step < wt_given.steps; step++) {
        wt_comm_barrier(stepper->step->comm);
        for (int i = 0; i < BURSTS; i++) wt_bench_peaks_burst(&measurement->peaks);
        wt_comm_barrier(stepper->step->comm);
        wt_timer_init(&stepper->step->timer);
        wt_stepper_step(stepper);
        if (step < 0) continue;
        int64_t *row = measurement->nanoseconds + step * WT_STEP_COLUMNS;
        for (int phase = 0; phase < WT_STEP_PHASES; phase++) {
            row[phase] = (int64_t)(1e9 * stepper->step->timer.seconds[phase]);
        }
        row[WT_STEP_ALL] = (int64_t)(1e9 * wt_timer_steps(&stepper->step->timer));
    }
    wt_comm_max_int64(stepper->step->comm, measurement->nanoseconds, wt_given.steps * WT_STEP_COLUMNS);
    wt_bench_peaks_sum(&measurement->peaks, stepper->step->comm);
    return wt_comm_agree(
        stepper->step->comm,
        isfinite(stepper->loss) ? WT_OK : wt_error(WT_FAILED, "%s: the loss is not finite", stepper->name));
}

/* --- what came out --- */

/* Seconds, and operations of all ranks together. */
typedef struct {
    double in_best[WT_STEP_COLUMNS];    /* of the best step */
    wt_bench_time own[WT_STEP_COLUMNS]; /* of each phase over all steps */
    double operations[WT_STEP_COLUMNS];
    double targets; /* of a step */
    double peak, apart, sustained, peak_bf16;
    int64_t resident, counted, estimate; /* bytes, the largest rank's */
} wt_result;

static wt_status summarise_times(const wt_measurement *measurement, wt_result *result) {
    const int steps = wt_given.steps;
    double *seconds;
    int best = 0;
    WT_TRY(wt_alloc(&seconds, (size_t)steps, sizeof *seconds, "times"));
    for (int step = 1; step < steps; step++) {
        const int64_t *all = measurement->nanoseconds + WT_STEP_ALL;
        if (all[step * WT_STEP_COLUMNS] < all[best * WT_STEP_COLUMNS]) best = step;
    }
    for (int column = 0; column < WT_STEP_COLUMNS; column++) {
        const int64_t *at = measurement->nanoseconds + column;
        for (int step = 0; step < steps; step++) seconds[step] = 1e-9 * (double)at[step * WT_STEP_COLUMNS];
        result->in_best[column] = seconds[best];
        result->own[column] = wt_bench_summarise(seconds, steps);
    }
    wt_free(seconds);
    return WT_OK;
}

/* Forward makes the head's part of backward too. */
static void count_operations(const wt_stepper *stepper, wt_result *result) {
    const wt_network *network = stepper->network;
    double head = wt_engine_turned_operations(wt_network_graph(network), stepper->targets);
    result->targets = (double)stepper->config.train.batch * stepper->targets;
    const double forward = wt_network_operations(network, stepper->targets) * result->targets;
    head *= result->targets;
    result->operations[WT_PHASE_FORWARD] = forward + 2.0 * head;
    result->operations[WT_PHASE_BACKWARD] = 2.0 * forward - 2.0 * head;
    result->operations[WT_STEP_ALL] = 3.0 * forward;
}

/* Collective. */
static wt_status make_result(wt_measurement *measurement, wt_result *result) {
    const wt_stepper *stepper = measurement->stepper;
    memset(result, 0, sizeof *result);
    const wt_bench_peak *fp32 = &measurement->peaks.of[WT_PEAK_FP32];
    int64_t bytes[] = {wt_memory_peak_resident(), wt_memory_peak_bytes(), stepper->estimate};
    wt_comm_max_int64(stepper->step->comm, bytes, 3);
    result->resident = bytes[0], result->counted = bytes[1], result->estimate = bytes[2];
    result->peak = fp32->best;
    result->apart = fp32->apart;
    result->sustained = fp32->operations / fp32->seconds;
    result->peak_bf16 = measurement->peaks.of[WT_PEAK_BF16].best;
    count_operations(stepper, result);
    return wt_comm_agree(stepper->step->comm, summarise_times(measurement, result));
}

static void print_phases(const wt_result *result) {
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

static void print_result(const wt_measurement *measurement, const wt_result *result) {
    const wt_stepper *stepper = measurement->stepper;
    const double mib = 1048576.0, best = result->own[WT_STEP_ALL].best,
                 median = result->own[WT_STEP_ALL].median;
    const int ranks = wt_comm_size(stepper->step->comm), threads = omp_get_max_threads();
    const double operations = result->operations[WT_STEP_ALL];
    char products[96], cores[64], doubt[WT_PEAK_DOUBT];
    wt_kernels_describe(stepper->kernels, products, sizeof products);
    snprintf(cores, sizeof cores, "%d rank%s × %d thread%s", ranks, ranks > 1 ? "s" : "", threads,
             threads > 1 ? "s" : "");
    printf("model %s: %s, %zu parameters, receptive field %d; a step of %d × %d targets, microbatches: %d\n",
           stepper->name, wt_network_get_traits(stepper->network)->description,
           wt_network_parameters(stepper->network)->trained,
           wt_network_get_traits(stepper->network)->receptive_field, stepper->config.train.batch,
           stepper->targets, stepper->step->microbatches.count);
    printf("kernels %s (%s), %s, best and medians of %d steps%s\n", stepper->kernels->name, products, cores,
           wt_given.steps, ranks > 1 ? ", each phase the slowest rank's" : "");
    print_phases(result);
    wt_bench_peak_doubt(doubt, &measurement->peaks.of[WT_PEAK_FP32]);
    printf("speed: %.2f k targets/s (median %.2f) × %.3f MFLOP = %.1f GFLOP/s, %.1f %% (median %.1f) of the "
           "fp32 "
           "peak%s\n",
           1e-3 * result->targets / best, 1e-3 * result->targets / median,
           1e-6 * operations / result->targets, 1e-9 * operations / best,
           100.0 * operations / best / result->peak, 100.0 * operations / median / result->peak, doubt);
    wt_bench_peaks_print(&measurement->peaks, cores);
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

static int list_figures(const wt_stepper *stepper, const wt_result *result, wt_figure *figures) {
    const wt_bench_time step = result->own[WT_STEP_ALL];
    const double rate = result->operations[WT_STEP_ALL] / step.best;
    const wt_figure whole[] = {
        {"", "ranks", wt_comm_size(stepper->step->comm)},
        {"", "threads", omp_get_max_threads()},
        {"", "windows", stepper->config.train.batch},
        {"", "targets", stepper->targets},
        {"", "microbatches", stepper->step->microbatches.count},
        {"", "parameters", (double)wt_network_parameters(stepper->network)->trained},
        {"", "steps", wt_given.steps},
        {"", "targets_per_second", result->targets / step.best},
        {"", "median_targets_per_second", result->targets / step.median},
        {"", "flops", rate},
        {"", "share", rate / result->peak},
        {"", "peak_fp32", result->peak},
        {"", "peak_fp32_apart", result->apart},
        {"", "peak_fp32_sustained", result->sustained},
        {"", "peak_bf16", result->peak_bf16},
        {"", "resident_bytes", (double)result->resident},
        {"", "counted_bytes", (double)result->counted},
        {"", "estimated_bytes", (double)result->estimate},
        {"", "step_seconds", step.best},
        {"", "step_median_seconds", step.median},
    };
    int count = sizeof whole / sizeof *whole;
    _Static_assert(sizeof whole / sizeof *whole <= WT_FIGURES, "more figures than the array holds");
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
static wt_status write_result(const wt_stepper *stepper, const wt_result *result) {
    FILE *file;
    wt_figure figures[WT_FIGURES_MOST];
    const int count = list_figures(stepper, result, figures);
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
static wt_status collect_sets(char texts[][WT_SET_TEXT], const char **sets, size_t *count, int ranks) {
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

static wt_status load_model(wt_config *config, const char *path, const char *model, int ranks) {
    char texts[3][WT_SET_TEXT];
    const char *sets[WT_SETS_MOST];
    size_t count;
    WT_CHECK(!path || !wt_given.model, WT_USAGE, "--model: stands in place of a configuration (got %s too)",
             path);
    if (!path && !wt_given.windows) wt_given.windows = 1;
    WT_TRY(collect_sets(texts, sets, &count, ranks));
    return wt_bench_load_model(config, path, model, sets, count);
}

static wt_status apply_options(wt_config *config, const char *path, const char *model, int ranks) {
    enum { WINDOWS_MOST = 1 << 16, STEPS_MOST = 1000000 };
    WT_TRY(wt_bench_check("--windows", wt_given.windows, 0, WINDOWS_MOST));
    WT_TRY(wt_bench_check("--steps", wt_given.steps, 1, STEPS_MOST));
    WT_TRY(wt_bench_check("--targets", wt_given.targets, 0, 1 << 30));
    WT_TRY(wt_bench_set_threads(wt_given.threads));
    return load_model(config, path, model, ranks);
}

static wt_status report_result(const wt_measurement *measurement, const wt_result *result) {
    print_result(measurement, result);
    return write_result(measurement->stepper, result);
}

/* Collective. */
static wt_status bench_step(wt_comm *comm, const char *path) {
    wt_status status;
    wt_config *config = NULL;
    wt_measurement measurement = {0};
    wt_result result;
    const char *model = wt_given.model ? wt_given.model : "A";
    status = wt_alloc(&config, 1, sizeof *config, "the configuration");
    if (status == WT_OK) status = apply_options(config, path, model, wt_comm_size(comm));
    if (status == WT_OK)
        status = wt_alloc(&measurement.nanoseconds, (size_t)wt_given.steps * WT_STEP_COLUMNS,
                          sizeof *measurement.nanoseconds, "times");
    WT_GUARD(wt_comm_agree(comm, status));
    WT_GUARD(wt_command_settle(comm, wt_given.threads > 0));
    WT_GUARD(wt_stepper_create(&measurement.stepper, comm, path ? path : model, config));
    wt_bench_peaks_init(&measurement.peaks, measurement.stepper->kernels);
    WT_GUARD(measure_steps(&measurement));
    WT_GUARD(make_result(&measurement, &result));
    status = wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? report_result(&measurement, &result) : WT_OK);
cleanup:
    wt_stepper_destroy(measurement.stepper);
    wt_free(measurement.nanoseconds);
    wt_free(config);
    return status;
}

static wt_status bench_step_main(wt_comm *comm, int argc, const char **argv) {
    wt_command_line line;
    memset(&wt_given, 0, sizeof wt_given);
    wt_given.steps = 31;
    wt_status status = wt_command_parse(&line, &wt_command_bench_step, argc, argv, 0, 1);
    if (status == WT_OK && !line.done) status = bench_step(comm, line.count ? line.arguments[0] : NULL);
    free(wt_given.model);
    free(wt_given.backend);
    free(wt_given.csv);
    for (char **set = wt_given.sets; set && *set; set++) free(*set);
    free(wt_given.sets);
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_bench_step = {
    .name = "bench step",
    .arguments = "[CONFIG.yaml] [OPTION…]",
    .summary = "Measure training steps on random input against the cores' multiply-add peak, phase by phase, "
               "and their memory",
    .parallel = true,
    .run = bench_step_main,
    .options = wt_options,
};
