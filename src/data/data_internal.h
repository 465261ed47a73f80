/* Shared by the files of src/data. */
#ifndef WAVETRAIN_DATA_INTERNAL_H
#define WAVETRAIN_DATA_INTERNAL_H

#include "data/batches.h"
#include "data/windows.h"
#include "h5/h5.h"
#include "wavetrain/data.h"

/* --- the format of shards, for the writer and the reader --- */

#define WT_SHARD_FORMAT "wavetrain-shard"
#define WT_SHARD_KIND_AUDIO "audio"
#define WT_SHARD_KIND_TEXT "text"
#define WT_SHARD_KIND_TABLE "table"
#define WT_SHARD_MEAN "normalization/mean"
#define WT_SHARD_DEVIATION "normalization/deviation"
#define WT_SHARD_OFFSET "normalization/offset" /* absent: 0 */
enum {
    WT_SHARD_VERSION = 3,        /* with features */
    WT_SHARD_VERSION_HASHED = 2, /* from here on there is the attribute hash */
    WT_SHARD_VERSION_OLDEST = 1, /* that is read */
    WT_SHARDS_MAX = 100000,      /* of a split: five digits in the name */
    WT_SHARD_PIECE = 65536,      /* samples in a storage chunk, and in a piece that the digest hashes */
};

/* Data sets with a value per sample. They are long: each chunk has a checksum, and all are under the digest;
 * all else in a shard is under the attribute WT_SHARD_HASH. */
#define WT_SHARD_SAMPLES "x"
#define WT_SHARD_LABELS "y"
#define WT_SHARD_MASK "mask"
#define WT_SHARD_FRAMES "features/x" /* long, too */
#define WT_SHARD_FRAMES_END "features/end"
#define WT_SHARD_FRAMES_MEAN "features/mean"
#define WT_SHARD_FRAMES_DEVIATION "features/deviation"
#define WT_SHARD_SPEAKERS "speakers"
#define WT_SHARD_CLASS_NAMES "class_names"
#define WT_SHARD_GROUPS "utterances/group"
#define WT_SHARD_HASH "hash"
wt_status wt_shard_hash(wt_hash *hash, wt_h5 *file);

/* FOLDER/SPLIT-NNNNN.h5 */
wt_status wt_shard_path(char out[WT_PATH_MAX], const char *folder, const char *split, int shard);

static inline size_t wt_shard_store_bytes(wt_shard_store store) {
    return store == WT_STORE_INT16 ? sizeof(int16_t) : sizeof(float);
}

static inline wt_h5_type wt_shard_store_type(wt_shard_store store) {
    return store == WT_STORE_INT16 ? WT_H5_INT16 : WT_H5_FLOAT;
}

/* --- features of a shard that is written --- */

typedef struct {
    const wt_features *kind; /* NULL: none */
    float *frames;           /* [total, count] */
    int64_t *ends;           /* [utterances] */
    int64_t total, room;
    int utterances;
} wt_shard_features;

wt_status wt_shard_features_add(wt_shard_features *features, const char *id, const float *frames,
                                int64_t count);
wt_hash wt_shard_features_fold(const wt_shard_features *features, wt_hash hash);
wt_status wt_shard_features_write(const wt_shard_features *features, wt_h5 *file);
void wt_shard_features_dispose(wt_shard_features *features);

/* --- samples as they are stored --- */

/* How the samples of a data set are stored: float if any shard's are. */
wt_shard_store wt_dataset_store(const wt_dataset *dataset);

/* The file that an utterance stands in. */
const char *wt_dataset_shard_path(const wt_dataset *dataset, int64_t utterance);

/* Samples first … first+count−1 of an utterance in the type of wt_dataset_store, [count, channels], in *raw:
 * either inside the data set, or read into `scratch`, which must hold them. */
wt_status wt_dataset_raw(wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count, void *scratch,
                         const void **raw);

/* Targets of a whole window. */
int wt_windows_span(const wt_windows *windows);
/* NULL: the targets are the next samples. */
const wt_label_windows *wt_windows_labels(const wt_windows *windows);

/* --- samples as classes --- */

/* Quantises what it reads; int16 by a table made once, for a logarithm a sample costs more than reading
 * it. */
typedef struct {
    wt_dataset *dataset;
    wt_quantization quantization;
    int32_t *table; /* [65536] class of each int16, from −32768 on; NULL for float */
    void *scratch;  /* [capacity] as stored */
    int64_t capacity;
} wt_class_reader;

/* For one channel and at most `capacity` samples at a time. Dispose also after a failure. */
wt_status wt_class_reader_init(wt_class_reader *reader, wt_dataset *dataset, wt_quantization quantization,
                               int64_t capacity);
void wt_class_reader_dispose(wt_class_reader *reader);
wt_status wt_class_reader_read(wt_class_reader *reader, int64_t utterance, int64_t first, int64_t count,
                               int32_t *classes);

/* --- filling a batch --- */

/* What fills batches, one at a time: the loader's thread has one. Of labels it has the first two fields, and
 * of class inputs the reader. */
typedef struct {
    wt_dataset *dataset;
    float *samples; /* [targets + context − 1 (+ 2 of values), channels] real samples of one window */
    float *seen;    /* [targets + context + 1, channels] the same as the network sees them, of values */
    float
        *around; /* [targets + 2·(WT_RUN − 1), channels]: a window's targets and their neighbours, for runs */
    int64_t number; /* of the batch that is filled */
    wt_class_reader reader;
    const wt_windows *windows;
    wt_batch_shape shape;
    int32_t *classes; /* [targets + context] of one window */
    float *values;    /* [levels] value of each class, for real input */
} wt_batch_filler;

/* Dispose also after a failure. */
wt_status wt_batch_filler_init(wt_batch_filler *filler, wt_dataset *dataset, const wt_windows *windows,
                               const wt_batch_shape *shape);
void wt_batch_filler_dispose(wt_batch_filler *filler);

/* label_batch.c: the same for labels. */
wt_status wt_label_filler_init(wt_batch_filler *filler);
wt_status wt_label_fill_slot(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t window);

/* value_batch.c: the same for next samples that are values. */
wt_status wt_value_filler_init(wt_batch_filler *filler);
wt_status wt_value_fill_slot(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t window);
/* Adds the shape's noise to `count` inputs of a window. */
void wt_batch_add_noise(const wt_batch_filler *filler, wt_real *signal, size_t count, int64_t window);
/* Sets the slot's `run`. */
wt_status wt_batch_mark_runs(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t window);

/* condition_batch.c */
wt_status wt_condition_batch_create(wt_batch *batch, const wt_batch_shape *shape);
/* That the data set has what the shape asks for. */
wt_status wt_condition_filler_check(const wt_dataset *dataset, const wt_batch_shape *shape);
wt_status wt_condition_fill_slot(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t window);

/* The window with that index (−1: none) into a slot of a batch of the filler's shape. */
wt_status wt_batch_fill_slot(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t window);

#endif
