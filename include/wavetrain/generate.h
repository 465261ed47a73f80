/*
 * Generation: how a class is drawn from a stream's outputs (engine.h), and sequences of them.
 */
#ifndef WAVETRAIN_GENERATE_H
#define WAVETRAIN_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/config.h"
#include "wavetrain/engine.h"
#include "wavetrain/error.h"

/* How to choose a class from logits. */
typedef struct {
    double temperature; /* 0: the most likely (the lowest class among equals) */
    int top_k;          /* draw from the k most likely; 0: from all */
    uint64_t seed, stream;
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
 * drawn. The network may have any trunk that wt_stream_create takes. */
wt_status wt_sequence_draw(wt_stream *stream, const wt_sequence *sequence, const wt_choice *choice,
                           int classes, int32_t *drawn, int64_t *count, bool *stopped);

/* --- a series that goes on --- */

/* What the network sees of samples: classes or values, less what data.preemphasis takes off. */
typedef struct {
    const struct wt_graph *graph;
    wt_quantization quantization; /* of class inputs and of a softmax */
    bool classes;                 /* the input is classes */
    double preemphasis;
    float *last;   /* [channels] the newest sample */
    wt_real *seen; /* [channels] to work in */
} wt_continuation;

/* The first four fields are the caller's; an utterance begins. Dispose also after a failure. */
wt_status wt_continuation_init(wt_continuation *series);
void wt_continuation_dispose(wt_continuation *series);
/* One sample x [channels], in the network's units (of sound ±1, of a table normalised). */
void wt_continuation_feed(wt_continuation *series, wt_stream *stream, const float *x);
/* Sample `index`, drawn from the outputs into x [channels] with the pre-emphasis undone; top_k is a softmax's alone. */
wt_status wt_continuation_draw(wt_continuation *series, const wt_real *outputs, const wt_choice *choice,
                               int64_t index, float *x);

#endif
