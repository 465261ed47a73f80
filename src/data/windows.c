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
    bool labelled;
    wt_label_windows labels;
};

static int64_t least(int64_t a, int64_t b) {
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
    return windows->partial == WT_PARTIAL_DROP ? least(padded_before(windows), length) : 0;
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
    if (whole > first) windows->padded_sum += least(count, (whole - first) / stride);
}

static void count_targets(wt_windows *windows, int64_t u, int64_t length) {
    const int64_t begin = grid_begin(windows, length), T = windows->targets;
    const int64_t targets = grid_end(windows, length) - begin;
    windows->before[u + 1] = windows->before[u] + targets / T + (targets % T != 0);
    windows->target_sum += targets;
    if (windows->partial == WT_PARTIAL_PAD) {
        const int64_t behind = windows->labelled ? windows->labels.look_ahead : 0;
        windows->padded_sum += least(padded_before(windows) + behind, length);
    }
}

/* A text of its own, for the cause is the configuration and not a file. */
static wt_status check_any(const wt_windows *windows, int64_t longest) {
    WT_CHECK(windows->before[windows->utterances] > 0 || windows->labels.stride == 0, WT_USAGE,
             "no window fits an utterance (the longest has %lld samples, a window %d)", (long long)longest,
             windows->targets + windows->context - 1);
    WT_CHECK(
        windows->before[windows->utterances] > 0, WT_USAGE,
        "data.partial_context: drop leaves no targets (the longest utterance has %lld samples, the receptive "
        "field %d)",
        (long long)longest, windows->context);
    return WT_OK;
}

static wt_status count_windows(wt_windows *windows) {
    int64_t longest = 0;
    for (int64_t u = 0; u < windows->utterances; u++) {
        int64_t length = wt_dataset_length(windows->dataset, u);
        if (windows->labels.stride > 0) {
            count_strides(windows, u, length);
        } else {
            count_targets(windows, u, length);
        }
        if (length > longest) longest = length;
    }
    return check_any(windows, longest);
}

static wt_status check_labels(const wt_dataset *dataset, const wt_label_windows *labels) {
    const wt_label_kind kind = labels->outputs ? WT_LABELS_CLASS : WT_LABELS_VALUE;
    WT_CHECK(
        wt_dataset_label_kind(dataset) != WT_LABELS_NONE, WT_USAGE,
        "data.target: label needs a data set with labels (wavetrain prepare table, prepare audio --target)");
    WT_CHECK(wt_dataset_label_kind(dataset) == kind, WT_USAGE,
             "the data set's labels are %s (model.head: %s needs %s)",
             kind == WT_LABELS_CLASS ? "values" : "classes", kind == WT_LABELS_CLASS ? "softmax" : "mse",
             kind == WT_LABELS_CLASS ? "classes" : "values");
    WT_CHECK(wt_dataset_classes(dataset) <= labels->outputs, WT_USAGE,
             "the data set has more classes than the network (got %d, expected at most %d)",
             wt_dataset_classes(dataset), labels->outputs);
    WT_CHECK(labels->normalization.channels == 0 ||
                 labels->normalization.channels == wt_dataset_channels(dataset),
             WT_USAGE, "the data set has other channels than the normalisation (got %d, expected %d)",
             wt_dataset_channels(dataset), labels->normalization.channels);
    return WT_OK;
}

static wt_status create(wt_windows **out, const wt_dataset *dataset, const wt_label_windows *labels,
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
    *out = windows;
    windows = NULL;
cleanup:
    wt_windows_destroy(windows);
    return status;
}

wt_status wt_windows_create(wt_windows **out, const wt_dataset *dataset, int targets, int context,
                            wt_partial_context partial) {
    const wt_label_windows plain = {.targets = targets, .context = context, .partial = partial};
    return create(out, dataset, &plain, false);
}

wt_status wt_windows_create_labels(wt_windows **out, const wt_dataset *dataset,
                                   const wt_label_windows *labels) {
    *out = NULL;
    WT_TRY(check_labels(dataset, labels));
    return create(out, dataset, labels, true);
}

const wt_label_windows *wt_windows_labels(const wt_windows *windows) {
    return windows->labelled ? &windows->labels : NULL;
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
    const int64_t within = index - windows->before[low];
    if (windows->labels.stride > 0) {
        const int64_t end = first_end(windows) + within * windows->labels.stride;
        return (wt_window){low, end - windows->targets + 1, windows->targets};
    }
    int64_t start = grid_begin(windows, length) + within * windows->targets;
    return (wt_window){low, start, (int)least(windows->targets, grid_end(windows, length) - start)};
}
