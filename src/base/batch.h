/*
 * A batch: windows of a signal as the network takes them, filled by src/data, read
 * by src/engine. A plain value; wt_batch_create in data/batches.h makes one, tests fill their own.
 *
 * Window w has n = target_count[w] ≤ targets targets (0: an empty slot) and
 * n + context − 1 inputs, so the input rows context−1+i and before are what target i sees
 * (context is the network's receptive field). What is missing before an utterance's start is
 * padding in the input. With labels (wt_label_windows) input row context−1+i is the newest that
 * target i sees, and padding is also what is missing behind an utterance's end.
 */
#ifndef WAVETRAIN_BATCH_H
#define WAVETRAIN_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/base.h"

typedef enum { WT_INPUT_CLASS, WT_INPUT_REAL } wt_input_kind;

/*
 * How samples read frames of a condition, which are `hop` samples apart; frame 0's centre is at sample
 * `centre` of its recording (0 of frames that are centred, hop/2 of those that begin at i·hop). With the
 * place p = t − centre + shift, sample t has the frame f = ⌊p/hop⌋ of its own and reads frames from f − back
 * on:
 *   repeat    frame f alone; shift ⌊hop/2⌋, so that a frame is that of the samples around its centre
 *   linear    frames f and f + 1 by their distance from their centres; shift 0
 *   stretch   frames around f, as repeating and filtering make it; shift ⌊hop/2⌋
 * Target t and every row that belongs to it read c(t). Frames before the first and after the last are as
 * these are.
 */
typedef struct {
    int hop, back, shift;
} wt_framing;

static inline int64_t wt_batch_frame_of(const wt_framing *framing, int64_t sample, int centre, int *phase) {
    const int64_t place = sample - centre + framing->shift, hop = framing->hop;
    const int64_t frame = place >= 0 ? place / hop : -((hop - 1 - place) / hop);
    *phase = (int)(place - frame * hop);
    return frame;
}

/* Frame number `frame` among `count`, as one that there is. */
static inline int64_t wt_batch_frame_inside(int64_t frame, int64_t count) {
    return frame < 0 ? 0 : frame < count ? frame : count - 1;
}

typedef struct {
    int windows;
    int targets;       /* T: most targets in a window */
    int context;       /* R: the receptive field, in samples */
    int channels;      /* of `signal`; 0: the input is classes */
    int *target_count; /* [windows] */
    int32_t *classes;  /* [windows, T + R − 1], or NULL */
    wt_real *signal;   /* [windows, T + R − 1, channels], or NULL */
    int32_t *target;   /* [windows, T] class; −1: no target */
    wt_real *value;    /* [windows, T, values per target] where targets are values (then `target` has their
                        * edges' bits, below), or NULL */
    /* Where the network has a condition: the frames that a window reads, from those of the row that belongs
     * to sample start − context + 1 on, and that row's place in its own frame, from 0 to hop − 1. */
    int frames;         /* per window */
    int features;       /* numbers per frame */
    wt_real *condition; /* [windows, frames, features], or NULL */
    int *phase;         /* [windows], or NULL */
    int32_t *speaker;   /* [windows], or NULL */
    uint8_t *run; /* [windows, T]: whether it stands in a run of WT_RUN or more equal samples; or NULL */
} wt_batch;

/* Bits 2c and 2c + 1 of a row's target: value c is the lowest or the highest code, whose interval is open to
 * that side. */
enum {
    WT_EDGE_LOW = 1,
    WT_EDGE_HIGH = 2,
    WT_EDGE_CHANNELS = 15 /* values per row that a target has bits for */
};

enum { WT_RUN = 8 }; /* equal samples that are a run */

/* Input rows that a window's slot holds. */
static inline int wt_batch_rows(const wt_batch *batch) {
    return batch->targets + batch->context - 1;
}

#endif
