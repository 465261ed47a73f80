/*
 * wavetrain bench generate: streams of a network with random parameters, drawn as `generate` draws them,
 * beside what bounds them in the same run: one stream reads all weights per sample, so the bound is the
 * best of several reads of the very packed weights; many streams share a read, so there it is the
 * multiply-add peak. All cases take turns, in many short runs.
 */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "bench_internal.h"
#include "bench_stepper.h"
#include "command_internal.h"
#include "network/network_model.h"
#include "wavetrain/data.h"
#include "wavetrain/generate.h"
#include "wavetrain/network.h"

static struct {
    char *model, *backend, *csv, *streams, *weights;
    char **sets;
    int threads, rounds;
} wt_given;

static const struct poptOption wt_options[] = {
    {"model", '\0', POPT_ARG_STRING, &wt_given.model, 0,
     "In place of a configuration, as of bench step: A, B, C or S (default A)", "A|B|C|S"},
    {"streams", '\0', POPT_ARG_STRING, &wt_given.streams, 0, "Side by side (default 1,4,16,64)", "N,N…"},
    {"weights", '\0', POPT_ARG_STRING, &wt_given.weights, 0, "Default: both, by turns", "fp32|bf16"},
    {"threads", '\0', POPT_ARG_INT, &wt_given.threads, 0, "Default: OpenMP's", "T"},
    {"backend", '\0', POPT_ARG_STRING, &wt_given.backend, 0, "As run.backend", "B"},
    {"rounds", '\0', POPT_ARG_INT, &wt_given.rounds, 0, "Turns of all cases (default 11)", "N"},
    {"set", '\0', POPT_ARG_ARGV, &wt_given.sets, 0, "Set any other key of the configuration", "KEY=VALUE"},
    {"csv", '\0', POPT_ARG_STRING, &wt_given.csv, 0,
     "Write a row of figures per case here; an existing file is replaced", "FILE"},
    POPT_TABLEEND,
};

enum { CASES_MAX = WT_BENCH_LIST * WT_WEIGHTS, THREADS_MAX = 256 };
static const char *const weight_names[WT_WEIGHTS] = {"fp32", "bf16"};

/* Streams of one thread, or of several where there are fewer streams than threads. */
typedef struct {
    wt_stream *stream;
    wt_continuation how;
    int64_t left; /* pieces */
    int64_t samples;
    uint64_t first;
} group;

typedef struct {
    int streams, groups;
    wt_weights weights;
    int64_t samples; /* of a run, of each stream */
    group group[THREADS_MAX];
    double *seconds, best_read; /* [rounds] */
    size_t bytes;               /* of packed weights that one group reads */
} bench_case;

typedef struct {
    const wt_network *network;
    const wt_kernels *kernels;
    wt_real *parameters;
    wt_quantization quantization;
    bench_case cases[CASES_MAX];
    int count, rounds;
    wt_bench_peaks peaks;
    wt_status worst;
} bench;

/* --- a run --- */

static bool next_bench_piece(void *context, wt_piece *piece) {
    group *g = context;
    if (g->left == 0) return false;
    g->left--;
    *piece = (wt_piece){.number = g->first + (uint64_t)g->left, .stop = -1, .max = g->samples};
    return true;
}

static wt_status drop(void *context, uint64_t number, const float *samples, int count) {
    (void)context, (void)number, (void)samples, (void)count;
    return WT_OK;
}

static wt_status leave(void *context, uint64_t number, wt_piece_end how) {
    (void)context, (void)number, (void)how;
    return WT_OK;
}

static int find_rank_share(const bench_case *c, int number) {
    return c->streams * (number + 1) / c->groups - c->streams * number / c->groups;
}

static wt_status make_stream_group(const bench *b, bench_case *c, int number) {
    group *g = &c->group[number];
    const int threads = omp_get_max_threads();
    const wt_stream_options options = {.silence_class = wt_quantize_silence(b->quantization),
                                       .rows = find_rank_share(c, number),
                                       .threads = threads / c->groups,
                                       .weights = c->weights};
    g->how = (wt_continuation){.graph = wt_network_graph(b->network),
                               .kernels = b->kernels,
                               .quantization = b->quantization,
                               .classes = wt_network_get_traits(b->network)->input_kind == WT_INPUT_CLASS,
                               .temperature = 1,
                               .seed = 1};
    WT_TRY(wt_continuation_init(&g->how));
    WT_TRY(wt_stream_open(&g->stream, wt_network_graph(b->network), b->kernels, b->parameters, &options));
    c->bytes = wt_stream_weight_bytes(g->stream);
    return WT_OK;
}

typedef struct {
    bench *b;
    bench_case *c;
} job;

/* As long as a group has streams, it draws; its streams are made once. */
static void run_group(void *context, int thread, int threads) {
    const job *j = context;
    (void)threads;
    if (thread >= j->c->groups) return;
    group *g = &j->c->group[thread];
    const wt_piece_work work = {next_bench_piece, drop, leave, NULL, g};
    g->left = wt_stream_rows(g->stream);
    g->samples = j->c->samples;
    g->first = (uint64_t)(thread * j->c->streams);
    const wt_status status = wt_pieces_draw(g->stream, &g->how, &work);
    if (status != WT_OK) {
#pragma omp critical
        j->b->worst = status;
    }
}

static void rewind_group(void *context, int thread, int threads) {
    const job *j = context;
    (void)threads;
    if (thread < j->c->groups) wt_stream_rewind(j->c->group[thread].stream);
}

static double time_generate_case(job *j) {
    wt_bench_together(rewind_group, j);
    return wt_bench_together(run_group, j);
}

static void read_group(void *context, int thread, int threads) {
    const job *j = context;
    const int each = threads / j->c->groups; /* threads of a stream */
    if (thread < each * j->c->groups)
        wt_stream_read_weights(j->c->group[thread / each].stream, thread % each);
}

/* --- cases --- */

static wt_status add_case(bench *b, int streams, wt_weights weights) {
    enum { FIRST = 16 };
    const double long_enough = 0.05;
    bench_case *c = &b->cases[b->count];
    const int threads = omp_get_max_threads();
    *c = (bench_case){.streams = streams, .weights = weights, .best_read = 1e9};
    c->groups = streams < threads ? streams : threads;
    WT_TRY(wt_alloc(&c->seconds, (size_t)b->rounds, sizeof *c->seconds, "times"));
    b->count++;
    for (int g = 0; g < c->groups; g++) WT_TRY(make_stream_group(b, c, g));
    job j = {b, c};
    double seconds = 0;
    for (c->samples = FIRST; seconds < long_enough; c->samples *= 2) seconds = time_generate_case(&j);
    return b->worst;
}

static wt_status run_rounds(bench *b) {
    enum { READS = 3 };
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < b->count; i++) {
            job j = {b, &b->cases[i]};
            wt_bench_peaks_burst(&b->peaks);
            const double read = wt_bench_best_of(read_group, &j, READS);
            if (read < b->cases[i].best_read) b->cases[i].best_read = read;
            b->cases[i].seconds[round] = time_generate_case(&j);
        }
    }
    return b->worst;
}

/* --- what came out --- */

static wt_status report_streams(const bench *b, const char *name) {
    FILE *file;
    enum { MANY = 1 << 24 }; /* targets, beside which a window's context is nothing */
    const double operations = wt_network_operations(b->network, MANY), peak = b->peaks.of[WT_PEAK_FP32].best;
    WT_TRY(wt_bench_csv_open(
        &file, wt_given.csv,
        "version,model,kernels,threads,streams,weights,samples_per_second,"
        "median_samples_per_second,weight_bytes,read_per_second,share_of_read,share_of_peak\n"));
    printf("%s, %s, %d thread%s: samples/s of all streams, best (median)\n", name, b->kernels->name,
           omp_get_max_threads(), omp_get_max_threads() == 1 ? "" : "s");
    printf("streams  weights     samples/s   (median)   share of the bound by reading   of the peak\n");
    for (int i = 0; i < b->count; i++) {
        const bench_case *c = &b->cases[i];
        const wt_bench_time time = wt_bench_summarise(c->seconds, b->rounds);
        const double samples = (double)c->samples * c->streams, best = samples / time.best,
                     median = samples / time.median;
        /* a read serves all rows of a group */
        const double bound = (double)c->streams / c->best_read;
        printf("%7d  %s  %14.0f %10.0f   %5.1f %% (%.1f) of %9.0f         %5.1f %% (%.1f)\n", c->streams,
               weight_names[c->weights], best, median, 100 * best / bound, 100 * median / bound, bound,
               100 * best * operations / peak, 100 * median * operations / peak);
        if (file)
            fprintf(file, WT_VERSION ",\"%s\",%s,%d,%d,%s,%.6g,%.6g,%zu,%.6g,%.6g,%.6g\n", name,
                    b->kernels->name, omp_get_max_threads(), c->streams, weight_names[c->weights], best,
                    median, c->bytes, bound, best / bound, best * operations / peak);
    }
    wt_bench_peaks_print(&b->peaks, "all threads");
    return wt_bench_csv_close(file, wt_given.csv, WT_OK);
}

/* --- the configuration --- */

static wt_status make_network(bench *b, wt_network **network, const wt_config *config) {
    wt_data_facts facts;
    WT_CHECK(config->data.target == WT_TARGETS_NEXT, WT_USAGE,
             "data.target: a network that predicts labels generates nothing (expected next)");
    WT_TRY(wt_stepper_network(network, &facts, config));
    b->quantization = facts.quantization;
    b->network = *network;
    WT_TRY(wt_alloc(&b->parameters, wt_network_parameters(b->network)->total, sizeof *b->parameters,
                    "parameters"));
    wt_network_initialise(b->network, b->parameters, 1);
    return wt_kernels_select(&b->kernels, config->run.backend, WT_PRECISION_FP32);
}

static wt_status make_cases(bench *b) {
    enum { STREAMS_MAX = 4096 };
    wt_bench_list streams;
    WT_TRY(wt_bench_parse_list(&streams, "--streams", wt_given.streams ? wt_given.streams : "1,4,16,64", 1,
                               STREAMS_MAX));
    for (int i = 0; i < streams.count; i++) {
        for (int w = 0; w < WT_WEIGHTS; w++) {
            if (wt_given.weights && strcmp(wt_given.weights, weight_names[w]) != 0) continue;
            WT_TRY(add_case(b, streams.values[i], (wt_weights)w));
        }
    }
    WT_CHECK(b->count > 0, WT_USAGE, "--weights: got \"%s\", expected fp32 or bf16", wt_given.weights);
    return WT_OK;
}

static wt_status load_bench_model(wt_config *config, const char *path, const char *model) {
    enum { SETS_MAX = 64 };
    const char *sets[SETS_MAX];
    char backend[64];
    size_t count = 0;
    if (wt_given.backend) {
        snprintf(backend, sizeof backend, "run.backend=%.32s", wt_given.backend);
        sets[count++] = backend;
    }
    for (char **set = wt_given.sets; set && *set; set++) {
        WT_CHECK(count < SETS_MAX, WT_USAGE, "--set: too many of them (expected at most %d)", SETS_MAX - 1);
        sets[count++] = *set;
    }
    WT_CHECK(!path || !wt_given.model, WT_USAGE, "--model: stands in place of a configuration (got %s too)",
             path);
    return wt_bench_load_model(config, path, model, sets, count);
}

static wt_status bench_generate(const char *path) {
    wt_status status = WT_OK;
    wt_config *config = NULL;
    wt_network *network = NULL;
    bench *b = NULL;
    const char *model = wt_given.model ? wt_given.model : "A";
    WT_TRY(wt_bench_check("--rounds", wt_given.rounds, 1, WT_ROUNDS_MOST));
    WT_TRY(wt_bench_check("--threads", wt_given.threads, 0, THREADS_MAX));
    WT_TRY(wt_bench_set_threads(wt_given.threads));
    WT_TRY(wt_alloc(&b, 1, sizeof *b, "the benchmark"));
    b->rounds = wt_given.rounds;
    WT_GUARD(wt_alloc(&config, 1, sizeof *config, "the configuration"));
    WT_GUARD(load_bench_model(config, path, model));
    WT_GUARD(make_network(b, &network, config));
    wt_bench_peaks_init(&b->peaks, b->kernels);
    WT_GUARD(make_cases(b));
    WT_GUARD(run_rounds(b));
    WT_GUARD(report_streams(b, path ? path : model));
cleanup:
    for (int i = 0; i < b->count; i++) {
        for (int g = 0; g < b->cases[i].groups; g++) {
            wt_stream_destroy(b->cases[i].group[g].stream);
            wt_continuation_dispose(&b->cases[i].group[g].how);
        }
        wt_free(b->cases[i].seconds);
    }
    wt_free(b->parameters);
    wt_network_destroy(network);
    wt_free(config);
    wt_free(b);
    return status;
}

static wt_status bench_generate_main(wt_comm *comm, int argc, const char **argv) {
    (void)comm;
    wt_command_line line;
    memset(&wt_given, 0, sizeof wt_given);
    wt_given.rounds = 11;
    wt_status status = wt_command_parse(&line, &wt_command_bench_generate, argc, argv, 0, 1);
    if (status == WT_OK && !line.done) status = bench_generate(line.count ? line.arguments[0] : NULL);
    char *const texts[] = {wt_given.model, wt_given.backend, wt_given.csv, wt_given.streams,
                           wt_given.weights};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
    for (char **set = wt_given.sets; set && *set; set++) free(*set);
    free(wt_given.sets);
    poptFreeContext(line.context);
    return status;
}

const wt_command wt_command_bench_generate = {
    .name = "bench generate",
    .arguments = "[CONFIG.yaml] [OPTION…]",
    .summary =
        "Measure generation against the time that reading the weights takes and the cores' multiply-add peak",
    .parallel = false,
    .run = bench_generate_main,
    .options = wt_options,
};
