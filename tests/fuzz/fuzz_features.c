/* Features: the bytes as .npy, as Kaldi's archive, and as a list of an archive's entries. */
#include <string.h>

#include "data/prepare/feature_folder.h"
#include "data/prepare/matrix_file.h"
#include "fuzz.h"

static wt_status read_matrix(void *path, const char *key, int64_t offset) {
    wt_matrix m;
    (void)key;
    if (wt_ark_read(&m, path, offset, true) == WT_OK) wt_free(m.values);
    return WT_OK;
}

static void read_folder(const char *name, const uint8_t *data, size_t size) {
    char id[] = "a.wav";
    wt_recording recording = {.path = id, .id = id, .format = {.frames = 1000, .rate = 8000, .channels = 1}};
    const wt_recordings recordings = {.count = 1, .files = &recording};
    const wt_feature_options options = {fuzz_path("features"), WT_LAYOUT_FOUND, 100, 0};
    wt_feature_folder *folder;
    char path[WT_PATH_MAX];
    float *frames;
    int64_t count;
    if (wt_folder_remove(options.folder) != WT_OK || wt_folder_make(options.folder) != WT_OK ||
        wt_path_join(path, options.folder, name) != WT_OK)
        return;
    fuzz_save(path, data, size);
    if (wt_feature_folder_open(&folder, &options, &recordings) != WT_OK) return;
    if (wt_feature_folder_read(&frames, &count, folder, 0) == WT_OK) wt_free(frames);
    wt_feature_folder_close(folder);
}

static void read_feature_bytes(const uint8_t *data, size_t size) {
    char path[WT_PATH_MAX];
    if (size == 0) return;
    switch (data[0] % 3) { /* its first byte says as what */
    case 0: read_folder("a.npy", data + 1, size - 1); return;
    case 1: read_folder("a.scp", data + 1, size - 1); return;
    default:
        if (wt_path_join(path, "", fuzz_file(data + 1, size - 1)) != WT_OK) return;
        (void)wt_ark_list(path, read_matrix, path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, read_feature_bytes);
}
