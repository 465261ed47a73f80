/*
 * What a network computes: a list of operators on named values, in the order of forward. Plain data: no
 * threads, no memory of rows, no kernels. A builder (wavenet.c, hierarchy.c, amplifier.c) makes one;
 * src/engine computes it and knows no builder.
 *
 * A value is rows of channels. Its extent says what a row belongs to:
 *   time     a window's samples in order: [window, left + T, channels]. T is the window's number of targets;
 *            row left + t belongs to target t, the `left` rows before it are context that later operators
 *            need.
 *   targets  the microbatch's targets in one list: [target, rows, channels]. A target has rows of its own, so
 *            that nothing is shared between neighbours.
 *   frames   a window's frames of the condition: [window, left + frames, channels]. Row left + i is the
 *            window's frame i; the first is the oldest one that its first row of time reads.
 *   window   one row per window: [window, channels]
 * Operators on time rows read the past by delays (in samples); everything is valid: no row is padded.
 *
 * The order of a product's terms is the order in which a row's sum grows, and the order of operators
 * decides the order of a gradient's terms (engine/gather.c), so both are part of what makes results bitwise
 * reproducible.
 */
#ifndef WAVETRAIN_NETWORK_GRAPH_H
#define WAVETRAIN_NETWORK_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/batch.h"
#include "kernels/kernel_set.h"
#include "wavetrain/network.h"

/* The multi-resolution STFT loss, which the squared error gets in training (engine/losses.h has the
 * formula). */
typedef struct {
    double weight; /* 0: none */
    double preemphasis, gain;
} wt_spectral;

typedef enum { WT_EXTENT_TIME, WT_EXTENT_TARGETS, WT_EXTENT_FRAMES, WT_EXTENT_WINDOW } wt_extent;

typedef struct {
    int channels;
    wt_extent extent;
    int rows;     /* of targets: rows per target; else 1 */
    int left;     /* of time and frames: the left context; made by wt_graph_finish */
    int producer; /* the operator; -1: the batch's signal, or its condition */
} wt_value;

/* The kinds of operators; engine/ has a class in a file of its own for each. With input x and output y:
 *   lookup      y[t] = bias + sum_j table[j][class[t - (taps-1-j)]]          classes of the batch; time or
 *               targets y = table[speaker]                                           speakers of the batch;
 *                                                                                    window
 *   unfold      a target's row j is the signal's sample j of its context     signal of the batch; targets
 *   product     y[t] = (sum_n W_n x_n[t - delay_n] + sum biases + x_add[t - delay])*scale
 *   activation  y = tanh(x), max(x, 0)
 *   gate        y = tanh(a)*sigmoid(b), x = (a, b)
 *   leaky ReLU  y = max(x, 0) + scale*min(x, 0), scale above 0
 *   hardtanh    y = min(max(x, -1), 1)
 *   sigmoid     y = 1/(1 + e^-x)
 *   SiLU        y = x/(1 + e^-x)
 *   hardswish   y = x*min(max(x + 3, 0), 6)/6
 *   softsign    y = x/(1 + |x|)
 *   layer norm, batch norm   y = norm(x)*weight + bias        (kernel_set.h)
 *   dropout     y = x*mask/(1 - share) in training
 *   fuse        n neighbouring rows of a target become one:   [target, rows, c] -> [target, rows/n, n*c]
 *   sum         y[t] = sum_n x_n[t - delay_n]
 *   stretch     weights k[phase][tap] of how frames become samples (stretch.c): one row per window
 *   upsample    y[t] = x_add[t] + sum_j k[phase(t)][j]*x[frame(t) + j], x of frames; k is the stretch that
 *               a term reads, else 1 with one tap and (1 - phase/hop, phase/hop) with two
 *               y[t] = x_add[t] + x, x of windows
 *   readout     one row per window: y = sum_t w_t*x[t] + b over its T rows (w_t = 1/T and b = 0 without
 *               tensors)
 *   loss        the end: x against the batch's targets; engine/losses.h has a class for each kind */
typedef enum {
    WT_OP_LOOKUP,
    WT_OP_UNFOLD,
    WT_OP_PRODUCT,
    WT_OP_ACTIVATION,
    WT_OP_GATE,
    WT_OP_LEAKY_RELU,
    WT_OP_HARDTANH,
    WT_OP_SIGMOID,
    WT_OP_SILU,
    WT_OP_HARDSWISH,
    WT_OP_SOFTSIGN,
    WT_OP_LAYER_NORM,
    WT_OP_BATCH_NORM,
    WT_OP_DROPOUT,
    WT_OP_FUSE,
    WT_OP_SUM,
    WT_OP_STRETCH,
    WT_OP_UPSAMPLE,
    WT_OP_READOUT,
    WT_OP_LOSS,
    WT_OPERATORS
} wt_operator;

typedef enum {
    WT_LOSS_CROSS_ENTROPY,
    WT_LOSS_SQUARED_ERROR,
    WT_LOSS_LOGISTICS,
    WT_LOSS_GAUSSIANS,
    WT_LOSS_SPECTRAL,
    WT_LOSSES
} wt_loss_kind;

/* One operand of a product (of a sum without a tensor): matrix `tap` of the tensor, times scale. */
typedef struct {
    int op, value, delay;
    int tensor, tap; /* tensor -1: none */
    double scale;
} wt_term;

/* A bias of a product: the tensor times scale. */
typedef struct {
    int op, tensor;
    double scale;
} wt_bias;

/* tensors: of a lookup table and bias, of norms weight, bias, running mean and variance, of a readout
 * weight and bias, of a stretch the filters; -1: absent. */
typedef struct {
    wt_operator kind;
    int layer; /* operators of a layer are neighbours in the list and are computed tile by tile together */
    int input, output;
    int first_term, term_count, first_bias, bias_count;
    int add, add_delay; /* of a product or an upsample; add -1: none */
    double scale;
    int tensors[4];
    int taps; /* of a lookup; rows that a fuse takes together; rows that a readout reads; frames that an
               * upsample reads, of a stretch's weights */
    wt_activation activation;
    wt_loss_kind loss;
    wt_mixture mixture; /* of a loss: `channels` values per target, 0 of classes */
    wt_spectral spectral;
    double share; /* that dropout drops, with draws keyed by `key` */
    int key;
} wt_op;

/* `items` grow as they are added; `status` keeps the first failure, so that a builder need not check each
 * call. */
typedef struct wt_graph {
    wt_value *values;
    wt_op *ops;
    wt_term *terms;
    wt_bias *biases;
    wt_parameter *tensors;
    int value_count, op_count, term_count, bias_count, tensor_count;
    size_t total, trained; /* elements of the tensors; the trained ones come first */
    int receptive_field;   /* samples that a target sees */
    int signal;            /* the value of the batch's signal; -1: none */
    int condition;         /* the value of the batch's frames; -1: none */
    wt_framing framing;    /* of that; hop 0: none */
    int frame_taps; /* frames that a row of time reads, without those that only convolutions of frames do */
    bool classes;   /* some operator reads the batch's classes */
    bool speakers;  /* some operator reads the batch's speakers */
    int outputs;    /* the value that the loss reads */
    wt_status status;
} wt_graph;

void wt_graph_init(wt_graph *graph);
void wt_graph_dispose(wt_graph *graph);

/* --- tensors, in the order of the flat buffer: what is trained first --- */

/* A tensor by its PyTorch name "prefix.suffix"; returns its number. `like` gives role, rank, shape and
 * fan_in. */
int wt_graph_tensor(wt_graph *graph, const wt_parameter *like, const char *prefix, const char *suffix);
/* "prefix.weight" [out, in, taps] of a convolution, or [out, in] with taps 0 of a linear layer. */
int wt_graph_weight(wt_graph *graph, const char *prefix, int out, int in, int taps);
int wt_graph_vector(wt_graph *graph, const char *prefix, const char *suffix, wt_parameter_role role,
                    int count, int fan_in);

/* --- operators; each returns its output value --- */

int wt_graph_signal(wt_graph *graph, int channels);
/* The batch's frames, of which a row of time reads `taps`. */
int wt_graph_condition(wt_graph *graph, int channels, const wt_framing *framing, int taps);
/* An operator as `like` says, whose output has `output`'s channels, extent and rows. */
int wt_graph_op(wt_graph *graph, const wt_op *like, const wt_value *output);
/* A product or sum without terms as yet; they are added to the newest operator. */
int wt_graph_product(wt_graph *graph, int layer, const wt_value *output, double scale);
void wt_graph_term(wt_graph *graph, const wt_term *term);
void wt_graph_bias(wt_graph *graph, int tensor, double scale);
void wt_graph_add(wt_graph *graph, int value, int delay);
/* An operator of one input whose output has the input's extent and rows, and `channels` channels. */
int wt_graph_unary(wt_graph *graph, const wt_op *like, int channels);

/* Adds batch norm's running statistics where it has none, checks the list and computes left contexts and the
 * receptive field. The graph is complete then. */
wt_status wt_graph_finish(wt_graph *graph);

/* --- what follows from the list --- */

/* Multiply-adds, times 2, of one target in forward with windows of `targets` targets, by a product's term
 * and by all; look-ups are additions only and not counted. */
double wt_graph_term_operations(const wt_graph *graph, const wt_term *term, int targets);
double wt_graph_operations(const wt_graph *graph, int targets);
/* The end of the list. */
static inline const wt_op *wt_graph_loss(const wt_graph *graph) {
    return &graph->ops[graph->op_count - 1];
}
/* Rows of a value that a window of `targets` targets has. */
double wt_graph_rows(const wt_graph *graph, int value, int targets);
/* Frames that a window of `targets` targets reads, wherever it begins: those of its T + R - 1 rows of time,
 * with all taps. 0 without a condition. */
int wt_graph_frames(const wt_graph *graph, int targets);
/* An input that comes with the batch has no gradient. */
static inline bool wt_graph_is_input(const wt_graph *graph, int value) {
    return graph->values[value].producer < 0;
}

#endif
