/* A checkpoint's network as files of other programs. */
#ifndef WAVETRAIN_EXPORTS_H
#define WAVETRAIN_EXPORTS_H

#include <stdbool.h>

#include "wavetrain/train.h"

typedef struct {
    const char *source;     /* a checkpoint, a run, or another file that is read as a checkpoint */
    const char *checkpoint; /* which one of a run: wt_checkpoint_choose */
    bool raw;               /* of a run with ema.decay, the parameters of the last step */
    bool step;              /* of ONNX: a sample at a time, and what that begins with in a second file */
    const char *out;        /* must be free */
} wt_export_job;

typedef struct wt_export_format wt_export_format;

/* NULL: there is none of that name. */
const wt_export_format *wt_train_find_export(const char *name);
/* What the format's files end with, as ".safetensors". */
const char *wt_train_export_ending(const wt_export_format *format);
/* Writes the file, and what belongs to it; logs the names. Not collective. */
wt_status wt_train_export(const wt_export_job *job, const wt_export_format *format);

#endif
