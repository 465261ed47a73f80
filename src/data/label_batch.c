/*
 * Filling batches of labelled samples: targets s … s+n−1 of an utterance see the samples
 * s + a − R + 1 … s + n − 1 + a, with a the look-ahead. What the utterance lacks of them, before its start or
 * behind its end, is 0 after normalisation, or the class of silence.
 */
#include <string.h>

#include "data_internal.h"

wt_status wt_label_filler_init(wt_batch_filler *filler) {
    const wt_batch_shape *shape = &filler->shape;
    const int64_t rows = (int64_t)shape->targets + shape->context - 1;
    if (shape->input == WT_INPUT_CLASS) {
        WT_TRY(wt_class_reader_init(&filler->reader, filler->dataset, shape->quantization, rows));
        return wt_alloc(&filler->classes, (size_t)rows, sizeof *filler->classes, "classes of a window");
    }
    return wt_alloc(&filler->samples, (size_t)rows * (size_t)wt_dataset_channels(filler->dataset),
                    sizeof *filler->samples, "samples of a window");
}

/* --- inputs --- */

/* The part of the rows first … first+rows−1 that the utterance has: `count` of them from row `before` on. */
typedef struct {
    int64_t first, before, count;
} wt_present;

static wt_present find_present(const wt_batch_filler *filler, const wt_window *window, int rows) {
    const wt_label_windows *labels = wt_windows_labels(filler->windows);
    const int64_t length = wt_dataset_length(filler->dataset, window->utterance);
    const int64_t begin = window->start + labels->look_ahead - filler->shape.context + 1;
    const int64_t first = begin < 0 ? 0 : begin, end = begin + rows < length ? begin + rows : length;
    return (wt_present){first, first - begin, end > first ? end - first : 0};
}

static void put_samples(const wt_batch_filler *filler, wt_present present, int channels, wt_real *signal) {
    const wt_normalization *n = &wt_windows_labels(filler->windows)->normalization;
    wt_real *to = signal + present.before * channels;
    for (int64_t i = 0; i < present.count * channels; i++) {
        const int c = (int)(i % channels);
        const double x = (double)filler->samples[i];
        to[i] = (wt_real)(n->channels ? (x - n->mean[c]) / n->deviation[c] : x);
    }
}

static wt_status fill_signal(wt_batch_filler *filler, wt_batch *batch, int slot, const wt_window *window,
                             wt_present present, int64_t index) {
    const size_t row = (size_t)batch->channels, rows = (size_t)wt_batch_rows(batch);
    wt_real *signal = batch->signal + (size_t)slot * rows * row;
    memset(signal, 0, rows * row * sizeof *signal);
    if (present.count == 0) return WT_OK;
    WT_TRY(
        wt_dataset_read(filler->dataset, window->utterance, present.first, present.count, filler->samples));
    put_samples(filler, present, batch->channels, signal);
    wt_batch_add_noise(filler, signal, rows * row, index);
    return WT_OK;
}

static wt_status fill_label_classes(wt_batch_filler *filler, wt_batch *batch, int slot,
                                    const wt_window *window, wt_present present) {
    const int rows = wt_batch_rows(batch);
    const int32_t silence = wt_quantize_silence(filler->shape.quantization);
    int32_t *classes = batch->classes + (size_t)slot * (size_t)rows;
    for (int i = 0; i < rows; i++) classes[i] = silence;
    if (present.count == 0) return WT_OK;
    return wt_class_reader_read(&filler->reader, window->utterance, present.first, present.count,
                                classes + present.before);
}

/* --- targets --- */

/* Labels of the window's targets from its target `from` on. */
static wt_status read_targets(wt_batch_filler *filler, wt_batch *batch, size_t at, const wt_window *window,
                              int from) {
    const int64_t count = window->targets - from;
    const uint8_t *mask = wt_dataset_mask(filler->dataset, window->utterance);
    if (!batch->value) {
        int32_t *target = batch->target + at;
        WT_TRY(wt_dataset_read_classes(filler->dataset, window->utterance, window->start + from, count,
                                       target + from));
        for (int i = from; mask && i < window->targets; i++)
            if (!mask[window->start + i]) target[i] = -1;
        return WT_OK;
    }
    for (int64_t i = 0; i < count; i++) batch->target[at + (size_t)(from + i)] = 0;
    float *values = (float *)(batch->value + at + from);
    WT_TRY(wt_dataset_read_values(filler->dataset, window->utterance, window->start + from, count, values));
    return WT_OK;
}

wt_status wt_label_fill_slot(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t index) {
    const wt_label_windows *labels = wt_windows_labels(filler->windows);
    const size_t at = (size_t)slot * (size_t)batch->targets;
    wt_window window = {0, 0, 0};
    wt_present present = {0, 0, 0};
    if (index >= 0) {
        window = wt_windows_get(filler->windows, index);
        present = find_present(filler, &window, window.targets + batch->context - 1);
    }
    batch->target_count[slot] = window.targets;
    for (int i = 0; i < batch->targets; i++) batch->target[at + (size_t)i] = -1;
    for (int i = 0; batch->value && i < batch->targets; i++) batch->value[at + (size_t)i] = 0;
    if (window.targets > 0)
        WT_TRY(read_targets(filler, batch, at, &window, labels->stride > 0 ? window.targets - 1 : 0));
    return batch->signal ? fill_signal(filler, batch, slot, &window, present, index)
                         : fill_label_classes(filler, batch, slot, &window, present);
}
