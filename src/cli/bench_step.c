/* wavetrain bench step: a training step's speed and memory (bench/measure_step.h), as a table. */
#include <omp.h>

#include "bench/bench_csv.h"
#include "bench/bench_source.h"
#include "bench_command.h"
#include "command_internal.h"
#include "kernels/kernel_set.h"
#include "wavetrain/network.h"

/* Where popt's constant table points. */
static struct {
    char *model, *backend, *csv;
    char **sets;
    int targets, windows, threads, steps;
} given = {.steps = 31};

static const struct poptOption options[] = {
    {"model", '\0', POPT_ARG_STRING, &given.model, 0,
     "In place of a configuration: A, 3×10 blocks of 64 channels; B, 4×6 of 128, kernel 3; C, 4×10 of 32, "
     "skip 256; S, "
     "2×8 of 16, kernel 3, windows of 256 (default A)",
     "A|B|C|S"},
    {"targets", '\0', POPT_ARG_INT, &given.targets, 0, "Targets per window; default: the model's data.window",
     "N"},
    {"windows", '\0', POPT_ARG_INT, &given.windows, 0,
     "Windows per step and rank; default: 1, or the train.batch of a configuration, shared out to all ranks",
     "N"},
    {"threads", '\0', POPT_ARG_INT, &given.threads, 0, "Threads per rank; default: OpenMP's", "T"},
    {"backend", '\0', POPT_ARG_STRING, &given.backend, 0, "As run.backend", "B"},
    {"steps", '\0', POPT_ARG_INT, &given.steps, 0, "Steps that are measured (default 31)", "N"},
    {"set", '\0', POPT_ARG_ARGV, &given.sets, 0, "Set any other key of the configuration", "KEY=VALUE"},
    {"csv", '\0', POPT_ARG_STRING, &given.csv, 0,
     "Write one row of figures here; an existing file is replaced", "FILE"},
    POPT_TABLEEND,
};

/* --- what came out --- */

static void print_phases(const wt_step_speed *speed) {
    printf("%-10s %12s %8s %12s %12s %9s %8s\n", "phase", "best step", "share", "own best", "median",
           "GFLOP/s", "of peak");
    for (int column = 0; column < WT_STEP_COLUMNS; column++) {
        if (column == WT_PHASE_DATA) continue; /* there is none */
        const wt_bench_time own = speed->own[column];
        printf("%-10s %9.3f ms %6.1f %% %9.3f ms %9.3f ms",
               column == WT_STEP_ALL ? "step" : wt_phase_name((wt_phase)column), 1e3 * speed->in_best[column],
               100.0 * speed->in_best[column] / speed->own[WT_STEP_ALL].best, 1e3 * own.best,
               1e3 * own.median);
        const double rate = speed->operations[column] / own.best;
        if (speed->operations[column] > 0)
            printf(" %9.1f %6.1f %%", 1e-9 * rate, 100.0 * rate / speed->peaks.of[WT_PEAK_FP32].best);
        printf("\n");
    }
}

static void print_speed(const wt_step_speed *speed, const char *cores) {
    const wt_bench_time step = speed->own[WT_STEP_ALL];
    const wt_bench_peak *peak = &speed->peaks.of[WT_PEAK_FP32];
    const double operations = speed->operations[WT_STEP_ALL];
    char doubt[WT_PEAK_DOUBT];
    wt_bench_peak_doubt(doubt, peak);
    printf("speed: %.2f k targets/s (median %.2f) × %.3f MFLOP = %.1f GFLOP/s, %.1f %% (median %.1f) of the "
           "fp32 peak%s\n",
           1e-3 * speed->targets / step.best, 1e-3 * speed->targets / step.median,
           1e-6 * operations / speed->targets, 1e-9 * operations / step.best,
           100.0 * operations / step.best / peak->best, 100.0 * operations / step.median / peak->best, doubt);
    wt_bench_peaks_print(&speed->peaks, cores);
}

static void print_result(const wt_stepper *stepper, const wt_step_speed *speed) {
    const double mib = 1048576.0;
    const int ranks = wt_comm_size(stepper->step->comm), threads = omp_get_max_threads();
    const wt_network_traits *traits = wt_network_get_traits(stepper->network);
    const wt_parameter_table *parameters = wt_network_parameters(stepper->network);
    char products[96], cores[64];
    wt_kernels_describe(stepper->kernels, products, sizeof products);
    snprintf(cores, sizeof cores, "%d rank%s × %d thread%s", ranks, wt_command_plural(ranks), threads,
             wt_command_plural(threads));
    printf("model %s: %s, %zu parameters, receptive field %d; a step of %d × %d targets, microbatches: %d\n",
           stepper->name, traits->description, parameters->trained, traits->receptive_field,
           stepper->config.train.batch, stepper->targets, stepper->step->microbatches.count);
    printf("kernels %s (%s), %s, best and medians of %d steps%s\n", stepper->kernels->name, products, cores,
           speed->steps, ranks > 1 ? ", each phase the slowest rank's" : "");
    print_phases(speed);
    print_speed(speed, cores);
    printf("memory%s: %.1f MiB at most, %.1f of them the program's own; estimate of pass, parameters and "
           "moments %.1f\n",
           ranks > 1 ? " of a rank" : "", (double)speed->resident / mib, (double)speed->counted / mib,
           (double)speed->estimate / mib);
}

/* Rank 0. */
static wt_status report_step_speed(const wt_stepper *stepper, const wt_step_speed *speed) {
    FILE *file;
    print_result(stepper, speed);
    WT_TRY(wt_bench_csv_open(&file, given.csv, WT_CSV_STEP));
    if (file) wt_bench_csv_step(file, stepper, speed);
    return wt_bench_csv_close(file, given.csv, WT_OK);
}

/* --- the command --- */

static wt_status configure_step(wt_config *config, const wt_bench_source *source, int ranks) {
    enum { WINDOWS_MAX = 1 << 16, STEPS_MAX = 1000000 };
    const wt_command_number numbers[] = {{"--windows", given.windows, 0, WINDOWS_MAX},
                                         {"--steps", given.steps, 1, STEPS_MAX},
                                         {"--targets", given.targets, 0, 1 << 30}};
    WT_TRY(wt_command_check_numbers(numbers, 3));
    WT_TRY(wt_bench_set_threads(given.threads));
    const int windows = source->path || given.windows ? given.windows : 1;
    const wt_bench_setting settings[] = {{"data.window", NULL, given.targets},
                                         {"train.batch", NULL, (double)windows * ranks},
                                         {"run.backend", given.backend, 0}};
    return wt_bench_configure(config, source, settings, 3);
}

/* Collective. */
static wt_status bench_step(wt_comm *comm, const wt_command_line *line) {
    wt_config *config;
    wt_stepper *stepper = NULL;
    wt_step_speed speed;
    const wt_bench_source source = wt_bench_model_source(line->arguments[0], given.model, given.sets);
    wt_status status = wt_alloc(&config, 1, sizeof *config, "the configuration");
    if (status == WT_OK) status = configure_step(config, &source, wt_comm_size(comm));
    WT_GUARD(wt_comm_agree(comm, status));
    WT_GUARD(wt_command_settle(comm, given.threads > 0));
    WT_GUARD(wt_stepper_create(&stepper, comm, wt_bench_source_name(&source), config));
    WT_GUARD(wt_measure_step(&speed, stepper, given.steps));
    status = wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? report_step_speed(stepper, &speed) : WT_OK);
cleanup:
    wt_stepper_destroy(stepper);
    wt_free(config);
    return status;
}

const wt_command wt_command_bench_step = {
    .name = "bench step",
    .arguments = "[CONFIG.yaml] [OPTION…]",
    .summary = "Measure training steps on random input against the cores' multiply-add peak, phase by phase, "
               "and their memory",
    .parallel = true,
    .options = options,
    .max = 1,
    .work = bench_step,
};
