/*
 * Events as files that prepare audio --annotations reads back (data/prepare/annotations.h): CSV (file, start,
 * end, class, probability), Raven's selection table, or label tracks as Audacity has them, a file per
 * recording. Files and folders get their names when they are whole.
 */
#ifndef WAVETRAIN_ANNOTATION_WRITER_H
#define WAVETRAIN_ANNOTATION_WRITER_H

#include <stdbool.h>

#include "wavetrain/base.h"

typedef enum { WT_ANNOTATION_CSV, WT_ANNOTATION_AUDACITY, WT_ANNOTATION_RAVEN } wt_annotation_format;

/* "csv" (NULL), "audacity" or "raven". */
wt_status wt_annotation_writer_parse(wt_annotation_format *format, const char *text);

typedef struct {
    double start, end; /* seconds of the recording */
    const char *class;
    double probability;
} wt_written_event;

typedef struct wt_annotation_writer wt_annotation_writer;

/* `path` must be free: a file, or with `several` recordings and Audacity's format a folder, which is made. */
wt_status wt_annotation_writer_open(wt_annotation_writer **out, const char *path, wt_annotation_format format,
                                    bool several);
/* The events that follow are of this recording, whose rate and name these are; ended by a call with its
 * length in seconds. */
wt_status wt_annotation_writer_begin(wt_annotation_writer *writer, const char *id, int rate);
wt_status wt_annotation_writer_add(wt_annotation_writer *writer, const wt_written_event *event);
wt_status wt_annotation_writer_end(wt_annotation_writer *writer, double length);
/* Puts the file in place, or after a failure (`status`, which it then returns) removes it. Takes NULL. */
wt_status wt_annotation_writer_close(wt_annotation_writer *writer, wt_status status);

#endif
