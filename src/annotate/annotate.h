/*
 * What a network of labels says of recordings: their classes, or events in them, as files of annotations.
 * Recordings are read, resampled and computed piece by piece, so the memory does not grow with their length.
 */
#ifndef WAVETRAIN_ANNOTATE_H
#define WAVETRAIN_ANNOTATE_H

#include "annotate/annotation_writer.h"
#include "wavetrain/checkpoint.h"

typedef struct {
    const char *const *inputs; /* files and folders */
    size_t count;
    const char *out;
    wt_annotation_format format;
    double threshold; /* a sample whose class is less probable is no event */
    double shortest;  /* seconds: shorter events are none, shorter gaps do not part them */
    bool raw;         /* of a run with ema.decay, the parameters of the last step */
} wt_annotate_job;

/* By one process. Logs what was made. WT_USAGE: the network predicts no class per sample of sound. */
wt_status wt_annotate(wt_checkpoint *checkpoint, const wt_annotate_job *job);

#endif
