/* Shards: the first byte chooses one of three data sets, the rest edits its file. Opened as training does,
 * all of it read. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wavetrain/data.h"

enum { KINDS = 3, LENGTH = 300 };

static struct {
    uint8_t *bytes;
    size_t size;
} seeds[KINDS];

static const char *const arrays[] = {"x",
                                     "y",
                                     "mask",
                                     "vocabulary",
                                     "utterances/id",
                                     "utterances/offset",
                                     "utterances/speaker",
                                     "normalization/mean",
                                     "normalization/deviation",
                                     "normalization/offset",
                                     "utterances",
                                     "normalization",
                                     NULL};
static const char *const attributes[] = {"format",   "version", "kind",       "split",   "sample_rate",
                                         "channels", "shard",   "shards",     "store",   "digest",
                                         "labels",   "classes", "utterances", "samples", NULL};

static void check_status(wt_status status) {
    if (status != WT_OK) fuzz_fail("a seed can't be made");
}

static void make_shard_seed(int kind) {
    static const int32_t symbols[] = {WT_END_MARK, 'a', 'b', 'c'};
    wt_vocabulary vocabulary;
    wt_shard_writer *writer;
    float samples[2 * LENGTH], labels[LENGTH];
    bool mask[LENGTH];
    const wt_normalization normalization = {2, {0.5, 1}, {1, 2}, {0, 1e6}};
    check_status(wt_vocabulary_init(&vocabulary, "seed", symbols, 4));
    wt_shard_header header = {.kind = kind == 0   ? "audio"
                                      : kind == 1 ? "table"
                                                  : "text",
                              .split = "train",
                              .sample_rate = 8000,
                              .channels = kind == 1 ? 2 : 1,
                              .shards = 1,
                              .store = kind == 1 ? WT_STORE_FLOAT : WT_STORE_INT16,
                              .masked = kind == 2,
                              .vocabulary = kind == 2 ? &vocabulary : NULL};
    for (int i = 0; i < 2 * LENGTH; i++) samples[i] = (float)(i * 7 % (kind == 2 ? 4 : 1000)) / 32768;
    for (int i = 0; i < LENGTH; i++) labels[i] = (float)(i % 3), mask[i] = i % 2;
    wt_folder_remove(fuzz_path("seed"));
    check_status(wt_folder_make(fuzz_path("seed")));
    check_status(wt_shard_create(&writer, fuzz_path("seed"), &header));
    if (kind == 1) check_status(wt_shard_declare_labels(writer, 3, &normalization));
    for (int u = 0; u < 3; u++) {
        const int64_t count = LENGTH - 70 * u;
        if (kind == 1)
            check_status(wt_shard_add_labelled(writer, "one", samples, labels, count));
        else
            check_status(wt_shard_add_masked(writer, "one", -1, samples, count, kind == 2 ? mask : NULL));
    }
    check_status(wt_shard_finish(writer));
    wt_vocabulary_dispose(&vocabulary);
    seeds[kind].bytes = fuzz_load(fuzz_path("seed/train-00000.h5"), &seeds[kind].size);
    if (!seeds[kind].bytes) fuzz_fail("no seed");
}

static void read_utterance(wt_dataset *dataset, int64_t u) {
    static float values[1 << 16];
    static int32_t classes[1 << 16];
    const int64_t length = wt_dataset_length(dataset, u), channels = wt_dataset_channels(dataset);
    char *id;
    if (wt_dataset_id(dataset, u, &id) == WT_OK) wt_free(id);
    if (length * channels > 1 << 16) return;
    wt_dataset_read(dataset, u, 0, length, values);
    if (wt_dataset_label_kind(dataset) == WT_LABELS_CLASS)
        wt_dataset_read_classes(dataset, u, 0, length, classes);
    if (wt_dataset_label_kind(dataset) == WT_LABELS_VALUE)
        wt_dataset_read_values(dataset, u, 0, length, values);
}

static void read_shard(const uint8_t *data, size_t size) {
    wt_dataset *dataset;
    if (wt_dataset_open(&dataset, fuzz_path("set"), "train", size % 2 ? 1 : 0) != WT_OK) return;
    (void)data;
    for (int64_t u = 0; u < wt_dataset_utterances(dataset) && u < 20; u++) read_utterance(dataset, u);
    wt_dataset_close(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const int kind = size > 0 ? data[0] % KINDS : 0;
    if (!seeds[kind].bytes) make_shard_seed(kind);
    wt_folder_make(fuzz_path("set"));
    fuzz_save(fuzz_path("set/train-00000.h5"), seeds[kind].bytes, seeds[kind].size);
    fuzz_edit(fuzz_path("set/train-00000.h5"), data + (size > 0), size - (size > 0), arrays, attributes);
    fuzz_change_bytes(fuzz_path("set/train-00000.h5"), data + (size > 0), size - (size > 0));
    return fuzz_one(data, size, read_shard);
}
