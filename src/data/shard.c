/*
 * Writing one shard.
 *
 * The samples are kept, as they will be stored, in blocks of one storage chunk until the shard is finished:
 * HDF5 then gets a data set of known size in whole chunks, and a shard's bytes depend on nothing but the
 * calls. The price is a shard's size in memory for each rank that writes one.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "data/vocabulary.h"
#include "dataset_internal.h"

struct wt_shard_writer {
    wt_h5 *file;
    char path[WT_PATH_MAX];
    wt_shard_store store;
    int channels;
    void **blocks;        /* [block_room], each [WT_SHARD_PIECE, channels] of the stored type */
    float **label_blocks; /* [block_room], each [WT_SHARD_PIECE]; of a labelled shard */
    bool labelled, grouped;
    int classes; /* 0: labels are values */
    wt_normalization normalization;
    size_t block_count, block_room;
    int64_t samples;
    const wt_vocabulary *vocabulary; /* or NULL */
    bool masked;
    int16_t *mask; /* [mask_room] 1: a target of this split */
    size_t mask_room;
    char **ids;                        /* [room] */
    char **groups;                     /* [room], of each NULL or its group's name */
    const wt_class_names *class_names; /* or NULL */
    int64_t *offsets;                  /* [room] first sample */
    int32_t *speakers;                 /* [room] */
    size_t count, room;
    wt_shard_features features;
};

wt_status wt_shard_path(char out[WT_PATH_MAX], const char *folder, const char *split, int shard) {
    char name[64];
    int length = snprintf(name, sizeof name, "%s-%05d.h5", split, shard);
    WT_CHECK(length > 0 && length < (int)sizeof name, WT_FAILED, "%s: name of a split too long", split);
    return wt_path_join(out, folder, name);
}

wt_status wt_shard_hash(wt_hash *hash, wt_h5 *file) {
    static const char *const long_ones[] = {WT_SHARD_SAMPLES, WT_SHARD_LABELS, WT_SHARD_MASK, WT_SHARD_FRAMES,
                                            NULL};
    return wt_h5_hash(hash, file, long_ones, WT_SHARD_HASH);
}

/* --- create --- */

static wt_status check_shard_header(const char *path, const wt_shard_header *header) {
    WT_CHECK(header->sample_rate >= 1 && header->sample_rate <= WT_SHARD_RATE_MAX, WT_USAGE,
             "%s: sample rate out of range (got %d, expected 1 to %d)", path, header->sample_rate,
             WT_SHARD_RATE_MAX);
    WT_CHECK(header->channels >= 1 && header->channels <= WT_SHARD_CHANNELS_MAX, WT_USAGE,
             "%s: channels out of range (got %d, expected 1 to %d)", path, header->channels,
             WT_SHARD_CHANNELS_MAX);
    WT_CHECK(header->shards >= 1 && header->shards <= WT_SHARDS_MAX, WT_USAGE,
             "%s: number of shards out of range (got %d, expected 1 to %d)", path, header->shards,
             WT_SHARDS_MAX);
    WT_CHECK(header->shard >= 0 && header->shard < header->shards, WT_USAGE,
             "%s: shard out of range (got %d, expected 0 to %d)", path, header->shard, header->shards - 1);
    return WT_OK;
}

static wt_status write_header(wt_h5 *file, const wt_shard_header *header) {
    WT_TRY(wt_h5_write_attribute_text(file, "", "format", WT_SHARD_FORMAT));
    WT_TRY(wt_h5_write_attribute_int(file, "", "version",
                                     header->features || header->speakers || header->class_names
                                         ? WT_SHARD_VERSION
                                         : WT_SHARD_VERSION_HASHED));
    WT_TRY(wt_h5_write_attribute_text(file, "", "kind", header->kind));
    WT_TRY(wt_h5_write_attribute_text(file, "", "split", header->split));
    WT_TRY(wt_h5_write_attribute_int(file, "", "sample_rate", header->sample_rate));
    WT_TRY(wt_h5_write_attribute_int(file, "", "channels", header->channels));
    WT_TRY(wt_h5_write_attribute_int(file, "", "shard", header->shard));
    return wt_h5_write_attribute_int(file, "", "shards", header->shards);
}

wt_status wt_shard_create(wt_shard_writer **out, const char *folder, const wt_shard_header *header) {
    wt_shard_writer *writer = NULL;
    wt_status status = WT_OK;
    *out = NULL;
    WT_GUARD(wt_alloc(&writer, 1, sizeof *writer, "shard"));
    WT_GUARD(wt_shard_path(writer->path, folder, header->split, header->shard));
    WT_GUARD(check_shard_header(writer->path, header));
    writer->store = header->store;
    writer->channels = header->channels;
    writer->vocabulary = header->vocabulary;
    writer->masked = header->masked;
    writer->features.kind = header->features;
    writer->class_names = header->class_names;
    WT_GUARD(wt_h5_create(&writer->file, writer->path));
    WT_GUARD(write_header(writer->file, header));
    if (header->speakers)
        WT_GUARD(wt_h5_write_texts(writer->file, WT_SHARD_SPEAKERS, header->speakers,
                                   (size_t)header->speaker_count));
    *out = writer;
    writer = NULL;
cleanup:
    wt_shard_abandon(writer);
    return status;
}

/* --- add --- */

/* Makes the array hold one entry more, by doubling. *entries is any array's address. */
static wt_status grow_entries(void *entries, size_t count, size_t room, size_t bytes) {
    void *larger = NULL, *old = NULL;
    WT_TRY(wt_alloc(&larger, room, bytes, "utterances of a shard"));
    memcpy(&old, entries, sizeof old);
    if (count > 0) memcpy(larger, old, count * bytes);
    memcpy(entries, &larger, sizeof larger);
    wt_free(old);
    return WT_OK;
}

static wt_status reserve_utterance(wt_shard_writer *writer) {
    if (writer->count < writer->room) return WT_OK;
    size_t room = writer->room == 0 ? 64 : 2 * writer->room;
    WT_TRY(grow_entries(&writer->ids, writer->count, room, sizeof *writer->ids));
    WT_TRY(grow_entries(&writer->groups, writer->count, room, sizeof *writer->groups));
    WT_TRY(grow_entries(&writer->offsets, writer->count, room, sizeof *writer->offsets));
    WT_TRY(grow_entries(&writer->speakers, writer->count, room, sizeof *writer->speakers));
    writer->room = room;
    return WT_OK;
}

static wt_status reserve_blocks(wt_shard_writer *writer, int64_t samples) {
    size_t needed = (size_t)((samples + WT_SHARD_PIECE - 1) / WT_SHARD_PIECE);
    if (needed > writer->block_room) {
        size_t room = needed > 2 * writer->block_room ? needed : 2 * writer->block_room;
        WT_TRY(grow_entries(&writer->blocks, writer->block_count, room, sizeof *writer->blocks));
        WT_TRY(grow_entries(&writer->label_blocks, writer->block_count, room, sizeof *writer->label_blocks));
        writer->block_room = room;
    }
    while (writer->block_count < needed) {
        WT_TRY(wt_alloc(&writer->blocks[writer->block_count],
                        (size_t)WT_SHARD_PIECE * (size_t)writer->channels,
                        wt_shard_store_bytes(writer->store), "samples of a shard"));
        writer->label_blocks[writer->block_count++] = NULL; /* from here free_writer frees both */
        if (writer->labelled)
            WT_TRY(wt_alloc(&writer->label_blocks[writer->block_count - 1], WT_SHARD_PIECE, sizeof(float),
                            "labels of a shard"));
    }
    return WT_OK;
}

static wt_status reserve_mask(wt_shard_writer *writer, int64_t samples) {
    if (!writer->masked || (size_t)samples <= writer->mask_room) return WT_OK;
    size_t room = (size_t)samples > 2 * writer->mask_room ? (size_t)samples : 2 * writer->mask_room;
    WT_TRY(grow_entries(&writer->mask, (size_t)writer->samples, room, sizeof *writer->mask));
    writer->mask_room = room;
    return WT_OK;
}

static int16_t to_int16(float x) {
    double scaled = floor((double)x * 32768.0 + 0.5);
    return (int16_t)(scaled < INT16_MIN ? INT16_MIN : scaled > INT16_MAX ? INT16_MAX : scaled);
}

static void store_values(void *to, wt_shard_store store, int64_t at, const float *values, int64_t count) {
    if (store == WT_STORE_FLOAT) {
        memcpy((float *)to + at, values, (size_t)count * sizeof *values);
        return;
    }
    int16_t *stored = (int16_t *)to + at;
    for (int64_t i = 0; i < count; i++) stored[i] = to_int16(values[i]);
}

static void store_samples(wt_shard_writer *writer, const float *samples, const float *labels, int64_t count) {
    while (count > 0) {
        int64_t at = writer->samples % WT_SHARD_PIECE;
        int64_t fits = WT_SHARD_PIECE - at < count ? WT_SHARD_PIECE - at : count;
        store_values(writer->blocks[writer->samples / WT_SHARD_PIECE], writer->store, at * writer->channels,
                     samples, fits * writer->channels);
        if (labels) {
            memcpy(writer->label_blocks[writer->samples / WT_SHARD_PIECE] + at, labels,
                   (size_t)fits * sizeof *labels);
            labels += fits;
        }
        writer->samples += fits;
        samples += fits * writer->channels;
        count -= fits;
    }
}

static wt_status check_written_samples(const wt_shard_writer *writer, const char *id, const float *samples,
                                       int64_t count) {
    WT_CHECK(count >= 1, WT_USAGE, "%s: no samples", id);
    WT_CHECK(count <= INT64_MAX / 8 / writer->channels - writer->samples, WT_USAGE, "%s: too long", id);
    for (int64_t i = 0; i < count * writer->channels; i++) {
        WT_CHECK(isfinite(samples[i]), WT_USAGE, "%s: sample %lld is not a finite number", id,
                 (long long)(i / writer->channels));
    }
    return WT_OK;
}

static wt_status check_written_labels(const wt_shard_writer *writer, const char *id, const float *labels,
                                      int64_t count) {
    WT_CHECK((labels != NULL) == writer->labelled, WT_FAILED, "%s: has %s", id,
             labels ? "labels, in a shard without" : "no labels, in a shard with");
    for (int64_t i = 0; labels && i < count; i++) {
        const float label = labels[i];
        const bool known = writer->classes == 0
                               ? isfinite(label)
                               : label >= 0 && label < (float)writer->classes && label == floorf(label);
        WT_CHECK(known, WT_USAGE, "%s: the label of sample %lld is %s (got %g)", id, (long long)i,
                 writer->classes ? "none of the classes" : "not a finite number", (double)label);
    }
    return WT_OK;
}

static bool has_offset(const wt_normalization *normalization) {
    for (int c = 0; c < normalization->channels; c++)
        if (normalization->offset[c] != 0) return true;
    return false;
}

wt_status wt_shard_declare_labels(wt_shard_writer *writer, int classes,
                                  const wt_normalization *normalization) {
    wt_h5_shape shape = {WT_H5_DOUBLE, 1, {normalization->channels}};
    WT_CHECK(writer->count == 0 && normalization->channels == writer->channels, WT_FAILED,
             "%s: labels of another shape than the samples", writer->path);
    writer->labelled = true;
    writer->classes = classes;
    writer->normalization = *normalization;
    WT_TRY(wt_h5_write_attribute_text(writer->file, "", "labels", classes ? "class" : "value"));
    WT_TRY(wt_h5_write_attribute_int(writer->file, "", "classes", classes));
    WT_TRY(wt_h5_write(writer->file, WT_SHARD_MEAN, shape, normalization->mean, 0));
    if (has_offset(normalization))
        WT_TRY(wt_h5_write(writer->file, WT_SHARD_OFFSET, shape, normalization->offset, 0));
    return wt_h5_write(writer->file, WT_SHARD_DEVIATION, shape, normalization->deviation, 0);
}

wt_status wt_shard_add_utterance(wt_shard_writer *writer, const wt_shard_utterance *utterance) {
    const int64_t count = utterance->count;
    const char *id = utterance->id;
    WT_TRY(check_written_samples(writer, id, utterance->samples, count));
    WT_TRY(check_written_labels(writer, id, utterance->labels, count));
    WT_TRY(reserve_utterance(writer));
    WT_TRY(reserve_blocks(writer, writer->samples + count));
    WT_TRY(reserve_mask(writer, writer->samples + count));
    WT_TRY(wt_memory_copy_string(&writer->ids[writer->count], id));
    writer->groups[writer->count] = NULL;
    writer->offsets[writer->count] = writer->samples;
    writer->speakers[writer->count] = utterance->speaker;
    writer->count++; /* from here free_writer frees both names */
    if (utterance->group) {
        WT_TRY(wt_memory_copy_string(&writer->groups[writer->count - 1], utterance->group));
        writer->grouped = true;
    }
    for (int64_t i = 0; writer->masked && i < count; i++)
        writer->mask[writer->samples + i] = !utterance->mask || utterance->mask[i];
    store_samples(writer, utterance->samples, utterance->labels, count);
    return WT_OK;
}

wt_status wt_shard_add(wt_shard_writer *writer, const char *id, int32_t speaker, const float *samples,
                       int64_t count) {
    return wt_shard_add_masked(writer, id, speaker, samples, count, NULL);
}

wt_status wt_shard_add_masked(wt_shard_writer *writer, const char *id, int32_t speaker, const float *samples,
                              int64_t count, const bool *mask) {
    return wt_shard_add_utterance(
        writer, &(wt_shard_utterance){
                    .id = id, .speaker = speaker, .samples = samples, .mask = mask, .count = count});
}

wt_status wt_shard_add_features(wt_shard_writer *writer, const float *frames, int64_t count) {
    return wt_shard_features_add(&writer->features, writer->ids[writer->count - 1], frames, count);
}

wt_status wt_shard_add_labelled(wt_shard_writer *writer, const char *id, const float *samples,
                                const float *labels, int64_t count) {
    return wt_shard_add_utterance(
        writer,
        &(wt_shard_utterance){.id = id, .speaker = -1, .samples = samples, .labels = labels, .count = count});
}

/* --- finish --- */

static int64_t block_samples(const wt_shard_writer *writer, size_t block) {
    int64_t left = writer->samples - (int64_t)block * WT_SHARD_PIECE;
    return left < WT_SHARD_PIECE ? left : WT_SHARD_PIECE;
}

static wt_status write_samples(wt_shard_writer *writer) {
    wt_h5_shape shape = {wt_shard_store_type(writer->store),
                         writer->channels == 1 ? 1 : 2,
                         {writer->samples, writer->channels}};
    WT_TRY(wt_h5_declare(writer->file, WT_SHARD_SAMPLES, shape, WT_SHARD_PIECE));
    for (size_t block = 0; (int64_t)block * WT_SHARD_PIECE < writer->samples; block++) {
        WT_TRY(wt_h5_write_rows(writer->file, WT_SHARD_SAMPLES, (int64_t)block * WT_SHARD_PIECE,
                                block_samples(writer, block), writer->blocks[block]));
    }
    return WT_OK;
}

/* Classes as whole numbers, in place: both take four bytes. */
static wt_status write_labels(wt_shard_writer *writer) {
    if (!writer->labelled) return WT_OK;
    const wt_h5_shape shape = {writer->classes ? WT_H5_INT32 : WT_H5_FLOAT, 1, {writer->samples}};
    WT_TRY(wt_h5_declare(writer->file, WT_SHARD_LABELS, shape, WT_SHARD_PIECE));
    for (size_t block = 0; (int64_t)block * WT_SHARD_PIECE < writer->samples; block++) {
        float *labels = writer->label_blocks[block];
        const int64_t count = block_samples(writer, block);
        for (int64_t i = 0; writer->classes && i < count; i++) {
            const int32_t class = (int32_t)labels[i];
            memcpy(labels + i, &class, sizeof class);
        }
        WT_TRY(
            wt_h5_write_rows(writer->file, WT_SHARD_LABELS, (int64_t)block * WT_SHARD_PIECE, count, labels));
    }
    return WT_OK;
}

/* Of a labelled shard: then the pieces of y, the means, the offsets if any, and the deviations. */
static wt_hash fold_labels(const wt_shard_writer *writer, wt_hash hash) {
    const size_t bytes = (size_t)writer->channels * sizeof(double);
    if (!writer->labelled) return hash;
    for (size_t block = 0; (int64_t)block * WT_SHARD_PIECE < writer->samples; block++) {
        const size_t piece = (size_t)block_samples(writer, block) * sizeof(float);
        hash = wt_hash_fold(hash, wt_hash_bytes(writer->label_blocks[block], piece, 0));
    }
    hash = wt_hash_fold(hash, wt_hash_bytes(writer->normalization.mean, bytes, 0));
    if (has_offset(&writer->normalization))
        hash = wt_hash_fold(hash, wt_hash_bytes(writer->normalization.offset, bytes, 0));
    return wt_hash_fold(hash, wt_hash_bytes(writer->normalization.deviation, bytes, 0));
}

/* The pieces of x, the ids, the offsets with the end, the speakers, and where there are any the vocabulary,
 * the labels and the mask: each hashed, folded in this order. */
static wt_hash digest(const wt_shard_writer *writer) {
    wt_hash hash = {0, 0};
    size_t sample_bytes = wt_shard_store_bytes(writer->store) * (size_t)writer->channels;
    for (size_t block = 0; (int64_t)block * WT_SHARD_PIECE < writer->samples; block++) {
        size_t bytes = (size_t)block_samples(writer, block) * sample_bytes;
        hash = wt_hash_fold(hash, wt_hash_bytes(writer->blocks[block], bytes, 0));
    }
    for (size_t i = 0; i < writer->count; i++) hash = wt_hash_fold(hash, wt_hash_string(writer->ids[i], 0));
    hash = wt_hash_fold(hash,
                        wt_hash_bytes(writer->offsets, (writer->count + 1) * sizeof *writer->offsets, 0));
    hash = wt_hash_fold(hash, wt_hash_bytes(writer->speakers, writer->count * sizeof *writer->speakers, 0));
    if (writer->vocabulary) {
        size_t bytes = (size_t)writer->vocabulary->classes * sizeof *writer->vocabulary->symbols;
        hash = wt_hash_fold(hash, wt_hash_bytes(writer->vocabulary->symbols, bytes, 0));
    }
    hash = fold_labels(writer, hash);
    if (writer->masked)
        hash = wt_hash_fold(hash,
                            wt_hash_bytes(writer->mask, (size_t)writer->samples * sizeof *writer->mask, 0));
    return wt_shard_features_fold(&writer->features, hash);
}

static wt_status write_extras(wt_shard_writer *writer) {
    wt_h5_shape shape = {WT_H5_INT16, 1, {writer->samples}};
    if (writer->vocabulary) WT_TRY(wt_vocabulary_write(writer->file, writer->vocabulary));
    if (writer->class_names) WT_TRY(wt_class_names_write(writer->file, writer->class_names));
    return writer->masked ? wt_h5_write(writer->file, WT_SHARD_MASK, shape, writer->mask, WT_SHARD_PIECE)
                          : WT_OK;
}

/* Utterances without one have "". */
static wt_status write_groups(wt_shard_writer *writer) {
    for (size_t i = 0; i < writer->count; i++)
        if (!writer->groups[i]) WT_TRY(wt_memory_copy_string(&writer->groups[i], ""));
    return wt_h5_write_texts(writer->file, WT_SHARD_GROUPS, (const char *const *)writer->groups,
                             writer->count);
}

static wt_status write_utterances(wt_shard_writer *writer) {
    int64_t count = (int64_t)writer->count;
    wt_h5_shape offsets = {WT_H5_INT64, 1, {count + 1}}, speakers = {WT_H5_INT32, 1, {count}};
    WT_TRY(wt_h5_write_texts(writer->file, "utterances/id", (const char *const *)writer->ids, writer->count));
    if (writer->grouped) WT_TRY(write_groups(writer));
    WT_TRY(wt_h5_write(writer->file, "utterances/offset", offsets, writer->offsets, WT_SHARD_PIECE));
    return wt_h5_write(writer->file, "utterances/speaker", speakers, writer->speakers, WT_SHARD_PIECE);
}

static wt_status write_shard(wt_shard_writer *writer) {
    char text[WT_HASH_TEXT];
    WT_CHECK(writer->count > 0, WT_USAGE, "%s: no utterances", writer->path);
    WT_TRY(reserve_utterance(writer));
    writer->offsets[writer->count] = writer->samples;
    WT_TRY(write_samples(writer));
    WT_TRY(write_labels(writer));
    WT_TRY(write_utterances(writer));
    WT_TRY(write_extras(writer));
    WT_TRY(wt_shard_features_write(&writer->features, writer->file));
    wt_hash_print(text, digest(writer));
    WT_TRY(wt_h5_write_attribute_text(writer->file, "", "digest", text));
    wt_hash hash;
    WT_TRY(wt_shard_hash(&hash, writer->file)); /* last: it covers all else */
    wt_hash_print(text, hash);
    return wt_h5_write_attribute_text(writer->file, "", WT_SHARD_HASH, text);
}

static void free_writer(wt_shard_writer *writer) {
    for (size_t i = 0; i < writer->block_count; i++) {
        wt_free(writer->blocks[i]);
        wt_free(writer->label_blocks[i]);
    }
    wt_free(writer->label_blocks);
    for (size_t i = 0; i < writer->count; i++) {
        wt_free(writer->ids[i]);
        wt_free(writer->groups[i]);
    }
    wt_free(writer->blocks);
    wt_free(writer->ids);
    wt_free(writer->groups);
    wt_free(writer->offsets);
    wt_free(writer->speakers);
    wt_free(writer->mask);
    wt_shard_features_dispose(&writer->features);
    wt_free(writer);
}

wt_status wt_shard_finish(wt_shard_writer *writer) {
    wt_status status = write_shard(writer);
    if (status != WT_OK) {
        wt_shard_abandon(writer);
        return status;
    }
    status = wt_h5_close(writer->file);
    if (status != WT_OK) unlink(writer->path);
    free_writer(writer);
    return status;
}

/* Keeps the message of the failure that led here. */
void wt_shard_abandon(wt_shard_writer *writer) {
    if (writer == NULL) return;
    if (writer->file != NULL) {
        char message[1024];
        snprintf(message, sizeof message, "%s", wt_error_message());
        wt_h5_close(writer->file);
        unlink(writer->path);
        wt_error(WT_FAILED, "%s", message);
    }
    free_writer(writer);
}
