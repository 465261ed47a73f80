/* Sweeps: the file, each point's values and configuration. */
#include "fuzz.h"
#include "sweep/sweep.h"

static void feed_sweep(const uint8_t *data, size_t size) {
    static wt_config config;
    wt_sweep *sweep;
    if (wt_sweep_load(&sweep, fuzz_file(data, size)) != WT_OK) return;
    for (int point = 1; point <= wt_sweep_points(sweep) && point <= 4; point++) {
        char **sets, *value;
        size_t count;
        for (int key = 0; key < wt_sweep_key_count(sweep); key++)
            if (wt_sweep_value(&value, sweep, point, key) == WT_OK) wt_free(value);
        if (wt_sweep_sets(&sets, &count, sweep, point) == WT_OK) wt_sweep_free_sets(sets, count);
        wt_sweep_configure(&config, sweep, point);
    }
    wt_sweep_destroy(sweep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_one(data, size, feed_sweep);
}
