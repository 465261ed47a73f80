/*
 * A network as a filter: a signal in, a signal out, block after block, for networks that predict a value, or
 * a class by its logits, per sample from the signal up to `look_ahead` samples later. What stands before the
 * signal is padding, as in training: 0, after normalisation, or the class of silence. No bit of the output
 * depends on how the signal is cut into blocks or on the number of threads.
 */
#ifndef WAVETRAIN_FILTER_H
#define WAVETRAIN_FILTER_H

#include "base/batch.h"
#include "engine/engine.h"
#include "wavetrain/data.h"

/* What a filter is made of; all pointers must outlive it. */
typedef struct {
    const struct wt_graph *graph;
    const wt_kernels *kernels;
    const wt_real *parameters; /* kernel order */
    int receptive_field, channels;
    int outputs;                    /* per sample */
    const wt_quantization *classes; /* of one channel whose classes the network sees; NULL: values */
    wt_normalization normalization; /* channels 0: samples are taken as they are */
} wt_filter_network;

typedef struct wt_filter wt_filter;

/* Takes memory for blocks of at most `block` samples, and as many threads as OpenMP offers now. Makes the
 * state that the padding leaves. */
wt_status wt_filter_create(wt_filter **out, const wt_filter_network *network, int block);
/* A new signal begins: the state is again that which the padding leaves. */
void wt_filter_restart(wt_filter *filter);
/* Takes NULL. */
void wt_filter_destroy(wt_filter *filter);

/* The outputs that belong to the next `count` samples, at most a block: x [count, channels] → y [count,
 * outputs], which may be x where both are of one number; x NULL: padding. An output belongs to the newest
 * sample that it sees; of a network with a look-ahead of a samples it is that of a samples earlier. */
void wt_filter_run(wt_filter *filter, const float *x, int count, float *y);

#endif
