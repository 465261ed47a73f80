/*
 * Reading from a data set: out of memory, or through the shards last read from, which stay open.
 * The number of open files is bounded; the price is opening files again when windows come from more
 * shards than that at a time.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "dataset_internal.h"

/* --- what a data set is --- */

int64_t wt_dataset_utterances(const wt_dataset *dataset) {
    return dataset->utterances;
}
int64_t wt_dataset_samples(const wt_dataset *dataset) {
    return dataset->samples;
}
int wt_dataset_sample_rate(const wt_dataset *dataset) {
    return dataset->sample_rate;
}
int wt_dataset_channels(const wt_dataset *dataset) {
    return dataset->channels;
}
bool wt_dataset_in_memory(const wt_dataset *dataset) {
    return dataset->in_memory;
}
wt_hash wt_dataset_digest(const wt_dataset *dataset) {
    return dataset->digest;
}
int wt_dataset_shards(const wt_dataset *dataset) {
    return dataset->shard_count;
}
int wt_dataset_unhashed(const wt_dataset *dataset) {
    return dataset->unhashed;
}
wt_shard_store wt_dataset_store(const wt_dataset *dataset) {
    return dataset->store;
}

wt_data_kind wt_dataset_kind(const wt_dataset *dataset) {
    return dataset->kind;
}
const wt_vocabulary *wt_dataset_vocabulary(const wt_dataset *dataset) {
    return &dataset->vocabulary;
}

int64_t wt_dataset_chunk(const wt_dataset *dataset) {
    int64_t samples = dataset->shards[0].samples;
    return samples < WT_SHARD_PIECE ? samples : WT_SHARD_PIECE;
}

/* The last shard that begins at or before the utterance. */
static int find_shard(const wt_dataset *dataset, int64_t utterance) {
    int low = 0, high = dataset->shard_count - 1;
    while (low < high) {
        int middle = low + (high - low + 1) / 2;
        if (dataset->shards[middle].first <= utterance) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

const wt_shard *wt_dataset_shard_of(const wt_dataset *dataset, int64_t utterance) {
    return &dataset->shards[find_shard(dataset, utterance)];
}

int32_t wt_dataset_speaker(const wt_dataset *dataset, int64_t utterance) {
    const wt_shard *shard = wt_dataset_shard_of(dataset, utterance);
    return shard->speakers[utterance - shard->first];
}

int wt_dataset_speakers(const wt_dataset *dataset) {
    return dataset->speakers;
}

const char *wt_dataset_speaker_names(const wt_dataset *dataset) {
    return dataset->speaker_names;
}

const char *wt_dataset_shard_path(const wt_dataset *dataset, int64_t utterance) {
    return dataset->shards[find_shard(dataset, utterance)].path;
}

int64_t wt_dataset_length(const wt_dataset *dataset, int64_t utterance) {
    const wt_shard *shard = &dataset->shards[find_shard(dataset, utterance)];
    int64_t i = utterance - shard->first;
    return shard->offsets[i + 1] - shard->offsets[i];
}

const uint8_t *wt_dataset_mask(const wt_dataset *dataset, int64_t utterance) {
    if (!dataset->masked) return NULL;
    const wt_shard *shard = &dataset->shards[find_shard(dataset, utterance)];
    return shard->mask + shard->offsets[utterance - shard->first];
}

int64_t wt_dataset_examples(const wt_dataset *dataset) {
    int64_t examples = 0;
    if (!dataset->masked) return wt_dataset_samples(dataset);
    for (int64_t u = 0; u < wt_dataset_utterances(dataset); u++) {
        const uint8_t *mask = wt_dataset_mask(dataset, u);
        for (int64_t i = 0; i < wt_dataset_length(dataset, u); i++) examples += mask[i];
    }
    return examples;
}

wt_status wt_dataset_quantization(wt_quantization *quantization, const wt_dataset *dataset,
                                  wt_quantization configured) {
    const wt_vocabulary *vocabulary = &dataset->vocabulary;
    bool text = dataset->kind == WT_DATA_TEXT;
    WT_CHECK(text == (configured.kind == WT_QUANTIZATION_VOCABULARY), WT_USAGE,
             "%s: is %s, which data.quantization does not fit (expected %s)", dataset->path,
             text ? "text" : "a signal", text ? "vocabulary" : "mulaw:N or linear:N");
    *quantization = configured;
    if (!text) return WT_OK;
    quantization->levels = vocabulary->classes;
    quantization->padding = wt_vocabulary_padding(vocabulary);
    return WT_OK;
}

wt_status wt_dataset_network_classes(int *classes, const wt_data_config *data) {
    wt_dataset *dataset = NULL;
    wt_quantization quantization = data->quantization;
    *classes = data->quantization.levels;
    if (data->quantization.kind != WT_QUANTIZATION_VOCABULARY) return WT_OK;
    WT_TRY(wt_dataset_open(&dataset, data->path, "train", 0));
    wt_status status = wt_dataset_quantization(&quantization, dataset, data->quantization);
    if (status == WT_OK) *classes = quantization.levels;
    wt_dataset_close(dataset);
    return status;
}

/* --- files --- */

/* The shard's place among the open ones, else the place that was least lately used. */
static wt_open_shard *find_place(wt_dataset *dataset, int shard) {
    wt_open_shard *oldest = &dataset->open[0];
    for (int i = 0; i < WT_OPEN_SHARDS; i++) {
        wt_open_shard *place = &dataset->open[i];
        if (place->file != NULL && place->shard == shard) return place;
        if (place->used < oldest->used) oldest = place;
    }
    return oldest;
}

static wt_status use_file(wt_dataset *dataset, int shard, wt_h5 **file) {
    wt_open_shard *place = find_place(dataset, shard);
    if (place->file == NULL || place->shard != shard) {
        wt_h5_close(place->file);
        *place = (wt_open_shard){NULL, shard, 0};
        WT_TRY(wt_h5_open(&place->file, dataset->shards[shard].path));
    }
    place->used = ++dataset->reads;
    *file = place->file;
    return WT_OK;
}

static wt_status read_shard_samples(wt_dataset *dataset, int shard, int64_t sample, int64_t count,
                                    wt_h5_type type, void *samples) {
    wt_h5 *file = NULL;
    WT_TRY(use_file(dataset, shard, &file));
    return wt_h5_read_rows(file, WT_SHARD_SAMPLES, type, sample, count, samples);
}

/* --- samples --- */

/* Where in which shard the samples of an utterance lie. */
static wt_status locate(const wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count,
                        int *shard, int64_t *sample) {
    WT_CHECK(utterance >= 0 && utterance < dataset->utterances, WT_FAILED,
             "%s: no such utterance (got %lld, expected 0 to %lld)", dataset->path, (long long)utterance,
             (long long)dataset->utterances - 1);
    int64_t length = wt_dataset_length(dataset, utterance);
    WT_CHECK(first >= 0 && count >= 0 && first <= length && count <= length - first, WT_FAILED,
             "%s: utterance %lld lacks samples (got %lld, expected %lld from sample %lld on)", dataset->path,
             (long long)utterance, (long long)length, (long long)count, (long long)first);
    *shard = find_shard(dataset, utterance);
    const wt_shard *part = &dataset->shards[*shard];
    *sample = part->offsets[utterance - part->first] + first;
    return WT_OK;
}

static const void *in_memory(const wt_dataset *dataset, int shard, int64_t sample) {
    size_t bytes = wt_shard_store_bytes(dataset->store) * (size_t)dataset->channels;
    return (const char *)dataset->shards[shard].memory + (size_t)sample * bytes;
}

wt_status wt_dataset_raw(wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count, void *scratch,
                         const void **raw) {
    int shard = 0;
    int64_t sample = 0;
    WT_TRY(locate(dataset, utterance, first, count, &shard, &sample));
    *raw = dataset->in_memory ? in_memory(dataset, shard, sample) : scratch;
    if (dataset->in_memory) return WT_OK;
    return read_shard_samples(dataset, shard, sample, count, wt_shard_store_type(dataset->store), scratch);
}

wt_status wt_dataset_read(wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count,
                          float *samples) {
    int shard = 0;
    int64_t sample = 0;
    WT_TRY(locate(dataset, utterance, first, count, &shard, &sample));
    int64_t values = count * dataset->channels;
    bool shorts = dataset->store == WT_STORE_INT16;
    if (!dataset->in_memory) {
        WT_TRY(read_shard_samples(dataset, shard, sample, count, WT_H5_FLOAT, samples));
        for (int64_t i = 0; shorts && i < values; i++) samples[i] *= 1.0f / 32768.0f;
        return WT_OK;
    }
    const void *raw = in_memory(dataset, shard, sample);
    if (!shorts) {
        memcpy(samples, raw, (size_t)values * sizeof *samples);
        return WT_OK;
    }
    const int16_t *stored = raw;
    for (int64_t i = 0; i < values; i++) samples[i] = (float)stored[i] * (1.0f / 32768.0f);
    return WT_OK;
}

/* --- labels --- */

/* Both kinds take four bytes each. */
static wt_status read_labels(wt_dataset *dataset, wt_label_kind kind, int64_t utterance, int64_t first,
                             int64_t count, void *labels) {
    int shard = 0;
    int64_t sample = 0;
    wt_h5 *file = NULL;
    WT_CHECK(dataset->label_kind == kind, WT_FAILED, "%s: has no such labels", dataset->path);
    WT_TRY(locate(dataset, utterance, first, count, &shard, &sample));
    if (dataset->in_memory) {
        memcpy(labels, (const char *)dataset->shards[shard].labels + (size_t)sample * sizeof(float),
               (size_t)count * sizeof(float));
        return WT_OK;
    }
    WT_TRY(use_file(dataset, shard, &file));
    return wt_h5_read_rows(file, WT_SHARD_LABELS, wt_dataset_label_type(dataset), sample, count, labels);
}

wt_status wt_dataset_read_classes(wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count,
                                  int32_t *classes) {
    WT_TRY(read_labels(dataset, WT_LABELS_CLASS, utterance, first, count, classes));
    for (int64_t i = 0; i < count; i++) {
        WT_CHECK(
            classes[i] >= 0 && classes[i] < dataset->classes, WT_FAILED,
            "%s: damaged: label %lld of utterance %lld is none of the classes (got %d, expected 0 to %d)",
            dataset->path, (long long)(first + i), (long long)utterance, (int)classes[i],
            dataset->classes - 1);
    }
    return WT_OK;
}

wt_status wt_dataset_read_values(wt_dataset *dataset, int64_t utterance, int64_t first, int64_t count,
                                 float *values) {
    WT_TRY(read_labels(dataset, WT_LABELS_VALUE, utterance, first, count, values));
    for (int64_t i = 0; i < count; i++) {
        WT_CHECK(isfinite(values[i]), WT_FAILED, "%s: label %lld of utterance %lld is not a finite number",
                 dataset->path, (long long)(first + i), (long long)utterance);
    }
    return WT_OK;
}

/* --- ids --- */

/* An utterance's text of `name`, which its shard must have. */
static wt_status read_text_of(wt_dataset *dataset, int64_t utterance, const char *name, char **text) {
    int number = 0;
    int64_t sample = 0;
    wt_h5 *file = NULL;
    char **texts = NULL;
    size_t count = 0;
    *text = NULL;
    WT_TRY(locate(dataset, utterance, 0, 0, &number, &sample));
    const wt_shard *shard = &dataset->shards[number];
    WT_TRY(use_file(dataset, number, &file));
    if (strcmp(name, WT_SHARD_GROUPS) == 0 && !wt_h5_has(file, name)) return wt_memory_copy_string(text, "");
    WT_TRY(wt_h5_read_texts(file, name, &texts, &count, (size_t)shard->count));
    wt_status status = WT_OK;
    if (count == (size_t)shard->count) {
        status = wt_memory_copy_string(text, texts[utterance - shard->first]);
    } else {
        status = wt_error(WT_FAILED, "%s: damaged: wrong number of '%s' (got %zu, expected %lld)",
                          shard->path, name, count, (long long)shard->count);
    }
    wt_h5_free_texts(texts, count);
    return status;
}

wt_status wt_dataset_id(wt_dataset *dataset, int64_t utterance, char **id) {
    return read_text_of(dataset, utterance, "utterances/id", id);
}

wt_status wt_dataset_group(wt_dataset *dataset, int64_t utterance, char **group) {
    return read_text_of(dataset, utterance, WT_SHARD_GROUPS, group);
}
