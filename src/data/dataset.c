/*
 * One split of a data set.
 *
 * Every shard is opened once, checked, and closed again; the offsets of its utterances are kept. A split that
 * fits data.memory is then read whole, as it is stored (two or four bytes a sample). A larger one stays on
 * disk and is read as it is asked for (dataset_read.c). Shards must lie in the folder without gaps, so that a
 * lost file is noticed here and not as a data set that became smaller.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/vocabulary.h"
#include "dataset_internal.h"

enum { UTTERANCES_MAX = 1 << 28 }; /* of a shard */

/* --- checking a shard --- */

static wt_status check_attribute_text(wt_h5 *file, const char *path, const char *name, const char *expected) {
    char text[64];
    WT_TRY(wt_h5_read_attribute_text(file, "", name, text, sizeof text));
    WT_CHECK(strcmp(text, expected) == 0, WT_FAILED, "%s: wrong %s (got %s, expected %s)", path, name, text,
             expected);
    return WT_OK;
}

static wt_status read_int(wt_h5 *file, const char *path, const char *name, int64_t least, int64_t most,
                          int *value) {
    int64_t number = 0;
    WT_TRY(wt_h5_read_attribute_int(file, "", name, &number));
    WT_CHECK(number >= least && number <= most, WT_FAILED, "%s: wrong %s (got %lld, expected %lld to %lld)",
             path, name, (long long)number, (long long)least, (long long)most);
    *value = (int)number;
    return WT_OK;
}

static wt_status expect_int(wt_h5 *file, const char *path, const char *name, int expected) {
    int64_t number = 0;
    WT_TRY(wt_h5_read_attribute_int(file, "", name, &number));
    WT_CHECK(number == expected, WT_FAILED, "%s: wrong %s (got %lld, expected %d)", path, name,
             (long long)number, expected);
    return WT_OK;
}

static wt_status check_format(wt_h5 *file, const char *path, const char *split) {
    WT_CHECK(wt_h5_has_attribute(file, "", "format"), WT_FAILED,
             "%s: no shard of a data set (the attribute 'format' is missing)", path);
    WT_TRY(check_attribute_text(file, path, "format", WT_SHARD_FORMAT));
    int version = 0;
    WT_TRY(read_int(file, path, "version", WT_SHARD_VERSION_OLDEST, WT_SHARD_VERSION, &version));
    return check_attribute_text(file, path, "split", split);
}

/* Before anything of the shard is believed. Those of version 1 have no hash. */
static wt_status check_hash(wt_dataset *dataset, wt_h5 *file, const char *path) {
    char text[64], found[WT_HASH_TEXT];
    int64_t version = 0;
    wt_hash hash;
    WT_TRY(wt_h5_read_attribute_int(file, "", "version", &version));
    if (version < WT_SHARD_VERSION_HASHED) {
        dataset->unhashed++;
        return WT_OK;
    }
    WT_TRY(wt_h5_read_attribute_text(file, "", WT_SHARD_HASH, text, sizeof text));
    WT_TRY(wt_shard_hash(&hash, file));
    wt_hash_print(found, hash);
    WT_CHECK(strcmp(found, text) == 0, WT_FAILED,
             "%s: damaged: its attributes or small data sets have changed (hash %s, expected %s)", path,
             found, text);
    return WT_OK;
}

static wt_status read_data_kind(wt_data_kind *kind, wt_h5 *file, const char *path) {
    static const char *const kinds[] = {
        [WT_DATA_AUDIO] = WT_SHARD_KIND_AUDIO,
        [WT_DATA_TEXT] = WT_SHARD_KIND_TEXT,
        [WT_DATA_TABLE] = WT_SHARD_KIND_TABLE,
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    char text[64];
    WT_TRY(wt_h5_read_attribute_text(file, "", "kind", text, sizeof text));
    for (int i = 0; i < KINDS; i++) {
        *kind = (wt_data_kind)i;
        if (strcmp(text, kinds[i]) == 0) return WT_OK;
    }
    return wt_error(WT_FAILED, "%s: wrong kind (got %s, expected %s, %s or %s)", path, text, kinds[0],
                    kinds[1], kinds[2]);
}

static wt_status read_vocabulary(wt_dataset *dataset, wt_h5 *file, int number, const char *path) {
    wt_vocabulary found;
    WT_TRY(wt_vocabulary_read(&found, file, path));
    bool same = wt_vocabulary_equal(&found, &dataset->vocabulary), text = dataset->kind == WT_DATA_TEXT;
    if (number == 0) {
        dataset->vocabulary = found;
    } else {
        wt_vocabulary_dispose(&found);
    }
    WT_CHECK(number == 0 || same, WT_FAILED, "%s: has another vocabulary than the first shard", path);
    WT_CHECK(text == (dataset->vocabulary.classes > 0), WT_FAILED, "%s: a vocabulary is %s", path,
             text ? "missing from a text" : "of no use to a signal");
    return WT_OK;
}

/* The first shard says what all must be alike in. */
static wt_status check_likeness(wt_dataset *dataset, wt_h5 *file, int number, const char *path) {
    wt_data_kind kind;
    WT_TRY(read_data_kind(&kind, file, path));
    WT_CHECK(number == 0 || kind == dataset->kind, WT_FAILED, "%s: is of another kind than the first shard",
             path);
    dataset->kind = kind;
    WT_TRY(read_vocabulary(dataset, file, number, path));
    if (number == 0) {
        WT_TRY(read_int(file, path, "sample_rate", 1, WT_SHARD_RATE_MAX, &dataset->sample_rate));
        WT_TRY(read_int(file, path, "channels", 1, WT_SHARD_CHANNELS_MAX, &dataset->channels));
    } else {
        WT_TRY(expect_int(file, path, "sample_rate", dataset->sample_rate));
        WT_TRY(expect_int(file, path, "channels", dataset->channels));
    }
    WT_TRY(expect_int(file, path, "shard", number));
    return expect_int(file, path, "shards", dataset->shard_count);
}

static wt_status fold_digest(wt_dataset *dataset, wt_h5 *file, const char *path) {
    char text[64];
    WT_TRY(wt_h5_read_attribute_text(file, "", "digest", text, sizeof text));
    WT_CHECK(strlen(text) == WT_HASH_TEXT - 1 && strspn(text, "0123456789abcdef") == WT_HASH_TEXT - 1,
             WT_FAILED, "%s: wrong digest (got %s, expected 32 hexadecimal digits)", path, text);
    dataset->digest = wt_hash_fold(dataset->digest, wt_hash_string(text, 0));
    return WT_OK;
}

static wt_status check_shard_samples(wt_dataset *dataset, wt_h5 *file, int number, wt_shard *part) {
    wt_h5_shape x;
    int rank = dataset->channels == 1 ? 1 : 2;
    WT_TRY(wt_h5_inspect(file, WT_SHARD_SAMPLES, &x));
    WT_CHECK(x.type == WT_H5_INT16 || x.type == WT_H5_FLOAT, WT_FAILED,
             "%s: 'x' has a foreign type (expected 16-bit integers or 32-bit floats)", part->path);
    WT_CHECK(x.rank == rank && (rank == 1 || x.shape[1] == dataset->channels), WT_FAILED,
             "%s: 'x' has a foreign shape (expected samples of %d channels)", part->path, dataset->channels);
    wt_shard_store store = x.type == WT_H5_INT16 ? WT_STORE_INT16 : WT_STORE_FLOAT;
    WT_CHECK(number == 0 || store == dataset->store, WT_FAILED,
             "%s: 'x' is of another type than in the first shard", part->path);
    WT_CHECK(x.shape[0] <= INT64_MAX / 8 / dataset->channels - dataset->samples, WT_FAILED,
             "%s: 'x' is too large", part->path);
    WT_CHECK(dataset->kind != WT_DATA_TEXT || (store == WT_STORE_INT16 && dataset->channels == 1), WT_FAILED,
             "%s: 'x' of a text has a foreign type (expected 16-bit integers, one channel)", part->path);
    dataset->store = store;
    part->samples = x.shape[0];
    return WT_OK;
}

/* Two bytes a sample in the file, one in memory; whatever is not 0 is a target. */
static wt_status read_mask(wt_dataset *dataset, wt_h5 *file, int number, wt_shard *part) {
    enum { PIECE = WT_SHARD_PIECE };
    wt_h5_shape shape;
    int16_t *piece = NULL;
    bool masked = wt_h5_has(file, WT_SHARD_MASK);
    WT_CHECK(number == 0 || masked == dataset->masked, WT_FAILED, "%s: %s a mask, unlike the first shard",
             part->path, masked ? "has" : "lacks");
    dataset->masked = masked;
    if (!masked) return WT_OK;
    WT_TRY(wt_h5_inspect(file, WT_SHARD_MASK, &shape));
    WT_CHECK(shape.type == WT_H5_INT16 && shape.rank == 1 && shape.shape[0] == part->samples, WT_FAILED,
             "%s: 'mask' has a foreign shape (expected int16 of %lld samples)", part->path,
             (long long)part->samples);
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&part->mask, (size_t)part->samples, 1, "mask of a shard"));
    WT_GUARD(wt_alloc(&piece, PIECE, sizeof *piece, "piece of a mask"));
    for (int64_t first = 0; first < part->samples; first += PIECE) {
        int64_t count = part->samples - first < PIECE ? part->samples - first : PIECE;
        WT_GUARD(wt_h5_read_rows(file, WT_SHARD_MASK, WT_H5_INT16, first, count, piece));
        for (int64_t i = 0; i < count; i++) part->mask[first + i] = piece[i] != 0;
    }
cleanup:
    wt_free(piece);
    return status;
}

static wt_status check_offsets(const wt_shard *part) {
    WT_CHECK(part->offsets[0] == 0, WT_FAILED, "%s: damaged: 'utterances/offset' begins at %lld (expected 0)",
             part->path, (long long)part->offsets[0]);
    for (int64_t i = 0; i < part->count; i++) {
        WT_CHECK(part->offsets[i + 1] > part->offsets[i], WT_FAILED,
                 "%s: damaged: 'utterances/offset' does not rise at utterance %lld", part->path,
                 (long long)i);
    }
    WT_CHECK(part->offsets[part->count] == part->samples, WT_FAILED,
             "%s: damaged: 'utterances/offset' ends at %lld (expected %lld, the samples of 'x')", part->path,
             (long long)part->offsets[part->count], (long long)part->samples);
    return WT_OK;
}

static wt_status read_offsets(wt_h5 *file, wt_shard *part) {
    wt_h5_shape offset, speaker;
    WT_TRY(wt_h5_inspect(file, "utterances/offset", &offset));
    WT_CHECK(offset.type == WT_H5_INT64 && offset.rank == 1 && offset.shape[0] >= 2 &&
                 offset.shape[0] <= UTTERANCES_MAX,
             WT_FAILED, "%s: 'utterances/offset' has a foreign shape (expected int64 of utterances + 1)",
             part->path);
    part->count = offset.shape[0] - 1;
    WT_TRY(wt_h5_inspect(file, "utterances/speaker", &speaker));
    WT_CHECK(speaker.type == WT_H5_INT32 && speaker.rank == 1 && speaker.shape[0] == part->count, WT_FAILED,
             "%s: 'utterances/speaker' has a foreign shape (expected int32 of %lld utterances)", part->path,
             (long long)part->count);
    WT_CHECK(wt_h5_has(file, "utterances/id"), WT_FAILED, "%s: 'utterances/id' is missing", part->path);
    WT_TRY(wt_alloc(&part->offsets, (size_t)offset.shape[0], sizeof *part->offsets, "offsets of utterances"));
    WT_TRY(wt_h5_read(file, "utterances/offset", WT_H5_INT64, part->offsets));
    WT_TRY(wt_alloc(&part->speakers, (size_t)part->count, sizeof *part->speakers, "speakers of utterances"));
    WT_TRY(wt_h5_read(file, "utterances/speaker", WT_H5_INT32, part->speakers));
    return check_offsets(part);
}

/* The names of the first shard stand for all. */
static wt_status read_speaker_names(wt_dataset *dataset, wt_h5 *file) {
    char **names, *to = dataset->speaker_names;
    size_t count, used = 0;
    if (!wt_h5_has(file, WT_SHARD_SPEAKERS)) return WT_OK;
    WT_TRY(wt_h5_read_texts(file, WT_SHARD_SPEAKERS, &names, &count, UTTERANCES_MAX));
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(names[i]);
        if (used + length + 2 > WT_SPEAKERS_TEXT) {
            used = 0;
            break;
        }
        memcpy(to + used, names[i], length);
        to[used + length] = '\n';
        used += length + 1;
    }
    to[used] = '\0';
    wt_h5_free_texts(names, count);
    return WT_OK;
}

static wt_status check_shard(wt_dataset *dataset, wt_h5 *file, int number, const char *split) {
    wt_shard *part = &dataset->shards[number];
    WT_TRY(check_format(file, part->path, split));
    WT_TRY(check_hash(dataset, file, part->path));
    WT_TRY(check_likeness(dataset, file, number, part->path));
    WT_TRY(fold_digest(dataset, file, part->path));
    WT_TRY(check_shard_samples(dataset, file, number, part));
    WT_TRY(wt_dataset_check_labels(dataset, file, number, part));
    WT_TRY(read_offsets(file, part));
    WT_TRY(read_mask(dataset, file, number, part));
    WT_TRY(wt_dataset_read_features(dataset, file, number, part));
    if (number == 0) WT_TRY(read_speaker_names(dataset, file));
    for (int64_t u = 0; u < part->count; u++)
        if (part->speakers[u] >= dataset->speakers) dataset->speakers = part->speakers[u] + 1;
    part->first = dataset->utterances;
    dataset->utterances += part->count;
    dataset->samples += part->samples;
    return WT_OK;
}

static wt_status open_shard(wt_dataset *dataset, int number, const char *split) {
    wt_h5 *file = NULL;
    WT_TRY(wt_h5_open(&file, dataset->shards[number].path));
    wt_status status = check_shard(dataset, file, number, split);
    wt_h5_close(file);
    return status;
}

/* --- finding the shards --- */

static wt_status list_shards(const char *path, const char *split, char ***names, size_t *count) {
    char prefix[32];
    int length = snprintf(prefix, sizeof prefix, "%s-", split);
    WT_CHECK(length > 0 && length < (int)sizeof prefix, WT_USAGE, "%s: unknown split '%s'", path, split);
    WT_TRY(wt_path_require_folder(path, "data set", "; wavetrain prepare makes one"));
    WT_TRY(wt_folder_list(names, count, path, prefix, ".h5"));
    if (*count > 0) return WT_OK;
    wt_folder_list_free(*names, *count);
    *names = NULL;
    return wt_error(WT_USAGE, "%s: no shards of the split '%s' (expected %s00000.h5 …)", path, split, prefix);
}

static wt_status read_shard_count(const char *path, const char *split, int *shards) {
    wt_h5 *file = NULL;
    WT_TRY(wt_h5_open(&file, path));
    wt_status status = check_format(file, path, split);
    if (status == WT_OK) status = read_int(file, path, "shards", 1, WT_SHARDS_MAX, shards);
    wt_h5_close(file);
    return status;
}

/* Names what is missing, or what should not be there. */
static wt_status check_shard_names(const char *path, const char *split, char *const *names, size_t count) {
    char expected[WT_PATH_MAX];
    for (size_t i = 0; i < count; i++) {
        WT_TRY(wt_shard_path(expected, path, split, (int)i));
        int order = strcmp(names[i], wt_path_base(expected));
        WT_CHECK(order <= 0, WT_FAILED, "%s: missing (found %s)", expected, names[i]);
        WT_CHECK(order == 0, WT_FAILED, "%s/%s: no name of a shard (expected %s)", path, names[i],
                 wt_path_base(expected));
    }
    return WT_OK;
}

static wt_status find_shards(wt_dataset *dataset, const char *split, char *const *names, size_t count) {
    char path[WT_PATH_MAX];
    int shards = 0;
    WT_CHECK(count <= WT_SHARDS_MAX, WT_FAILED, "%s: too many shards (got %zu, expected at most %d)",
             dataset->path, count, WT_SHARDS_MAX);
    WT_TRY(check_shard_names(dataset->path, split, names, count));
    WT_TRY(wt_shard_path(path, dataset->path, split, 0));
    WT_TRY(read_shard_count(path, split, &shards));
    if ((size_t)shards > count) {
        WT_TRY(wt_shard_path(path, dataset->path, split, (int)count));
        return wt_error(WT_FAILED, "%s: missing (got %zu shards, expected %d)", path, count, shards);
    }
    WT_CHECK((size_t)shards == count, WT_FAILED,
             "%s: too many shards of the split '%s' (got %zu, expected %d)", dataset->path, split, count,
             shards);
    WT_TRY(wt_alloc(&dataset->shards, count, sizeof *dataset->shards, "shards"));
    dataset->shard_count = shards;
    for (int i = 0; i < shards; i++) {
        WT_TRY(wt_shard_path(path, dataset->path, split, i));
        WT_TRY(wt_memory_copy_string(&dataset->shards[i].path, path));
    }
    return WT_OK;
}

bool wt_dataset_has_split(const char *path, const char *split) {
    char **names = NULL;
    size_t count = 0;
    char prefix[32];
    int length = snprintf(prefix, sizeof prefix, "%s-", split);
    if (length <= 0 || length >= (int)sizeof prefix || !wt_path_is_folder(path)) return false;
    if (wt_folder_list(&names, &count, path, prefix, ".h5") != WT_OK) return false;
    wt_folder_list_free(names, count);
    return count > 0;
}

/* --- open, close --- */

static wt_status load_shard(wt_dataset *dataset, wt_shard *part) {
    wt_h5 *file = NULL;
    size_t values = (size_t)part->samples * (size_t)dataset->channels; /* checked when the shard was opened */
    WT_TRY(wt_alloc(&part->memory, values, wt_shard_store_bytes(dataset->store), part->path));
    WT_TRY(wt_h5_open(&file, part->path));
    wt_status status = wt_h5_read_rows(file, WT_SHARD_SAMPLES, wt_shard_store_type(dataset->store), 0,
                                       part->samples, part->memory);
    if (status == WT_OK && dataset->label_kind != WT_LABELS_NONE) {
        status = wt_alloc(&part->labels, (size_t)part->samples, sizeof(float), part->path);
        if (status == WT_OK)
            status = wt_h5_read_rows(file, WT_SHARD_LABELS, wt_dataset_label_type(dataset), 0, part->samples,
                                     part->labels);
    }
    wt_h5_close(file);
    return status;
}

/* Of all samples and labels. */
static double whole_bytes(const wt_dataset *dataset) {
    double bytes = (double)dataset->samples * dataset->channels *
                   (double)wt_shard_store_bytes(dataset->store);
    if (dataset->label_kind != WT_LABELS_NONE) bytes += (double)dataset->samples * (double)sizeof(float);
    return bytes;
}

static bool fits(const wt_dataset *dataset, double memory_gib) {
    return whole_bytes(dataset) <= memory_gib * 1073741824.0;
}

int64_t wt_dataset_memory(const wt_dataset *dataset, double memory_gib) {
    const double offsets = (double)(dataset->utterances + dataset->shard_count) * sizeof(int64_t);
    const double masks = dataset->masked ? (double)dataset->samples : 0;
    return (int64_t)(offsets + masks + (fits(dataset, memory_gib) ? whole_bytes(dataset) : 0));
}

static wt_status load_shards(wt_dataset *dataset, double memory_gib) {
    dataset->in_memory = fits(dataset, memory_gib);
    for (int i = 0; dataset->in_memory && i < dataset->shard_count; i++) {
        WT_TRY(load_shard(dataset, &dataset->shards[i]));
    }
    return WT_OK;
}

wt_status wt_dataset_open(wt_dataset **out, const char *path, const char *split, double memory_gib) {
    wt_dataset *dataset = NULL;
    char **names = NULL;
    size_t count = 0;
    wt_status status = WT_OK;
    *out = NULL;
    WT_GUARD(list_shards(path, split, &names, &count));
    WT_GUARD(wt_alloc(&dataset, 1, sizeof *dataset, "data set"));
    WT_GUARD(wt_memory_copy_string(&dataset->path, path));
    WT_GUARD(find_shards(dataset, split, names, count));
    for (int i = 0; i < dataset->shard_count; i++) WT_GUARD(open_shard(dataset, i, split));
    WT_GUARD(load_shards(dataset, memory_gib));
    *out = dataset;
    dataset = NULL;
cleanup:
    wt_folder_list_free(names, count);
    wt_dataset_close(dataset);
    return status;
}

void wt_dataset_close(wt_dataset *dataset) {
    if (dataset == NULL) return;
    for (int i = 0; i < WT_OPEN_SHARDS; i++) wt_h5_close(dataset->open[i].file);
    for (int i = 0; i < dataset->shard_count; i++) {
        wt_free(dataset->shards[i].path);
        wt_free(dataset->shards[i].offsets);
        wt_free(dataset->shards[i].memory);
        wt_free(dataset->shards[i].labels);
        wt_free(dataset->shards[i].mask);
        wt_free(dataset->shards[i].speakers);
        wt_free(dataset->shards[i].frames);
        wt_free(dataset->shards[i].frame_ends);
    }
    wt_vocabulary_dispose(&dataset->vocabulary);
    wt_free(dataset->shards);
    wt_free(dataset->path);
    wt_free(dataset);
}
