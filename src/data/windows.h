/* Windows of a data set, and their order. Ranks come as plain integers. */
#ifndef WAVETRAIN_WINDOWS_H
#define WAVETRAIN_WINDOWS_H

#include <stdint.h>

#include "data/data_config.h"
#include "wavetrain/data.h"

/* Targets start … start+targets−1 of an utterance. */
typedef struct {
    int64_t utterance, start;
    int targets;
} wt_window;

/* The fixed grid: utterance u has ⌈length/T⌉ windows of T targets, the last with fewer. With
 * WT_PARTIAL_DROP the grid begins at sample `context`, so that no target sees padding. Of a masked data set,
 * windows without a target are left out. */
typedef struct wt_windows wt_windows;

wt_status wt_windows_create(wt_windows **out, const wt_dataset *dataset, int targets, int context,
                            wt_partial_context partial);

/*
 * Windows of labelled samples. Targets s … s+n−1 take the inputs s + look_ahead − context + 1 … s + n − 1 +
 * look_ahead. With stride 0 each sample is a target, on the grid above (with WT_PARTIAL_DROP those that see
 * no padding). Else a window's last target alone counts, and it is that of the samples `stride` apart from
 * each other; the first one is the (targets + context − 1)th, the first that sees no padding, or with
 * WT_PARTIAL_PAD as many strides before that as fit.
 */
typedef struct {
    int targets, context;
    wt_partial_context partial;
    int look_ahead, stride;
    int outputs;                    /* classes that there may be; 0: values */
    wt_normalization normalization; /* of real inputs */
} wt_label_windows;

/* A normalisation of samples, as it is of what the data set has stored of them: less their offsets. */
wt_normalization wt_normalization_of_stored(const wt_normalization *normalization, const wt_dataset *dataset);

/* Fails if the data set has no labels of that kind, more classes, or other channels than the
 * normalisation. */
wt_status wt_windows_create_labels(wt_windows **out, const wt_dataset *dataset,
                                   const wt_label_windows *labels);
void wt_windows_destroy(wt_windows *windows);
int64_t wt_windows_count(const wt_windows *windows);
/* Targets in all windows, and how many of them see padding (within `context` of the start). */
int64_t wt_windows_targets(const wt_windows *windows);
int64_t wt_windows_padded_targets(const wt_windows *windows);
wt_window wt_windows_get(const wt_windows *windows, int64_t index);
/* Items: utterances that have windows. Item i's are *first … *first + *count − 1. */
int64_t wt_windows_items(const wt_windows *windows);
void wt_windows_of_item(const wt_windows *windows, int64_t item, int64_t *first, int64_t *count);

/* --- order --- */

/*
 * The order of training windows: position p of the run is window wt_order_window(order, p).
 * WT_SAMPLING_REPLACEMENT draws each position's window by itself, WT_SAMPLING_ITEM an item and then one of
 * its windows; these need the grid. WT_SAMPLING_EPOCH: epoch e = p / count visits every window once. One
 * keyed permutation (block = 1), or, for sets that are read from disk, in two levels: blocks of `block`
 * neighbouring windows permuted, then the windows within groups of `group` blocks. Nothing is stored: any
 * rank computes any position.
 */
typedef struct {
    int64_t windows;
    int64_t block, group;
    uint64_t seed;
    wt_sampling sampling;
    const wt_windows *grid;
} wt_order;

wt_order wt_order_training(const wt_dataset *dataset, const wt_windows *windows, wt_sampling sampling,
                           uint64_t seed);
int64_t wt_order_window(const wt_order *order, int64_t position);

/* Window i of the fixed validation list: a permutation keyed by a constant. */
int64_t wt_order_validation(int64_t windows, int64_t i);

#endif
