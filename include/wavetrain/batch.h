/*
 * A batch: windows of a signal as the network takes them, filled by data, read by
 * model. A plain value; wt_batch_create in data.h makes one, tests fill their own.
 *
 * Window w has n = target_count[w] ≤ targets targets (0: an empty slot) and
 * n + context − 1 inputs, so the input rows context−1+i and before are what target i sees
 * (context is the network's receptive field). What is missing before an utterance's start is
 * padding in the input. With labels (data.h, wt_label_windows) input row context−1+i is the newest that target i sees,
 * and padding is also what is missing behind an utterance's end.
 */
#ifndef WAVETRAIN_BATCH_H
#define WAVETRAIN_BATCH_H

#include <stdint.h>

#include "wavetrain/real.h"

typedef struct {
    int windows;
    int targets;       /* T: most targets in a window */
    int context;       /* R: the receptive field, in samples */
    int channels;      /* of `signal`; 0: the input is classes */
    int *target_count; /* [windows] */
    int32_t *classes;  /* [windows, T + R − 1], or NULL */
    wt_real *signal;   /* [windows, T + R − 1, channels], or NULL */
    int32_t *target;   /* [windows, T] class; −1: no target */
    wt_real *value;    /* [windows, T] where targets are values (their class is 0), or NULL */
} wt_batch;

enum { WT_NORMALIZED_MAX = 64 };

/* What real inputs are brought to: (x − mean)/deviation for each channel. A data set stores x less its `offset`. */
typedef struct {
    int channels; /* 0: as they are */
    double mean[WT_NORMALIZED_MAX], deviation[WT_NORMALIZED_MAX];
    double offset[WT_NORMALIZED_MAX]; /* of the data set that it was measured in, alone */
} wt_normalization;

/* Input rows that a window's slot holds. */
static inline int wt_batch_rows(const wt_batch *batch) {
    return batch->targets + batch->context - 1;
}

#endif
