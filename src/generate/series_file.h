/* The file of a series, written as it comes: sound as WAV, a table's columns as CSV. */
#ifndef WAVETRAIN_SERIES_FILE_H
#define WAVETRAIN_SERIES_FILE_H

#include "wavetrain/data.h"

typedef struct {
    int rate, channels;
    int64_t samples;                     /* promised; −1: without end */
    bool raw;                            /* sound without a header */
    bool table;                          /* not sound */
    const wt_normalization *table_units; /* what a table's samples were normalised by */
    int64_t first;                       /* samples before the file's, from which a table's time goes on */
} wt_series_format;

typedef struct wt_series_file wt_series_file;

/* `path` "-" is standard output. The format must outlive the file. */
wt_status wt_series_file_open(wt_series_file **out, const char *path, const wt_series_format *format);
/* samples [count, channels], in the network's units */
wt_status wt_series_file_add(wt_series_file *file, const float *samples, int count);
/* As wt_sound_writer_close (sound.h). Takes NULL. */
wt_status wt_series_file_close(wt_series_file *file, const char *name, wt_status status);

/* Value `c` of a sample in the units of the table. */
double wt_series_in_units(const wt_series_format *format, const float *x, int c);

#endif
