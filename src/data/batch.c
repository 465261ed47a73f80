/*
 * Making and filling batches of next-sample targets.
 *
 * A window of targets s … s+n−1 of an utterance takes the samples s−R … s+n−1, read in one piece: all but the
 * last are inputs, all from s on are targets (where there is a mask, those that it names). Samples before the
 * utterance are the class of silence, or 0; of text, the end mark. A real input is the value of the sample's
 * class, since that is what generation feeds back.
 */
#include <limits.h>

#include "data_internal.h"

/* --- a batch --- */

static wt_status check_batch_shape(const wt_batch_shape *shape, int channels) {
    WT_CHECK(shape->windows >= 1 && shape->targets >= 1 && shape->context >= 1, WT_USAGE,
             "a batch of nothing (got %d windows of %d targets, context %d)", shape->windows, shape->targets,
             shape->context);
    WT_CHECK(shape->targets <= INT_MAX - shape->context, WT_USAGE,
             "window too long (got %d targets, context %d)", shape->targets, shape->context);
    WT_CHECK(shape->values >= 0, WT_USAGE, "targets of no values (got %d)", shape->values);
    WT_CHECK(channels >= 1 && (shape->input == WT_INPUT_REAL || channels == 1), WT_USAGE,
             "classes are made of one channel (got %d)", channels);
    return WT_OK;
}

/* Rows of all slots; refuses what an address can't count. */
static wt_status count_rows(const wt_batch_shape *shape, int channels, size_t *rows) {
    uint64_t slot = (uint64_t)shape->targets + (uint64_t)shape->context;
    WT_CHECK(slot * (uint64_t)shape->windows <= SIZE_MAX / 16 / (uint64_t)channels, WT_USAGE,
             "batch too large (got %d windows of %d targets, context %d)", shape->windows, shape->targets,
             shape->context);
    *rows = (size_t)(slot - 1) * (size_t)shape->windows;
    return WT_OK;
}

wt_status wt_batch_create(wt_batch **out, const wt_batch_shape *shape, int channels) {
    wt_batch *batch = NULL;
    wt_status status = WT_OK;
    size_t rows = 0, slots = (size_t)shape->windows;
    *out = NULL;
    WT_GUARD(check_batch_shape(shape, channels));
    WT_GUARD(count_rows(shape, channels, &rows));
    WT_GUARD(wt_alloc(&batch, 1, sizeof *batch, "batch"));
    batch->windows = shape->windows;
    batch->targets = shape->targets;
    batch->context = shape->context;
    batch->channels = shape->input == WT_INPUT_REAL ? channels : 0;
    WT_GUARD(wt_alloc(&batch->target_count, slots, sizeof *batch->target_count, "counts of a batch"));
    WT_GUARD(wt_alloc(&batch->target, slots * (size_t)shape->targets, sizeof *batch->target,
                      "targets of a batch"));
    if (shape->input == WT_INPUT_REAL) {
        WT_GUARD(
            wt_alloc(&batch->signal, rows * (size_t)channels, sizeof *batch->signal, "signal of a batch"));
    } else {
        WT_GUARD(wt_alloc(&batch->classes, rows, sizeof *batch->classes, "classes of a batch"));
    }
    if (shape->values > 0)
        WT_GUARD(wt_alloc(&batch->value, slots * (size_t)shape->targets * (size_t)shape->values,
                          sizeof *batch->value, "values of a batch"));
    if (shape->marks_runs)
        WT_GUARD(
            wt_alloc(&batch->run, slots * (size_t)shape->targets, sizeof *batch->run, "runs of a batch"));
    WT_GUARD(wt_condition_batch_create(batch, shape));
    *out = batch;
    batch = NULL;
cleanup:
    wt_batch_destroy(batch);
    return status;
}

void wt_batch_destroy(wt_batch *batch) {
    if (batch == NULL) return;
    wt_free(batch->target_count);
    wt_free(batch->classes);
    wt_free(batch->signal);
    wt_free(batch->target);
    wt_free(batch->value);
    wt_free(batch->run);
    wt_free(batch->condition);
    wt_free(batch->phase);
    wt_free(batch->speaker);
    wt_free(batch);
}

/* --- filling it --- */

wt_status wt_batch_filler_init(wt_batch_filler *filler, wt_dataset *dataset, const wt_windows *windows,
                               const wt_batch_shape *shape) {
    int64_t span = (int64_t)shape->targets + shape->context;
    *filler = (wt_batch_filler){.dataset = dataset, .windows = windows, .shape = *shape};
    WT_TRY(check_batch_shape(shape, 1));
    WT_TRY(wt_condition_filler_check(dataset, shape));
    WT_CHECK(wt_windows_span(windows) == shape->targets, WT_FAILED,
             "windows and batch differ in their targets (got %d, expected %d)", shape->targets,
             wt_windows_span(windows));
    if (shape->marks_runs)
        WT_TRY(wt_alloc(&filler->around,
                        ((size_t)shape->targets + 2 * (WT_RUN - 1)) * (size_t)wt_dataset_channels(dataset),
                        sizeof *filler->around, "samples about a window"));
    if (wt_windows_labels(windows)) return wt_label_filler_init(filler);
    if (shape->values > 0) return wt_value_filler_init(filler);
    WT_CHECK(shape->input != WT_INPUT_REAL || shape->quantization.kind != WT_QUANTIZATION_VOCABULARY,
             WT_USAGE, "model.input: real needs a signal (the symbols of a text have no values)");
    WT_TRY(wt_class_reader_init(&filler->reader, dataset, shape->quantization, span));
    WT_TRY(wt_alloc(&filler->classes, (size_t)span, sizeof *filler->classes, "classes of a window"));
    if (shape->input != WT_INPUT_REAL) return WT_OK;
    int levels = shape->quantization.levels;
    WT_TRY(wt_alloc(&filler->values, (size_t)levels, sizeof *filler->values, "values of classes"));
    for (int i = 0; i < levels; i++) filler->values[i] = (float)wt_dequantize(shape->quantization, i);
    return WT_OK;
}

void wt_batch_filler_dispose(wt_batch_filler *filler) {
    wt_class_reader_dispose(&filler->reader);
    wt_free(filler->classes);
    wt_free(filler->values);
    wt_free(filler->samples);
    wt_free(filler->seen);
    wt_free(filler->around);
    *filler = (wt_batch_filler){0};
}

/* Samples start−R … start+n−1 as classes, silence before the utterance. */
static wt_status read_window(wt_batch_filler *filler, const wt_window *window) {
    int64_t first = window->start - filler->shape.context, padding = first < 0 ? -first : 0;
    int64_t count = (int64_t)filler->shape.context + window->targets - padding;
    int32_t silence = wt_quantize_silence(filler->shape.quantization);
    for (int64_t i = 0; i < padding; i++) filler->classes[i] = silence;
    return wt_class_reader_read(&filler->reader, window->utterance, first + padding, count,
                                filler->classes + padding);
}

/* `used` classes of the window into the slot's inputs; the rest is padding. */
static void put_class_inputs(const wt_batch_filler *filler, wt_batch *batch, int slot, int used,
                             int64_t window) {
    int rows = wt_batch_rows(batch);
    int32_t silence = wt_quantize_silence(filler->shape.quantization);
    size_t first = (size_t)slot * (size_t)rows;
    if (batch->classes != NULL) {
        int32_t *classes = batch->classes + first;
        for (int i = 0; i < rows; i++) classes[i] = i < used ? filler->classes[i] : silence;
    } else {
        wt_real *signal = batch->signal + first;
        for (int i = 0; i < rows; i++) signal[i] = i < used ? filler->values[filler->classes[i]] : 0;
        wt_batch_add_noise(filler, signal, (size_t)used, window);
    }
}

static void put_class_targets(const wt_batch_filler *filler, wt_batch *batch, int slot, int targets,
                              const uint8_t *mask) {
    int32_t *target = batch->target + (size_t)slot * (size_t)batch->targets;
    const int32_t *classes = filler->classes + filler->shape.context;
    for (int i = 0; i < batch->targets; i++)
        target[i] = i < targets && (mask == NULL || mask[i]) ? classes[i] : -1;
    batch->target_count[slot] = targets;
}

/* Next samples that are classes. */
static wt_status fill_next_classes(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t window) {
    int targets = 0;
    const uint8_t *mask = NULL;
    if (window >= 0) {
        wt_window found = wt_windows_get(filler->windows, window);
        WT_TRY(read_window(filler, &found));
        targets = found.targets;
        mask = wt_dataset_mask(filler->reader.dataset, found.utterance);
        if (mask != NULL) mask += found.start;
    }
    put_class_inputs(filler, batch, slot, targets > 0 ? targets + batch->context - 1 : 0, window);
    put_class_targets(filler, batch, slot, targets, mask);
    return WT_OK;
}

wt_status wt_batch_fill_slot(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t window) {
    WT_CHECK(window < wt_windows_count(filler->windows), WT_FAILED,
             "no such window (got %lld, expected %lld)", (long long)window,
             (long long)wt_windows_count(filler->windows));
    WT_TRY(wt_condition_fill_slot(filler, batch, slot, window));
    if (batch->run) WT_TRY(wt_batch_mark_runs(filler, batch, slot, window));
    if (wt_windows_labels(filler->windows)) return wt_label_fill_slot(filler, batch, slot, window);
    return filler->shape.values > 0 ? wt_value_fill_slot(filler, batch, slot, window)
                                    : fill_next_classes(filler, batch, slot, window);
}
