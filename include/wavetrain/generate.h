/*
 * Generation: how a class is drawn from a stream's outputs (stream.h), and sequences of them.
 */
#ifndef WAVETRAIN_GENERATE_H
#define WAVETRAIN_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/data.h"
#include "wavetrain/kernels.h"
#include "wavetrain/stream.h"

/* How to choose a class from logits. */
typedef struct {
    double temperature; /* 0: the most likely (the lowest class among equals) */
    int top_k;          /* draw from the k most likely; 0: from all */
    uint64_t seed, stream;
    const wt_kernels *kernels;
    wt_real *weights; /* [classes], to work in */
} wt_choice;

/* The class for sample `index`, drawn with the number keyed by (seed, stream, index). */
wt_status wt_choose(const wt_choice *choice, const wt_real *logits, int classes, int64_t index,
                    int32_t *chosen);

/* A sequence of classes: the prompt is fed first and is no part of `drawn`. */
typedef struct {
    const int32_t *prompt; /* [prompt_count], all below the network's classes */
    int64_t prompt_count;
    int32_t stop; /* the class that ends it, itself drawn but not kept; −1: none */
    int64_t most; /* classes to draw */
} wt_sequence;

/* Draws from a fresh stream of class input into `drawn` [most]; *count of them, and *stopped if `stop` was
 * drawn. The network may have any architecture that wt_stream_create takes. */
wt_status wt_sequence_draw(wt_stream *stream, const wt_sequence *sequence, const wt_choice *choice,
                           int classes, int32_t *drawn, int64_t *count, bool *stopped);

/* --- a series that goes on: what a network's outputs say of the next sample, and what it sees of it --- */

/*
 * A sample is x [channels], in the network's units: of sound ±1, of a table normalised, of text its class.
 * Classes are drawn by wt_choose, values by wt_engine_draw, and the network sees classes or values, less
 * what data.preemphasis takes off. Threads have one each.
 */
typedef struct {
    /* the caller's */
    const struct wt_graph *graph;
    const wt_kernels *kernels;
    wt_quantization quantization; /* of class inputs and of a softmax */
    bool classes;                 /* the input is classes */
    double preemphasis;
    double temperature;
    int top_k; /* of a softmax alone */
    uint64_t seed;
    /* wt_continuation_init's */
    int channels;
    bool draws_values;
    float *levels;    /* [quantization.levels] what a class stands for */
    wt_real *scratch; /* of a draw */
} wt_continuation;

/* A series' newest sample. */
typedef struct {
    float *x;       /* [channels]; at an utterance's start 0 */
    wt_real *seen;  /* [channels] what the network sees of it: values, */
    int32_t symbol; /* and its class */
} wt_sample;

/* Dispose also after a failure. */
wt_status wt_continuation_init(wt_continuation *how);
void wt_continuation_dispose(wt_continuation *how);
/* The next sample, drawn from the outputs with the key's numbers. WT_FAILED: an output is not finite. */
wt_status wt_continuation_draw(const wt_continuation *how, const wt_real *outputs, const wt_draw_key *key,
                               wt_sample *sample);
/* The next sample is `given` [channels], or the nearest that there can be. */
void wt_continuation_take(const wt_continuation *how, const float *given, wt_sample *sample);

/* --- many pieces, by the rows of a stream --- */

typedef struct {
    uint64_t number;     /* keys its draws */
    const float *prompt; /* [prompt_count, channels], fed first, and not handed over */
    int64_t prompt_count;
    int32_t stop; /* the class that ends it, drawn but not handed over; −1: none */
    int64_t max;  /* samples to draw */
} wt_piece;

typedef enum { WT_PIECE_FULL, WT_PIECE_STOPPED, WT_PIECE_INTERRUPTED } wt_piece_end;

/* Who gives pieces and takes samples. `take` is given a piece's samples [count, channels] in order, some
 * hundreds at a time, `end` comes after the last ones, also of those that `interrupted` ends (it may be
 * NULL). Of one stream one thread calls them all. */
typedef struct {
    bool (*next)(void *context, wt_piece *piece); /* false: there are no more */
    wt_status (*take)(void *context, uint64_t number, const float *samples, int count);
    wt_status (*end)(void *context, uint64_t number, wt_piece_end how);
    bool (*interrupted)(void *context);
    void *context;
} wt_piece_work;

/* Draws pieces until there are no more, in as many rows as the stream has (it has none afterwards). A
 * piece depends on its number, its prompt and the network alone. */
wt_status wt_pieces_draw(wt_stream *stream, const wt_continuation *how, const wt_piece_work *work);

#endif
