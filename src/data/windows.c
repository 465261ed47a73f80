/*
 * The fixed grid of windows: sums of the windows before each utterance, and a binary search in them.
 * Eight bytes an utterance, whatever the number of windows; of a masked data set eight a window that is kept, too, and
 * eight an utterance that keeps some, if not all do.
 */
#include "data_internal.h"
#include "wavetrain/memory.h"

struct wt_windows {
    const wt_dataset *dataset;
    int targets, context;
    wt_partial_context partial;
    int64_t utterances;
    int64_t *before; /* [utterances + 1] windows of the utterances before */
    int64_t *kept;  /* [windows] of a masked data set: each one's number in its utterance's grid; else NULL */
    int64_t *items; /* [item_count] utterances that have windows; NULL: all have */
    int64_t item_count;
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
    WT_CHECK(windows->partial == WT_PARTIAL_DROP || windows->before[windows->utterances] > 0, WT_FAILED,
             "the data set has no targets in this split (its mask names none)");
    WT_CHECK(
        windows->before[windows->utterances] > 0, WT_USAGE,
        "data.partial_context: drop leaves no targets (the longest utterance has %lld samples, the receptive "
        "field %d)",
        (long long)longest, windows->context);
    return WT_OK;
}

/* Targets of samples from … end−1, by a mask (NULL: all). */
static int64_t count_targets(const uint8_t *mask, int64_t from, int64_t end) {
    int64_t sum = 0;
    if (mask == NULL) return end > from ? end - from : 0;
    for (int64_t t = from; t < end; t++) sum += mask[t];
    return sum;
}

/* Windows of an utterance whose grid begins at `begin`; with `kept`, their numbers in the grid. */
static int64_t count_utterance(const wt_windows *windows, const uint8_t *mask, int64_t begin, int64_t length,
                               int64_t *kept) {
    int64_t T = windows->targets, grid = (length - begin) / T + ((length - begin) % T != 0), count = 0;
    if (mask == NULL) return grid;
    for (int64_t i = 0; i < grid; i++) {
        int64_t first = begin + i * T;
        if (count_targets(mask, first, least(first + T, length)) == 0) continue;
        if (kept != NULL) kept[count] = i;
        count++;
    }
    return count;
}

static wt_status count_windows(wt_windows *windows) {
    int64_t longest = 0;
    for (int64_t u = 0; u < windows->utterances; u++) {
        int64_t length = wt_dataset_length(windows->dataset, u), begin = grid_begin(windows, length);
        const uint8_t *mask = wt_dataset_mask(windows->dataset, u);
        int64_t count = count_utterance(windows, mask, begin, length, NULL);
        windows->before[u + 1] = windows->before[u] + count;
        windows->item_count += count > 0;
        windows->target_sum += count_targets(mask, begin, length);
        if (windows->partial == WT_PARTIAL_PAD)
            windows->padded_sum += count_targets(mask, 0, least(windows->context, length));
        if (length > longest) longest = length;
    }
    return check_any(windows, longest);
}

static wt_status list_kept(wt_windows *windows) {
    if (windows->utterances == 0 || wt_dataset_mask(windows->dataset, 0) == NULL) return WT_OK;
    WT_TRY(wt_alloc(&windows->kept, (size_t)wt_windows_count(windows), sizeof *windows->kept,
                    "windows with targets"));
    for (int64_t u = 0; u < windows->utterances; u++) {
        int64_t length = wt_dataset_length(windows->dataset, u);
        count_utterance(windows, wt_dataset_mask(windows->dataset, u), grid_begin(windows, length), length,
                        windows->kept + windows->before[u]);
    }
    return WT_OK;
}

static wt_status list_items(wt_windows *windows) {
    int64_t item = 0;
    if (windows->item_count == windows->utterances) return WT_OK;
    WT_TRY(
        wt_alloc(&windows->items, (size_t)windows->item_count, sizeof *windows->items, "items with windows"));
    for (int64_t u = 0; u < windows->utterances; u++)
        if (windows->before[u + 1] > windows->before[u]) windows->items[item++] = u;
    return WT_OK;
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
    WT_GUARD(list_kept(windows));
    WT_GUARD(list_items(windows));
    *out = windows;
    windows = NULL;
cleanup:
    wt_windows_destroy(windows);
    return status;
}

void wt_windows_destroy(wt_windows *windows) {
    if (windows == NULL) return;
    wt_free(windows->before);
    wt_free(windows->kept);
    wt_free(windows->items);
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
    int64_t number = windows->kept ? windows->kept[index] : index - windows->before[low];
    int64_t start = grid_begin(windows, length) + number * windows->targets;
    return (wt_window){low, start, (int)least(windows->targets, length - start)};
}

int64_t wt_windows_items(const wt_windows *windows) {
    return windows->item_count;
}

void wt_windows_of_item(const wt_windows *windows, int64_t item, int64_t *first, int64_t *count) {
    int64_t utterance = windows->items ? windows->items[item] : item;
    *first = windows->before[utterance];
    *count = windows->before[utterance + 1] - *first;
}
