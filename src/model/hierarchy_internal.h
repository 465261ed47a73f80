/*
 * The pass of a hierarchy. A lane's targets stand in one list (those that are none are left out of training), and
 * row i·rows … of a level belong to target i, so that fusing neighbours is a view: the output of a level
 * [targets·rows·fuse, channels] is the input of the next one [targets·rows, fuse·channels].
 *
 * The work of a level is cut into tiles of WT_TILE_TARGETS neighbouring targets of a lane. Threads share tiles only where
 * a call is so large that this is worth a barrier; sums over rows are made tile by tile and added in order, whoever
 * made them. With batch norm a level ends with a sum over all lanes of the step.
 */
#ifndef WAVETRAIN_HIERARCHY_INTERNAL_H
#define WAVETRAIN_HIERARCHY_INTERNAL_H

#include "wavetrain/model.h"

enum {
    WT_TILE_TARGETS = 64,
    WT_WEIGHT_PANEL = 32,           /* inputs whose weights' gradient a unit makes */
    WT_SERIAL_OPERATIONS = 40000000 /* of a training step: fewer are not worth a second thread's barriers */
};

/* Neighbouring targets of one lane: first … first+count−1 of the call's list. */
typedef struct {
    int first, count, lane;
} wt_target_tile;

/* The rows of one level, [targets·rows, out] each. */
typedef struct {
    const wt_real *in;  /* [targets·rows, in]: what the level before gives */
    wt_real *hat;       /* the linear layer's result; with a norm, normalised */
    wt_real *act;       /* after the activation */
    wt_real *factor;    /* dropout: 0 or 1/(1 − share); NULL without */
    wt_real *dropped;   /* act·factor; act itself without dropout */
    wt_real *rate;      /* layer norm: [targets·rows] */
    wt_real *mean_rate; /* batch norm: mean and 1/√(variance + ε), [2, out] */
    wt_real *staged;    /* batch norm: new running mean and variance, [2, out] */
} wt_level_rows;

typedef struct wt_hierarchy {
    const wt_network *network;
    const wt_kernels *kernels;
    wt_pass_shape shape;
    wt_pass_step step;
    int threads;
    const wt_real *parameters;
    wt_real *packed;
    size_t *forward_at, *backward_at; /* [parameters] */
    wt_real *arena;
    wt_level_rows *levels;
    wt_real *embedded;                    /* [targets, context, channels] */
    wt_real *logits;                      /* [targets, classes] */
    wt_real *pooled;                      /* of a readout, [windows, classes] */
    wt_real *grad[2];                     /* by turns: gradients by a level's output */
    double *tile_sums, *lane_sums, *sums; /* [tiles, 2·widest + 1], [lanes, …], […] */
    wt_real *factors;                     /* batch norm's backward: factor and two means, [3, widest] */
    size_t sums_each;
    /* the call's targets */
    const wt_batch *batch;
    int first, windows, lanes;
    int targets;
    bool parallel;
    int *window_first; /* [windows + 1] in the list */
    size_t *input_at;  /* [targets]: the batch's row of the oldest input */
    int32_t *target;   /* [targets] */
    wt_real *value;    /* [targets], of squared error */
    wt_target_tile *tiles;
    int tile_count;
    bool staged;      /* there are running statistics to commit */
    int lane_windows; /* of backward */
    wt_real *const *gradients;
    const wt_pass_listener *listener;
    size_t told;
} wt_hierarchy;

wt_status wt_hierarchy_create(wt_hierarchy **out, const wt_network *network, const wt_kernels *kernels,
                              const wt_pass_shape *shape);
void wt_hierarchy_destroy(wt_hierarchy *h);
void wt_hierarchy_derive(wt_hierarchy *h, const wt_real *parameters);
void wt_hierarchy_forward(wt_hierarchy *h, const wt_batch *batch, int first, int windows,
                          wt_window_loss *losses);
const wt_real *wt_hierarchy_logits(const wt_hierarchy *h, int i);
void wt_hierarchy_backward(wt_hierarchy *h, int lane_windows, wt_real *const *gradients,
                           const wt_pass_listener *listener);
void wt_hierarchy_commit(const wt_hierarchy *h, wt_real *parameters);
int64_t wt_hierarchy_bytes(const wt_network *network, const wt_kernels *kernels, const wt_pass_shape *shape);

/* --- what forward and backward share --- */

/* Calls work(h, argument, unit) for all units, by threads where the call is large. */
typedef void (*wt_hierarchy_work)(const wt_hierarchy *h, int argument, int unit);
void wt_hierarchy_run(const wt_hierarchy *h, int units, wt_hierarchy_work work, int argument);

/* Adds the tiles' sums lane by lane, [lanes, 2·columns + 1]; the last number counts the rows. Then, with reduce, over
 * all lanes of the step, to h->sums. */
void wt_hierarchy_add_lanes(wt_hierarchy *h, int columns, int rows_each);
void wt_hierarchy_reduce(wt_hierarchy *h, int columns, int rows_each);

static inline const wt_real *wt_hierarchy_tensor(const wt_hierarchy *h, int number) {
    return number < 0 ? NULL : h->parameters + h->network->parameters.entries[number].offset;
}

static inline double *wt_tile_sums(const wt_hierarchy *h, int tile) {
    return h->tile_sums + (size_t)tile * h->sums_each;
}

static inline wt_operand wt_linear_factor(const wt_hierarchy *h, const wt_convolution *c, const wt_real *x) {
    return (wt_operand){x, h->packed + h->forward_at[c->weight], c->in, c->in};
}

static inline wt_operand wt_linear_factor_back(const wt_hierarchy *h, const wt_convolution *c,
                                               const wt_real *dy) {
    return (wt_operand){dy, h->packed + h->backward_at[c->weight], c->out, c->out};
}

#endif
