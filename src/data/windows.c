/*
 * The fixed grid of windows: sums of the windows before each utterance, and a binary search in them.
 * Eight bytes an utterance, whatever the number of windows.
 */
#include "data_internal.h"
#include "wavetrain/memory.h"

struct wt_windows {
    const wt_dataset *dataset;
    int targets, context;
    wt_partial_context partial;
    int64_t utterances;
    int64_t *before; /* [utterances + 1] windows of the utterances before */
    int64_t target_sum, padded_sum;
};

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* The sample at which an utterance's grid begins. */
static int64_t grid_begin(const wt_windows *windows, int64_t length) {
    return windows->partial == WT_PARTIAL_DROP ? least(windows->context, length) : 0;
}

/* A text of its own, for the cause is the configuration and not a file. */
static wt_status check_any(const wt_windows *windows, int64_t longest) {
    WT_CHECK(
        windows->before[windows->utterances] > 0, WT_USAGE,
        "data.partial_context: drop leaves no targets (the longest utterance has %lld samples, the receptive "
        "field %d)",
        (long long)longest, windows->context);
    return WT_OK;
}

static wt_status count_windows(wt_windows *windows) {
    int64_t longest = 0, T = windows->targets;
    for (int64_t u = 0; u < windows->utterances; u++) {
        int64_t length = wt_dataset_length(windows->dataset, u), begin = grid_begin(windows, length);
        windows->before[u + 1] = windows->before[u] + (length - begin) / T + ((length - begin) % T != 0);
        windows->target_sum += length - begin;
        if (windows->partial == WT_PARTIAL_PAD) windows->padded_sum += least(windows->context, length);
        if (length > longest) longest = length;
    }
    return check_any(windows, longest);
}

wt_status wt_windows_create(wt_windows **out, const wt_dataset *dataset, int targets, int context,
                            wt_partial_context partial) {
    wt_windows *windows = NULL;
    wt_status status = WT_OK;
    *out = NULL;
    WT_CHECK(targets >= 1 && context >= 1, WT_USAGE, "windows of no targets or no context (got %d and %d)",
             targets, context);
    WT_GUARD(wt_alloc(&windows, 1, sizeof *windows, "windows"));
    windows->dataset = dataset;
    windows->targets = targets;
    windows->context = context;
    windows->partial = partial;
    windows->utterances = wt_dataset_utterances(dataset);
    WT_GUARD(wt_alloc(&windows->before, (size_t)windows->utterances + 1, sizeof *windows->before,
                      "windows of utterances"));
    WT_GUARD(count_windows(windows));
    *out = windows;
    windows = NULL;
cleanup:
    wt_windows_destroy(windows);
    return status;
}

void wt_windows_destroy(wt_windows *windows) {
    if (windows == NULL) return;
    wt_free(windows->before);
    wt_free(windows);
}

int64_t wt_windows_count(const wt_windows *windows) {
    return windows->before[windows->utterances];
}
int wt_windows_span(const wt_windows *windows) {
    return windows->targets;
}
int64_t wt_windows_targets(const wt_windows *windows) {
    return windows->target_sum;
}
int64_t wt_windows_padded_targets(const wt_windows *windows) {
    return windows->padded_sum;
}

wt_window wt_windows_get(const wt_windows *windows, int64_t index) {
    int64_t low = 0, high = windows->utterances - 1;
    while (low < high) { /* the last utterance with at most `index` windows before it */
        int64_t middle = low + (high - low + 1) / 2;
        if (windows->before[middle] <= index) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    int64_t length = wt_dataset_length(windows->dataset, low);
    int64_t start = grid_begin(windows, length) + (index - windows->before[low]) * windows->targets;
    return (wt_window){low, start, (int)least(windows->targets, length - start)};
}
