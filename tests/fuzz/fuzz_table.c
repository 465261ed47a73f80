/* Tables: the first byte chooses options, the rest is the file. Scanned, planned, and every utterance
 * read. */
#include <string.h>

#include "data/prepare/prepare.h"
#include "fuzz.h"

static void read_utterances(const wt_table *table) {
    wt_prepare_plan plan;
    if (wt_table_plan(&plan, table) != WT_OK) return;
    for (size_t i = 0; i < plan.items; i++) {
        wt_utterance utterance = {.samples = NULL};
        wt_table_load(table, i, &utterance);
        wt_free(utterance.samples);
        wt_free(utterance.labels);
    }
    wt_prepare_plan_dispose(&plan);
}

static void read_table(const uint8_t *data, size_t size) {
    static const char *const signals[] = {"a", "b"};
    const uint8_t how = size > 0 ? data[0] : 0;
    const wt_table_options options = {.signals = signals,
                                      .signal_count = 1 + (how & 1),
                                      .label = "y",
                                      .group = how & 2 ? "g" : NULL,
                                      .separator = how & 4 ? ';' : ',',
                                      .decimal = how & 8 ? ',' : '.',
                                      .values = how & 16,
                                      .rate = 1,
                                      .split = wt_split_shares(0.2, 0.2, 0),
                                      .shard_bytes = 1 << 20,
                                      .gap = how & 32 ? 3 : 0,
                                      .blocks = 5};
    const char *files[1];
    wt_table *table, *copy;
    char *packed;
    size_t bytes;
    files[0] = fuzz_file(data + (size > 0), size - (size > 0));
    if (wt_table_scan(&table, files, 1, &options) != WT_OK) return;
    wt_table_warn(table);
    read_utterances(table);
    if (wt_table_pack(&packed, &bytes, table) == WT_OK) {
        if (wt_table_unpack(&copy, files, 1, &options, packed, bytes) == WT_OK) wt_table_destroy(copy);
        wt_free(packed);
    }
    wt_table_destroy(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, read_table);
}
