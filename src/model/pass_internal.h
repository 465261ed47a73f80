/*
 * The memory of a pass and the stages that its work is cut into.
 *
 * A stage is a layer's work, in forward or in backward, cut into units of neighbouring rows of one window;
 * units begin at a window's first row, and none spans two windows, so a unit's work depends on the
 * configuration and the window alone: never on the number of threads or on which windows stand beside it in a
 * call. A stage says which rows of other stages its units need; pipeline.c hands units to threads.
 */
#ifndef WAVETRAIN_PASS_INTERNAL_H
#define WAVETRAIN_PASS_INTERNAL_H

#include <limits.h>
#include <omp.h>
#include <stdatomic.h>

#include "wavetrain/model.h"

enum {
    WT_TILE = 384,       /* rows, at most, that go through a block's products while they are in the second cache: as many
                          * as fit, since the weights' partial gradients are read and written once a tile */
    WT_HEAD_TILE = 96,   /* the same for the head, whose rows are wider */
    WT_SEGMENT = 768,    /* rows, at most, that backward adds up into one partial gradient */
    WT_SKIP_TERMS = 256, /* gate channels of all blocks, about, whose skips are added at a time */
    WT_GROUP_MAX = 16,
    WT_SUM_SETS = 4,      /* neighbouring blocks that have partial gradients at the same time */
    WT_SUM_CHUNK = 4096,  /* elements of partial gradients that a unit adds up */
    WT_SCATTER_PANEL = 32 /* channels of a one-hot input's gradient that a unit owns */
};

/* [windows, rows, ld], a window's first row `stride` elements after the one's before. */
typedef struct {
    wt_real *data;
    size_t stride;
    int ld;
} wt_rows;

static inline wt_real *wt_row(const wt_rows *rows, int window, int64_t row) {
    return rows->data + (size_t)window * rows->stride + (size_t)row * (size_t)rows->ld;
}

/* A block's rows. In a pass with backward, wide, h and act are the block's own; the others take turns with
 * those of other blocks, two, or for z as many as a group of skips has. */
typedef struct {
    wt_rows wide; /* before the rechannel, where there is one */
    wt_rows h;    /* the block's input, after the rechannel */
    wt_rows act;  /* tanh and σ, or what else the activation keeps; absent where it is not kept */
    wt_rows hat;  /* with a norm: the convolution's output, then normalised; absent where it is not kept */
    wt_rows rate; /* with layer norm, [rows]; the same */
    wt_rows z;
    wt_rows dact; /* the gradient by the convolution's output */
    wt_rows dout; /* β times the gradient by the block's output, before the next one's rechannel */
    int group;    /* first block of the group whose skips are added together */
    bool group_ends;
    double skip_factor; /* what the skip scales α make of this block's skip: α^(blocks after it) */
    size_t first, end;  /* the range of the flat buffer whose partial gradients the block's units make */
} wt_block_rows;

/* A unit with rows first … end−1 needs all rows before end + reach of the same window in another stage; or, with
 * WT_ALL_ROWS, all units of the stage for its window or lane. */
typedef struct {
    int stage;
    int64_t reach;
} wt_need;

enum { WT_ALL_ROWS = -1, WT_NEEDS_MAX = 3 };

typedef struct wt_stage wt_stage;
struct wt_stage {
    void (*work)(wt_pass *pass, const wt_stage *stage, int group, int unit); /* group: a window, or a lane */
    void (*after)(wt_pass *pass,
                  const wt_stage *stage); /* in the caller's thread; or NULL; stages in turn only */
    int l;                                /* the block */
    int lead;                             /* a window has targets + lead rows here */
    int unit_rows;                        /* 0: units are no rows */
    int units;                            /* of a window, at most; or of a lane */
    bool of_lanes;
    int need_count;
    wt_need needs[WT_NEEDS_MAX];
    size_t flag; /* the first unit's */
};

typedef struct {
    int stage, group, number;
} wt_unit;

/* Stages, the order of their units, and which of these are done. */
typedef struct {
    bool in_turn; /* each stage begins when the one before is done, whatever their needs */
    wt_stage *stages;
    int count;
    size_t flags; /* units of all stages */
    wt_unit *order;
    int length;
    int lane_windows;   /* that the order is for */
    bool *placed;       /* [flags]: in the order, while it is made */
    int *next_unit;     /* [stages, windows]: the same */
    atomic_uint *taken; /* [length]: the run in which the order's unit was last taken */
    atomic_uint *done;  /* [flags]: the run in which the unit was last done */
    unsigned run;
    void (*between)(wt_pass *pass); /* called by the caller's thread after each of its units; or NULL */
} wt_pipeline;

struct wt_pass {
    struct wt_hierarchy *hierarchy; /* of a network with levels: then all that follows is its own */
    struct wt_normed *normed;       /* of blocks with a norm or dropout; else NULL */
    const wt_network *network;
    const wt_kernels *kernels;
    wt_pass_shape shape;
    int tile, segment;                /* rows */
    const wt_real *parameters;        /* the caller's */
    wt_real *packed;                  /* all weights for products, at the offsets below */
    size_t *forward_at, *backward_at; /* [parameters] */
    wt_real *skip_bias;               /* [skip]: of all blocks, with their factors */
    wt_real *arena;                   /* all rows stand here */
    wt_block_rows *blocks;
    wt_rows skip;   /* the sum; rectified in place by the head */
    wt_rows logits; /* of a pass without backward, or with a readout */
    wt_rows pooled; /* what the readout makes of them, [windows, 1, classes] */
    wt_rows dskip, dinput;
    wt_real *scratch; /* [threads, scratch_each] */
    size_t scratch_each;
    wt_real *sums; /* [WT_SUM_SETS, windows, segments, sums_each]: partial gradients of blocks in turn */
    size_t sums_each;
    int segments;
    wt_real *head_sums; /* [windows, segments, head_sums_each], with Σ dskip at their ends */
    size_t head_sums_each;
    wt_real *bias_sums; /* [windows, skip]: Σ_t dskip of a lane */
    double *tile_loss;  /* [windows, tiles of the head] */
    int threads;
    wt_pipeline forward, backward;
    int *phase_stage, *reduce_stage; /* [blocks], of backward */
    int head_reduce;
    const wt_batch *batch; /* of the last forward */
    int first, windows;
    int lane_windows; /* of the backward that runs */
    wt_real *const *gradients;
    const wt_pass_listener *listener;
    int told; /* ranges that the listener has heard of */
    size_t told_to;
};

/* Targets of the call's i-th window. */
static inline int wt_pass_targets(const wt_pass *pass, int i) {
    return pass->batch->target_count[pass->first + i];
}

static inline const wt_real *wt_pass_tensor(const wt_pass *pass, int number) {
    return pass->parameters + pass->network->parameters.entries[number].offset;
}

static inline wt_real *wt_pass_scratch(const wt_pass *pass) {
    return pass->scratch + (size_t)omp_get_thread_num() * pass->scratch_each;
}

static inline int wt_reach(const wt_convolution *convolution) {
    return (convolution->taps - 1) * convolution->dilation;
}

/* The widest h, act and z over all blocks. */
typedef struct {
    int h, act, z;
} wt_widths;
wt_widths wt_widest(const wt_network *network);

/* Rows that a window with `targets` targets has in front of block l. */
static inline int wt_block_lead_in(const wt_block *block) {
    return block->lead + wt_reach(&block->conv);
}

/* Units of `each` rows that `rows` rows have. */
static inline int wt_units(int64_t rows, int each) {
    return (int)((rows + each - 1) / each);
}

/* A factor of a product by tap j of a convolution, forward or transposed. */
static inline wt_operand wt_tap(const wt_pass *pass, const wt_convolution *c, int j, const wt_real *x,
                                int ldx) {
    size_t each = pass->kernels->packed_count(c->in, c->out);
    return (wt_operand){x, pass->packed + pass->forward_at[c->weight] + (size_t)j * each, ldx, c->in};
}

static inline wt_operand wt_tap_back(const wt_pass *pass, const wt_convolution *c, int j, const wt_real *dy,
                                     int lddy) {
    size_t each = pass->kernels->packed_count(c->out, c->in);
    return (wt_operand){dy, pass->packed + pass->backward_at[c->weight] + (size_t)j * each, lddy, c->out};
}

/* --- pipeline.c --- */

/* Adds a stage, whose units are `unit_rows` rows each of a window (or `units`, of a lane); returns its number. */
int wt_pipeline_add(wt_pass *pass, wt_pipeline *pipeline, wt_stage stage);
/* Units of `stage` need those of an earlier stage. */
void wt_pipeline_need(wt_pipeline *pipeline, int stage, int needed, int64_t reach);
/* Takes the memory for running, when all stages are there. */
wt_status wt_pipeline_create(wt_pass *pass, wt_pipeline *pipeline);
void wt_pipeline_dispose(wt_pipeline *pipeline);
/* All units of all stages for the call's windows, by all threads. */
void wt_pipeline_run(wt_pass *pass, wt_pipeline *pipeline, int lane_windows);
/* Whether a stage is done for a window or lane. */
bool wt_stage_done(const wt_pipeline *pipeline, int stage, int group);

/* --- forward.c, backward.c: they lay out their stages in the pipeline --- */

void wt_plan_forward(wt_pass *pass);
void wt_plan_backward(wt_pass *pass);

/* Rows of a 1×1 or dilated convolution: y = (x * w + bias + add)·scale; `add` may be NULL. */
void wt_convolve_rows(const wt_pass *pass, const wt_convolution *c, wt_real *y, int ldy, const wt_real *x,
                      int ldx, int rows, const wt_real *add, int ldadd, wt_real scale);

/* Whether forward keeps what the blocks' activations are for backward. */
static inline bool wt_pass_keeps(const wt_pass *pass) {
    return pass->shape.backward && !pass->shape.recompute;
}

/* The rows of a unit; false where the window has none there. */
bool wt_unit_rows(const wt_pass *pass, const wt_stage *stage, int window, int unit, int *first, int *rows);
/* A stage of forward, that takes up where the one before it ends. */
void wt_add_next(wt_pass *pass, wt_stage stage, int64_t reach);
/* What becomes of z: skips, at the end of a group of blocks, and the next block's input. */
void wt_pass_on(const wt_pass *pass, int l, int window, int first, int rows);

/* Partial gradients of block l (−1: the input) over a segment, as the flat buffer's range has them. */
wt_real *wt_segment_sums(const wt_pass *pass, int l, int window, int segment);
/* The same, zeroed, and the rows of a unit; NULL where the window has none there. */
wt_real *wt_begin_segment(const wt_pass *pass, const wt_stage *stage, int window, int unit, size_t count,
                          int *first, int *end);
/* Of the convolution's tensors over some rows: `sums` stands for the range of the flat buffer from `base` on. */
void wt_add_weights(const wt_pass *pass, const wt_convolution *c, wt_real *sums, size_t base,
                    const wt_real *x, int ldx, const wt_real *dy, int lddy, int rows, bool own_bias);
/* Of the skip and residual products, from z [rows, gate]. */
void wt_add_output_weights(const wt_pass *pass, int l, int window, int first, int rows, const wt_real *z,
                           wt_real *sums);
/* dout from the block behind, then dz [rows, gate] through the skip and residual products; `dz` is also scratch. */
void wt_block_gradient(const wt_pass *pass, int l, int window, int first, int rows, wt_real *dz,
                       wt_real *sums);

static inline size_t wt_offset(const wt_pass *pass, int tensor) {
    return pass->network->parameters.entries[tensor].offset;
}

static inline int wt_rows_left(int first, int end) {
    return end - first < WT_TILE ? end - first : WT_TILE;
}

/* --- normed_pass.c: blocks with a norm or dropout --- */

static inline bool wt_is_normed(const wt_network *network, const wt_pass_shape *shape) {
    return network->norm != WT_NORM_NONE || (shape->backward && network->dropout > 0);
}

/* Batch norm in training: no row goes on before all of the step have come so far. */
static inline bool wt_waits_for_lanes(const wt_network *network, const wt_pass_shape *shape) {
    return network->norm == WT_NORM_BATCH && shape->backward;
}

wt_status wt_normed_create(wt_pass *pass);
void wt_normed_destroy(struct wt_normed *normed);
/* Bytes of that for `segments` segments of a window, and elements of a thread's scratch. */
int64_t wt_normed_bytes(const wt_network *network, const wt_pass_shape *shape, size_t segments);
size_t wt_normed_scratch(const wt_network *network);
void wt_normed_begin_step(wt_pass *pass, const wt_pass_step *step);
void wt_normed_derive(wt_pass *pass);
/* The batch, or, of a rank that has none, one without targets. */
const wt_batch *wt_normed_batch(const wt_pass *pass, const wt_batch *batch);
void wt_normed_commit(const wt_pass *pass, wt_real *parameters);
/* Adds the stages of block l in forward. */
void wt_plan_normed_block(wt_pass *pass, int l);
/* Stages of backward: down to the convolution's output, or with batch norm to the norm's; then `after`, and the rest. */
void wt_normed_back_unit(wt_pass *pass, const wt_stage *stage, int window, int unit);
void wt_normed_back_sums(wt_pass *pass, const wt_stage *stage);
void wt_normed_weights_unit(wt_pass *pass, const wt_stage *stage, int window, int unit);

/* --- head --- */

/* The head's part of backward, while its rows are in the cache: gradients from logits' gradients. */
void wt_head_back_tile(wt_pass *pass, int window, int first, int rows, wt_real *logits, wt_real *hidden,
                       wt_real *sums);
wt_real *wt_head_sums(const wt_pass *pass, int window, int segment);

/* Outputs of some rows from their skips, which are rectified in place; `hidden` is left for backward. */
void wt_head_outputs(wt_pass *pass, int window, int first, int rows, wt_real *hidden, wt_real *outputs);
/* Their loss; the outputs become its gradient in a pass with backward. Row 0's target is the window's `first`. */
double wt_head_loss(const wt_pass *pass, int window, int first, int rows, wt_real *outputs);

/* --- readout.c: the head's unit where a window has one target --- */

void wt_readout_unit(wt_pass *pass, const wt_stage *stage, int window, int unit);

#endif
