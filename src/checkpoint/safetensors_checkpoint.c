/*
 * A safetensors file as a checkpoint of a run that has made no step. Its metadata say what else than the
 * tensors a checkpoint holds: the configuration, and by these tables of what the network takes and gives, all
 * as texts. A file without them, such as torch modules are saved as, names tensors alone; it begins a run.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoint/checkpoint_write.h"
#include "checkpoint_internal.h"
#include "export/safetensors.h"

/* --- what metadata hold --- */

typedef struct {
    const char *key;
    size_t offset, capacity; /* in a state; of a text */
} portable;

#define PORTABLE(key, member) \
    { key, offsetof(wt_checkpoint_state, member), sizeof(((wt_checkpoint_state *)0)->member) }

static const portable numbers[] = {
    PORTABLE("sample_rate", sample_rate),
    PORTABLE("channels", channels),
    PORTABLE("outputs", outputs),
    PORTABLE("speakers", speakers),
    PORTABLE("features_hop", features.hop),
    PORTABLE("features_centre", features.centre),
    PORTABLE("background", names.classes.background),
    PORTABLE("label_whole", names.classes.whole),
};
static const portable texts[] = {
    PORTABLE("dataset", dataset),
    PORTABLE("features_text", features.text),
    PORTABLE("speaker_names", names.speakers),
    PORTABLE("class_names", names.classes.names),
};
/* Numbers with spaces between them, and how many there are. */
static const struct {
    portable values;
    size_t count;
} lists[] = {
    {PORTABLE("normalization_mean", normalization.mean),
     offsetof(wt_checkpoint_state, normalization.channels)},
    {PORTABLE("normalization_deviation", normalization.deviation),
     offsetof(wt_checkpoint_state, normalization.channels)},
    {PORTABLE("features_mean", features.mean), offsetof(wt_checkpoint_state, features.count)},
    {PORTABLE("features_deviation", features.deviation), offsetof(wt_checkpoint_state, features.count)},
};
static const char config_key[] = "config", vocabulary_key[] = "vocabulary";

enum {
    NUMBERS = sizeof numbers / sizeof *numbers,
    TEXTS = sizeof texts / sizeof *texts,
    LISTS = sizeof lists / sizeof *lists,
    NUMBER_TEXT = 32 /* bytes of a number, its space and the terminator */
};

/* --- writing --- */

static wt_status describe_list(wt_safetensors *file, const char *key, const double *values, int count) {
    char *text;
    int used = 0;
    if (count == 0) return WT_OK;
    WT_TRY(wt_alloc(&text, (size_t)count, NUMBER_TEXT, "the metadata of a file"));
    for (int i = 0; i < count; i++)
        used += snprintf(text + used, NUMBER_TEXT, "%s%.17g", i ? " " : "", values[i]);
    const wt_status status = wt_safetensors_describe(file, key, text);
    wt_free(text);
    return status;
}

static wt_status describe_vocabulary(wt_safetensors *file, const wt_vocabulary *vocabulary) {
    double *symbols;
    if (vocabulary->classes == 0) return WT_OK;
    WT_TRY(wt_alloc(&symbols, (size_t)vocabulary->classes, sizeof *symbols, "the metadata of a file"));
    for (int i = 0; i < vocabulary->classes; i++) symbols[i] = vocabulary->symbols[i];
    const wt_status status = describe_list(file, vocabulary_key, symbols, vocabulary->classes);
    wt_free(symbols);
    return status;
}

static wt_status describe_number(wt_safetensors *file, const char *key, long long value) {
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%lld", value);
    return value ? wt_safetensors_describe(file, key, text) : WT_OK;
}

wt_status wt_checkpoint_describe(const wt_checkpoint *checkpoint, wt_safetensors *file) {
    const wt_checkpoint_state *state = &checkpoint->state;
    const char *at = (const char *)state;
    char *config;
    WT_TRY(wt_config_text(&config, &checkpoint->config));
    const wt_status status = wt_safetensors_describe(file, config_key, config);
    wt_free(config);
    WT_TRY(status);
    WT_TRY(wt_safetensors_describe(file, "wavetrain", WT_VERSION));
    WT_TRY(describe_number(file, "step", state->step));
    for (int i = 0; i < NUMBERS; i++)
        WT_TRY(describe_number(file, numbers[i].key, *(const int *)(at + numbers[i].offset)));
    for (int i = 0; i < TEXTS; i++) {
        if (at[texts[i].offset]) WT_TRY(wt_safetensors_describe(file, texts[i].key, at + texts[i].offset));
    }
    for (int i = 0; i < LISTS; i++)
        WT_TRY(describe_list(file, lists[i].values.key, (const double *)(at + lists[i].values.offset),
                             *(const int *)(at + lists[i].count)));
    return describe_vocabulary(file, &checkpoint->vocabulary);
}

/* --- reading --- */

static wt_status read_number(const char *path, const char *key, const char *text, int *number) {
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    WT_CHECK(end != text && *end == '\0' && errno == 0 && value >= INT32_MIN && value <= INT32_MAX, WT_USAGE,
             "%s: metadata: %s is not a whole number (got '%.40s')", path, key, text);
    *number = (int)value;
    return WT_OK;
}

/* At most `capacity` numbers; *count of them. */
static wt_status read_numbers(const char *path, const char *key, const char *text, double *values,
                              int capacity, int *count) {
    const char *all = text;
    for (*count = 0; *text; ++*count) {
        char *end;
        WT_CHECK(*count < capacity, WT_USAGE, "%s: metadata: %s has too many numbers (expected at most %d)",
                 path, key, capacity);
        values[*count] = strtod(text, &end);
        WT_CHECK(end != text && (*end == ' ' || *end == '\0') && isfinite(values[*count]), WT_USAGE,
                 "%s: metadata: %s is not a list of numbers (got '%.40s')", path, key, all);
        text = *end ? end + 1 : end;
    }
    return WT_OK;
}

static wt_status read_lists(const wt_safetensors *file, const char *path, wt_checkpoint_state *state) {
    char *at = (char *)state;
    for (int i = 0; i < LISTS; i++) {
        const char *text = wt_safetensors_find(file, lists[i].values.key);
        int found = 0, *count = (int *)(at + lists[i].count);
        if (text)
            WT_TRY(read_numbers(path, lists[i].values.key, text, (double *)(at + lists[i].values.offset),
                                (int)(lists[i].values.capacity / sizeof(double)), &found));
        WT_CHECK(i % 2 == 0 || found == *count, WT_USAGE,
                 "%s: metadata: %s has another length than %s (got %d, expected %d)", path,
                 lists[i].values.key, lists[i - 1].values.key, found, *count);
        *count = found;
    }
    return WT_OK;
}

static wt_status read_portable_state(const wt_safetensors *file, const char *path,
                                     wt_checkpoint_state *state) {
    char *at = (char *)state;
    for (int i = 0; i < NUMBERS; i++) {
        const char *text = wt_safetensors_find(file, numbers[i].key);
        if (text) WT_TRY(read_number(path, numbers[i].key, text, (int *)(at + numbers[i].offset)));
    }
    for (int i = 0; i < TEXTS; i++) {
        const char *text = wt_safetensors_find(file, texts[i].key);
        if (!text) continue;
        WT_CHECK(strlen(text) < texts[i].capacity, WT_USAGE,
                 "%s: metadata: %s is too long (got %zu bytes, expected at most %zu)", path, texts[i].key,
                 strlen(text), texts[i].capacity - 1);
        strcpy(at + texts[i].offset, text);
    }
    return read_lists(file, path, state);
}

static wt_status read_symbols(const wt_safetensors *file, const char *path, wt_vocabulary *vocabulary) {
    const char *text = wt_safetensors_find(file, vocabulary_key);
    wt_status status = WT_OK;
    double *values = NULL;
    int32_t *symbols = NULL;
    int count;
    *vocabulary = (wt_vocabulary){0, NULL};
    if (!text) return WT_OK;
    WT_GUARD(wt_alloc(&values, WT_VOCABULARY_MAX, sizeof *values, "a vocabulary"));
    WT_GUARD(wt_alloc(&symbols, WT_VOCABULARY_MAX, sizeof *symbols, "a vocabulary"));
    WT_GUARD(read_numbers(path, vocabulary_key, text, values, WT_VOCABULARY_MAX, &count));
    for (int i = 0; i < count; i++) {
        WT_GUARD_CHECK(values[i] >= WT_END_MARK && values[i] <= INT32_MAX, WT_USAGE,
                       "%s: metadata: %s has no code point at place %d (got %g)", path, vocabulary_key, i,
                       values[i]);
        symbols[i] = (int32_t)values[i];
    }
    status = wt_vocabulary_init(vocabulary, path, symbols, count);
cleanup:
    wt_free(values);
    wt_free(symbols);
    return status;
}

/* `zeros`, as many as the file has numbers, are the moments of a run that has made no step. */
static wt_status list_own_tensors(wt_checkpoint_tensor **out, const wt_safetensors *file,
                                  const float *zeros) {
    WT_TRY(wt_alloc(out, (size_t)file->count, sizeof **out, "tensors"));
    for (int t = 0; t < file->count; t++) {
        const wt_safetensors_tensor *from = &file->tensors[t];
        const float *values = file->values + from->first;
        wt_checkpoint_tensor *tensor = &(*out)[t];
        *tensor = (wt_checkpoint_tensor){.name = from->name,
                                         .rank = from->rank,
                                         .parameter = values,
                                         .first = zeros,
                                         .second = zeros,
                                         .average = values};
        memcpy(tensor->shape, from->shape, sizeof from->shape);
    }
    return WT_OK;
}

static wt_status build_image(char **image, size_t *size, const wt_safetensors *file, const char *path) {
    wt_status status = WT_OK;
    wt_checkpoint_tensor *tensors = NULL;
    wt_checkpoint_state *state = NULL;
    wt_config *config = NULL;
    wt_vocabulary vocabulary = {0, NULL};
    float *zeros = NULL;
    const char *text = wt_safetensors_find(file, config_key);
    WT_GUARD(wt_alloc(&state, 1, sizeof *state, "a checkpoint's state"));
    WT_GUARD(wt_config_create(&config));
    wt_state_begin(state);
    if (text) {
        WT_GUARD(wt_config_parse_stored(config, path, text));
        WT_GUARD(read_portable_state(file, path, state));
        WT_GUARD(read_symbols(file, path, &vocabulary));
    } else {
        WT_GUARD(wt_config_load(config, NULL, NULL, 0));
    }
    WT_GUARD(wt_alloc(&zeros, file->total, sizeof *zeros, "moments"));
    WT_GUARD(list_own_tensors(&tensors, file, zeros));
    WT_GUARD(wt_checkpoint_build(image, size, state, config, &vocabulary, tensors, file->count));
cleanup:
    wt_vocabulary_dispose(&vocabulary);
    wt_config_destroy(config);
    wt_free(state);
    wt_free(tensors);
    wt_free(zeros);
    return status;
}

wt_status wt_checkpoint_from_safetensors(char **image, size_t *size, const wt_foreign *file, bool *bare) {
    wt_safetensors parsed;
    WT_TRY(wt_safetensors_parse(&parsed, file->path, file->bytes, file->size));
    *bare = !wt_safetensors_find(&parsed, config_key);
    const wt_status status = build_image(image, size, &parsed, file->path);
    wt_safetensors_close(&parsed);
    return status;
}
