/*
 * Pieces by all threads: each thread has a stream of many rows, and each row a piece at a time, so that
 * pieces share the reading of the weights; where there are fewer pieces than threads, threads share a
 * piece. No piece depends on others, nor on threads.
 */
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>

#include "wavetrain/generate.h"

enum { ROWS_MAX = 64 }; /* pieces in a stream: more share the weights no better */

/* The threads' common state. The first failure ends the others' pieces. */
typedef struct {
    const wt_generator *generator;
    wt_weights weights;
    const wt_piece_work *work;
    atomic_bool failed;
    wt_status status;
    char message[1024];
} crew;

static bool is_crew_interrupted(void *context) {
    const crew *c = context;
    return c->failed || (c->work->interrupted && c->work->interrupted(c->work->context));
}

static bool next_of_crew(void *context, wt_piece *piece) {
    const crew *c = context;
    return !is_crew_interrupted(context) && c->work->next(c->work->context, piece);
}

static wt_status take_for_crew(void *context, uint64_t number, const float *samples, int count) {
    const crew *c = context;
    return c->work->take(c->work->context, number, samples, count);
}

static wt_status end_for_crew(void *context, uint64_t number, wt_piece_end how) {
    const crew *c = context;
    const bool abandoned = c->failed && how == WT_PIECE_INTERRUPTED;
    return c->work->end(c->work->context, number, abandoned ? WT_PIECE_ABANDONED : how);
}

/* One stream's share. */
static wt_status draw_share(crew *c, int rows, int threads) {
    const wt_generator *generator = c->generator;
    wt_continuation how = generator->how;
    const wt_stream_options options = {.silence_class = generator->silence_class,
                                       .rows = rows,
                                       .threads = threads,
                                       .weights = c->weights,
                                       .condition = &generator->condition};
    const wt_piece_work work = {next_of_crew, take_for_crew, end_for_crew, is_crew_interrupted, c};
    wt_status status = WT_OK;
    wt_stream *stream = NULL;
    WT_GUARD(wt_continuation_init(&how));
    WT_GUARD(wt_stream_open(&stream, how.graph, how.kernels, generator->restored.parameters, &options));
    WT_GUARD(wt_pieces_draw(stream, &how, &work));
cleanup:
    wt_stream_destroy(stream);
    wt_continuation_dispose(&how);
    return status;
}

wt_status wt_pieces_draw_together(const wt_generator *generator, wt_weights weights, int count,
                                  const wt_piece_work *work) {
    const int threads = omp_get_max_threads(), groups = count < threads ? count : threads;
    crew c = {.generator = generator, .weights = weights, .work = work};
    if (groups == 0) return WT_OK;
    const int rows = (count + groups - 1) / groups;
#pragma omp parallel num_threads(groups)
    {
        const wt_status status = draw_share(&c, rows < ROWS_MAX ? rows : ROWS_MAX, threads / groups);
#pragma omp critical(wt_pieces_failed)
        if (status != WT_OK && !c.failed) {
            c.status = status;
            snprintf(c.message, sizeof c.message, "%s", wt_error_message());
            c.failed = true;
        }
    }
    return c.failed ? wt_error(c.status, "%s", c.message) : WT_OK;
}
