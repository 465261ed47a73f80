/*
 * The fixed grid of windows: sums of the windows before each utterance, and a binary search in them.
 * Eight bytes an utterance, whatever the number of windows; of a masked data set eight a window that is kept,
 * too, and eight an utterance that keeps some, if not all do.
 */
#include "data_internal.h"

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
    bool labelled;
    wt_label_windows labels;
};

static int64_t min_int64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Targets at an utterance's start that see padding: with labels a look-ahead makes them fewer. */
static int64_t padded_before(const wt_windows *windows) {
    const int64_t before = windows->labelled ? (int64_t)windows->context - 1 - windows->labels.look_ahead
                                             : windows->context;
    return before > 0 ? before : 0;
}

/* The sample at which an utterance's grid begins. */
static int64_t grid_begin(const wt_windows *windows, int64_t length) {
    return windows->partial == WT_PARTIAL_DROP ? min_int64(padded_before(windows), length) : 0;
}

/* The sample at which it ends: a look-ahead makes the last targets see padding. */
static int64_t grid_end(const wt_windows *windows, int64_t length) {
    if (!windows->labelled || windows->partial != WT_PARTIAL_DROP) return length;
    const int64_t begin = grid_begin(windows, length), end = length - windows->labels.look_ahead;
    return end > begin ? end : begin;
}

/* With a stride: the sample that the first window ends with. */
static int64_t first_end(const wt_windows *windows) {
    const int64_t whole = (int64_t)windows->targets + windows->context - 2;
    return windows->partial == WT_PARTIAL_DROP ? whole : whole % windows->labels.stride;
}

static void count_strides(wt_windows *windows, int64_t u, int64_t length) {
    const int64_t stride = windows->labels.stride, first = first_end(windows);
    const int64_t whole = (int64_t)windows->targets + windows->context - 2;
    const int64_t count = length > first ? (length - 1 - first) / stride + 1 : 0;
    windows->before[u + 1] = windows->before[u] + count;
    windows->target_sum += count;
    if (whole > first) windows->padded_sum += min_int64(count, (whole - first) / stride);
}

/* A text of its own, for the cause is the configuration and not a file. */
static wt_status check_any_window(const wt_windows *windows, int64_t longest) {
    WT_CHECK(windows->before[windows->utterances] > 0 || windows->labels.stride == 0, WT_USAGE,
             "no window fits an utterance (the longest has %lld samples, a window %d)", (long long)longest,
             windows->targets + windows->context - 1);
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
static int64_t count_masked_targets(const uint8_t *mask, int64_t from, int64_t end) {
    int64_t sum = 0;
    if (mask == NULL) return end > from ? end - from : 0;
    for (int64_t t = from; t < end; t++) sum += mask[t];
    return sum;
}

/* Windows of an utterance whose grid begins at `begin`; with `kept`, their numbers in the grid. */
static int64_t count_utterance_windows(const wt_windows *windows, const uint8_t *mask, int64_t begin,
                                       int64_t length, int64_t *kept) {
    int64_t T = windows->targets, end = grid_end(windows, length), count = 0;
    int64_t grid = (end - begin) / T + ((end - begin) % T != 0);
    if (mask == NULL) return grid;
    for (int64_t i = 0; i < grid; i++) {
        int64_t first = begin + i * T;
        if (count_masked_targets(mask, first, min_int64(first + T, length)) == 0) continue;
        if (kept != NULL) kept[count] = i;
        count++;
    }
    return count;
}

static void count_grid(wt_windows *windows, int64_t u, int64_t length) {
    const int64_t begin = grid_begin(windows, length),
                  behind = windows->labelled ? windows->labels.look_ahead : 0;
    const uint8_t *mask = wt_dataset_mask(windows->dataset, u);
    windows->before[u + 1] = windows->before[u] + count_utterance_windows(windows, mask, begin, length, NULL);
    windows->target_sum += count_masked_targets(mask, begin, grid_end(windows, length));
    if (windows->partial == WT_PARTIAL_PAD)
        windows->padded_sum += count_masked_targets(mask, 0,
                                                    min_int64(padded_before(windows) + behind, length));
}

static wt_status count_windows(wt_windows *windows) {
    int64_t longest = 0;
    for (int64_t u = 0; u < windows->utterances; u++) {
        int64_t length = wt_dataset_length(windows->dataset, u), before = windows->before[u];
        if (windows->labels.stride > 0) {
            count_strides(windows, u, length);
        } else {
            count_grid(windows, u, length);
        }
        windows->item_count += windows->before[u + 1] > before;
        if (length > longest) longest = length;
    }
    return check_any_window(windows, longest);
}

static wt_status list_kept(wt_windows *windows) {
    if (windows->utterances == 0 || wt_dataset_mask(windows->dataset, 0) == NULL) return WT_OK;
    WT_TRY(wt_alloc(&windows->kept, (size_t)wt_windows_count(windows), sizeof *windows->kept,
                    "windows with targets"));
    for (int64_t u = 0; u < windows->utterances; u++) {
        int64_t length = wt_dataset_length(windows->dataset, u);
        count_utterance_windows(windows, wt_dataset_mask(windows->dataset, u), grid_begin(windows, length),
                                length, windows->kept + windows->before[u]);
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

static wt_status check_window_labels(const wt_dataset *dataset, const wt_label_windows *labels) {
    const wt_label_kind kind = labels->outputs ? WT_LABELS_CLASS : WT_LABELS_VALUE;
    WT_CHECK(
        wt_dataset_label_kind(dataset) != WT_LABELS_NONE, WT_USAGE,
        "data.target: label needs a data set with labels (wavetrain prepare table, prepare audio --target)");
    WT_CHECK(wt_dataset_label_kind(dataset) == kind, WT_USAGE,
             "the data set's labels are %s (model.head: %s needs %s)",
             kind == WT_LABELS_CLASS ? "values" : "classes",
             kind == WT_LABELS_CLASS ? "softmax" : "mse, logistics or gaussian",
             kind == WT_LABELS_CLASS ? "classes" : "values");
    WT_CHECK(wt_dataset_classes(dataset) <= labels->outputs, WT_USAGE,
             "the data set has more classes than the network (got %d, expected at most %d)",
             wt_dataset_classes(dataset), labels->outputs);
    WT_CHECK(
        labels->normalization.channels == 0 || labels->normalization.channels == wt_dataset_channels(dataset),
        WT_USAGE, "the data set has channels other than those of the normalisation (got %d, expected %d)",
        wt_dataset_channels(dataset), labels->normalization.channels);
    return WT_OK;
}

static wt_status create_windows(wt_windows **out, const wt_dataset *dataset, const wt_label_windows *labels,
                                bool labelled) {
    const int targets = labels->targets, context = labels->context;
    wt_windows *windows = NULL;
    wt_status status = WT_OK;
    *out = NULL;
    WT_CHECK(targets >= 1 && context >= 1, WT_USAGE, "windows of no targets or no context (got %d and %d)",
             targets, context);
    WT_GUARD(wt_alloc(&windows, 1, sizeof *windows, "windows"));
    windows->dataset = dataset;
    windows->targets = targets;
    windows->context = context;
    windows->partial = labels->partial;
    windows->labelled = labelled;
    windows->labels = *labels;
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

wt_status wt_windows_create(wt_windows **out, const wt_dataset *dataset, int targets, int context,
                            wt_partial_context partial) {
    const wt_label_windows plain = {.targets = targets, .context = context, .partial = partial};
    return create_windows(out, dataset, &plain, false);
}

/* Samples are stored less the data set's offsets, so these belong to the means; without means to the
 * samples. */
wt_normalization wt_normalization_of_stored(const wt_normalization *normalization,
                                            const wt_dataset *dataset) {
    wt_normalization stored = *normalization;
    const double *offset = wt_dataset_normalization(dataset)->offset;
    const int channels = wt_dataset_channels(dataset);
    bool any = false;
    for (int c = 0; c < channels && c < WT_NORMALIZED_MAX; c++) any = any || offset[c] != 0;
    if (!any) return stored;
    for (int c = 0; c < channels; c++) {
        if (stored.channels == 0) stored.deviation[c] = 1;
        stored.mean[c] -= offset[c];
    }
    stored.channels = channels;
    return stored;
}

wt_status wt_windows_create_labels(wt_windows **out, const wt_dataset *dataset,
                                   const wt_label_windows *labels) {
    *out = NULL;
    WT_TRY(check_window_labels(dataset, labels));
    wt_label_windows stored = *labels;
    stored.normalization = wt_normalization_of_stored(&labels->normalization, dataset);
    return create_windows(out, dataset, &stored, true);
}

const wt_label_windows *wt_windows_labels(const wt_windows *windows) {
    return windows->labelled ? &windows->labels : NULL;
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
    if (windows->labels.stride > 0) {
        const int64_t end = first_end(windows) + number * windows->labels.stride;
        return (wt_window){low, end - windows->targets + 1, windows->targets};
    }
    int64_t start = grid_begin(windows, length) + number * windows->targets;
    return (wt_window){low, start, (int)min_int64(windows->targets, grid_end(windows, length) - start)};
}

int64_t wt_windows_items(const wt_windows *windows) {
    return windows->item_count;
}

void wt_windows_of_item(const wt_windows *windows, int64_t item, int64_t *first, int64_t *count) {
    int64_t utterance = windows->items ? windows->items[item] : item;
    *first = windows->before[utterance];
    *count = windows->before[utterance + 1] - *first;
}
