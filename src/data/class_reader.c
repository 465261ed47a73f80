/* Reading samples of a data set as classes. */
#include <math.h>
#include <stdio.h>

#include "data_internal.h"

enum { INT16_VALUES = 65536, INT16_ZERO = 32768 };

static wt_status make_table(int32_t **table, wt_quantization quantization) {
    WT_TRY(wt_alloc(table, INT16_VALUES, sizeof **table, "classes of 16-bit samples"));
    for (int i = 0; i < INT16_VALUES; i++)
        (*table)[i] = wt_quantize(quantization, (i - INT16_ZERO) / 32768.0);
    return WT_OK;
}

wt_status wt_class_reader_init(wt_class_reader *reader, wt_dataset *dataset, wt_quantization quantization,
                               int64_t capacity) {
    wt_shard_store store = wt_dataset_store(dataset);
    *reader = (wt_class_reader){.dataset = dataset, .quantization = quantization, .capacity = capacity};
    WT_CHECK(wt_dataset_channels(dataset) == 1, WT_USAGE,
             "classes are made of one channel (the data set has %d)", wt_dataset_channels(dataset));
    WT_CHECK((quantization.kind == WT_QUANTIZATION_VOCABULARY) == (wt_dataset_kind(dataset) == WT_DATA_TEXT),
             WT_FAILED, "a vocabulary is for text, and for text alone");
    WT_CHECK(quantization.levels >= 2 && quantization.levels <= INT16_VALUES, WT_USAGE,
             "levels of quantisation out of range (got %d, expected 2 to %d)", quantization.levels,
             INT16_VALUES);
    if (!wt_dataset_in_memory(dataset)) {
        WT_TRY(
            wt_alloc(&reader->scratch, (size_t)capacity, wt_shard_store_bytes(store), "samples of a window"));
    }
    if (quantization.kind == WT_QUANTIZATION_VOCABULARY || store != WT_STORE_INT16) return WT_OK;
    return make_table(&reader->table, quantization);
}

void wt_class_reader_dispose(wt_class_reader *reader) {
    wt_free(reader->table);
    wt_free(reader->scratch);
    *reader = (wt_class_reader){0};
}

/* The file that is damaged, the place, and what was found there. */
static wt_status refuse_sample(const wt_class_reader *reader, int64_t utterance, int64_t sample,
                               const char *what) {
    return wt_error(WT_FAILED, "%s: damaged: sample %lld of utterance %lld %s",
                    wt_dataset_shard_path(reader->dataset, utterance), (long long)sample,
                    (long long)utterance, what);
}

static wt_status quantize_floats(const wt_class_reader *reader, int64_t utterance, int64_t first,
                                 int64_t count, const float *samples, int32_t *classes) {
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(samples[i]))
            return refuse_sample(reader, utterance, first + i, "is not a finite number");
        classes[i] = wt_quantize(reader->quantization, samples[i]);
    }
    return WT_OK;
}

/* Text is classes already, but a file is not trusted. */
static wt_status copy_classes(const wt_class_reader *reader, int64_t utterance, int64_t first, int64_t count,
                              const int16_t *symbols, int32_t *classes) {
    char what[100];
    for (int64_t i = 0; i < count; i++) {
        if (symbols[i] < 0 || symbols[i] >= reader->quantization.levels) {
            snprintf(what, sizeof what, "is not in the vocabulary (got %d, expected 0 to %d)", symbols[i],
                     reader->quantization.levels - 1);
            return refuse_sample(reader, utterance, first + i, what);
        }
        classes[i] = symbols[i];
    }
    return WT_OK;
}

wt_status wt_class_reader_read(wt_class_reader *reader, int64_t utterance, int64_t first, int64_t count,
                               int32_t *classes) {
    const void *raw = NULL;
    WT_CHECK(count <= reader->capacity, WT_FAILED,
             "too many samples at once (got %lld, expected at most %lld)", (long long)count,
             (long long)reader->capacity);
    WT_TRY(wt_dataset_raw(reader->dataset, utterance, first, count, reader->scratch, &raw));
    if (reader->quantization.kind == WT_QUANTIZATION_VOCABULARY)
        return copy_classes(reader, utterance, first, count, raw, classes);
    if (reader->table == NULL) return quantize_floats(reader, utterance, first, count, raw, classes);
    const int16_t *samples = raw;
    for (int64_t i = 0; i < count; i++) classes[i] = reader->table[samples[i] + INT16_ZERO];
    return WT_OK;
}
