/*
 * Sound and tables' series into files, or to standard output: the pieces that are not there yet are shared
 * out over the ranks, and each rank's over its threads. Samples are written as they come, so that memory does
 * not grow with a piece's length.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/timer.h"
#include "metrics/metrics.h"
#include "series_file.h"
#include "sound_traits.h"
#include "wavetrain/data.h"
#include "wavetrain/generate.h"
#include "wavetrain/plot.h"

typedef struct {
    wt_series_file *file;
    wt_series_format format; /* the file's */
    wt_sound_traits traits;
    int64_t made; /* samples */
} piece_state;

typedef struct {
    const wt_series_request *request;
    wt_series_format format; /* of a piece */
    int *pieces;             /* [count] of this rank */
    int count;
    atomic_int next;
    piece_state *states; /* [request->count] */
    float *plotted;      /* [plotted_count] the first piece's samples, if there is to be a picture */
    int plotted_count;
    wt_series_summary *summary; /* of this rank */
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
    return wt_path_require_writable(path, request->force || request->count > 1);
}

static wt_status check_series_request(const wt_series_request *request) {
    const bool pipe = to_pipe(request);
    WT_CHECK(!pipe || request->count == 1, WT_USAGE, "--out -: takes one piece (got --count %d)",
             request->count);
    WT_CHECK(!pipe || !isatty(STDOUT_FILENO), WT_USAGE,
             "--out -: standard output is a terminal (expected a pipe or a file)");
    WT_CHECK(pipe || request->samples >= 0, WT_USAGE,
             "--seconds inf: a file needs an end (expected --out - or a number)");
    WT_CHECK(!request->plot || request->samples >= 0, WT_USAGE,
             "--plot: a picture needs an end (got --seconds inf)");
    for (int piece = 0; !pipe && piece < request->count; piece++) WT_TRY(check_file(request, piece));
    if (!request->plot) return WT_OK;
    WT_TRY(wt_plot_require());
    return wt_path_require_writable(request->plot, request->force);
}

/* --- pieces of this rank --- */

static int64_t count_samples_of(const wt_series_request *request, int piece) {
    return request->samples ? request->samples : request->conditions->list[piece].samples;
}

static bool interrupted(void *context) {
    (void)context;
    return wt_comm_signal() != 0;
}

static bool next_piece(void *context, wt_piece *piece) {
    choir *c = context;
    const wt_series_request *request = c->request;
    const int at = atomic_fetch_add(&c->next, 1);
    if (at >= c->count) return false;
    const int number = c->pieces[at];
    *piece = (wt_piece){.number = (uint64_t)number,
                        .prompt = request->prime.samples,
                        .prompt_count = request->prime.count,
                        .stop = -1,
                        .max = request->samples < 0 ? INT64_MAX : count_samples_of(request, number)};
    if (request->conditions) piece->condition = &request->conditions->list[number].condition;
    return true;
}

/* A file begins with its first samples: of a piece that a signal ends before, there is none. */
static wt_status open_piece(const choir *c, int number) {
    char path[WT_PATH_MAX];
    piece_state *state = &c->states[number];
    state->format = c->format;
    state->format.samples = count_samples_of(c->request, number);
    if (to_pipe(c->request)) return wt_series_file_open(&state->file, "-", &state->format);
    WT_TRY(name_piece(path, c->request, number, ""));
    return wt_series_file_open(&state->file, path, &state->format);
}

static wt_status take_piece(void *context, uint64_t number, const float *samples, int count) {
    choir *c = context;
    const wt_series_request *request = c->request;
    piece_state *state = &c->states[number];
    const int channels = c->format.channels;
    if (!state->file) WT_TRY(open_piece(c, (int)number));
    WT_TRY(wt_series_file_add(state->file, samples, count));
    wt_sound_traits_add(&state->traits, samples, count, channels);
    state->made += count;
    if ((int)number != c->pieces[0]) return WT_OK;
    for (int i = 0; request->plot && i < count * channels; i++)
        WT_TRY(wt_memory_append(&c->plotted, &c->plotted_count, &samples[i], sizeof *samples, "a plot"));
    if (request->drawn) request->drawn(request->context, state->made);
    return WT_OK;
}

/* The name of a piece that is over; what is not whole says so in its name. */
static wt_status name_result(char path[WT_PATH_MAX], const choir *c, int number, bool whole) {
    if (!whole) return name_unfinished_piece(path, c->request, number);
    if (!to_pipe(c->request)) return name_piece(path, c->request, number, "");
    snprintf(path, WT_PATH_MAX, "standard output");
    return WT_OK;
}

static void count_piece(choir *c, const piece_state *state, const char *path, bool whole) {
    wt_series_summary *summary = c->summary;
    const wt_series_piece piece = {.path = to_pipe(c->request) ? "standard output" : path,
                                   .samples = state->made,
                                   .level = wt_sound_traits_level(&state->traits)};
#pragma omp critical(wt_series_summary)
    {
        if (!c->format.table) summary->traits[wt_sound_traits_kind(&state->traits)]++;
        summary->samples += state->made;
        summary->whole += whole;
        summary->unfinished += !whole;
        if (c->request->written) c->request->written(c->request->context, &piece);
    }
}

static wt_status end_series_piece(void *context, uint64_t number, wt_piece_end how) {
    choir *c = context;
    piece_state *state = &c->states[number];
    wt_series_file *file = state->file;
    char path[WT_PATH_MAX], unfinished[WT_PATH_MAX];
    const bool whole = how == WT_PIECE_FULL;
    if (!file || how == WT_PIECE_ABANDONED) return WT_OK;
    state->file = NULL;
    WT_TRY(wt_series_file_close(file, path, name_result(path, c, (int)number, whole)));
    /* what was kept of an earlier start goes once the piece is whole */
    if (whole && !to_pipe(c->request) && name_unfinished_piece(unfinished, c->request, (int)number) == WT_OK)
        unlink(unfinished);
    count_piece(c, state, path, whole);
    return WT_OK;
}

/* --- the picture --- */

/* What it goes on from and how, of the first piece. */
static wt_status plot_first(const choir *c) {
    const wt_series_request *request = c->request;
    const int channels = c->format.channels;
    const int64_t before = request->prime.count, rows = before + c->plotted_count / channels;
    double *values;
    if (!request->plot || c->plotted_count == 0) return WT_OK;
    WT_TRY(wt_alloc(&values, (size_t)(rows * channels), sizeof *values, "a plot"));
    for (int64_t i = 0; i < rows; i++) {
        const float *x = i < before ? request->prime.samples + i * channels
                                    : c->plotted + (i - before) * channels;
        for (int ch = 0; ch < channels; ch++) values[ch * rows + i] = wt_series_in_units(&c->format, x, ch);
    }
    const wt_series_plot plot = {"A series and how it goes on", channels, rows, before,
                                 1.0 / c->format.rate,          values};
    const wt_status status = wt_plot_series(&plot, request->plot);
    wt_free(values);
    c->summary->plotted = status == WT_OK;
    return status;
}

/* --- ranks --- */

static wt_status init_choir(choir *c) {
    const wt_series_request *request = c->request;
    const wt_generator *generator = request->generator;
    const size_t count = (size_t)request->count;
    c->format = (wt_series_format){.rate = generator->rate,
                                   .channels = generator->channels,
                                   .raw = request->raw,
                                   .table = generator->kind == WT_GENERATES_TABLE,
                                   .table_units = &generator->units,
                                   .first = request->prime.count};
    WT_TRY(wt_alloc(&c->pieces, count, sizeof *c->pieces, "pieces"));
    return wt_alloc(&c->states, count, sizeof *c->states, "pieces");
}

/* Rank 0 looks for what is there already, before anybody writes. Collective. */
static wt_status share_pieces(choir *c, wt_comm *comm) {
    const wt_series_request *request = c->request;
    const bool looks = wt_comm_rank(comm) == 0 && request->count > 1 && !request->force;
    unsigned char *there = NULL;
    wt_status status = WT_OK;
    WT_GUARD(wt_comm_agree(comm, wt_alloc(&there, (size_t)request->count, 1, "pieces")));
    for (int piece = 0; looks && piece < request->count; piece++) {
        char path[WT_PATH_MAX];
        if (name_piece(path, request, piece, "") == WT_OK) there[piece] = wt_path_exists(path);
    }
    wt_comm_broadcast(comm, there, (size_t)request->count);
    for (int piece = 0, left = 0; piece < request->count; piece++) {
        c->summary->skipped += there[piece];
        if (there[piece]) continue;
        c->summary->asked += count_samples_of(request, piece);
        if (left++ % wt_comm_size(comm) == wt_comm_rank(comm)) c->pieces[c->count++] = piece;
    }
cleanup:
    wt_free(there);
    return status;
}

/* All ranks' counts, on all. */
static void add_counts(wt_series_summary *summary, wt_comm *comm) {
    enum { SAMPLES = WT_SOUND_TRAITS, WHOLE, UNFINISHED, SUMS };
    int64_t sums[SUMS];
    memcpy(sums, summary->traits, sizeof summary->traits);
    sums[SAMPLES] = summary->samples;
    sums[WHOLE] = summary->whole;
    sums[UNFINISHED] = summary->unfinished;
    wt_comm_sum_int64(comm, sums, SUMS);
    memcpy(summary->traits, sums, sizeof summary->traits);
    summary->samples = sums[SAMPLES];
    summary->whole = sums[WHOLE];
    summary->unfinished = sums[UNFINISHED];
}

wt_status wt_series_generate(wt_comm *comm, const wt_series_request *request, wt_series_summary *summary) {
    const double began = wt_time_now();
    wt_status status = WT_OK;
    choir c = {.request = request, .summary = summary};
    const wt_piece_work work = {next_piece, take_piece, end_series_piece, interrupted, &c};
    *summary = (wt_series_summary){.samples = 0};
    WT_GUARD(wt_comm_agree(comm, wt_comm_rank(comm) == 0 ? check_series_request(request) : WT_OK));
    WT_GUARD(wt_comm_agree(comm, init_choir(&c)));
    WT_GUARD(share_pieces(&c, comm));
    status = wt_pieces_draw_together(request->generator, request->weights, c.count, &work);
    if (status == WT_OK && wt_comm_rank(comm) == 0) status = plot_first(&c);
    WT_GUARD(wt_comm_agree(comm, status));
    add_counts(summary, comm);
    summary->seconds = wt_time_now() - began;
cleanup:
    for (int piece = 0; c.states && piece < request->count; piece++)
        wt_series_file_close(c.states[piece].file, NULL, WT_FAILED);
    wt_free(c.pieces);
    wt_free(c.states);
    wt_free(c.plotted);
    return status;
}
