/*
 * How data sets are made: recordings, tables, texts and simulated signals into shards (layout: data.h). Any
 * process can write any shard of a plan, and the bytes are the same; the last part has what all ranks do
 * together.
 */
#ifndef WAVETRAIN_PREPARE_H
#define WAVETRAIN_PREPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "data/prepare/mel.h"
#include "data/prepare/recordings.h"
#include "data/prepare/sound.h"
#include "data/prepare/splits.h"
#include "wavetrain/base.h"
#include "wavetrain/comm.h"
#include "wavetrain/data.h"

/* --- the plan of shards --- */

typedef struct {
    wt_split split;
    int number, of;      /* this one of its split, and how many the split has */
    size_t first, count; /* items order[first] … order[first + count − 1] of the plan */
} wt_planned_shard;

struct wt_labelling;

/* Which utterance goes into which shard: decided before any is decoded, the same on every rank. */
typedef struct {
    int sample_rate, channels;
    wt_shard_store store;
    size_t items;
    size_t *order; /* [items] the items' numbers, split after split, in their own order */
    size_t shard_count;
    wt_planned_shard *shards; /* [shard_count] */
    int64_t utterances[WT_SPLITS];
    const char *kind;                /* NULL: "audio" */
    const char *remedy;              /* what gives other parts, for warnings */
    const wt_vocabulary *vocabulary; /* of text; else NULL */
    bool masked;                     /* utterances come with a mask */
    bool labelled;
    int classes; /* 0: labels are values */
    wt_normalization normalization;
    wt_features features;               /* that utterances come with; count 0: none */
    const wt_recording_names *speakers; /* of the items; NULL: unknown */
    wt_class_names class_names;         /* "": none */
} wt_prepare_plan;

/* Fills shards in order up to `shard_bytes`; an item that alone is larger has a shard of its own. The rate,
 * channels and store are the caller's to set. */
wt_status wt_prepare_plan_init(wt_prepare_plan *plan, const wt_split *splits, const int64_t *bytes,
                               size_t items, int64_t shard_bytes);
void wt_prepare_plan_dispose(wt_prepare_plan *plan);

/* --- writing the planned shards --- */

typedef struct {
    char id[WT_PATH_MAX];
    char group[WT_CLASS_TEXT]; /* "": none */
    float *samples;            /* [count, channels]; wt_free */
    float *labels;             /* [count], of a labelled set; wt_free */
    int64_t count;
    bool *mask;      /* [count] targets of the split, of a masked plan; wt_free */
    int64_t removed; /* frames trimmed away, and those of them before the first that stays */
    int64_t before;
    bool silent;   /* nothing but zeros */
    bool still;    /* its labels, which are values, never change */
    float *frames; /* [frame_count, numbers], where the plan has features; wt_free */
    int64_t frame_count;
} wt_utterance;

/* Where utterances come from. `done` (may be NULL) is called after each. */
typedef struct {
    wt_status (*load)(const void *context, size_t item, wt_utterance *utterance);
    const void *context;
    void (*done)(void *progress);
    void *progress;
} wt_utterance_source;

enum { WT_COUNTED_CLASSES = 4096 };

/* Counts for the report. Nothing but int64_t, so that ranks can add them as an array. */
typedef struct {
    int64_t utterances[WT_SPLITS], frames[WT_SPLITS], shards[WT_SPLITS];
    int64_t targets[WT_SPLITS];                     /* frames that are targets of their split */
    int64_t removed;                                /* frames */
    int64_t clipped;                                /* samples beyond ±1, int16 only */
    int64_t silent, still;                          /* utterances */
    int64_t classes[WT_SPLITS][WT_COUNTED_CLASSES]; /* targets of each, where there are no more classes */
} wt_prepare_tally;

/* Classes whose targets are counted: of labels, or symbols; 0: none, or too many. */
int wt_prepare_classes(const wt_prepare_plan *plan);
/* Warns of classes that a part lacks (of symbols: that training lacks), and says what to do about it. */
void wt_prepare_warn_of_classes(const wt_prepare_plan *plan, const wt_prepare_tally *tally,
                                const char *dataset);

/* Writes shard number `shard` of the plan into `folder`; on failure its file is removed. */
wt_status wt_prepare_shard(const wt_prepare_plan *plan, size_t shard, const char *folder,
                           const wt_utterance_source *source, wt_prepare_tally *tally);

/* --- normalisation --- */

/* Mean and squared deviations of an utterance's samples, a channel each. */
typedef struct {
    int64_t count;
    double mean[WT_NORMALIZED_MAX], squares[WT_NORMALIZED_MAX];
} wt_moments;

/* Of one item of the plan. */
wt_status wt_prepare_measure(const wt_prepare_plan *plan, size_t item, const wt_utterance_source *source,
                             wt_moments *moments);

/* The same of an item's frames; numbers per frame. */
typedef struct {
    int64_t count;
    double mean[WT_FEATURES_MAX], squares[WT_FEATURES_MAX];
} wt_frame_moments;
wt_status wt_prepare_measure_frames(const wt_prepare_plan *plan, size_t item,
                                    const wt_utterance_source *source, wt_frame_moments *moments);
void wt_moments_add_frame(wt_frame_moments *total, const wt_frame_moments *other, int count);
/* A number that never changes has deviation 1. */
void wt_moments_finish_frames(wt_features *features, const wt_frame_moments *moments);
/* total ← total and other, in one (Chan, Golub & LeVeque 1983). Rounding depends on the order: add items in
 * theirs. */
void wt_moments_add(wt_moments *total, const wt_moments *other, int channels);
/*
 * A channel that never changes has deviation 1. The offsets of *normalization stay, and belong to the means.
 */
void wt_moments_finish(wt_normalization *normalization, const wt_moments *moments, int channels);

/* --- recordings --- */

enum { WT_CHANNELS_MIX = 0, WT_CHANNELS_KEEP = -1 };

typedef struct {
    int rate;     /* 0: the recordings' own */
    int channels; /* WT_CHANNELS_MIX, WT_CHANNELS_KEEP, or the number of the only one to take, from 1 */
    double trim;  /* decibels below the recording's peak; 0: no trimming */
    wt_split_rule split; /* of recordings */
    int64_t shard_bytes;
    wt_shard_store store;
    bool align;      /* pairs may differ in length: wt_align_shift makes them alike */
    const char *mel; /* wt_mel_parse; NULL: no features, or such as are not mel spectra */
    /* Features that are there already, of the recordings as they are; `mel` says how they were made, or only
     * `hop`, how many samples frames are apart. NULL: none. (feature_folder.h) */
    const char *features;
    const char *layout; /* "TD", "DT" or NULL */
    int hop;
    wt_mel spectrum;                 /* made by wt_audio_features */
    struct wt_feature_folder *given; /* the same */
} wt_audio_options;

/* Of a recording and what was made of it. */
typedef struct {
    int64_t delay;    /* samples by which the latter lags: align.h */
    int64_t standard; /* 1: the former has the standard layout */
} wt_pair;
/* Reads both; warns of what spoils them: clipping, and takes of the standard layout that differ. `given` is
 * the delay, or NULL: it is to be found. */
wt_status wt_align_examine(wt_pair *pair, const wt_recording *dry, const wt_recording *wet,
                           const wt_audio_options *options, const int64_t *given);
/* Keeps what of each is of the other. */
wt_status wt_align_shift(const wt_pair *pair, wt_recording *dry, wt_recording *wet);

/* From "mix" (also NULL), "keep" or a number from 1; errors name --channels. */
wt_status wt_audio_parse_channels(int *channels, const char *text);
/* Parses options->mel for the recordings' rate, and finds and checks options->features, which the caller
 * closes (wt_feature_folder_close). Needs the formats. */
wt_status wt_audio_features(wt_audio_options *options, const wt_recordings *recordings);

/* Needs the formats. Unlike rates (without options->rate) or channels are errors that name two files. */
wt_status wt_audio_plan(wt_prepare_plan *plan, const wt_recordings *recordings,
                        const wt_audio_options *options);

/* Refuses recordings and targets that don't belong together in pairs of one name, length and rate, but for a
 * single pair's names. Needs the formats. */
wt_status wt_audio_pair(const wt_recordings *recordings, const wt_recordings *targets,
                        const wt_audio_options *options);

typedef struct {
    const wt_recordings *recordings;
    const wt_recordings *targets;      /* what each becomes, a label for each sample; NULL: no labels */
    const struct wt_labelling *labels; /* NULL: none */
    const wt_audio_options *options;
    const wt_prepare_plan *plan;
} wt_audio_context;

/* wt_utterance_source.load for a wt_audio_context: decode, choose channels, resample, trim. */
wt_status wt_audio_load(const void *context, size_t item, wt_utterance *utterance);

/*
 * Trimming: in frames of 10 ms, those at either end whose largest absolute value is more than `decibels`
 * below the recording's. The loudest frame always stays; a recording of nothing but zeros stays whole.
 * Gives the range kept.
 */
void wt_trim(const float *samples, int64_t frames, int channels, int rate, double decibels, int64_t *first,
             int64_t *kept);

/* --- tables --- */

/* Columns by the names in the heading. */
typedef struct {
    const char *const *signals;
    int signal_count; /* 1 … WT_NORMALIZED_MAX */
    const char *label;
    const char *group; /* NULL: none */
    char separator;
    char decimal;        /* mark of numbers: . or , */
    bool values;         /* labels are values, not classes */
    int classes;         /* 0: as many as the largest label asks for */
    const char *names;   /* labels are names: "names", those that are met; or "a,b,c"; NULL: numbers */
    int rate;            /* rows a second */
    wt_split_rule split; /* of groups; without any, of files by name and of blocks by shares */
    int64_t shard_bytes;
    int64_t gap; /* rows left out where parts of different splits meet */
    int blocks;  /* that all rows together are cut into, about */
} wt_table_options;

/* Sets options->separator and ->decimal. NULL: a point, and a comma between columns, or a semicolon where the
 * decimal mark is a comma. `separator` is one character or "tab". Errors name the options. */
/* Sets options->classes or ->names: a number (NULL: none), or names. */
wt_status wt_table_parse_classes(wt_table_options *options, const char *text);
wt_status wt_table_parse_marks(wt_table_options *options, const char *separator, const char *decimal);

/*
 * A table's rows as utterances. With groups: runs of rows with the same group, whose split is its own
 * (splits.h). Else a file that is named is of one part, the others are cut into equal blocks, keyed draws
 * decide which are for validation and testing (wt_split_pieces says how many), neighbours of one split become
 * one utterance, and where splits meet `gap` rows are left out. Long ones are cut. The id is FILE:LINE.
 * Samples are floats. A signal whose mean is large compared with its deviation is kept less that mean (the
 * plan's normalization.offset), which is subtracted in double: rounded as it is, it would lose what it says.
 */
typedef struct wt_table wt_table;

/* Reads and checks every row of the files. Errors name file, line and column. The arguments must outlive the
 * table. */
wt_status wt_table_scan(wt_table **out, const char *const *files, size_t count,
                        const wt_table_options *options);
/*
 * What was found, as one block of bytes (wt_free), and back: for other ranks, which need not read everything.
 */
wt_status wt_table_pack(char **bytes, size_t *size, const wt_table *table);
wt_status wt_table_unpack(wt_table **out, const char *const *files, size_t count,
                          const wt_table_options *options, const char *bytes, size_t size);
void wt_table_destroy(wt_table *table); /* takes NULL */

int64_t wt_table_rows(const wt_table *table);
/* Rows left out between parts. */
int64_t wt_table_left_out(const wt_table *table);
/* Warns of columns that say nothing, or less than they seem to. */
void wt_table_warn(const wt_table *table);
wt_status wt_table_plan(wt_prepare_plan *plan, const wt_table *table);
/* wt_utterance_source.load for a wt_table. */
wt_status wt_table_load(const void *table, size_t item, wt_utterance *utterance);
/* --- text --- */

enum {
    WT_CHARACTER_RANGES = 256,
    WT_DROPPED_SHOWN = 8,
    WT_TEXT_BYTES_MAX = 1 << 30, /* of a file */
};

/* Code points in ranges; no range: every one. */
typedef struct {
    int count;
    struct {
        uint32_t first, last;
    } ranges[WT_CHARACTER_RANGES];
} wt_characters;

/* "a-z' \n": characters and ranges of them; \n, \t, \\, \- and \uXXXX stand for what they do elsewhere.
 * `option` begins the message of an error. */
wt_status wt_characters_parse(wt_characters *characters, const char *option, const char *pattern);
bool wt_characters_have(const wt_characters *characters, uint32_t code);

/* The small letter of a capital one, code point to code point, by a table of our own (Latin, Greek, Cyrillic,
 * Armenian): the same on every machine, whatever its locale. */
uint32_t wt_characters_lower(uint32_t code);

typedef struct {
    bool lines;      /* each line is an item; else each file is running text */
    bool by_example; /* of lines: each character, not each line, falls into a split */
    bool lower;
    wt_characters keep;
    wt_split_rule split; /* by name of files, by shares of what the others hold */
    int64_t shard_bytes;
} wt_text_options;

typedef struct {
    const char *path; /* the caller's */
    bool assigned;    /* the whole file to `split` */
    wt_split split;
    char *bytes; /* [size], the caller's */
    size_t size;
} wt_text_file;

/* A line, or a contiguous part of a running text. */
typedef struct {
    size_t first; /* byte of its file */
    uint32_t bytes;
    uint32_t characters; /* kept */
    int file;
    int64_t line; /* from 1 */
} wt_text_item;

/* One utterance to write. */
typedef struct {
    uint32_t item;
    wt_split split;
} wt_text_entry;

typedef struct {
    const wt_text_options *options;
    const wt_text_file *files;
    int file_count;
    wt_text_item *items;
    size_t count;
    wt_text_entry *entries; /* an item has several where it is split by example */
    size_t entry_count;
    wt_vocabulary vocabulary;     /* of all splits */
    int64_t kept, dropped, empty; /* characters, characters, lines */
    int dropped_kinds;
    struct {
        uint32_t code;
        int64_t count;
    } most_dropped[WT_DROPPED_SHOWN]; /* descending */
} wt_text;

/*
 * Texts into items: checked as UTF-8 (an error names file, line and column), made small and sieved as the
 * options say. Lines end with \n, \r\n or \r, which running text takes for \n; a byte order mark is passed
 * over; lines of which nothing is kept are left out. Lines are split by a hash of what they hold, so that
 * adding some moves none and equal ones stay together; running text into contiguous parts, for training,
 * validation, test, in this order. Options and files must outlive the text. Dispose also after a failure.
 */
wt_status wt_text_read(wt_text *text, const wt_text_file *files, int count, const wt_text_options *options);
void wt_text_dispose(wt_text *text);
wt_status wt_text_plan(wt_prepare_plan *plan, const wt_text *text);
/* wt_utterance_source.load for a wt_text: entry number `item`, as classes. */
wt_status wt_text_load(const void *context, size_t item, wt_utterance *utterance);

/* --- simulated signals --- */

/* amplitude·sin(2π(frequency·n/rate + φ)) + noise·N(0,1), φ drawn for each utterance. */
typedef struct {
    double frequency, amplitude, noise;
    int rate;
    int64_t frames; /* of an utterance */
    int64_t utterances;
    uint64_t seed;
} wt_sine;

/* Checks the ranges. A tenth of the utterances (at least one) goes to validation, another to test. */
wt_status wt_sine_plan(wt_prepare_plan *plan, const wt_sine *sine, int64_t shard_bytes);
/* wt_utterance_source.load for a wt_sine. */
wt_status wt_sine_load(const void *context, size_t item, wt_utterance *utterance);

enum { WT_ECG_CHANNELS = 3 };

/*
 * A heart's rhythm, x[t] = f(x[t−1], x[t−2]) + σ_c·ε. The first two channels turn about a limit cycle of
 * radius 1, once per beat; the third is an electrocardiogram's lead: the waves of a beat at the phase of the
 * first two, with an echo of its own past. So all of the state is observed, and no network can predict better
 * than f. The label of a sample is 1 where a beat begins, else 0.
 */
typedef struct {
    double beats;                  /* per second */
    double noise[WT_ECG_CHANNELS]; /* σ_c */
    int rate;
    int64_t frames; /* of an utterance */
    int64_t utterances;
    uint64_t seed;
} wt_ecg;

/* Checks the ranges. Splits as of a tone. */
wt_status wt_ecg_plan(wt_prepare_plan *plan, const wt_ecg *ecg, int64_t shard_bytes);
/* wt_utterance_source.load for a wt_ecg. */
wt_status wt_ecg_load(const void *ecg, size_t item, wt_utterance *utterance);
/* f: the mean of a sample after the samples `before` and `last`. */
void wt_ecg_mean(const wt_ecg *ecg, const double before[WT_ECG_CHANNELS], const double last[WT_ECG_CHANNELS],
                 double mean[WT_ECG_CHANNELS]);
/* The expected −ln p per value of the model itself: ½·ln(2πe·σ_c²), the mean over channels. */
double wt_ecg_nats(const wt_ecg *ecg);

/* --- the folder while it is written --- */

/* DATASET.partial-…, in the same folder as DATASET. One process creates, commits or removes it; others may
 * write into `path`. */
typedef struct {
    char path[WT_PATH_MAX];
    char final[WT_PATH_MAX];
    int parents_made; /* parents of DATASET that did not exist before */
} wt_partial_folder;

/* Refuses a DATASET that exists, and an input that is DATASET or lies in it. */
wt_status wt_partial_check(const char *dataset, const char *const *inputs, size_t count);
wt_status wt_partial_create(wt_partial_folder *folder, const char *dataset);
/* Renames it to DATASET; refuses if that exists by now. */
wt_status wt_partial_commit(const wt_partial_folder *folder);
/* Removes it, and the parents that wt_partial_create made. Keeps the thread's error message. */
void wt_partial_remove(const wt_partial_folder *folder);

/*
 * The current through several identical, independent ion channels, as a patch clamp records it. Each is a
 * Markov process of two states in continuous time, in equilibrium at the start; the label of a sample is how
 * many are open.
 *   x = amplitude·open + noise·N(0, 1) + hum·sin(2π·50·t + φ) + drift,
 * where the drift is a sum of slow waves with periods of 1 to 20 seconds; φ and the waves are drawn for each
 * utterance.
 */
typedef struct {
    int count;               /* channels, 1 … WT_ION_CHANNELS_MAX */
    double opening, closing; /* times a second that a closed, an open one changes */
    double amplitude, noise, hum;
    double drift; /* root of its mean square over all utterances */
    int rate;
    int64_t frames; /* of an utterance */
    int64_t utterances;
    uint64_t seed;
} wt_ion;

enum { WT_ION_CHANNELS_MAX = 64 };

/* Checks the ranges. Splits as of a tone. */
wt_status wt_ion_plan(wt_prepare_plan *plan, const wt_ion *ion, int64_t shard_bytes);
/* wt_utterance_source.load for a wt_ion. */
wt_status wt_ion_load(const void *ion, size_t item, wt_utterance *utterance);
/* That a closed channel is open one sample later, and an open one closed. */
void wt_ion_transitions(const wt_ion *ion, double *opens, double *closes);
/* Hum and drift at a sample of an utterance: what `load` added to the current and its noise. */
double wt_ion_baseline(const wt_ion *ion, size_t item, int64_t sample);
/* All utterances, one after the other, as a table with the columns time,signal,open_channels. The file must
 * not exist. */
wt_status wt_ion_write_table(const char *path, const wt_ion *ion);

/* --- a whole data set, by all ranks --- */

/* Where it goes. */
typedef struct {
    const char *out;   /* the folder, which must not exist */
    double trim_limit; /* max share of the recordings that may be trimmed away */
    /* May be NULL: called after each of this rank's utterances. */
    void (*progress)(void *context, int64_t done, int64_t total);
    void *context;
} wt_prepare_output;

/* What was made. Dispose also after a failure, before what the plan was made from. */
typedef struct {
    wt_prepare_plan plan;
    wt_prepare_tally tally;               /* of all ranks */
    char digest[WT_SPLITS][WT_HASH_TEXT]; /* on rank 0; "": the split has no shards */
} wt_prepared;

void wt_prepared_dispose(wt_prepared *prepared);
int64_t wt_prepared_frames(const wt_prepared *prepared); /* of all splits */
/* The share of the recordings that was trimmed away. */
double wt_prepared_removed(const wt_prepared *prepared);

/* To standard output, unless the log is quiet: parts, labels, speakers and features. */
void wt_prepared_print(const wt_prepared *prepared, const char *name, double seconds);
/* Classes of each part, and warnings of what a part lacks. */
void wt_prepared_print_classes(const wt_prepared *prepared, const char *dataset);
/* Of sound; `list` may be NULL: what was trimmed, is beyond full scale, silent, constant or was passed
 * over. */
void wt_prepared_print_details(const wt_prepared *prepared, bool trimmed, const wt_recordings *list);

/* Writes prepared->plan, which is the same on all ranks: measures the training part of a labelled set and of
 * features, writes the shards, and puts the folder in its place when all is well. Bytes do not depend on the
 * number of ranks. After a failure there is no folder. Collective, as all that follows. */
wt_status wt_prepare_write(wt_comm *comm, const wt_prepare_output *output, wt_utterance_source source,
                           wt_prepared *prepared);
/* The same of a signal that is computed; `planned` is how making the plan went on this rank. */
wt_status wt_prepare_write_simulated(wt_comm *comm, const wt_prepare_output *output, wt_status planned,
                                     wt_utterance_source source, wt_prepared *prepared);

typedef struct {
    const char *const *inputs; /* files and folders */
    size_t input_count;
    const char *target;  /* what the one input becomes, a file or a folder; NULL: no labels */
    const char *align;   /* by how many samples targets lag: "auto", or a number; NULL: they don't */
    const char *speaker; /* wt_name_rule.how; NULL: unknown */
    const struct wt_label_options *label; /* labelling.h */
    const char *group;                    /* wt_name_rule.how; NULL: none */
    bool skip_damaged;                    /* leave out files that are damaged or no sound, and list them */
    wt_audio_options audio;               /* `align`, `spectrum` and `given` are filled */
} wt_audio_job;

typedef struct {
    wt_recordings recordings;
    wt_recording_names speakers, groups;
    struct wt_labelling *labels; /* labelling.h; NULL: none */
} wt_audio_set;

/* Dispose of the set also after a failure. */
wt_status wt_audio_prepare(wt_comm *comm, const wt_prepare_output *output, wt_audio_job *job,
                           wt_audio_set *set, wt_prepared *prepared);
void wt_audio_set_dispose(wt_audio_set *set);

typedef struct {
    const char *const *files;
    size_t count;
    wt_table_options options;
} wt_table_job;

/* *table is destroyed by the caller, also after a failure. */
wt_status wt_table_prepare(wt_comm *comm, const wt_prepare_output *output, const wt_table_job *job,
                           wt_table **table, wt_prepared *prepared);

typedef struct {
    wt_text_file *files; /* [count] whose bytes are read */
    int count;
    wt_text_options options;
} wt_text_job;

/* Dispose of the text also after a failure. */
wt_status wt_text_prepare(wt_comm *comm, const wt_prepare_output *output, const wt_text_job *job,
                          wt_text *text, wt_prepared *prepared);
/* Lists the inputs, of which the job's rule may name some for its splits, by name or path; without inputs the
 * files that it names. Not collective. */
wt_status wt_text_files_list(wt_text_job *job, const char *const *inputs, int count);
/* A list made with wt_alloc, and the bytes that wt_text_prepare has read. */
void wt_text_files_free(wt_text_file *files, int count);

#endif
