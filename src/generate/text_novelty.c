/*
 * How many drawn items the training part does not have: an item is new if none there has the same symbols.
 * Hashes of 128 bits, sorted, stand for the items.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/sections.h"
#include "data/dataset.h"
#include "wavetrain/data.h"
#include "wavetrain/generate.h"

static int order_hashes(const void *a, const void *b) {
    const wt_hash *left = a, *right = b;
    if (left->high != right->high) return left->high < right->high ? -1 : 1;
    return left->low < right->low ? -1 : left->low > right->low;
}

static wt_hash hash_classes(const int32_t *classes, int64_t count) {
    return wt_hash_bytes(classes, (size_t)count * sizeof *classes, 0);
}

/* With the prompt. */
static wt_status hash_drawn(wt_hash *hash, const wt_texts *texts, const wt_text_drawn *text) {
    int32_t *classes;
    const size_t prompt = (size_t)texts->prompt_count, count = prompt + (size_t)text->count;
    WT_TRY(wt_alloc(&classes, count, sizeof *classes, "an item"));
    for (size_t i = 0; i < count; i++) classes[i] = i < prompt ? texts->prompt[i] : text->classes[i - prompt];
    *hash = hash_classes(classes, (int64_t)count);
    wt_free(classes);
    return WT_OK;
}

/* The items of a training part, hashed. A class stands in a data set as a 32,768th. */
static wt_status hash_items(wt_hash *items, wt_dataset *dataset) {
    float *samples = NULL;
    int32_t *classes = NULL;
    int64_t capacity = 0;
    wt_status status = WT_OK;
    for (int64_t u = 0; u < wt_dataset_utterances(dataset); u++) {
        int64_t length = wt_dataset_length(dataset, u);
        if (length > capacity) {
            wt_free(samples);
            wt_free(classes);
            samples = NULL;
            classes = NULL;
            capacity = 2 * length;
            WT_GUARD(wt_alloc(&samples, (size_t)capacity, sizeof *samples, "an item"));
            WT_GUARD(wt_alloc(&classes, (size_t)capacity, sizeof *classes, "an item"));
        }
        WT_GUARD(wt_dataset_read(dataset, u, 0, length, samples));
        for (int64_t i = 0; i < length; i++) classes[i] = (int32_t)lrintf(samples[i] * 32768.0f);
        items[u] = hash_classes(classes, length - 1); /* without the end mark */
    }
cleanup:
    wt_free(samples);
    wt_free(classes);
    return status;
}

static wt_status count_new(int *count_of_new, const wt_texts *texts, wt_dataset *dataset) {
    wt_hash *items = NULL;
    const size_t count = (size_t)wt_dataset_utterances(dataset);
    wt_status status = WT_OK;
    WT_GUARD(wt_alloc(&items, count, sizeof *items, "items of the training part"));
    WT_GUARD(hash_items(items, dataset));
    qsort(items, count, sizeof *items, order_hashes);
    for (int i = 0; i < texts->count; i++) {
        wt_hash hash;
        WT_GUARD(hash_drawn(&hash, texts, &texts->list[i]));
        *count_of_new += bsearch(&hash, items, count, sizeof *items, order_hashes) == NULL;
    }
cleanup:
    wt_free(items);
    return status;
}

wt_status wt_texts_count_new(int *count_of_new, int64_t *items, const wt_texts *texts, const char *data) {
    const wt_checkpoint *checkpoint = texts->generator->checkpoint;
    wt_dataset *dataset;
    wt_status status = WT_OK;
    *count_of_new = 0;
    WT_TRY(wt_dataset_open(&dataset, data, "train", wt_checkpoint_get_config(checkpoint)->data.memory));
    *items = wt_dataset_utterances(dataset);
    WT_GUARD_CHECK(
        wt_vocabulary_equal(wt_dataset_vocabulary(dataset), wt_checkpoint_get_vocabulary(checkpoint)),
        WT_USAGE, "the data set has another vocabulary than the run");
    WT_GUARD(count_new(count_of_new, texts, dataset));
cleanup:
    wt_dataset_close(dataset);
    return status;
}
