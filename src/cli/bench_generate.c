/* wavetrain bench generate: how fast streams are drawn (bench/measure_streams.h), as a table. */
#include <omp.h>
#include <string.h>

#include "bench/bench_csv.h"
#include "bench/bench_source.h"
#include "bench_command.h"
#include "command_internal.h"
#include "config/sections.h"
#include "kernels/kernel_set.h"

static struct {
    char *model, *backend, *csv, *streams, *weights;
    char **sets;
    int threads, rounds;
} given = {.rounds = 11};

static const struct poptOption options[] = {
    {"model", '\0', POPT_ARG_STRING, &given.model, 0,
     "In place of a configuration, as of bench step: A, B, C or S (default A)", "A|B|C|S"},
    {"streams", '\0', POPT_ARG_STRING, &given.streams, 0, "Side by side (default 1,4,16,64)", "N,N…"},
    {"weights", '\0', POPT_ARG_STRING, &given.weights, 0, "Default: both, by turns", "fp32|bf16"},
    {"threads", '\0', POPT_ARG_INT, &given.threads, 0, "Default: OpenMP's", "T"},
    {"backend", '\0', POPT_ARG_STRING, &given.backend, 0, "As run.backend", "B"},
    {"rounds", '\0', POPT_ARG_INT, &given.rounds, 0, "Turns of all cases (default 11)", "N"},
    {"set", '\0', POPT_ARG_ARGV, &given.sets, 0, "Set any other key of the configuration", "KEY=VALUE"},
    {"csv", '\0', POPT_ARG_STRING, &given.csv, 0,
     "Write a row of figures per case here; an existing file is replaced", "FILE"},
    POPT_TABLEEND,
};

static const char *const weight_names[WT_WEIGHTS] = {"fp32", "bf16"};

static void print_streams_rate(const wt_streams_speed *speed, const wt_streams_rate *rate) {
    const double share = 100 * speed->operations / speed->peaks.of[WT_PEAK_FP32].best;
    printf("%7d  %s  %14.0f %10.0f   %5.1f %% (%.1f) of %9.0f         %5.1f %% (%.1f)\n", rate->streams,
           weight_names[rate->weights], rate->best, rate->median, 100 * rate->best / rate->bound,
           100 * rate->median / rate->bound, rate->bound, rate->best * share, rate->median * share);
}

static wt_status report_streams(const wt_streams_speed *speed, const char *name) {
    FILE *file;
    const int threads = omp_get_max_threads();
    WT_TRY(wt_bench_csv_open(&file, given.csv, WT_CSV_STREAMS));
    printf("%s, %s, %d thread%s: samples/s of all streams, best (median)\n", name, speed->kernels->name,
           threads, wt_command_plural(threads));
    printf("streams  weights     samples/s   (median)   share of the bound by reading   of the peak\n");
    for (int i = 0; i < speed->count; i++) {
        const wt_streams_rate *rate = &speed->rates[i];
        print_streams_rate(speed, rate);
        if (file) wt_bench_csv_streams(file, name, speed, i);
    }
    wt_bench_peaks_print(&speed->peaks, "all threads");
    return wt_bench_csv_close(file, given.csv, WT_OK);
}

static wt_status make_streams_plan(wt_streams_plan *plan) {
    const char *streams = given.streams ? given.streams : "1,4,16,64";
    bool any = false;
    plan->rounds = given.rounds;
    const wt_command_number numbers[] = {{"--rounds", given.rounds, 1, WT_BENCH_ROUNDS_MAX},
                                         {"--threads", given.threads, 0, WT_STREAM_THREADS_MAX}};
    WT_TRY(wt_command_check_numbers(numbers, 2));
    WT_TRY(wt_bench_set_threads(given.threads));
    for (int w = 0; w < WT_WEIGHTS; w++) {
        plan->weights[w] = !given.weights || strcmp(given.weights, weight_names[w]) == 0;
        any = any || plan->weights[w];
    }
    WT_CHECK(any, WT_USAGE, "--weights: got \"%s\", expected fp32 or bf16", given.weights);
    return wt_bench_parse_list(&plan->streams, "--streams", streams, 1, WT_STREAMS_MAX);
}

static wt_status bench_generate(wt_comm *comm, const wt_command_line *line) {
    (void)comm;
    wt_status status;
    wt_config *config = NULL;
    wt_streams_speed *speed = NULL;
    wt_streams_plan plan;
    const wt_bench_setting backend = {"run.backend", given.backend, 0};
    const wt_bench_source source = wt_bench_model_source(line->arguments[0], given.model, given.sets);
    WT_GUARD(make_streams_plan(&plan));
    WT_GUARD(wt_alloc(&config, 1, sizeof *config, "the configuration"));
    WT_GUARD(wt_alloc(&speed, 1, sizeof *speed, "the measurement"));
    WT_GUARD(wt_bench_configure(config, &source, &backend, 1));
    WT_GUARD(wt_measure_streams(speed, config, &plan));
    WT_GUARD(report_streams(speed, wt_bench_source_name(&source)));
cleanup:
    wt_free(speed);
    wt_free(config);
    return status;
}

const wt_command wt_command_bench_generate = {
    .name = "bench generate",
    .arguments = "[CONFIG.yaml] [OPTION…]",
    .summary =
        "Measure generation against the time that reading the weights takes and the cores' multiply-add peak",
    .options = options,
    .max = 1,
    .work = bench_generate,
};
