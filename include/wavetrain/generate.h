/*
 * Generation, one sample after the other, with a queue of past inputs a layer ("fast WaveNet generation", Le
 * Paine et al. 2016, arXiv 1611.09482): a sample costs one row of every layer, whatever the receptive field.
 */
#ifndef WAVETRAIN_GENERATE_H
#define WAVETRAIN_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/error.h"
#include "wavetrain/model.h"

/* One stream: the queues of every layer. One thread a stream. */
typedef struct wt_stream wt_stream;

/* Begins as training meets an utterance's start: the past is padding (the class of silence, or 0 on every
 * real channel). Network, kernels and `parameters` (kernel order) must outlive the stream. */
wt_status wt_stream_create(wt_stream **out, const wt_network *network, const wt_kernels *kernels,
                           const wt_real *parameters, int32_t silence_class);
void wt_stream_destroy(wt_stream *stream);

/* Feeds one sample and gives the logits for the next, [classes], the stream's own until the next call.
 * Class input: `index`, the class; real input: `values` [channels]. */
const wt_real *wt_stream_feed(wt_stream *stream, int32_t index, const wt_real *values);
/* The logits after what has been fed so far (padding alone, at first). */
const wt_real *wt_stream_logits(const wt_stream *stream);

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

/* Draws from a fresh stream of class input into `drawn` [most]; *count of them, and *stopped if `stop` was drawn. The
 * network may have any trunk that wt_stream_create takes. */
wt_status wt_sequence_draw(wt_stream *stream, const wt_sequence *sequence, const wt_choice *choice,
                           int classes, int32_t *drawn, int64_t *count, bool *stopped);

#endif
