/*
 * Sound and tables' series: each thread has a stream of many rows, and each row a piece at a time, so that
 * pieces share the reading of the weights; where there are fewer pieces than threads, threads share a
 * piece. No piece depends on others, on threads or on ranks. Samples are written as they come, so that
 * memory does not grow with a piece's length.
 */
#include "generate_series.h"

#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/timer.h"
#include "command_internal.h"
#include "metrics/metrics.h"
#include "sound_traits.h"
#include "wavetrain/data.h"
#include "wavetrain/plot.h"

enum { ROWS_MAX = 64 }; /* pieces side by side in a thread: more share the weights no better */

typedef struct {
    wt_series_file *file;
    wt_sound_traits traits;
    int64_t made; /* samples */
} piece_state;

typedef struct {
    const wt_series_request *request;
    int *pieces; /* of this rank */
    int count;
    atomic_int next;
    piece_state *states; /* [request->count] */
    float *plotted;      /* [plotted_count] the first piece's samples, if there is to be a picture */
    int plotted_count;
    wt_progress *progress;
    double began;
    wt_status worst;
    char message[1024];
    int64_t kinds[WT_SOUND_TRAITS], samples, whole, unfinished; /* of ended pieces */
} choir;

/* --- files --- */

static bool to_pipe(const wt_series_request *request) {
    return strcmp(request->out, "-") == 0;
}

/* `mark` stands before the ending. */
static wt_status name_piece(char out[WT_PATH_MAX], const wt_series_request *request, int piece,
                            const char *mark) {
    char number[16] = "";
    const char *dot = strrchr(wt_path_base(request->out), '.');
    int stem = dot ? (int)(dot - request->out) : (int)strlen(request->out);
    if (request->count > 1) snprintf(number, sizeof number, "-%d", piece + 1);
    int length = snprintf(out, WT_PATH_MAX, "%.*s%s%s%s", stem, request->out, number, mark, dot ? dot : "");
    WT_CHECK(length < WT_PATH_MAX, WT_USAGE, "--out: the path is too long");
    return WT_OK;
}

static wt_status name_unfinished_piece(char out[WT_PATH_MAX], const wt_series_request *request, int piece) {
    return name_piece(out, request, piece, ".unfinished");
}

static wt_status check_file(const wt_series_request *request, int piece) {
    char path[WT_PATH_MAX];
    WT_TRY(name_unfinished_piece(path, request, piece)); /* the longest one */
    WT_TRY(name_piece(path, request, piece, ""));
    return wt_command_check_output(path, request->force || request->count > 1);
}

wt_status wt_generate_series_check(const wt_series_request *request) {
    const bool pipe = to_pipe(request);
    WT_CHECK(!pipe || request->count == 1, WT_USAGE, "--out -: takes one piece (got --count %d)",
             request->count);
    WT_CHECK(!pipe || !isatty(STDOUT_FILENO), WT_USAGE,
             "--out -: standard output is a terminal (expected a pipe or a file)");
    WT_CHECK(pipe || request->format.samples >= 0, WT_USAGE,
             "--seconds inf: a file needs an end (expected --out - or a number)");
    WT_CHECK(!request->plot || request->format.samples >= 0, WT_USAGE,
             "--plot: a picture needs an end (got --seconds inf)");
    for (int piece = 0; !pipe && piece < request->count; piece++) WT_TRY(check_file(request, piece));
    return request->plot ? wt_command_check_output(request->plot, request->force) : WT_OK;
}

/* --- pieces of a thread --- */

static bool interrupted(void *context) {
    const choir *c = context;
    return c->worst != WT_OK || wt_comm_signal();
}

static bool next_piece(void *context, wt_piece *piece) {
    choir *c = context;
    const wt_series_request *request = c->request;
    if (interrupted(context)) return false;
    const int at = atomic_fetch_add(&c->next, 1);
    if (at >= c->count) return false;
    *piece = (wt_piece){.number = (uint64_t)c->pieces[at],
                        .prompt = request->prime,
                        .prompt_count = request->prime_count,
                        .stop = -1,
                        .max = request->format.samples < 0 ? INT64_MAX : request->format.samples};
    return true;
}

static bool is_first_piece(const choir *c, int number) {
    return c->count > 0 && number == c->pieces[0];
}

/* A file begins with its first samples: of a piece that a signal ends before, there is none. */
static wt_status open_piece(const choir *c, int number) {
    char path[WT_PATH_MAX];
    if (to_pipe(c->request)) return wt_series_file_open(&c->states[number].file, "-", &c->request->format);
    WT_TRY(name_piece(path, c->request, number, ""));
    return wt_series_file_open(&c->states[number].file, path, &c->request->format);
}

static wt_status take_piece(void *context, uint64_t number, const float *samples, int count) {
    choir *c = context;
    piece_state *state = &c->states[number];
    const int channels = c->request->format.channels;
    if (!state->file) WT_TRY(open_piece(c, (int)number));
    WT_TRY(wt_series_file_add(state->file, samples, count));
    wt_sound_traits_add(&state->traits, samples, count, channels);
    state->made += count;
    if (!is_first_piece(c, (int)number)) return WT_OK;
    for (int i = 0; c->request->plot && i < count * channels; i++)
        WT_TRY(wt_memory_append(&c->plotted, &c->plotted_count, &samples[i], sizeof *samples, "a plot"));
    if (c->progress)
        wt_progress_update(c->progress, state->made, (double)state->made / (wt_time_now() - c->began), NAN);
    return WT_OK;
}

/* A line of what was made; standard output may be the sound's. */
static void report_series(const wt_series_request *request, const char *text) {
    if (to_pipe(request))
        wt_log_info("%s", text);
    else
        printf("%s\n", text);
}

static void report_piece(const choir *c, int number, const char *path) {
    const piece_state *state = &c->states[number];
    const wt_series_format *format = &c->request->format;
    const double seconds = (double)state->made / format->rate;
    char text[WT_PATH_MAX + 128];
    if (format->table)
        snprintf(text, sizeof text, "%s: %lld rows of %d columns, %.2f s at %d Hz", path,
                 (long long)state->made, format->channels, seconds, format->rate);
    else
        snprintf(text, sizeof text, "%s: %.2f s at %d Hz, level %.1f dB (RMS, re full scale)", path, seconds,
                 format->rate, wt_sound_traits_level(&state->traits));
    report_series(c->request, text);
}

/* What is not whole says so in its name; what was kept of an earlier start goes once it is. */
static wt_status close_piece(choir *c, int number, bool whole) {
    char path[WT_PATH_MAX] = "standard output", unfinished[WT_PATH_MAX];
    piece_state *state = &c->states[number];
    wt_series_file *file = state->file;
    const char *name = whole ? path : unfinished;
    state->file = NULL;
    if (!to_pipe(c->request)) WT_TRY(name_piece(path, c->request, number, ""));
    WT_TRY(name_unfinished_piece(unfinished, c->request, number));
    WT_TRY(wt_series_file_close(file, name, c->worst));
    if (whole && !to_pipe(c->request)) unlink(unfinished);
#pragma omp critical(choir_kinds)
    {
        if (!c->request->format.table) c->kinds[wt_sound_traits_kind(&state->traits)]++;
        c->samples += state->made;
        c->whole += whole;
        c->unfinished += !whole;
        report_piece(c, number, to_pipe(c->request) ? path : name);
    }
    return WT_OK;
}

static wt_status end_series_piece(void *context, uint64_t number, wt_piece_end how) {
    choir *c = context;
    if (!c->states[number].file) return WT_OK;
    return close_piece(c, (int)number, how != WT_PIECE_INTERRUPTED);
}

/* One thread's, or some threads' share. */
static wt_status sing(choir *c, int rows, int threads) {
    const wt_series_request *request = c->request;
    wt_continuation how = request->how;
    const wt_stream_options options = {.silence_class = wt_quantize_silence(how.quantization),
                                       .rows = rows,
                                       .threads = threads,
                                       .weights = request->weights,
                                       .condition = request->condition};
    const wt_piece_work work = {next_piece, take_piece, end_series_piece, interrupted, c};
    wt_status status = WT_OK;
    wt_stream *stream = NULL;
    WT_GUARD(wt_continuation_init(&how));
    WT_GUARD(wt_stream_open(&stream, how.graph, how.kernels, request->parameters, &options));
    WT_GUARD(wt_pieces_draw(stream, &how, &work));
cleanup:
    wt_stream_destroy(stream);
    wt_continuation_dispose(&how);
    return status;
}

static wt_status sing_together(choir *c) {
    const int threads = omp_get_max_threads(), groups = c->count < threads ? c->count : threads;
    if (groups == 0) return WT_OK;
    const int rows = (c->count + groups - 1) / groups;
#pragma omp parallel num_threads(groups)
    {
        const wt_status status = sing(c, rows < ROWS_MAX ? rows : ROWS_MAX, threads / groups);
#pragma omp critical(choir_worst)
        if (status != WT_OK && c->worst == WT_OK) {
            c->worst = status;
            snprintf(c->message, sizeof c->message, "%s", wt_error_message());
        }
    }
    return c->worst == WT_OK ? WT_OK : wt_error(c->worst, "%s", c->message);
}

/* --- the picture --- */

/* What it goes on from and how, of the first piece. */
static wt_status plot_first(const choir *c) {
    const wt_series_request *request = c->request;
    const int channels = request->format.channels;
    const int64_t before = request->prime_count, rows = before + c->plotted_count / channels;
    double *values;
    if (!request->plot || c->plotted_count == 0) return WT_OK;
    WT_TRY(wt_alloc(&values, (size_t)(rows * channels), sizeof *values, "a plot"));
    for (int64_t i = 0; i < rows; i++) {
        const float *x = i < before ? request->prime + i * channels : c->plotted + (i - before) * channels;
        for (int ch = 0; ch < channels; ch++)
            values[ch * rows + i] = wt_series_in_units(&request->format, x, ch);
    }
    const wt_series_plot plot = {"A series and how it goes on", channels, rows, before,
                                 1.0 / request->format.rate,    values};
    const wt_status status = wt_plot_series(&plot, request->plot);
    wt_free(values);
    WT_TRY(status);
    char text[WT_PATH_MAX + 64];
    snprintf(text, sizeof text, "%s: the series before and after", request->plot);
    report_series(request, text);
    return WT_OK;
}

/* --- ranks --- */

/* Rank 0 looks for what is there already, before anybody writes. Collective. */
static wt_status share_pieces(choir *c, wt_comm *comm, int *skipped) {
    const wt_series_request *request = c->request;
    const bool looks = wt_comm_rank(comm) == 0 && request->count > 1 && !request->force;
    unsigned char *there = NULL;
    wt_status status = WT_OK;
    *skipped = 0;
    WT_GUARD(wt_comm_agree(comm, wt_alloc(&there, (size_t)request->count, 1, "pieces")));
    for (int piece = 0; looks && piece < request->count; piece++) {
        char path[WT_PATH_MAX];
        if (name_piece(path, request, piece, "") == WT_OK) there[piece] = wt_path_exists(path);
    }
    wt_comm_broadcast(comm, there, (size_t)request->count);
    for (int piece = 0, left = 0; piece < request->count; piece++) {
        *skipped += there[piece];
        if (there[piece]) continue;
        if (left++ % wt_comm_size(comm) == wt_comm_rank(comm)) c->pieces[c->count++] = piece;
    }
cleanup:
    wt_free(there);
    return status;
}

/* One line of what can't be meant, and what to try. */
static void warn_of_traits(const int64_t kinds[WT_SOUND_TRAITS], int64_t all) {
    for (int kind = 0; kind < WT_SOUND_TRAITS; kind++) {
        const char *advice = wt_sound_traits_advice((wt_sound_trait)kind);
        if (kinds[kind] == 0 || !advice) continue;
        if (all == 1) {
            wt_log_warning("what was generated is %s", advice);
        } else {
            wt_log_warning("%lld of %lld pieces are %s", (long long)kinds[kind], (long long)all, advice);
        }
    }
}

/* Collective. */
static wt_status sum_up(const choir *c, wt_comm *comm, int skipped, double seconds) {
    enum { SAMPLES = WT_SOUND_TRAITS, WHOLE, UNFINISHED, SUMS };
    const wt_series_request *request = c->request;
    const int asked = request->count - skipped;
    int64_t sums[SUMS];
    memcpy(sums, c->kinds, sizeof c->kinds);
    sums[SAMPLES] = c->samples;
    sums[WHOLE] = c->whole;
    sums[UNFINISHED] = c->unfinished;
    wt_comm_sum_int64(comm, sums, SUMS);
    const double made = (double)sums[SAMPLES], rate = request->format.rate;
    warn_of_traits(sums, sums[WHOLE] + sums[UNFINISHED]);
    WT_CHECK(request->format.samples < 0 || sums[WHOLE] == asked, WT_FAILED,
             "stopped by a signal: %lld of %d pieces are whole, %lld are kept as unfinished, with %.2f of "
             "%.2f s in all",
             (long long)sums[WHOLE], asked, (long long)sums[UNFINISHED], made / rate,
             (double)request->format.samples * asked / rate);
    if (skipped > 0)
        wt_log_info("%d of %d pieces were there already (--force replaces them)", skipped, request->count);
    if (made > 0) wt_log_info("%.0f samples/s, %.2f × real time", made / seconds, made / seconds / rate);
    return WT_OK;
}

static wt_status prepare_series(choir *c) {
    const size_t count = (size_t)c->request->count;
    WT_TRY(wt_alloc(&c->pieces, count, sizeof *c->pieces, "pieces"));
    return wt_alloc(&c->states, count, sizeof *c->states, "pieces");
}

wt_status wt_generate_series(const wt_series_request *request, wt_comm *comm) {
    wt_status status = WT_OK;
    choir c = {.request = request, .began = wt_time_now()};
    const int64_t samples = request->format.samples;
    int skipped;
    WT_GUARD(wt_comm_agree(comm, prepare_series(&c)));
    WT_GUARD(share_pieces(&c, comm, &skipped));
    wt_comm_catch_signals(); /* what there is by then is kept */
    if (wt_comm_rank(comm) == 0 && samples > 0)
        status = wt_progress_create(&c.progress, "generating", "samples", 0, samples, 10);
    WT_GUARD(wt_comm_agree(comm, status));
    status = sing_together(&c);
    wt_progress_destroy(c.progress);
    if (status == WT_OK && wt_comm_rank(comm) == 0) status = plot_first(&c);
    WT_GUARD(wt_comm_agree(comm, status));
    WT_GUARD(sum_up(&c, comm, skipped, wt_time_now() - c.began));
cleanup:
    for (int piece = 0; c.states && piece < request->count; piece++)
        wt_series_file_close(c.states[piece].file, NULL, WT_FAILED);
    wt_free(c.pieces);
    wt_free(c.states);
    wt_free(c.plotted);
    return status;
}
