/*
 * The engine: computes a network, forward, backward and one sample after the other. It knows operators, not
 * kinds of networks, and sees no MPI and no files.
 *
 * A step's windows stand in microbatches of equally many neighbours. A microbatch is the unit of all sums,
 * so no result depends on the number of threads, nor on how windows are grouped into calls (except for
 * batch norm: see wt_engine_microbatch_sums).
 */
#ifndef WAVETRAIN_ENGINE_H
#define WAVETRAIN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/batch.h"
#include "kernels/kernel_set.h"
#include "network/graph.h"

typedef struct wt_engine wt_engine;

typedef struct {
    int windows;            /* in one call, at most */
    int targets;            /* in a window, at most */
    bool backward;          /* forward keeps what backward needs */
    bool recompute;         /* it keeps the inputs of layers alone, and backward makes the rest once more */
    int microbatch_windows; /* neighbouring windows per microbatch; 0: a call's windows are one */
    bool carries;           /* windows go on from call to call: without backward, and see wt_engine_forward */
} wt_engine_shape;

typedef struct {
    double loss; /* summed over the window's targets, nats (or squares) */
    int64_t targets;
} wt_window_loss;

/* Takes all memory that the calls below need, and keeps to the number of threads that OpenMP offers now.
 * Graph and kernels must outlive the engine. */
wt_status wt_engine_create(wt_engine **out, const wt_graph *graph, const wt_kernels *kernels,
                           const wt_engine_shape *shape);
/* Takes NULL. */
void wt_engine_destroy(wt_engine *engine);

/* Packs the weights for the products and keeps the pointer to `parameters`, which must not change until the
 * next call. Once per step. */
void wt_engine_pack(wt_engine *engine, const wt_real *parameters);

/*
 * What a training call must know of its step. Until it is given, a call's microbatches are all of the step.
 * `reduce` adds `count` numbers of each microbatch over all microbatches of the step, on all ranks, in an
 * order that the number of microbatches alone decides: `sums` is [microbatches of the call, count], `total`
 * [count]. The calling thread calls it, in forward and in backward, equally often on all ranks; NULL: the
 * call's microbatches are all there are.
 */
typedef struct {
    uint64_t seed; /* dropout's draws are keyed by (seed, step, microbatch, element) */
    int64_t step;
    int first_microbatch; /* that the batch's first window belongs to */
    void (*reduce)(void *context, const double *sums, int count, double *total);
    void *context;
} wt_engine_step;
void wt_engine_begin_step(wt_engine *engine, const wt_engine_step *step);

/* Rounds the weights of all products to bf16, as streams with such weights do: to evaluate what they
 * compute. */
void wt_engine_round_weights(const wt_graph *graph, wt_real *parameters);

/* Puts the running statistics that forward has staged into the parameters; with the step's update, or not
 * at all. */
void wt_engine_commit(const wt_engine *engine, wt_real *parameters);

/* Factors on the losses of targets by their class, [classes], from here on (NULL: none); the caller keeps
 * them. */
void wt_engine_set_class_weights(wt_engine *engine, const wt_real *weights);

/* Forward over windows first … first+windows−1 of the batch; losses[i] for window first+i. Threads share
 * the rows. With backward, the loss's layer goes straight on to its gradients, while its rows are in the
 * cache. Where microbatches have sums over the step, `batch` may be NULL: windows without targets, of a
 * rank that has none.
 *
 * An engine that carries computes the rows of a window's targets alone, and takes those before from the calls
 * before: window i of a call goes on where the i-th of the last one ended. Only the batch's own rows hold
 * their context. In the beginning rows are zeros that nothing has computed; they are those of a past of
 * padding when receptive_field - 1 targets of it have been computed. */
void wt_engine_forward(wt_engine *engine, const wt_batch *batch, int first, int windows,
                       wt_window_loss *losses);

/* The outputs (logits or values) that the last forward of an engine without backward left for its i-th
 * window, [target_count, outputs]; [1, outputs] where a window has one target, which is its last. */
const wt_real *wt_engine_outputs(const wt_engine *engine, int i);

/* The loss of those outputs against `target` [targets] in place of the batch's (−1: no target), with the
 * batch's values: of some of the window's targets alone. */
double wt_engine_score(const wt_engine *engine, int i, const int32_t *target);

/*
 * Callbacks for backward's progress, in the thread that called it; either function may be NULL. `ready`:
 * elements offset … offset+count−1 of the flat buffer are finished in all microbatches of this call; other
 * threads go on with the ranges before it. The ranges come from the buffer's end to its beginning, adjoin
 * and cover all of it. `progress`: between two tasks of this thread: an occasion to move messages along.
 */
typedef struct {
    void (*ready)(void *context, size_t offset, size_t count);
    void (*progress)(void *context);
    void *context;
} wt_engine_listener;

/* Backward of the last forward: the gradient of the summed loss. gradients[m] is a flat buffer (kernel
 * order) that the gradient of microbatch m of the call is written to. `listener` may be NULL. */
void wt_engine_backward(wt_engine *engine, wt_real *const *gradients, const wt_engine_listener *listener);

/* Bytes that wt_engine_create takes, for as many threads as OpenMP offers now; -1 if there is no memory to
 * find out. */
int64_t wt_engine_bytes(const wt_graph *graph, const wt_kernels *kernels, const wt_engine_shape *shape);

/* --- what follows from the operators alone: estimates --- */

/* How many numbers a microbatch gives to a sum over all microbatches of a step, at most (batch norm), and
 * how many such sums a step has. Where there are any, all of a rank's microbatches must be computed in one
 * call. */
int wt_engine_microbatch_sums(const wt_graph *graph);
int wt_engine_microbatch_sum_count(const wt_graph *graph);

/* Whether a call with so many targets, in windows of so many, is so small that one thread computes it. An
 * engine that carries computes no context, as if its windows had WT_ENGINE_CARRIED targets. */
enum { WT_ENGINE_CARRIED = INT32_MAX / 2 };
bool wt_engine_is_serial(const wt_graph *graph, bool backward, int window_targets, double targets);

/* Operations per target of what forward goes on with to gradients: the loss's stage. */
double wt_engine_turned_operations(const wt_graph *graph, int targets);

/* The share of backward that each tensor's products have, [tensors], without those of the loss's stage. What
 * is still to come when the gradients from an element of the flat buffer on are there is the sum of the
 * tensors that begin before it. */
void wt_engine_tensor_shares(double *shares, const wt_graph *graph, int targets);

/* Gradients of partial sums that are written for so many microbatches of so many windows. */
double wt_engine_partial_gradients(const wt_graph *graph, int targets, double microbatches, double windows);

/* The kinds of work that a training step is made of: counts that grow with a network as its time does. */
typedef enum {
    /* rows of time: operations of products (forward and both gradients) by the narrower side's channels */
    WT_WORK_PRODUCT_16,
    WT_WORK_PRODUCT_32,
    WT_WORK_PRODUCT_64,
    WT_WORK_PRODUCT_128,
    WT_WORK_PRODUCT_256,
    WT_WORK_ELEMENT, /* values that are not of products: activations, their gradients, the table look-up */
    WT_WORK_LOGIT,   /* values of the softmax */
    WT_WORK_UNIT,    /* pieces of work that threads take: tiles of a layer */
    /* rows of targets */
    WT_WORK_LEVEL_PRODUCT, /* operations of products */
    WT_WORK_LEVEL_ELEMENT, /* values of rows: norms, activations, embeddings, softmax */
    WT_WORK_LEVEL_FAR,     /* those of them that lie beyond the nearest caches */
    WT_WORK_LEVEL,         /* levels that a call goes through */
    /* both */
    WT_WORK_NORM_ROW, /* rows of layer norms: what each costs however narrow it is */
    WT_WORK_GRADIENT, /* bytes of gradients that are written, or added up in a rank */
    WT_WORK_UPDATE,   /* bytes of parameters and moments that an update touches, packing and norm included */
    WT_WORK_STEP,     /* steps */
    WT_WORK_KINDS
} wt_work_kind;

/* Adds the work of one call of a training step, forward and backward. Operations of products are
 * shared out to the two nearest widths of their narrower side. */
void wt_engine_count_work(double work[WT_WORK_KINDS], const wt_graph *graph, double windows, int targets);

/* Rows of a tile, and channels of a panel of a table's gradient: what benchmarks of kernels measure with. */
int wt_engine_tile_rows(void);
int wt_engine_panel(void);

#endif
