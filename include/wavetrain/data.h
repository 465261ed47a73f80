/*
 * Data sets: writing and reading their shards. Nothing here knows MPI.
 *
 * A data set is a folder of HDF5 shards SPLIT-NNNNN.h5 with SPLIT one of train,
 * validation, test. A shard holds whole utterances end to end:
 *   x                     int16 or float [samples] (or [samples, channels]), chunked, Fletcher32
 *   utterances/id         texts [utterances], unique in the data set
 *   utterances/offset     int64 [utterances + 1], first sample of each, and the end
 *   utterances/speaker    int32 [utterances], −1: unknown
 *   mask                  int16 [samples], where only some samples are targets of this split: 1, else 0
 *   vocabulary            int32 [classes], of text: wt_vocabulary
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
 *   class_names           texts [classes], where classes have names; the attributes label_of ("sample", or
 *                         "recording": all samples of one have its class) and background (the class of what
 *                         is no event, −1: none) then say what they are
 * utterances/group       texts [utterances], where recordings or rows are in groups, whose parts of the
 *                         split are the same
 * speakers               texts [speakers], where their names are known (version 3)
 * A set with features (version 3; without them shards are of version 2, and older programs read them) has
 * also
 *   features/x            float [frames, numbers], of all utterances, in their order
 *   features/end          int64 [utterances], the frame behind each one's last
 *   features/mean, features/deviation   double [numbers], of the training part
 * and the attributes features (how they were made), features_hop and features_centre (wt_features).
 * and the attributes labels ("class" or "value") and classes.
 */
#ifndef WAVETRAIN_DATA_H
#define WAVETRAIN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

/* --- quantisation --- */

typedef enum {
    WT_QUANTIZATION_MULAW,
    WT_QUANTIZATION_LINEAR,
    WT_QUANTIZATION_VOCABULARY, /* text: samples are classes already */
} wt_quantization_kind;

/* mulaw:N, linear:N or vocabulary, whose levels and padding only the data set knows
 * (wt_dataset_quantization). */
typedef struct {
    wt_quantization_kind kind;
    int levels;  /* 2 … 65,536; of a vocabulary 0 in a configuration */
    int padding; /* of a vocabulary: the class of what stands before a text */
} wt_quantization;

/*
 * µ-law for N levels (ITU-T G.711's continuous curve; van den Oord et al. 2016, section 2.2), μ = N−1:
 *   F = sgn(x)·ln(1 + μ|x|)/ln(1 + μ),  x clipped to ±1,  class = ⌊(F + 1)/2·μ + ½⌋
 * linear: the same with F = x. The class of silence (x = 0) decodes to exactly 0. Of a vocabulary a class
 * stands for itself; "silence" is what stands before a text (the end mark).
 */
int32_t wt_quantize(wt_quantization quantization, double x);
double wt_dequantize(wt_quantization quantization, int32_t index);
int32_t wt_quantize_silence(wt_quantization quantization);

/* --- vocabularies --- */

/* The symbols of a text: which code point each class is. */

enum {
    WT_END_MARK = -1,          /* in the place of a code point: what ends an item */
    WT_VOCABULARY_MAX = 32767, /* classes: shards hold them as int16 */
    WT_SYMBOL_TEXT = 8 + 8,    /* bytes of a symbol as people see it */
};

typedef struct {
    int classes; /* 0: no vocabulary, the data is no text */
    int32_t *
        /* [classes] code points, ascending; before them the end mark, where the text is one of items */
        symbols;
} wt_vocabulary;

/* A copy of ascending symbols. `name` stands for their source in errors: wrong ones are refused. */
wt_status wt_vocabulary_init(wt_vocabulary *vocabulary, const char *name, const int32_t *symbols,
                             int classes);
void wt_vocabulary_dispose(wt_vocabulary *vocabulary);

/* Whether items end with the end mark, which then is class 0; else it is running text. */
bool wt_vocabulary_ends(const wt_vocabulary *vocabulary);
/* What stands before the beginning of a text: the end mark; in running text the newline, else the space, else
 * the first symbol. */
int32_t wt_vocabulary_padding(const wt_vocabulary *vocabulary);
/* The class of a code point (or WT_END_MARK); −1: none. */
int32_t wt_vocabulary_class(const wt_vocabulary *vocabulary, int32_t symbol);
bool wt_vocabulary_equal(const wt_vocabulary *a, const wt_vocabulary *b);
/* A symbol for people: "a", "\n", "U+00A0", "the end mark". */
void wt_vocabulary_symbol_text(char out[WT_SYMBOL_TEXT], int32_t symbol);

/* --- normalisation --- */

/* What a sample of 16 bits may be: the codes of sound. */
enum { WT_SAMPLE_CODES = 65536 };

enum { WT_NORMALIZED_MAX = 64 };

/* What real inputs are brought to: (x − mean)/deviation for each channel. A data set stores x less its
 * `offset`. */
typedef struct {
    int channels; /* 0: as they are */
    double mean[WT_NORMALIZED_MAX], deviation[WT_NORMALIZED_MAX];
    double offset[WT_NORMALIZED_MAX]; /* of the data set that it was measured in, alone */
} wt_normalization;

enum {
    WT_FEATURES_MAX = 512,
    WT_FEATURES_TEXT = 256,
    WT_FEATURES_HOP_MAX = 65536,
    WT_SPEAKERS_TEXT = 16384 /* all speakers' names */
};

/* What frames of a data set are. */
typedef struct {
    int count, hop;              /* numbers per frame, 0: there are none; samples from frame to frame */
    int centre;                  /* of frame 0, in samples */
    char text[WT_FEATURES_TEXT]; /* how they were made, "" if that is not known */
    /* of the training part; what the network sees is (x − mean)/deviation */
    double mean[WT_FEATURES_MAX], deviation[WT_FEATURES_MAX];
} wt_features;

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
/* Samples that are targets of this part: those of the masks, or all. */
int64_t wt_dataset_examples(const wt_dataset *dataset);

/* All shards' digests folded in order. */
wt_hash wt_dataset_digest(const wt_dataset *dataset);

/* Features; their count is 0 where there are none. Frames of an utterance, [*count, numbers], are the data
 * set's own, as they were stored. */
const wt_features *wt_dataset_features(const wt_dataset *dataset);
const float *wt_dataset_frames(const wt_dataset *dataset, int64_t utterance, int64_t *count);

/* The number of an utterance's speaker, −1: unknown; how many there are. */
int32_t wt_dataset_speaker(const wt_dataset *dataset, int64_t utterance);
int wt_dataset_speakers(const wt_dataset *dataset);
/* Their names in the order of their numbers, a line each; "" if they are unknown, or too many for
 * WT_SPEAKERS_TEXT. */
const char *wt_dataset_speaker_names(const wt_dataset *dataset);

/* The group of an utterance, "" where there are none, read from its shard; free with wt_free. */
wt_status wt_dataset_group(wt_dataset *dataset, int64_t utterance, char **group);

/* What classes of labels are called. */
enum { WT_CLASS_NAMES_TEXT = 16384, WT_CLASS_TEXT = 256 /* one name */ };
typedef struct {
    int whole;                       /* all samples of a recording have its class */
    int background;                  /* the class of what is no event; −1: none */
    char names[WT_CLASS_NAMES_TEXT]; /* in the order of the classes, a line each; "": they have none */
} wt_class_names;

/* The name of a class, or its number where it has none. */
void wt_class_name(char out[WT_CLASS_TEXT], const wt_class_names *names, int number);
/* Whether two say the same, or one has no names. *other: the first class that differs. */
bool wt_class_names_agree(const wt_class_names *a, const wt_class_names *b, int *other);

/* Labels. */
typedef enum { WT_LABELS_NONE, WT_LABELS_CLASS, WT_LABELS_VALUE } wt_label_kind;
wt_label_kind wt_dataset_label_kind(const wt_dataset *dataset);
int wt_dataset_classes(const wt_dataset *dataset); /* 0 without labels that are classes */
const wt_class_names *wt_dataset_class_names(const wt_dataset *dataset);
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

/* Whose frames a window gets: its own; the next utterance's, or half a hop late, to measure what they
 * tell. */
typedef enum { WT_FRAMES_OWN, WT_FRAMES_OTHER, WT_FRAMES_LATE } wt_frames_source;

/* --- one shard --- */

typedef enum { WT_STORE_INT16, WT_STORE_FLOAT } wt_shard_store;

typedef struct {
    const char *kind;  /* "audio", "text", "table" */
    const char *split; /* "train", "validation", "test" */
    int sample_rate, channels;
    int shard, shards; /* number of this one, how many the split has */
    wt_shard_store store;
    bool masked;                     /* only some of the samples are targets of this split */
    const wt_vocabulary *vocabulary; /* of text; else NULL */
    const wt_features *features;     /* that utterances come with; NULL: none */
    const char *const *speakers;     /* [speaker_count] names, or NULL */
    int speaker_count;
    const wt_class_names *class_names; /* of labels; NULL: they have none */
} wt_shard_header;

/* Writes one shard; the same calls give the same bytes. */
typedef struct wt_shard_writer wt_shard_writer;

/* What a shard gets of an utterance: `count` samples in ±1, [count, channels]. */
typedef struct {
    const char *id, *group; /* group NULL: none */
    int32_t speaker;        /* −1: unknown */
    const float *samples;
    const float *labels; /* [count], of a labelled shard: a class as a whole number, or a finite value */
    const bool *mask;    /* [count] the targets of this split, of a masked shard; NULL: all are */
    int64_t count;
} wt_shard_utterance;

/* FOLDER/SPLIT-NNNNN.h5, which must not exist. */
wt_status wt_shard_create(wt_shard_writer **out, const char *folder, const wt_shard_header *header);
/* An utterance of `count` samples in ±1, [count, channels]; at least one sample. Larger values are clipped
 * in int16; int16 is ⌊x·32768 + ½⌋ cut to −32768 … 32767, so that 16-bit recordings come back unchanged. */
wt_status wt_shard_add(wt_shard_writer *writer, const char *id, int32_t speaker, const float *samples,
                       int64_t count);
/* The same, with mask[i] saying whether sample i is a target of this split (NULL: all are), for a masked
 * shard. */
wt_status wt_shard_add_masked(wt_shard_writer *writer, const char *id, int32_t speaker, const float *samples,
                              int64_t count, const bool *mask);
/* The frames [count, numbers] of the utterance that was added last, of a shard with features. */
wt_status wt_shard_add_features(wt_shard_writer *writer, const float *frames, int64_t count);
/* Before the first utterance: each sample has a label, of one of `classes` (0: a value). */
wt_status wt_shard_declare_labels(wt_shard_writer *writer, int classes,
                                  const wt_normalization *normalization);
/* As wt_shard_add, with a label for each sample: a class as a whole number below `classes`, or any finite
 * value. */
wt_status wt_shard_add_labelled(wt_shard_writer *writer, const char *id, const float *samples,
                                const float *labels, int64_t count);
/* The same of all that an utterance may have. */
wt_status wt_shard_add_utterance(wt_shard_writer *writer, const wt_shard_utterance *utterance);
/* Writes offsets, ids and the digest, and closes. The writer is gone afterwards, also on failure. */
wt_status wt_shard_finish(wt_shard_writer *writer);
/* Gives up: closes and removes the file. Takes NULL. */
void wt_shard_abandon(wt_shard_writer *writer);

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
