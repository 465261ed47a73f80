/* The data set's inside: for dataset.c and dataset_read.c. */
#ifndef WAVETRAIN_DATASET_INTERNAL_H
#define WAVETRAIN_DATASET_INTERNAL_H

#include "data_internal.h"

enum { WT_OPEN_SHARDS = 16 }; /* files open at a time, of a data set that is read from disk */

typedef struct {
    char *path;
    int64_t first; /* its first utterance's number in the split */
    int64_t count; /* utterances */
    int64_t samples;
    int64_t *offsets;    /* [count + 1] */
    void *memory;        /* [samples, channels] as stored, or NULL */
    void *labels;        /* [samples] int32 or float, or NULL */
    uint8_t *mask;       /* [samples], or NULL */
    int32_t *speakers;   /* [count] */
    float *frames;       /* [frames, features], or NULL */
    int64_t *frame_ends; /* [count], or NULL */
} wt_shard;

typedef struct {
    wt_h5 *file; /* or NULL */
    int shard;
    uint64_t used; /* when it was last read from */
} wt_open_shard;

struct wt_dataset {
    char *path;
    wt_shard *shards; /* [shard_count] */
    int shard_count;
    int unhashed; /* shards of version 1 */
    int64_t utterances, samples;
    wt_data_kind kind;
    wt_vocabulary vocabulary;
    bool masked;
    int sample_rate, channels;
    wt_shard_store store;
    wt_label_kind label_kind;
    int classes;
    wt_class_names class_names;
    wt_normalization normalization;
    wt_features features;
    int speakers;
    char speaker_names[WT_SPEAKERS_TEXT];
    wt_hash digest;
    bool in_memory;
    wt_open_shard open[WT_OPEN_SHARDS];
    uint64_t reads;
};

static inline wt_h5_type wt_dataset_label_type(const wt_dataset *dataset) {
    return dataset->label_kind == WT_LABELS_CLASS ? WT_H5_INT32 : WT_H5_FLOAT;
}

/* dataset_labels.c: whether a shard's labels are there, whole, and as those of the first shard. */
wt_status wt_dataset_check_labels(wt_dataset *dataset, wt_h5 *file, int number, const wt_shard *part);

/* The shard that an utterance stands in. */
const wt_shard *wt_dataset_shard_of(const wt_dataset *dataset, int64_t utterance);

/* dataset_features.c: the features of a shard whose utterances are known. */
wt_status wt_dataset_read_features(wt_dataset *dataset, wt_h5 *file, int number, wt_shard *part);

#endif
