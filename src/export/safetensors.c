/* What a safetensors file in memory is made of, without its JSON. */
#include "export/safetensors.h"

#include <endian.h>
#include <string.h>

#include "base/memory.h"

void wt_safetensors_dispose(wt_safetensors *file) {
    for (int i = 0; i < file->text_count; i++) {
        wt_free(file->texts[i].key);
        wt_free(file->texts[i].value);
    }
    wt_free(file->texts);
    wt_free(file->tensors);
    file->texts = NULL;
    file->tensors = NULL;
    file->count = file->text_count = 0;
}

void wt_safetensors_close(wt_safetensors *file) {
    wt_safetensors_dispose(file);
    wt_free(file->values);
    memset(file, 0, sizeof *file);
}

wt_status wt_safetensors_add(wt_safetensors *file, const char *name, int rank, const int64_t *shape) {
    wt_safetensors_tensor tensor = {.rank = rank, .first = file->total, .count = 1};
    WT_CHECK(strlen(name) < sizeof tensor.name, WT_FAILED, "a tensor's name is too long (got %s)", name);
    strcpy(tensor.name, name);
    for (int i = 0; i < rank; i++) {
        tensor.shape[i] = shape[i];
        tensor.count *= (size_t)shape[i];
    }
    WT_TRY(wt_memory_append(&file->tensors, &file->count, &tensor, sizeof tensor, "tensors of a file"));
    file->total += tensor.count;
    return WT_OK;
}

wt_status wt_safetensors_describe(wt_safetensors *file, const char *key, const char *value) {
    wt_safetensors_text text = {NULL, NULL};
    wt_status status = WT_OK;
    WT_GUARD(wt_memory_copy_string(&text.key, key));
    WT_GUARD(wt_memory_copy_string(&text.value, value));
    WT_GUARD(wt_memory_append(&file->texts, &file->text_count, &text, sizeof text, "the metadata of a file"));
    return WT_OK;
cleanup:
    wt_free(text.key);
    wt_free(text.value);
    return status;
}

const char *wt_safetensors_find(const wt_safetensors *file, const char *key) {
    for (int i = 0; i < file->text_count; i++) {
        if (strcmp(file->texts[i].key, key) == 0) return file->texts[i].value;
    }
    return NULL;
}

bool wt_safetensors_recognise(const char *bytes, size_t size) {
    uint64_t length;
    if (size < sizeof length + 2) return false;
    memcpy(&length, bytes, sizeof length);
    return le64toh(length) <= WT_SAFETENSORS_HEADER_MAX && bytes[sizeof length] == '{';
}
