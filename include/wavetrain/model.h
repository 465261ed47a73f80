/*
 * Networks: the parameter table, the blocks, and a training pass. Sees no MPI and no files.
 *
 * WaveNet (van den Oord et al. 2016, arXiv 1609.03499). With input x, per block l of dilation d:
 *   a = W_f ∗_d h + b_f,  b = W_g ∗_d h + b_g,  z = tanh(a)·σ(b)         (or tanh(a), or max(a, 0))
 *   skip ← skip·α + W_s z + b_s,   h ← (h + W_r z + b_r)·β              (the last block has no residual output)
 * and the head relu → 1×1 → relu → 1×1 → softmax (or one value, for squared error). All convolutions are valid: a
 * layer computes the rows that some target needs, no others, so h shrinks by (k−1)·d from block to block and skips have
 * T rows.
 *
 * A block may have a norm before the gate, and dropout behind it. With u = W ∗_d h (+ b) [windows, rows, 2·gate], filter
 * channels first (rows = T + lead; without a gate [.., gate]):
 *   v = norm(u),   (a, b) = v,   z = tanh(a)·σ(b),   z ← z·mask/(1 − share)
 * In PyTorch, whose layout is [windows, channels, rows]:
 *   v = self.norm(u)                                    # torch.nn.BatchNorm1d(2·gate)
 *   v = self.norm(u.transpose(1, 2)).transpose(1, 2)    # torch.nn.LayerNorm(2·gate)
 * Batch norm's statistics are over all rows that the block computes in a step, on all ranks: a row counts once for
 * each window that it stands in, whether its own target is one or not. Layer norm is over a row's channels. In evaluation
 * batch norm takes the running statistics, and nothing is dropped.
 *
 * Hierarchy: a target's context of C classes is embedded (or C real samples are taken as they are), and each level
 * fuses n neighbours, a view of [C, channels] as [C/n, n·channels]:
 *   u = W x (+ b),   v = norm(u),   y = tanh(v) or max(v, 0)
 * until one row is left, which a linear layer turns into logits (or one value, for squared error). One level that fuses
 * all is the multilayer perceptron.
 *
 * Either trunk may read one output out of a window of S samples (wt_network's readout_rows): a hierarchy slides its context
 * over the window, which gives S − C + 1 outputs, as a wavenet's valid convolutions give S − R + 1. None is refused.
 */
#ifndef WAVETRAIN_MODEL_H
#define WAVETRAIN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/batch.h"
#include "wavetrain/config.h"
#include "wavetrain/error.h"
#include "wavetrain/kernels.h"

/* --- parameters --- */

enum { WT_PARAMETER_NAME = 64 };

/* What a tensor is: how it begins, and whether training moves it. */
typedef enum {
    WT_ROLE_WEIGHT,
    WT_ROLE_BIAS,
    WT_ROLE_EMBEDDING, /* rows of classes, in PyTorch's order */
    WT_ROLE_NORM_WEIGHT,
    WT_ROLE_NORM_BIAS,
    WT_ROLE_RUNNING_MEAN, /* of batch norm: not trained, but staged by forward and committed with the step */
    WT_ROLE_RUNNING_VARIANCE,
} wt_parameter_role;

/*
 * One tensor of the flat buffer. `shape` is PyTorch's: [out, in, taps] for a convolution's weight, [out, in] for
 * a linear layer's, [classes, channels] for an embedding, [out] for what has a number a channel. In the flat buffer a weight stands as the kernels read it, [tap][in][out] (a one-hot input
 * convolution's "in" is the class); wt_parameter_export and _import convert.
 */
typedef struct {
    char name[WT_PARAMETER_NAME];
    int rank;
    int64_t shape[3];
    size_t offset, count;
    int fan_in; /* of the initialisation U(±1/√fan_in) */
    wt_parameter_role role;
    bool trained; /* false: running statistics */
    bool last;    /* the last layer's weight */
} wt_parameter;

typedef struct {
    int count;
    const wt_parameter *entries; /* in the order of the flat buffer, which is the order of forward */
    size_t total;                /* elements of the flat buffer */
    size_t trained;              /* so many at its beginning; what comes behind is no part of any gradient */
} wt_parameter_table;

/* One tensor between the flat buffer (`flat` points at its beginning) and PyTorch's order. */
void wt_parameter_export(const wt_parameter *parameter, const wt_real *flat, wt_real *torch);
void wt_parameter_import(const wt_parameter *parameter, const wt_real *torch, wt_real *flat);

/* --- networks --- */

/* A 1×1 or dilated convolution: where its tensors stand. Absent: weight −1; without a bias: bias −1. */
typedef struct {
    int in, out, taps, dilation;
    int weight, bias; /* numbers in the table */
} wt_convolution;

/* A norm's tensors, a number a channel each. Absent: −1. */
typedef struct {
    int weight, bias, running_mean, running_variance;
} wt_norm;

/* One block. `lead` is how many rows more than T its output has. */
typedef struct {
    wt_convolution rechannel; /* before the block, where the width changes */
    wt_convolution conv;      /* residual → 2·gate (or gate, without a gate) */
    wt_convolution skip;      /* gate → skip */
    wt_convolution residual;  /* gate → residual; absent in the last block */
    int gate;
    wt_activation activation;
    int lead;
    wt_norm norm;
} wt_block;

/* One level of a hierarchy: rows of fuse·channels, one for every `fuse` rows of the level before. */
typedef struct {
    int fuse;
    wt_convolution linear; /* 1×1; bias −1: without */
    int rows;              /* of one target */
    wt_norm norm;
} wt_level;

/* How parameters begin. */
typedef struct {
    wt_initial_kind kind;
    double gain, output_scale;
} wt_initial;

/* A plain value for reading; made by wt_network_create. A network has blocks or levels. */
typedef struct {
    wt_parameter_table parameters;
    wt_trunk_kind trunk;
    wt_initial initial;
    wt_norm_kind norm;
    double dropout;
    wt_activation activation; /* of the levels */
    int embedding;            /* the tensor of the classes' channels; −1: real input */
    int embedding_channels;   /* of a class, or of a real sample */
    int level_count;
    const wt_level *levels;
    wt_convolution output; /* of a hierarchy */
    wt_input_kind input_kind;
    int classes; /* outputs: the targets' classes; 1 of squared error */
    wt_head_kind head_kind;
    wt_convolution input; /* in = classes of the input, or channels */
    int input_lead;       /* rows more than T of its output */
    int block_count;
    const wt_block *blocks;
    int skip_channels;
    double skip_scale, residual_scale;
    wt_convolution head[2];
    int receptive_field; /* (k₀−1) + Σ(k−1)·d + 1, or the product of all `fuse` */
    /* Where a window has one target: its outputs o[t], t < readout_rows, become Σ_t w_t·o[t] + b, with w the
     * parameters `readout`, shapes [1, readout_rows] and, of a value alone, [1] (as torch.nn.Linear over time), or
     * w_t = 1/readout_rows and b = 0 where there are none. 0: each output is a target's. */
    int readout_rows;
    int readout_weight, readout_bias; /* numbers in the table; −1: absent */
} wt_network;

/* What of a network the data decides. */
typedef struct {
    int input_classes; /* of a class input */
    int channels;      /* of a real input */
    int outputs;       /* classes of the targets; 1 for squared error */
    int window;        /* samples of a window that has one target, its last; 0: each has its own */
} wt_network_shape;

wt_status wt_network_create_shaped(wt_network **out, const wt_model_config *model,
                                   const wt_network_shape *shape);
/* `channels` of a real input; `classes` are the quantisation's levels: of the input and of the targets. */
wt_status wt_network_create(wt_network **out, const wt_model_config *model, int classes, int channels);
/* The outputs of a window that a pass and a batch are made for. */
int wt_network_targets(const wt_network *network, const wt_data_config *data);
void wt_network_destroy(wt_network *network);

/* As the configuration's model.init says; by default as PyTorch's Conv1d and Linear, U(±1/√fan_in) for weights and
 * biases, N(0, 1) for embeddings. Keyed by (seed, name, PyTorch's element), so that no layout and no rank count changes
 * them. */
void wt_network_initialise(const wt_network *network, wt_real *parameters, uint64_t seed);

/* "16 blocks" or "3 levels". */
void wt_network_describe(const wt_network *network, char *text, size_t room);

/* How many numbers a lane gives to a sum over all lanes of a step, at most (batch norm). Where there are any, all of a
 * rank's lanes must be computed in one call. */
int wt_network_lane_sums(const wt_network *network);

/* Operations (a multiply-add counts 2) of one target in forward, its share of the window's context included;
 * a training step needs three times as many. */
double wt_network_operations(const wt_network *network, int targets);

/* Batch norm in evaluation: mean and 1/√(variance + ε) of each channel, [2, width], from the running statistics. */
void wt_norm_running(wt_real *mean_rate, const wt_real *mean, const wt_real *variance, int width);

/* --- a pass: forward and backward over some windows at once --- */

typedef struct wt_pass wt_pass;

typedef struct {
    int windows;    /* at most, in one call */
    int targets;    /* at most, in a window */
    bool backward;  /* keep what backward needs */
    bool recompute; /* of a block, its input alone: backward makes the rest once more */
} wt_pass_shape;

typedef struct {
    double loss; /* summed over the window's targets, nats */
    int64_t targets;
} wt_window_loss;

/* Takes all memory that the calls below need, and keeps to the number of threads that OpenMP offers now. The
 * network and the kernels must outlive it. */
wt_status wt_pass_create(wt_pass **out, const wt_network *network, const wt_kernels *kernels,
                         const wt_pass_shape *shape);
void wt_pass_destroy(wt_pass *pass);

/* Makes the derived (packed) weights and keeps the pointer to `parameters`, which must not change until the next
 * call. Once a step. */
void wt_pass_derive(wt_pass *pass, const wt_real *parameters);

/*
 * What a training pass must know of its step. Until it is told, a call's windows are one lane, which is all of the
 * step. `reduce` adds `count` numbers of each lane over all lanes of the step, on all ranks, in an order that the lanes'
 * number alone decides: `lanes` is [lanes of the call, count], `sum` [count]. The calling thread calls it, in forward
 * and in backward, equally often on all ranks; NULL: the call's lanes are all there are.
 */
typedef struct {
    uint64_t seed; /* dropout's draws are keyed by (seed, step, lane, element) */
    int64_t step;
    int first_lane;   /* that the batch's first window belongs to */
    int lane_windows; /* 0: a call's windows are one lane */
    void (*reduce)(void *context, const double *lanes, int count, double *sum);
    void *context;
} wt_pass_step;
void wt_pass_begin_step(wt_pass *pass, const wt_pass_step *step);

/* Puts the running statistics that forward has staged into the parameters; with the step's update, or not at all. */
void wt_pass_commit(const wt_pass *pass, wt_real *parameters);

/* Forward over windows first … first+windows−1 of the batch; losses[i] for window first+i. Threads share
 * the rows; the result does not depend on how many there are, nor on how windows are grouped into calls (but for
 * wt_network_lane_sums). With backward, the head's part of backward is done here too, while its rows are in the cache.
 * Where lanes have such sums, `batch` may be NULL: windows without targets, of a rank that has none. */
void wt_pass_forward(wt_pass *pass, const wt_batch *batch, int first, int windows, wt_window_loss *losses);

/* The logits (or values) that the last forward of a pass without backward left for its i-th window,
 * [target_count, classes]; [1, classes] where a window has one target, which is its last. */
const wt_real *wt_pass_logits(const wt_pass *pass, int i);

/*
 * Who hears of backward's progress, in the thread that called it; either function may be NULL. `ready`:
 * elements offset … offset+count−1 of the flat buffer are finished in all lanes of this call; other threads go
 * on with the ranges before it. The ranges come from the buffer's end to its beginning, adjoin and cover all of
 * it. `poke`: between two pieces of this thread's work: an occasion to move messages along.
 */
typedef struct {
    void (*ready)(void *context, size_t offset, size_t count);
    void (*poke)(void *context);
    void *context;
} wt_pass_listener;

/* Backward of the last forward: the gradient of the summed loss. Windows go to lanes of `lane_windows`
 * neighbours; gradients[lane] is a flat buffer (kernel order) that the lane's gradient is written to.
 * `listener` may be NULL. */
void wt_pass_backward(wt_pass *pass, int lane_windows, wt_real *const *gradients,
                      const wt_pass_listener *listener);

/* Bytes that wt_pass_create would take. */
int64_t wt_pass_bytes(const wt_network *network, const wt_kernels *kernels, const wt_pass_shape *shape);

#endif
