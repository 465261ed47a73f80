/*
 * Networks: what is computed, made from the configuration's model section. Sees no MPI, no files and no
 * kernels' work.
 *
 * WaveNet (van den Oord et al. 2016, arXiv 1609.03499). With input x, per block l of dilation d:
 *   a = W_f ∗_d h + b_f,  b = W_g ∗_d h + b_g,  z = tanh(a)·σ(b)         (or tanh(a), or max(a, 0))
 *   skip ← skip·α + W_s z + b_s,   h ← (h + W_r z + b_r)·β              (the last block has no residual
 *                                  output)
 * and the head relu → 1×1 → relu → 1×1 → softmax (or values, or mixtures of logistics or Gaussians for them).
 * All convolutions are valid: a layer computes the rows that some target needs, no others, so h shrinks by
 * (k−1)·d from block to block and skips have T rows.
 *
 * A block may have a norm before the gate, and dropout behind it. With u = W ∗_d h (+ b) [windows, rows,
 * 2·gate], filter channels first (rows = T + left context; without a gate [.., gate]):
 *   v = norm(u),   (a, b) = v,   z = tanh(a)·σ(b),   z ← z·mask/(1 − share)
 * In PyTorch, whose layout is [windows, channels, rows]:
 *   v = self.norm(u)                                    # torch.nn.BatchNorm1d(2·gate)
 *   v = self.norm(u.transpose(1, 2)).transpose(1, 2)    # torch.nn.LayerNorm(2·gate)
 * A block may have a condition, frames c and a window's speaker s:
 *   u = W ∗_d h + b + up(V c) + U E[s],   before the norm, if there is one
 * with 1×1 V and U without biases, and E an embedding. `up` acts on time alone (batch.h, wt_framing), so that
 * V c is made per frame. `stretch` (Yamamoto et al. 2020, arXiv 1910.11480) first convolves the frames with
 * 2·condition_pad + 1 taps and then repeats and filters them, scale after scale:
 *   c = self.input(c)                                                     # torch.nn.Conv1d(D, D, 2·pad + 1,
 *                                                                         bias=False)
 *   for s, f in zip(scales, self.stretch):                                # torch.nn.Conv1d(1, 1, 2·s + 1,
 *                                                                         padding=s, bias=False)
 *       c = f(c.repeat_interleave(s, 2).view(-1, 1, rows)).view(c's shape)
 * on frames that go on at both ends as the last ones are, where PyTorch's networks take zeros between the
 * layers.
 *
 * Batch norm's statistics are over all rows that the block computes in a step, on all ranks: a row counts
 * once for each window that it stands in, whether its own target is one or not. Layer norm is over a row's
 * channels. In evaluation batch norm takes the running statistics, and nothing is dropped.
 *
 * Hierarchy: a target's context of C classes is embedded (or C real samples are taken as they are), and
 * each level fuses n neighbours, a view of [C, channels] as [C/n, n·channels]:
 *   u = W x (+ b),   v = norm(u),   y = tanh(v) or max(v, 0)
 * until one row is left, which a linear layer turns into logits (or one value, for squared error). One
 * level that fuses all is the multilayer perceptron.
 *
 * Either may read one output out of a window of S samples (readout_rows): a hierarchy slides its context
 * over the window, which gives S − C + 1 outputs, as a wavenet's valid convolutions give S − R + 1. None is
 * refused.
 */
#ifndef WAVETRAIN_NETWORK_MODEL_H
#define WAVETRAIN_NETWORK_MODEL_H

#include <stdbool.h>

#include "base/batch.h"
#include "network/model_config.h"
#include "wavetrain/network.h"

/* What a network takes and gives. */
typedef struct {
    wt_input_kind input_kind;
    wt_head_kind head_kind;
    int levels;           /* classes of the input */
    int outputs;          /* numbers per target that the network ends with */
    int classes, values;  /* what a target is: one of so many classes, or so many values, */
    bool codes;           /* that are codes of 16 bits */
    int receptive_field;  /* samples that a target sees */
    int context_rows;     /* rows more than its targets that a window computes, at most; 0: none are shared */
    int features;         /* numbers of a frame of the condition; 0: none */
    wt_framing framing;   /* of its frames */
    int speakers;         /* that it tells apart; 0: none */
    int readout_rows;     /* outputs of a window that has one target; 0: each output is a target's own */
    char description[32]; /* "16 blocks" or "3 levels" */
} wt_network_traits;

const wt_network_traits *wt_network_get_traits(const wt_network *network);

/* What of a network the data decides. */
typedef struct {
    int input_classes; /* of a class input */
    int channels;      /* of a real input */
    int classes;       /* of the targets, where the head is a softmax */
    int values;        /* per target, where it is not; 0 is 1 */
    bool codes;        /* they are codes of 16 bits, on the grid k/32768 */
    int features;      /* numbers of a frame of the condition; 0: there is none */
    int hop;           /* samples from one frame to the next */
    int speakers;
    int window; /* samples of a window that has one target, its last; 0: each has its own */
} wt_network_shape;

wt_status wt_network_create_shaped(wt_network **out, const wt_model_config *model,
                                   const wt_network_shape *shape);
/* With a softmax. `channels` of a real input; `classes` are the quantisation's levels: of the input and of
 * the targets. */
wt_status wt_network_create(wt_network **out, const wt_model_config *model, int classes, int channels);
/* Frames of the condition that a window of so many targets reads, wherever it begins; 0: there is none. */
int wt_network_frames(const wt_network *network, int targets);

/* The outputs of a window that an engine and a batch are made for: of `window` samples, the last
 * of which alone counts where there is a `stride`. */
int wt_network_targets(const wt_network *network, int window, int stride);

/* As the configuration's model.init says; by default as PyTorch's Conv1d and Linear, U(±1/√fan_in) for
 * weights and biases, N(0, 1) for embeddings; the scales of a mixture's components are spread over several
 * sizes. Keyed by (seed, name, PyTorch's element), so that no layout
 * and no rank count changes them. */
void wt_network_initialise(const wt_network *network, wt_real *parameters, uint64_t seed);

#endif
