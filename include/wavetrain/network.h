/*
 * A network: what is computed. The library makes it from a configuration's model section, or with a
 * checkpoint's parameters (train.h: wt_train_create_network, wt_restore_network).
 */
#ifndef WAVETRAIN_NETWORK_H
#define WAVETRAIN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

typedef struct wt_network wt_network;

/* Takes NULL. */
void wt_network_destroy(wt_network *network);

/* Its list of operators, which streams are opened on; the network's own. */
const struct wt_graph *wt_network_graph(const wt_network *network);
/* Samples that a target sees. */
int wt_network_receptive_field(const wt_network *network);
/* Operations (a multiply-add counts 2) of one target in forward, in windows of so many, its share of the
 * window's context included; a training step needs three times as many. */
double wt_network_operations(const wt_network *network, int targets);

/* --- parameters --- */

/*
 * The parameter table: every tensor of a network by its PyTorch name, in one flat buffer.
 */

enum { WT_PARAMETER_NAME = 64 };

/* What a tensor is: how it begins, and whether training moves it. */
typedef enum {
    WT_ROLE_WEIGHT,
    WT_ROLE_BIAS,
    WT_ROLE_EMBEDDING, /* rows of classes, in PyTorch's order */
    WT_ROLE_SPEAKER,   /* the same, of speakers */
    WT_ROLE_FILTER,    /* a mean of its taps, at first */
    WT_ROLE_NORM_WEIGHT,
    WT_ROLE_NORM_BIAS,
    WT_ROLE_RUNNING_MEAN, /* of batch norm: not trained, but staged by forward and committed with the step */
    WT_ROLE_RUNNING_VARIANCE,
} wt_parameter_role;

/*
 * One tensor of the flat buffer. `shape` is PyTorch's: [out, in, taps] for a convolution's weight, [out,
 * in] for a linear layer's, [classes, channels] for an embedding, [out] for what has one number per
 * channel. In the flat buffer a weight stands as the kernels read it, [tap][in][out] (a one-hot input
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
    bool last;    /* of the last layer: the weight, the bias */
} wt_parameter;

/* Elements of a network's parameters: 256 GiB as floats, of which a run has several copies. */
#define WT_PARAMETERS_MAX ((size_t)1 << 36)

typedef struct {
    int count;
    const wt_parameter *entries; /* in the order of the flat buffer, which is the order of forward */
    size_t total;                /* elements of the flat buffer */
    size_t trained;              /* so many at its beginning; what comes behind is no part of any gradient */
} wt_parameter_table;

/* Whether its rows stand in PyTorch's order. */
static inline bool wt_parameter_is_table(const wt_parameter *parameter) {
    return parameter->role == WT_ROLE_EMBEDDING || parameter->role == WT_ROLE_SPEAKER;
}

/* One tensor between the flat buffer (`flat` points at its beginning) and PyTorch's order. */
void wt_parameter_export(const wt_parameter *parameter, const wt_real *flat, wt_real *torch);
void wt_parameter_import(const wt_parameter *parameter, const wt_real *torch, wt_real *flat);

/* The network's own, as long as it lives. */
const wt_parameter_table *wt_network_parameters(const wt_network *network);

#endif
