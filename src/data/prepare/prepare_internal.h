/* What the files of prepare share with each other alone. */
#ifndef WAVETRAIN_PREPARE_INTERNAL_H
#define WAVETRAIN_PREPARE_INTERNAL_H

#include <stdio.h>

#include "class_list.h"
#include "data/prepare/prepare.h"
#include "wavetrain/data.h"

/* Where the format and the samples of a WAV file stand. */
typedef struct {
    bool found;   /* it is a WAV file */
    bool unsized; /* it does not say how many samples there are: all that follow */
    bool divided; /* there are several data chunks */
    int64_t format_at, format_bytes, samples_at, samples_bytes;
} wt_wav_layout;

/* Refuses a RIFF or RF64 WAV file that ends before its samples do, or has none. Other files pass. */
wt_status wt_wav_find(FILE *file, const char *path, wt_wav_layout *layout);

/* Refuses an Ogg file that is not whole: each page's checksum and number, and the end of each stream. Other
 * files pass. *end is where something else begins behind the last page, such as tags; 0: nothing does. */
wt_status wt_ogg_check(FILE *file, const char *path, int64_t *end);

/* A rate and a number of channels within bounds, or an error about `path`. */
wt_status wt_sound_check_format(const char *path, const wt_sound_format *format);

/* Frees what was loaded of an utterance. */
void wt_prepare_dispose_utterance(wt_utterance *utterance);

/* A plan of simulated utterances of `bytes` each: a tenth of them (at least one) is for testing, another for
 * validation. */
wt_status wt_simulated_plan(wt_prepare_plan *plan, size_t items, int64_t bytes, int64_t shard_bytes);

/* csv_reader.c: the records of a file, one after the other. Fields are valid until the next call; errors name
 * the line. */
typedef struct wt_csv wt_csv;
wt_status wt_csv_open(wt_csv **out, const char *path, char separator);
void wt_csv_close(wt_csv *csv); /* takes NULL */
/* To a record's beginning, by what wt_csv_offset and wt_csv_line said of it. */
wt_status wt_csv_seek(wt_csv *csv, int64_t offset, int64_t line);
wt_status wt_csv_next(wt_csv *csv, bool *found);
int wt_csv_count(const wt_csv *csv);
const char *wt_csv_field(const wt_csv *csv, int i);
int64_t wt_csv_line(const wt_csv *csv);
int64_t wt_csv_offset(const wt_csv *csv);
const char *wt_csv_path(const wt_csv *csv);

/* table_columns.c: the columns that a table's rows are read from. */
typedef struct {
    int least, most; /* fields of a row: the heading's without the empty ones at its end, and with them */
    int signals[WT_NORMALIZED_MAX], label, group; /* their places; group −1: none */
    wt_class_list *names;                         /* NULL: labels are numbers */
} wt_columns;
/* The place of a column, by its name in the heading, which was read last. */
wt_status wt_columns_find_one(int *place, const wt_csv *csv, const char *name);
/* The same of the first of the names that the heading has, in any case of letters; −1: of none. */
int wt_columns_find_any(const wt_csv *csv, const char *const *names);
/* The one that names files, else the first. */
wt_status wt_columns_find_file(int *place, const wt_csv *csv);
/* A tab, semicolon or comma, by the file's first line. */
wt_status wt_columns_guess_separator(char *separator, const char *path);
/* A number with that decimal mark; false: it is none. */
bool wt_columns_scan_number(const char *text, char mark, double *value);
/* Reads the heading. */
wt_status wt_columns_find(wt_columns *columns, wt_csv *csv, const wt_table_options *options);
/* The record that was read last, [signal_count] and a label: as many columns as the heading, numbers, a
 * fitting label. */
wt_status wt_columns_read(const wt_columns *columns, const wt_csv *csv, const wt_table_options *options,
                          double *signals, double *label);

/* recording_index.c: the order of two files by their base names without ending; and how much of the paths of
 * a file and a recording of that base name is alike at their ends (−1: their folders differ). `row`: the file
 * is a row's, and is compared but for the endings; else folders alone are. */
int wt_recording_compare_stems(const char *a, const char *b);
int64_t wt_recording_likeness(const char *file, const wt_recording *recording, bool row);

/* share_moments.c: fills plan->normalization, of a labelled set, from the training part, which all ranks
 * measure together. Collective. */
wt_status wt_prepare_share_normalization(wt_comm *comm, wt_prepare_plan *plan, wt_utterance_source source);
/* Fills the mean and deviation of plan->features, where there are any, in the same way. Collective. */
wt_status wt_prepare_share_features(wt_comm *comm, wt_prepare_plan *plan, wt_utterance_source source);

/* Rank 0's *bytes [*size], on all ranks (wt_free, also after a failure). Collective. */
wt_status wt_prepare_share_bytes(wt_comm *comm, char **bytes, size_t *size, const char *what);

/* align_job.c: finds (text "auto") or takes (a number) by how many samples each target lags, and keeps what
 * of each pair belongs together. Collective. */
wt_status wt_align_pairs(wt_comm *comm, const char *text, wt_recordings *list, wt_recordings *targets,
                         const wt_audio_options *options);

#endif
