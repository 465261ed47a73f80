/* Safetensors: header, metadata, tensors. What is accepted is printed, and must read back. */
#include <string.h>

#include "export/safetensors.h"
#include "fuzz.h"

static void check_all_numbers(const wt_safetensors *file) {
    size_t end = 0;
    for (int t = 0; t < file->count; t++) {
        if (file->tensors[t].first != end) fuzz_fail("tensors leave a gap");
        end += file->tensors[t].count;
    }
    if (end != file->total) fuzz_fail("tensors do not have all numbers");
}

static void read_safetensors(const uint8_t *data, size_t size) {
    wt_safetensors file;
    char *header;
    size_t bytes;
    wt_safetensors_recognise((const char *)data, size);
    if (wt_safetensors_parse(&file, "input", (const char *)data, size) != WT_OK) return;
    check_all_numbers(&file);
    if (wt_safetensors_print(&header, &bytes, &file, file.values) == WT_OK) wt_free(header);
    wt_safetensors_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, read_safetensors);
}
