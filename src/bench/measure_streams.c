/* Streams of one thread each, or of several where there are fewer streams than threads. */
#include "bench/measure_streams.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/timer.h"
#include "bench/stepper.h"
#include "train/step.h"
#include "wavetrain/generate.h"

/* Rows of one stream, which one thread leads. */
typedef struct {
    wt_stream *stream;
    wt_continuation how;
    int64_t left; /* pieces */
    int64_t samples;
    uint64_t first;
    double began, ended; /* seconds: the first sample of all pieces; the last one of the first to end */
} stream_group;

typedef struct {
    int streams, groups;
    wt_weights weights;
    int64_t samples; /* of a run, of each stream */
    stream_group group[WT_STREAM_THREADS_MAX];
    double *seconds, best_read; /* [rounds] */
    size_t bytes;               /* of packed weights that one group reads */
} stream_case;

typedef struct {
    wt_network *network;
    const wt_kernels *kernels;
    wt_real *parameters;
    wt_stream_condition condition; /* of a network that has one */
    wt_real *frames;               /* its own */
    wt_quantization quantization;
    stream_case cases[WT_STREAM_CASES_MAX];
    int count, rounds;
    wt_bench_peaks peaks;
    wt_status worst; /* of the threads, with its message */
    char message[1024];
} stream_bench;

/* --- a run --- */

static bool next_bench_piece(void *context, wt_piece *piece) {
    stream_group *g = context;
    if (g->left == 0) return false;
    g->left--;
    *piece = (wt_piece){.number = g->first + (uint64_t)g->left, .stop = -1, .max = g->samples};
    return true;
}

static wt_status drop_samples(void *context, uint64_t number, const float *samples, int count) {
    (void)context, (void)number, (void)samples, (void)count;
    return WT_OK;
}

static wt_status leave_piece(void *context, uint64_t number, wt_piece_end how) {
    stream_group *g = context;
    (void)number, (void)how;
    if (g->ended == 0) g->ended = wt_time_now();
    return WT_OK;
}

/* Asked before each sample, when all rows have a piece. */
static bool note_beginning(void *context) {
    stream_group *g = context;
    if (g->began == 0) g->began = wt_time_now();
    return false;
}

typedef struct {
    stream_bench *b;
    stream_case *c;
} stream_job;

/* As long as a group has streams, it draws; its streams are made once. */
static void run_group(void *context, int thread, int threads) {
    const stream_job *j = context;
    (void)threads;
    if (thread >= j->c->groups) return;
    stream_group *g = &j->c->group[thread];
    const wt_piece_work work = {next_bench_piece, drop_samples, leave_piece, note_beginning, g};
    g->began = g->ended = 0;
    g->left = wt_stream_rows(g->stream);
    g->samples = j->c->samples;
    g->first = (uint64_t)(thread * j->c->streams);
    const wt_status status = wt_pieces_draw(g->stream, &g->how, &work);
    if (status == WT_OK) return;
#pragma omp critical(wt_bench_streams_failed)
    {
        j->b->worst = status;
        snprintf(j->b->message, sizeof j->b->message, "%s", wt_error_message());
    }
}

/* A message is its thread's own. */
static wt_status check_stream_threads(const stream_bench *b) {
    return b->worst == WT_OK ? WT_OK : wt_error(b->worst, "%s", b->message);
}

static void rewind_group(void *context, int thread, int threads) {
    const stream_job *j = context;
    (void)threads;
    if (thread < j->c->groups) wt_stream_rewind(j->c->group[thread].stream);
}

/* Of the slowest group, without the rows' beginnings: long series have few of them. */
static double time_streams(stream_job *j) {
    double seconds = 0;
    wt_bench_together(rewind_group, j);
    wt_bench_together(run_group, j);
    for (int i = 0; i < j->c->groups; i++) {
        const stream_group *g = &j->c->group[i];
        if (g->ended - g->began > seconds) seconds = g->ended - g->began;
    }
    return seconds;
}

static void read_group(void *context, int thread, int threads) {
    const stream_job *j = context;
    const int each = threads / j->c->groups; /* threads of a stream */
    if (thread < each * j->c->groups)
        wt_stream_read_weights(j->c->group[thread / each].stream, thread % each);
}

/* --- cases --- */

static int count_group_streams(const stream_case *c, int number) {
    return c->streams * (number + 1) / c->groups - c->streams * number / c->groups;
}

static wt_status make_stream_group(const stream_bench *b, stream_case *c, int number) {
    stream_group *g = &c->group[number];
    const wt_stream_options options = {.silence_class = wt_quantize_silence(b->quantization),
                                       .rows = count_group_streams(c, number),
                                       .threads = omp_get_max_threads() / c->groups,
                                       .weights = c->weights,
                                       .condition = &b->condition};
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

static wt_status add_stream_case(stream_bench *b, int streams, wt_weights weights) {
    enum { FIRST = 16 };
    const double long_enough = 0.05;
    stream_case *c = &b->cases[b->count];
    const int threads = omp_get_max_threads();
    *c = (stream_case){.streams = streams, .weights = weights, .best_read = 1e9};
    c->groups = streams < threads ? streams : threads;
    WT_TRY(wt_alloc(&c->seconds, (size_t)b->rounds, sizeof *c->seconds, "times"));
    b->count++;
    for (int g = 0; g < c->groups; g++) WT_TRY(make_stream_group(b, c, g));
    stream_job j = {b, c};
    double seconds = 0;
    for (c->samples = FIRST; seconds < long_enough; c->samples *= 2) {
        seconds = time_streams(&j);
        WT_TRY(check_stream_threads(b));
    }
    return WT_OK;
}

static wt_status add_stream_cases(stream_bench *b, const wt_streams_plan *plan) {
    for (int i = 0; i < plan->streams.count; i++) {
        const int streams = plan->streams.values[i];
        WT_CHECK(streams >= 1 && streams <= WT_STREAMS_MAX, WT_USAGE,
                 "streams to measure: out of range (got %d, expected 1 … %d)", streams, WT_STREAMS_MAX);
        for (int w = 0; w < WT_WEIGHTS; w++) {
            if (plan->weights[w]) WT_TRY(add_stream_case(b, streams, (wt_weights)w));
        }
    }
    return WT_OK;
}

static wt_status run_rounds(stream_bench *b) {
    enum { READS = 3 };
    for (int round = 0; round < b->rounds; round++) {
        for (int i = 0; i < b->count; i++) {
            stream_job j = {b, &b->cases[i]};
            wt_bench_peaks_burst(&b->peaks);
            const double read = wt_bench_best_of(read_group, &j, READS);
            if (read < b->cases[i].best_read) b->cases[i].best_read = read;
            b->cases[i].seconds[round] = time_streams(&j);
        }
    }
    return check_stream_threads(b);
}

/* --- the whole --- */

/* Any frames cost the same. */
static wt_status invent_frames(stream_bench *b) {
    enum { FRAMES = 64 };
    const size_t count = FRAMES * (size_t)wt_network_get_traits(b->network)->features;
    if (count == 0) return WT_OK;
    WT_TRY(wt_alloc(&b->frames, count, sizeof *b->frames, "frames"));
    for (size_t i = 0; i < count; i++)
        b->frames[i] = (wt_real)wt_random_normal(1, WT_RANDOM_CONDITION, 0, (uint64_t)i);
    b->condition = (wt_stream_condition){.frames = b->frames, .count = FRAMES};
    return WT_OK;
}

static wt_status init_stream_bench(stream_bench *b, const wt_config *config) {
    wt_data_facts facts;
    WT_CHECK(config->data.target == WT_TARGETS_NEXT, WT_USAGE,
             "data.target: a network that predicts labels generates nothing (expected next)");
    WT_TRY(wt_stepper_network(&b->network, &facts, config));
    b->quantization = facts.quantization;
    WT_TRY(wt_alloc(&b->parameters, wt_network_parameters(b->network)->total, sizeof *b->parameters,
                    "parameters"));
    wt_network_initialise(b->network, b->parameters, 1);
    WT_TRY(invent_frames(b));
    WT_TRY(wt_kernels_select(&b->kernels, config->run.backend, WT_PRECISION_FP32));
    wt_bench_peaks_init(&b->peaks, b->kernels);
    return WT_OK;
}

static void destroy_stream_bench(stream_bench *b) {
    for (int i = 0; i < b->count; i++) {
        for (int g = 0; g < b->cases[i].groups; g++) {
            wt_stream_destroy(b->cases[i].group[g].stream);
            wt_continuation_dispose(&b->cases[i].group[g].how);
        }
        wt_free(b->cases[i].seconds);
    }
    wt_free(b->frames);
    wt_free(b->parameters);
    wt_network_destroy(b->network);
    wt_free(b);
}

static void summarise_streams(wt_streams_speed *speed, const stream_bench *b) {
    enum { MANY = 1 << 24 }; /* targets, compared with which a window's context is nothing */
    speed->kernels = b->kernels;
    speed->operations = wt_network_operations(b->network, MANY);
    speed->peaks = b->peaks;
    speed->count = b->count;
    for (int i = 0; i < b->count; i++) {
        const stream_case *c = &b->cases[i];
        const wt_bench_time time = wt_bench_summarise(c->seconds, b->rounds);
        const double samples = (double)c->samples * c->streams;
        speed->rates[i] = (wt_streams_rate){.streams = c->streams,
                                            .weights = c->weights,
                                            .best = samples / time.best,
                                            .median = samples / time.median,
                                            .bound = c->streams / c->best_read, /* a read serves a group */
                                            .weight_bytes = c->bytes};
    }
}

wt_status wt_measure_streams(wt_streams_speed *speed, const wt_config *config, const wt_streams_plan *plan) {
    wt_status status = WT_OK;
    stream_bench *b;
    WT_CHECK(plan->rounds >= 1 && omp_get_max_threads() <= WT_STREAM_THREADS_MAX, WT_USAGE,
             "streams to measure: out of range (got %d rounds and %d threads, expected at least 1, and at "
             "most %d)",
             plan->rounds, omp_get_max_threads(), WT_STREAM_THREADS_MAX);
    WT_TRY(wt_alloc(&b, 1, sizeof *b, "the benchmark"));
    b->rounds = plan->rounds;
    WT_GUARD(init_stream_bench(b, config));
    WT_GUARD(add_stream_cases(b, plan));
    WT_GUARD(run_rounds(b));
    summarise_streams(speed, b);
cleanup:
    destroy_stream_bench(b);
    return status;
}
