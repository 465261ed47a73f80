/*
 * What a network's outputs say of the next sample, and streams, which make one sample after the other.
 */
#ifndef WAVETRAIN_STREAM_H
#define WAVETRAIN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/kernels.h"

struct wt_graph; /* wt_network_graph */

/* --- what outputs say of the next sample --- */

/* Values per target; 0: targets are classes. */
int wt_engine_values(const struct wt_graph *graph);

/* The mean that a row of outputs predicts for each value. */
void wt_engine_mean(const struct wt_graph *graph, const wt_real *outputs, wt_real *values);

/* Draws are keyed by (seed, stream, index), so that none depends on another one, a thread or a tile. */
typedef struct {
    /* Divides components' logits, multiplies scales; 0: the mean of the likeliest component. */
    double temperature;
    uint64_t seed, stream;
    int64_t index; /* of the sample */
} wt_draw_key;

/* The next values [wt_engine_values] from a row of outputs, by the network's loss, whose targets are values;
 * not yet rounded. WT_FAILED: an output is not finite. (Classes: generate.h, wt_choose.) */
wt_status wt_engine_draw(const struct wt_graph *graph, const wt_draw_key *key, const wt_real *outputs,
                         wt_real *values);
/* A sample as there can be one: where targets are codes, cut to [−1, 32767/32768] and rounded to the grid. */
double wt_engine_round(const struct wt_graph *graph, double value);

/* --- generation: one sample after the other --- */

/*
 * Streams keep a ring of past rows per value that is read with a delay ("fast WaveNet generation", Le
 * Paine et al. 2016, arXiv 1611.09482): a sample costs one row of every operator, whatever the receptive
 * field. Streams side by side are rows of one product; none depends on its neighbours, nor on their
 * number, nor on threads. One thread at a time calls a stream. Between open and destroy nothing below
 * allocates memory, takes a lock or calls the system; but with several threads those that have had nothing
 * to do for 50 ms sleep, and waking them calls it.
 */
typedef struct wt_stream wt_stream;

/* What a network with a condition, or with speakers, makes its samples from. */
typedef struct {
    const wt_real *frames; /* [count, features], as batches have them; sample 0 is the first one's target */
    int64_t count;
    int centre; /* of frame 0, in samples */
    int32_t speaker;
} wt_stream_condition;

typedef struct {
    int32_t silence_class; /* that the past is full of; of real input it is 0 */
    int rows;              /* streams side by side, at least 1 */
    int threads;           /* that share the work of a sample; 0 is 1 */
    wt_weights weights;    /* of products; tables, biases and norms stay fp32 */
    /* of all rows; NULL where the network has none; its frames must outlive the stream */
    const wt_stream_condition *condition;
} wt_stream_options;

/* Begins as training meets an utterance's start: the past is padding (the class of silence, or 0 on every
 * real channel). Graph, kernels and `parameters` (kernel order) must outlive the stream. WT_USAGE: the
 * network has one output per window, or a condition that is not given. */
wt_status wt_stream_open(wt_stream **out, const struct wt_graph *graph, const wt_kernels *kernels,
                         const wt_real *parameters, const wt_stream_options *options);
/* One stream with fp32 weights. */
wt_status wt_stream_create(wt_stream **out, const struct wt_graph *graph, const wt_kernels *kernels,
                           const wt_real *parameters, int32_t silence_class);
/* Takes NULL. */
void wt_stream_destroy(wt_stream *stream);

/* Feeds one sample to each of the streams and gives their outputs for the next, [rows, outputs], the
 * stream's own until the next call. Class input: `classes` [rows]; real input: `values` [rows, channels];
 * the other one may be NULL. */
const wt_real *wt_stream_feed_rows(wt_stream *stream, const int32_t *classes, const wt_real *values);
/* The same of one stream: `index`, the class. */
const wt_real *wt_stream_feed(wt_stream *stream, int32_t index, const wt_real *values);
/* The outputs after what has been fed so far (padding alone, at first), [rows, outputs]. */
const wt_real *wt_stream_outputs(const wt_stream *stream);
const wt_real *wt_stream_row_outputs(const wt_stream *stream, int row);

/* All rows that it was opened with, from their beginning. */
void wt_stream_rewind(wt_stream *stream);
/* Begins a row anew: what it has been fed is forgotten. */
void wt_stream_restart(wt_stream *stream, int row);
/* The same with a condition of the row's own, whose frames must outlive the row. Takes the time of some
 * frames, and the first call memory, on a stretched condition; the bits are those of a stream that was opened
 * with it. */
wt_status wt_stream_restart_conditioned(wt_stream *stream, int row, const wt_stream_condition *condition);
/* Leaves a row out from now on: the last one takes its number. */
void wt_stream_remove(wt_stream *stream, int row);
int wt_stream_rows(const wt_stream *stream);

/* What a sample reads of packed weights, all threads together, and reading what one of them reads without
 * any work: the bound of what one row can be made in, to measure with. */
size_t wt_stream_weight_bytes(const wt_stream *stream);
void wt_stream_read_weights(wt_stream *stream, int thread);

#endif
