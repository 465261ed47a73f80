/*
 * Data sets for training: shards → windows → order → batches. Nothing here knows MPI;
 * ranks come as plain integers. (How shards are made: prepare.h.)
 *
 * A data set is a folder of HDF5 shards SPLIT-NNNNN.h5 with SPLIT one of train,
 * validation, test. A shard holds whole utterances end to end:
 *   x                     int16 or float [samples] (or [samples, channels]), chunked, Fletcher32
 *   utterances/id         texts [utterances], unique in the data set
 *   utterances/offset     int64 [utterances + 1], first sample of each, and the end
 *   utterances/speaker    int32 [utterances], −1: unknown
 *   mask                  int16 [samples], where only some samples are targets of this split: 1, else 0
 *   vocabulary            int32 [classes], of text: vocabulary.h
 * Attributes of the root: format "wavetrain-shard", version 2, kind "audio", "text" or "table", split,
 * sample_rate, channels, shard (its number), shards (how many the split has), digest (32 hexadecimal digits:
 * the XXH3 hash of x, ids, offsets, speakers, vocabulary, mask and labels), hash (the same of everything but
 * the values of x, y and mask: wt_h5_hash), which is compared whenever the shard is opened. Shards of version
 * 1 lack the hash, and are read. int16 stands for value/32768; in text it is the symbol's class (and
 * sample_rate is 1). Of a text of items, each item is an utterance, its end mark the last sample; of running
 * text, each contiguous part is. A table (kind "table") holds values of any size, as floats. A set with
 * labels has also
 *   y                     int32 or float [samples], a class or a value for each sample
 *   normalization/mean, normalization/deviation   double [channels], of the training part of x
 *   normalization/offset  double [channels], if any is not 0: what was subtracted from x before it was stored
 *                         as floats
 * speakers               texts [speakers], where their names are known (version 3)
 * A set with features (version 3; without them shards are of version 2, and older programs read them) has
 * also
 *   features/x            float [frames, numbers], of all utterances, in their order
 *   features/end          int64 [utterances], the frame behind each one's last
 *   features/mean, features/deviation   double [numbers], of the training part
 * and the attributes features (how they were made), features_hop and features_centre (batch.h: wt_features).
 * and the attributes labels ("class" or "value") and classes.
 */
#ifndef WAVETRAIN_DATA_H
#define WAVETRAIN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/batch.h"
#include "wavetrain/config.h"
#include "wavetrain/error.h"
#include "wavetrain/hash.h"
#include "wavetrain/vocabulary.h"

/* --- quantisation --- */

/*
 * µ-law for N levels (ITU-T G.711's continuous curve; van den Oord et al. 2016, section 2.2), μ = N−1:
 *   F = sgn(x)·ln(1 + μ|x|)/ln(1 + μ),  x clipped to ±1,  class = ⌊(F + 1)/2·μ + ½⌋
 * linear: the same with F = x. The class of silence (x = 0) decodes to exactly 0. Of a vocabulary a class
 * stands for itself; "silence" is what stands before a text (the end mark).
 */
int32_t wt_quantize(wt_quantization quantization, double x);
double wt_dequantize(wt_quantization quantization, int32_t index);
int32_t wt_quantize_silence(wt_quantization quantization);

/* --- one split of a data set --- */

typedef enum { WT_DATA_AUDIO, WT_DATA_TEXT, WT_DATA_TABLE } wt_data_kind;

typedef struct wt_dataset wt_dataset;

/* Ranges of what a data set says of itself. */
enum { WT_SHARD_RATE_MAX = 10000000, WT_SHARD_CHANNELS_MAX = 1024, WT_LABEL_CLASSES_MAX = 65536 };

/* Opens every shard of `split` once, checks it and keeps the offsets. A set of at most `memory_gib` is
 * read whole into memory here, a larger one is read as it is asked for, with a bounded number of open files.
 * A folder without the split's shards is an error; so are missing shards, other formats and versions, and
 * shards of unlike rate or channels. */
wt_status wt_dataset_open(wt_dataset **out, const char *path, const char *split, double memory_gib);
void wt_dataset_close(wt_dataset *dataset); /* takes NULL */

/* Reads all of it and compares each shard with the digest that was made when it was prepared; a warning names
 * each damaged one of several. *bytes: what was read. */
wt_status wt_dataset_verify(const wt_dataset *dataset, int64_t *bytes);
/* Shards, and how many of them are from before there was a hash of attributes and small data sets (version
 * 1). */
int wt_dataset_shards(const wt_dataset *dataset);
int wt_dataset_unhashed(const wt_dataset *dataset);

/* True if the folder has shards of that split. */
bool wt_dataset_has_split(const char *path, const char *split);

int64_t wt_dataset_utterances(const wt_dataset *dataset);
int64_t wt_dataset_samples(const wt_dataset *dataset);
int64_t wt_dataset_length(const wt_dataset *dataset, int64_t utterance);
int wt_dataset_sample_rate(const wt_dataset *dataset);
int wt_dataset_channels(const wt_dataset *dataset);
bool wt_dataset_in_memory(const wt_dataset *dataset);
/* Bytes that it takes when it is opened with so much memory, whatever this one was opened with. */
int64_t wt_dataset_memory(const wt_dataset *dataset, double memory_gib);
wt_data_kind wt_dataset_kind(const wt_dataset *dataset);
/* Of text; of other kinds it has no classes. The data set's own. */
const wt_vocabulary *wt_dataset_vocabulary(const wt_dataset *dataset);
/* Which samples of an utterance are targets of this split, [length], or NULL: all are. A mask is always in
 * memory. */
const uint8_t *wt_dataset_mask(const wt_dataset *dataset, int64_t utterance);
/* How the data set's samples become classes, if the configuration's quantisation is of its kind. */
wt_status wt_dataset_quantization(wt_quantization *quantization, const wt_dataset *dataset,
                                  wt_quantization configured);
/* Classes of a network for this configuration: the quantisation's levels, or those of the data set's
 * vocabulary. */
wt_status wt_dataset_network_classes(int *classes, const wt_data_config *data);
/* Samples in a storage chunk of the first shard: the unit of reading. */
int64_t wt_dataset_chunk(const wt_dataset *dataset);
/* All shards' digests folded in order. */
wt_hash wt_dataset_digest(const wt_dataset *dataset);

/* Features; their count is 0 where there are none. Frames of an utterance, [*count, numbers], are the data
 * set's own, as they were stored. */
const wt_features *wt_dataset_features(const wt_dataset *dataset);
const float *wt_dataset_frames(const wt_dataset *dataset, int64_t utterance, int64_t *count);
/* Means and deviations that a number can be divided by; `path` for the message. */
wt_status wt_dataset_check_features(const wt_features *features, const char *path);
/* One frame as the network sees it. */
void wt_condition_normalise(const wt_features *features, const float *frame, wt_real *to);
/* The number of an utterance's speaker, −1: unknown; how many there are. */
int32_t wt_dataset_speaker(const wt_dataset *dataset, int64_t utterance);
int wt_dataset_speakers(const wt_dataset *dataset);

/* Labels. */
typedef enum { WT_LABELS_NONE, WT_LABELS_CLASS, WT_LABELS_VALUE } wt_label_kind;
wt_label_kind wt_dataset_label_kind(const wt_dataset *dataset);
int wt_dataset_classes(const wt_dataset *dataset); /* 0 without labels that are classes */
const wt_normalization *wt_dataset_normalization(const wt_dataset *dataset);

/* Labels first … first+count−1 of an utterance: classes or values, whichever the set has. One thread at a
 * time. */
wt_status wt_dataset_read_classes(wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count,
                                  int32_t *classes);
wt_status wt_dataset_read_values(wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count,
                                 float *values);

/* Samples first … first+count−1 of an utterance as values in ±1, [count, channels]. One thread at a time. */
wt_status wt_dataset_read(wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count,
                          float *samples);

/* The id of an utterance, read from its shard; free with wt_free. */
wt_status wt_dataset_id(wt_dataset *dataset, int64_t utterance, char **id);

/* --- windows --- */

/* Targets start … start+targets−1 of an utterance. */
typedef struct {
    int64_t utterance, start;
    int targets;
} wt_window;

/* The fixed grid: utterance u has ⌈length/T⌉ windows of T targets, the last with fewer. With
 * WT_PARTIAL_DROP the grid begins at sample `context`, so that no target sees padding. Of a masked data set,
 * windows without a target are left out. */
typedef struct wt_windows wt_windows;

wt_status wt_windows_create(wt_windows **out, const wt_dataset *dataset, int targets, int context,
                            wt_partial_context partial);

/*
 * Windows of labelled samples. Targets s … s+n−1 take the inputs s + look_ahead − context + 1 … s + n − 1 +
 * look_ahead. With stride 0 each sample is a target, on the grid above (with WT_PARTIAL_DROP those that see
 * no padding). Else a window's last target alone counts, and it is that of the samples `stride` apart from
 * each other; the first one is the (targets + context − 1)th, the first that sees no padding, or with
 * WT_PARTIAL_PAD as many strides before that as fit.
 */
typedef struct {
    int targets, context;
    wt_partial_context partial;
    int look_ahead, stride;
    int outputs;                    /* classes that there may be; 0: values */
    wt_normalization normalization; /* of real inputs */
} wt_label_windows;

/* A normalisation of samples, as it is of what the data set has stored of them: less their offsets. */
wt_normalization wt_normalization_of_stored(const wt_normalization *normalization, const wt_dataset *dataset);

/* Fails if the data set has no labels of that kind, more classes, or other channels than the
 * normalisation. */
wt_status wt_windows_create_labels(wt_windows **out, const wt_dataset *dataset,
                                   const wt_label_windows *labels);
void wt_windows_destroy(wt_windows *windows);
int64_t wt_windows_count(const wt_windows *windows);
/* Targets in all windows, and how many of them see padding (within `context` of the start). */
int64_t wt_windows_targets(const wt_windows *windows);
int64_t wt_windows_padded_targets(const wt_windows *windows);
wt_window wt_windows_get(const wt_windows *windows, int64_t index);
/* Items: utterances that have windows. Item i's are *first … *first + *count − 1. */
int64_t wt_windows_items(const wt_windows *windows);
void wt_windows_of_item(const wt_windows *windows, int64_t item, int64_t *first, int64_t *count);

/* --- order --- */

/*
 * The order of training windows: position p of the run is window wt_order_window(order, p).
 * WT_SAMPLING_REPLACEMENT draws each position's window by itself, WT_SAMPLING_ITEM an item and then one of
 * its windows; these need the grid. WT_SAMPLING_EPOCH: epoch e = p / count visits every window once. One
 * keyed permutation (block = 1), or, for sets that are read from disk, in two levels: blocks of `block`
 * neighbouring windows permuted, then the windows within groups of `group` blocks. Nothing is stored: any
 * rank computes any position.
 */
typedef struct {
    int64_t windows;
    int64_t block, group;
    uint64_t seed;
    wt_sampling sampling;
    const wt_windows *grid;
} wt_order;

wt_order wt_order_training(const wt_dataset *dataset, const wt_windows *windows, wt_sampling sampling,
                           uint64_t seed);
int64_t wt_order_window(const wt_order *order, int64_t position);

/* Window i of the fixed validation list: a permutation keyed by a constant. */
int64_t wt_order_validation(int64_t windows, int64_t i);

/* --- batches --- */

/* Whose frames a window gets: its own; the next utterance's, or half a hop late, to measure what they
 * tell. */
typedef enum { WT_FRAMES_OWN, WT_FRAMES_OTHER, WT_FRAMES_LATE } wt_frames_source;

/* What windows are conditioned on. */
typedef struct {
    int frames; /* of a window; 0: no features */
    wt_framing framing;
    wt_features features; /* that the network has learnt, and their normalisation */
    bool flagged;   /* one number more per frame: 1, and 0 with all others where the condition is dropped */
    double dropout; /* share of windows without, keyed by noise_seed, batch and window */
    wt_frames_source source;
    int speakers; /* 0: none */
} wt_condition_shape;

/* What a batch looks like. */
typedef struct {
    int windows; /* slots */
    int targets, context;
    wt_input_kind input;
    wt_quantization quantization;
    int values;                     /* per target, where it is values and no class; else 0 */
    bool codes;                     /* they are codes of 16 bits: sound's next samples */
    bool marks_runs;                /* the batch says which targets stand in runs of equal samples */
    wt_normalization normalization; /* of real values of a table's next samples */
    double preemphasis;             /* as data.preemphasis */
    double input_noise;             /* as data.input_noise, keyed by noise_seed, batch, window and element */
    uint64_t noise_seed;
    wt_condition_shape condition;
} wt_batch_shape;

wt_status wt_batch_create(wt_batch **out, const wt_batch_shape *shape, int channels);
void wt_batch_destroy(wt_batch *batch);

/* Which window stands in a slot of the batch with that number; −1: none. Must be pure. */
typedef int64_t (*wt_batch_plan)(const void *context, int64_t number, int slot);

/* Batches first … last−1, whose windows `window` names when it is given `context`. */
typedef struct {
    wt_batch_plan window;
    const void *context;
    int64_t first, last;
} wt_loader_plan;

/*
 * Fills the plan's batches ahead of time, in a thread of its own. The data set belongs to the loader's
 * thread until the loader is destroyed. wt_loader_next gives the next batch, valid until the next call; an
 * error of the thread comes out of it. Asking past the last is an error.
 */
typedef struct wt_loader wt_loader;

wt_status wt_loader_create(wt_loader **out, wt_dataset *dataset, const wt_windows *windows,
                           const wt_batch_shape *shape, const wt_loader_plan *plan);
void wt_loader_destroy(wt_loader *loader);
/* Bytes of its batches. */
int64_t wt_loader_bytes(const wt_batch_shape *shape, int channels);
wt_status wt_loader_next(wt_loader *loader, const wt_batch **batch);

/* --- a baseline --- */

/*
 * A first-order Markov model over classes: counts[previous][next] of a whole split (the class of silence
 * before an utterance's start), `smoothing` added to each count. Its loss on a target is −ln p(next |
 * previous).
 */
typedef struct wt_markov wt_markov;

wt_status wt_markov_create(wt_markov **out, wt_dataset *dataset, wt_quantization quantization,
                           double smoothing);
void wt_markov_destroy(wt_markov *markov);
double wt_markov_loss(const wt_markov *markov, int32_t previous, int32_t next); /* nats */

#endif
