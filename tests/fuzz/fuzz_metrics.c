/* metrics.csv: all rows, and the last step. */
#include "fuzz.h"
#include "metrics/metrics.h"

static void read_metrics(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(data, size);
    wt_metrics_row *rows;
    size_t count;
    if (wt_metrics_read(&rows, &count, path) == WT_OK) wt_free(rows);
    wt_metrics_last_step(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, read_metrics);
}
