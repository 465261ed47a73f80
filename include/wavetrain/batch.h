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

#include <stdbool.h>
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
    wt_real
        *value;   /* [windows, T, values per target] where targets are values (then `target` has their edges'
                        * bits, kernels.h), or NULL */
    uint8_t *run; /* [windows, T]: whether it stands in a run of WT_RUN or more equal samples; or NULL */
} wt_batch;

/* What a sample of 16 bits may be: the codes of sound. */
enum { WT_SAMPLE_CODES = 65536 };

/* Bits 2c and 2c + 1 of a row's target: value c is the lowest or the highest code, whose interval is open to that
 * side. */
enum {
    WT_EDGE_LOW = 1,
    WT_EDGE_HIGH = 2,
    WT_EDGE_CHANNELS = 15 /* values per row that a target has bits for */
};

enum {
    WT_NORMALIZED_MAX = 64,
    WT_RUN = 8 /* equal samples that are a run */
};

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
