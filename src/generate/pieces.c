/*
 * Pieces by the rows of a stream: each row is at a sample of its own piece, and begins the next one as
 * soon as that is over, so that all rows are at work until the pieces run out. Knows streams and how
 * series go on, neither networks nor files.
 */
#include <string.h>

#include "wavetrain/generate.h"

enum { HELD = 256 }; /* samples that are handed over at a time */

typedef struct {
    wt_piece piece;
    int64_t fed, drawn; /* of the prompt; of the piece */
    int held;
    bool idle; /* there is no piece for it any more */
} row;

typedef struct {
    wt_stream *stream;
    const wt_continuation *how;
    const wt_piece_work *work;
    int channels;
    /* a row each */
    row *rows;
    int32_t *classes;
    wt_real *seen; /* [rows, channels] */
    float *newest; /* [rows, channels] */
    float *held;   /* [rows, HELD, channels] */
} players;

/* Row `number`'s part of what has so many elements per row. */
static size_t at(const players *p, int number, int each) {
    return (size_t)number * (size_t)each * (size_t)p->channels;
}

static wt_status hand_over_piece(const players *p, int number) {
    row *r = &p->rows[number];
    const int count = r->held;
    if (count == 0) return WT_OK;
    r->held = 0;
    return p->work->take(p->work->context, r->piece.number, p->held + at(p, number, HELD), count);
}

static wt_status end_piece(const players *p, int number, wt_piece_end how) {
    WT_TRY(hand_over_piece(p, number));
    return p->work->end(p->work->context, p->rows[number].piece.number, how);
}

/* What a row is fed next: of its prompt, or drawn. *over: its piece is, with nothing to feed. */
static wt_status next_sample(const players *p, int number, bool *over) {
    row *r = &p->rows[number];
    const wt_piece *piece = &r->piece;
    wt_sample sample = {p->newest + at(p, number, 1), p->seen + at(p, number, 1), 0};
    *over = false;
    if (r->fed < piece->prompt_count) {
        wt_continuation_take(p->how, piece->prompt + r->fed++ * p->channels, &sample);
        p->classes[number] = sample.symbol;
        return WT_OK;
    }
    *over = true;
    if (r->drawn == piece->max) return end_piece(p, number, WT_PIECE_FULL);
    const wt_draw_key key = {p->how->temperature, p->how->seed, piece->number, r->drawn};
    WT_TRY(wt_continuation_draw(p->how, wt_stream_row_outputs(p->stream, number), &key, &sample));
    if (piece->stop >= 0 && sample.symbol == piece->stop) return end_piece(p, number, WT_PIECE_STOPPED);
    p->classes[number] = sample.symbol;
    memcpy(p->held + at(p, number, HELD) + r->held++ * p->channels, sample.x,
           (size_t)p->channels * sizeof *sample.x);
    if (++r->drawn == piece->max) return end_piece(p, number, WT_PIECE_FULL);
    *over = false;
    return r->held == HELD ? hand_over_piece(p, number) : WT_OK;
}

/* A piece for row `number`, which begins anew; *found is false if there is none. */
static wt_status begin_piece(const players *p, int number, bool *found) {
    row *r = &p->rows[number];
    r->fed = r->drawn = 0;
    r->held = 0;
    memset(p->newest + at(p, number, 1), 0, (size_t)p->channels * sizeof *p->newest);
    r->piece = (wt_piece){.condition = NULL};
    *found = p->work->next(p->work->context, &r->piece);
    if (*found && r->piece.condition)
        return wt_stream_restart_conditioned(p->stream, number, r->piece.condition);
    if (*found) wt_stream_restart(p->stream, number);
    return WT_OK;
}

/* The last row takes the place of one that has no piece any more. */
static void leave_out(const players *p, int number) {
    const int last = wt_stream_rows(p->stream) - 1;
    const size_t channels = (size_t)p->channels;
    if (number != last) {
        p->rows[number] = p->rows[last];
        p->classes[number] = p->classes[last];
        memcpy(p->seen + at(p, number, 1), p->seen + at(p, last, 1), channels * sizeof *p->seen);
        memcpy(p->newest + at(p, number, 1), p->newest + at(p, last, 1), channels * sizeof *p->newest);
        memcpy(p->held + at(p, number, HELD), p->held + at(p, last, HELD), HELD * channels * sizeof *p->held);
    }
    wt_stream_remove(p->stream, number);
}

/* A row's next sample, of its piece or of the next ones; without one the row is idle. */
static wt_status collect_row(const players *p, int number) {
    bool over = true, found = true;
    while (over && found) {
        WT_TRY(next_sample(p, number, &over));
        if (over) WT_TRY(begin_piece(p, number, &found));
    }
    p->rows[number].idle = !found;
    return WT_OK;
}

/* Samples to feed for all rows; those without a piece are left out, the last ones first: where many end
 * together, few rows move. */
static wt_status collect(const players *p) {
    for (int number = 0; number < wt_stream_rows(p->stream); number++) WT_TRY(collect_row(p, number));
    for (int number = wt_stream_rows(p->stream) - 1; number >= 0; number--) {
        if (p->rows[number].idle) leave_out(p, number);
    }
    return WT_OK;
}

static wt_status interrupt(const players *p) {
    for (int number = 0; number < wt_stream_rows(p->stream); number++)
        WT_TRY(end_piece(p, number, WT_PIECE_INTERRUPTED));
    return WT_OK;
}

static wt_status play(const players *p) {
    for (int number = 0; number < wt_stream_rows(p->stream);) {
        bool found;
        WT_TRY(begin_piece(p, number, &found));
        if (found)
            number++;
        else
            wt_stream_remove(p->stream, wt_stream_rows(p->stream) - 1);
    }
    while (wt_stream_rows(p->stream) > 0) {
        if (p->work->interrupted && p->work->interrupted(p->work->context)) return interrupt(p);
        WT_TRY(collect(p));
        if (wt_stream_rows(p->stream) > 0) wt_stream_feed_rows(p->stream, p->classes, p->seen);
    }
    return WT_OK;
}

wt_status wt_pieces_draw(wt_stream *stream, const wt_continuation *how, const wt_piece_work *work) {
    const size_t rows = (size_t)wt_stream_rows(stream), values = rows * (size_t)how->channels;
    players p = {.stream = stream, .how = how, .work = work, .channels = how->channels};
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&p.rows, rows, sizeof *p.rows, "pieces"));
    WT_GUARD(wt_alloc(&p.classes, rows, sizeof *p.classes, "pieces"));
    WT_GUARD(wt_alloc(&p.seen, values, sizeof *p.seen, "pieces"));
    WT_GUARD(wt_alloc(&p.newest, values, sizeof *p.newest, "pieces"));
    WT_GUARD(wt_alloc(&p.held, HELD * values, sizeof *p.held, "pieces"));
    WT_GUARD(play(&p));
cleanup:
    wt_free(p.rows);
    wt_free(p.classes);
    wt_free(p.seen);
    wt_free(p.newest);
    wt_free(p.held);
    return status;
}
