/*
 * The header of a safetensors file. Offsets and shapes come from others: nothing is taken for granted before
 * the whole list has been compared with the bytes that are there.
 */
#include <endian.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "export/safetensors.h"

enum { LENGTH = 8 }; /* bytes of the header's length */

static const char metadata_key[] = "__metadata__";

#define COUNT_MAX ((size_t)1 << 40) /* numbers of a tensor */

/* Numbers between the file's order of bytes and this machine's. */
static void swap_values(float *values, size_t count) {
    if (htole32(1) == 1) return;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits = htole32(bits);
        memcpy(&values[i], &bits, sizeof bits);
    }
}

/* --- writing --- */

static json_t *print_tensor(const wt_safetensors_tensor *tensor) {
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++) json_array_append_new(shape, json_integer(tensor->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)(tensor->first * sizeof(float)),
                     (json_int_t)((tensor->first + tensor->count) * sizeof(float)));
}

static json_t *print_header(const wt_safetensors *file) {
    json_t *root = json_object(), *texts = json_object();
    for (int i = 0; i < file->text_count; i++)
        json_object_set_new(texts, file->texts[i].key, json_string(file->texts[i].value));
    json_object_set_new(root, metadata_key, texts);
    for (int t = 0; t < file->count; t++)
        json_object_set_new(root, file->tensors[t].name, print_tensor(&file->tensors[t]));
    return root;
}

wt_status wt_safetensors_print(char **header, size_t *bytes, const wt_safetensors *file, float *values) {
    enum { ALIGNMENT = 64 };
    json_t *root = print_header(file);
    const bool whole = root && json_object_size(root) == (size_t)file->count + 1;
    char *text = whole ? json_dumps(root, JSON_COMPACT) : NULL;
    *header = NULL;
    json_decref(root);
    if (!text) return wt_error(WT_FAILED, "out of memory for the header of a safetensors file");
    const size_t length = strlen(text), all = (LENGTH + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    const uint64_t stored = htole64(all - LENGTH);
    const wt_status status = wt_alloc(header, all, 1, "the header of a safetensors file");
    if (status == WT_OK) {
        memset(*header, ' ', all);
        memcpy(*header, &stored, sizeof stored);
        memcpy(*header + LENGTH, text, length);
        swap_values(values, file->total);
        *bytes = all;
    }
    free(text);
    return status;
}

/* --- reading --- */

typedef struct {
    const char *path;
    wt_safetensors *file;
    size_t bytes; /* of all numbers */
} reading;

static wt_status refuse(const reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static wt_status refuse(const reading *r, const char *format, ...) {
    char message[384];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return wt_error(WT_USAGE, "%s: %s", r->path, message);
}

/* Names become those of an HDF5 file's datasets. */
static wt_status check_tensor_name(const reading *r, const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    const size_t length = strlen(name);
    if (length > 0 && length < WT_SAFETENSORS_NAME && *name != '.' && strspn(name, allowed) == length)
        return WT_OK;
    return refuse(r,
                  "a tensor's name is not one of a network's (got '%.80s', expected at most %d letters, "
                  "digits, _ and .)",
                  name, WT_SAFETENSORS_NAME - 1);
}

/* A whole number of 0 … max; −1: it is none. */
static int64_t get_whole(const json_t *value, int64_t max) {
    const json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    return number >= 0 && number <= max ? number : -1;
}

static wt_status read_shape(const reading *r, wt_safetensors_tensor *tensor, const json_t *shape) {
    const size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank < 1 || rank > WT_SAFETENSORS_RANK)
        return refuse(r, "%s has no shape of 1 … %d numbers (got %zu)", tensor->name, WT_SAFETENSORS_RANK,
                      rank);
    tensor->rank = (int)rank;
    tensor->count = 1;
    for (size_t i = 0; i < rank; i++) {
        const int64_t length = get_whole(json_array_get(shape, i), INT64_MAX);
        if (length < 1 || (uint64_t)length > COUNT_MAX / tensor->count)
            return refuse(r,
                          "the shape of %s is out of range (got %lld at place %zu, expected 1 … %zu in all)",
                          tensor->name, (long long)length, i, COUNT_MAX);
        tensor->shape[i] = length;
        tensor->count *= (size_t)length;
    }
    return WT_OK;
}

static wt_status read_place(const reading *r, wt_safetensors_tensor *tensor, const json_t *offsets) {
    const int64_t begin = get_whole(json_array_get(offsets, 0), INT64_MAX);
    const int64_t end = get_whole(json_array_get(offsets, 1), INT64_MAX);
    const int64_t expected = (int64_t)(tensor->count * sizeof(float));
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || begin < 0 || end < begin)
        return refuse(r, "data_offsets of %s are not two ascending places", tensor->name);
    if (end - begin != expected || begin % (int64_t)sizeof(float) != 0)
        return refuse(r,
                      "data_offsets of %s do not fit its shape (got %lld bytes from %lld on, expected %lld)",
                      tensor->name, (long long)(end - begin), (long long)begin, (long long)expected);
    if ((uint64_t)end > r->bytes)
        return refuse(
            r, "is cut short: %s ends behind the file (at byte %lld of the numbers, expected at most %zu)",
            tensor->name, (long long)end, r->bytes);
    tensor->first = (size_t)begin / sizeof(float);
    return WT_OK;
}

static wt_status read_tensor(const reading *r, const char *name, const json_t *entry) {
    wt_safetensors_tensor tensor = {.rank = 0};
    WT_TRY(check_tensor_name(r, name));
    strcpy(tensor.name, name);
    if (!json_is_object(entry)) return refuse(r, "%s is not described by an object", name);
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (!type || strcmp(type, "F32") != 0)
        return refuse(r, "%s has another type of numbers (got %.16s, expected F32)", name,
                      type ? type : "nothing");
    WT_TRY(read_shape(r, &tensor, json_object_get(entry, "shape")));
    WT_TRY(read_place(r, &tensor, json_object_get(entry, "data_offsets")));
    if (r->file->count >= WT_SAFETENSORS_TENSORS_MAX)
        return refuse(r, "too many tensors (expected at most %d)", WT_SAFETENSORS_TENSORS_MAX);
    return wt_memory_append(&r->file->tensors, &r->file->count, &tensor, sizeof tensor, "tensors of a file");
}

static wt_status read_metadata_texts(const reading *r, const json_t *metadata) {
    const char *key;
    json_t *value;
    if (!json_is_object(metadata)) return refuse(r, "%s is not an object of texts", metadata_key);
    json_object_foreach((json_t *)metadata, key, value) {
        if (!json_is_string(value)) return refuse(r, "%s: %.80s is not a text", metadata_key, key);
        WT_TRY(wt_safetensors_describe(r->file, key, json_string_value(value)));
    }
    return WT_OK;
}

static int compare_places(const void *a, const void *b) {
    const size_t left = ((const wt_safetensors_tensor *)a)->first;
    const size_t right = ((const wt_safetensors_tensor *)b)->first;
    return left < right ? -1 : left > right;
}

/* Every number belongs to one tensor. */
static wt_status check_cover(const reading *r) {
    wt_safetensors *file = r->file;
    if (file->count == 0) return refuse(r, "has no tensors");
    qsort(file->tensors, (size_t)file->count, sizeof *file->tensors, compare_places);
    for (int t = 0; t < file->count; t++) {
        if (file->tensors[t].first != file->total)
            return refuse(r, "tensors overlap or leave a gap at %s (it begins at byte %zu, expected %zu)",
                          file->tensors[t].name, file->tensors[t].first * sizeof(float),
                          file->total * sizeof(float));
        file->total += file->tensors[t].count;
    }
    if (file->total * sizeof(float) != r->bytes)
        return refuse(r, "is cut short or has bytes behind its tensors (got %zu bytes of them, expected %zu)",
                      r->bytes, file->total * sizeof(float));
    return WT_OK;
}

static wt_status read_header_entries(const reading *r, const json_t *root) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value) {
        const bool metadata = strcmp(key, metadata_key) == 0;
        WT_TRY(metadata ? read_metadata_texts(r, value) : read_tensor(r, key, value));
    }
    return check_cover(r);
}

static wt_status copy_values(const reading *r, const char *numbers) {
    wt_safetensors *file = r->file;
    WT_TRY(wt_alloc(&file->values, file->total, sizeof *file->values, "tensors"));
    memcpy(file->values, numbers, r->bytes);
    swap_values(file->values, file->total);
    return WT_OK;
}

wt_status wt_safetensors_parse(wt_safetensors *file, const char *path, const char *bytes, size_t size) {
    uint64_t length = 0;
    reading r = {path, file, 0};
    json_error_t error;
    memset(file, 0, sizeof *file);
    memcpy(&length, bytes, size < sizeof length ? size : sizeof length);
    length = le64toh(length);
    if (size < LENGTH || length > size - LENGTH)
        return refuse(&r, "the header of safetensors is cut short (got %zu bytes, expected %llu)", size,
                      (unsigned long long)length + LENGTH);
    r.bytes = size - LENGTH - (size_t)length;
    json_t *root = json_loadb(bytes + LENGTH, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!root) return refuse(&r, "the header of safetensors is no JSON (%s)", error.text);
    wt_status status = json_is_object(root) ? read_header_entries(&r, root)
                                            : refuse(&r, "the header of safetensors is no object");
    json_decref(root);
    if (status == WT_OK) status = copy_values(&r, bytes + size - r.bytes);
    if (status != WT_OK) wt_safetensors_close(file);
    return status;
}
