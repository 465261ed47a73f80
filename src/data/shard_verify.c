/*
 * Reading everything of a data set and comparing it with the digests that were made when it was prepared.
 * They were made of what stood in memory before HDF5 had it, so this also finds what went wrong in writing or
 * copying. The parts and their order are those of `digest` in shard.c.
 */
#include <string.h>

#include "dataset_internal.h"

/* What is folded up so far of one shard. */
typedef struct {
    wt_h5 *file;
    const char *path;
    const wt_shard *part;
    wt_hash hash;
    int64_t bytes;
} digesting;

static void fold_values(digesting *work, const void *values, size_t bytes) {
    work->hash = wt_hash_fold(work->hash, wt_hash_bytes(values, bytes, 0));
    work->bytes += (int64_t)bytes;
}

/* A data set of a value per sample, in pieces of `piece` samples; `element` bytes each. */
static wt_status fold_rows(digesting *work, const char *name, wt_h5_type type, size_t element,
                           int64_t piece) {
    const int64_t samples = work->part->samples;
    char *values;
    if (piece > samples) piece = samples;
    WT_TRY(wt_alloc(&values, (size_t)piece, element, "a piece of a shard"));
    wt_status status = WT_OK;
    for (int64_t first = 0; first < samples && status == WT_OK; first += piece) {
        const int64_t count = samples - first < piece ? samples - first : piece;
        status = wt_h5_read_rows(work->file, name, type, first, count, values);
        if (status == WT_OK) fold_values(work, values, (size_t)count * element);
    }
    wt_free(values);
    return status;
}

static wt_status fold_ids(digesting *work) {
    char **ids;
    size_t count;
    WT_TRY(wt_h5_read_texts(work->file, "utterances/id", &ids, &count, (size_t)work->part->count));
    for (size_t i = 0; i < count; i++) {
        work->hash = wt_hash_fold(work->hash, wt_hash_string(ids[i], 0));
        work->bytes += (int64_t)strlen(ids[i]);
    }
    wt_h5_free_texts(ids, count);
    WT_CHECK(count == (size_t)work->part->count, WT_FAILED,
             "%s: damaged: wrong number of ids (got %zu, expected %lld)", work->path, count,
             (long long)work->part->count);
    return WT_OK;
}

static wt_status fold_utterances(digesting *work) {
    const size_t count = (size_t)work->part->count;
    int32_t *speakers;
    WT_TRY(fold_ids(work));
    fold_values(work, work->part->offsets, (count + 1) * sizeof *work->part->offsets);
    WT_TRY(wt_alloc(&speakers, count, sizeof *speakers, "speakers of a shard"));
    wt_status status = wt_h5_read(work->file, "utterances/speaker", WT_H5_INT32, speakers);
    if (status == WT_OK) fold_values(work, speakers, count * sizeof *speakers);
    wt_free(speakers);
    return status;
}

static wt_status fold_shard(digesting *work, const wt_dataset *dataset) {
    const size_t sample = wt_shard_store_bytes(dataset->store) * (size_t)dataset->channels;
    const wt_vocabulary *vocabulary = &dataset->vocabulary;
    const wt_normalization *normalization = &dataset->normalization;
    WT_TRY(fold_rows(work, WT_SHARD_SAMPLES, wt_shard_store_type(dataset->store), sample, WT_SHARD_PIECE));
    WT_TRY(fold_utterances(work));
    if (vocabulary->classes > 0)
        fold_values(work, vocabulary->symbols, (size_t)vocabulary->classes * sizeof *vocabulary->symbols);
    if (dataset->label_kind != WT_LABELS_NONE) {
        const size_t moments = (size_t)dataset->channels * sizeof(double);
        WT_TRY(
            fold_rows(work, WT_SHARD_LABELS, wt_dataset_label_type(dataset), sizeof(float), WT_SHARD_PIECE));
        fold_values(work, normalization->mean, moments);
        fold_values(work, normalization->deviation, moments);
    }
    if (dataset->masked)
        WT_TRY(fold_rows(work, WT_SHARD_MASK, WT_H5_INT16, sizeof(int16_t), work->part->samples));
    if (dataset->features.count == 0) return WT_OK;
    const size_t numbers = (size_t)(work->part->frame_ends[work->part->count - 1] * dataset->features.count);
    fold_values(work, work->part->frames, numbers * sizeof *work->part->frames); /* as they were opened */
    return WT_OK;
}

static wt_status verify_shard(const wt_dataset *dataset, const wt_shard *part, int64_t *bytes) {
    digesting work = {.path = part->path, .part = part};
    char expected[64], found[WT_HASH_TEXT];
    WT_TRY(wt_h5_open(&work.file, part->path));
    wt_status status = wt_h5_read_attribute_text(work.file, "", "digest", expected, sizeof expected);
    if (status == WT_OK) status = fold_shard(&work, dataset);
    wt_h5_close(work.file);
    WT_TRY(status);
    *bytes += work.bytes;
    wt_hash_print(found, work.hash);
    WT_CHECK(strcmp(found, expected) == 0, WT_FAILED,
             "%s: damaged: it no longer holds what was prepared (digest %s, expected %s)", part->path, found,
             expected);
    return WT_OK;
}

wt_status wt_dataset_verify(const wt_dataset *dataset, int64_t *bytes) {
    int damaged = 0;
    *bytes = 0;
    for (int i = 0; i < dataset->shard_count; i++) {
        if (verify_shard(dataset, &dataset->shards[i], bytes) == WT_OK) continue;
        damaged++;
        if (dataset->shard_count > 1) wt_log_warning("%s", wt_error_message());
    }
    if (damaged == 0) return WT_OK;
    if (dataset->shard_count == 1) return WT_FAILED; /* with the shard's message */
    return wt_error(WT_FAILED, "%s: %d of %d shards are damaged", dataset->path, damaged,
                    dataset->shard_count);
}
