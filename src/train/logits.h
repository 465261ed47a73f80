/* What a network makes of each target, as a file: to compare another program's outputs with. */
#ifndef WAVETRAIN_LOGITS_H
#define WAVETRAIN_LOGITS_H

#include "h5/h5.h"
#include "wavetrain/data.h"

typedef struct {
    int64_t rows; /* targets */
    int outputs;  /* numbers per target */
    int inputs;   /* samples that a target is written with: the newest that it sees, with a look-ahead its
                   * own; of a window with one target, all of them */
    int channels; /* of a real input; 0: classes */
} wt_logits_shape;

typedef struct {
    int64_t utterance, sample;
    const int32_t *classes; /* [inputs], or */
    const float *signal;    /* [inputs, channels] */
    const float *logits;    /* [outputs] */
} wt_logits_row;

/* HDF5: logits (float [rows, outputs]), input (int32 [rows], or float [rows, channels]; with several inputs
 * per row as a dimension in between), utterance and sample (int64 [rows]), ids (texts). */
typedef struct wt_logits wt_logits;

wt_status wt_logits_create(wt_logits **out, const char *path, const wt_logits_shape *shape);
wt_status wt_logits_add(wt_logits *logits, const wt_logits_row *row);
/* Puts the file in place, or after a failure (`status`, which it then returns) removes it. Takes NULL. */
wt_status wt_logits_finish(wt_logits *logits, wt_dataset *dataset, wt_status status);

/* The names of a data set's utterances as the array `ids`. */
wt_status wt_predictions_write_ids(wt_h5 *file, wt_dataset *dataset);

#endif
