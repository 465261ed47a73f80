/*
 * Annotations: events of recordings with their classes, as other programs write them.
 *
 * - Tables between commas, semicolons or tabs, with a heading that has a start, an end and a class (start,
 *   onset or begin …, in seconds), and a file where they are of several recordings.
 * - Audacity's label tracks: START, END and CLASS between tabs; lines that begin with \ are frequencies.
 * - Raven's selection tables: between tabs; a selection has a row per view; Begin File and File Offset (s)
 *   where a table is of several files; Channel is counted from 1.
 *
 * Decimal marks are points or commas. Files without a column for the recording are of the one that has their
 * base name.
 */
#ifndef WAVETRAIN_ANNOTATIONS_H
#define WAVETRAIN_ANNOTATIONS_H

#include "class_list.h"
#include "data/prepare/labelling.h"

typedef struct {
    wt_event event;
    size_t recording;
    int file; /* number of its annotation file, for its path */
} wt_annotated;

typedef struct {
    wt_class_list classes;
    int count, files;
    wt_annotated *list; /* [count] */
    char **paths;       /* [files] */
} wt_annotations;

/* Reads all of them, in seconds, with the classes' numbers as they were met. Warns of rows of other
 * recordings, of events that end behind their recording (which are cut) and of points. Errors name file and
 * line. Dispose also after a failure. */
wt_status wt_annotations_read(wt_annotations *annotations, const wt_recordings *recordings,
                              const wt_label_options *options, int channel);
void wt_annotations_dispose(wt_annotations *annotations);

/* --- recordings by the names of their files --- */

typedef struct wt_recording_index wt_recording_index;
wt_status wt_recording_index_create(wt_recording_index **out, const wt_recordings *recordings);
void wt_recording_index_destroy(wt_recording_index *index); /* takes NULL */
/* The recording whose file is `file`, with or without folders and ending (`prefix`: or whose base name is
 * followed by a point and more); −1: none. WT_USAGE: there are two, `where` begins the message. */
wt_status wt_recording_index_find(int64_t *number, const wt_recording_index *index, const char *file,
                                  bool prefix, const char *where);

#endif
