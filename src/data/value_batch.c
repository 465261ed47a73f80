/*
 * Filling batches whose targets are the next samples' values, with inputs that are values or classes.
 *
 * What the network sees and predicts of a sample is x as the data set has it: of sound its 16-bit code, of a
 * table the normalised value; with pre-emphasis e[t] = x[t] − c·x[t−1]. Given the past, e takes values as far
 * apart as x does, so that a code keeps its width, and its edges are those of x. Before an utterance x is 0.
 */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "data_internal.h"

enum { CODE_MAX = 32767, CODE_MIN = -32768 };

static int count_value_channels(const wt_batch_filler *filler) {
    return wt_dataset_channels(filler->dataset);
}

wt_status wt_value_filler_init(wt_batch_filler *filler) {
    const wt_batch_shape *shape = &filler->shape;
    const size_t rows = (size_t)shape->targets + (size_t)shape->context + 1;
    const size_t channels = (size_t)count_value_channels(filler);
    WT_CHECK(wt_dataset_kind(filler->dataset) != WT_DATA_TEXT, WT_USAGE, "a text's symbols have no values");
    WT_CHECK(shape->values == count_value_channels(filler), WT_USAGE,
             "the data set has channels other than those that the network predicts (got %d, expected %d)",
             count_value_channels(filler), shape->values);
    WT_CHECK(!shape->codes || channels <= WT_EDGE_CHANNELS, WT_USAGE,
             "the sound has too many channels to predict (got %zu, expected at most %d)", channels,
             WT_EDGE_CHANNELS);
    WT_TRY(wt_alloc(&filler->samples, rows * channels, sizeof *filler->samples, "samples of a window"));
    return wt_alloc(&filler->seen, rows * channels, sizeof *filler->seen, "values of a window");
}

/* Samples start−R−1 … start+n−1 (0 before the utterance) as the network's units, before pre-emphasis. */
static wt_status read_samples(wt_batch_filler *filler, const wt_window *window) {
    const wt_batch_shape *shape = &filler->shape;
    const int channels = count_value_channels(filler);
    const int64_t first = window->start - shape->context - 1, before = first < 0 ? -first : 0;
    const int64_t count = (int64_t)shape->context + 1 + window->targets - before;
    const wt_normalization *n = &shape->normalization;
    float *samples = filler->samples;
    memset(samples, 0, (size_t)(before * channels) * sizeof *samples);
    samples += before * channels;
    if (count <= 0) return WT_OK;
    WT_TRY(wt_dataset_read(filler->dataset, window->utterance, first + before, count, samples));
    for (int64_t i = 0; i < count * channels; i++) {
        const double x = (double)samples[i];
        const int c = (int)(i % channels);
        if (shape->codes) {
            const double code = floor(x * 32768 + 0.5);
            samples[i] = (float)((code < CODE_MIN ? CODE_MIN : code > CODE_MAX ? CODE_MAX : code) / 32768);
        } else if (n->channels) {
            samples[i] = (float)((x - n->mean[c]) / n->deviation[c]);
        }
    }
    return WT_OK;
}

/* seen[i] belongs to sample start−R+i. */
static void emphasise(wt_batch_filler *filler, int rows) {
    const int channels = count_value_channels(filler);
    const double share = filler->shape.preemphasis;
    const float *x = filler->samples + channels;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)rows * channels; i++)
        filler->seen[i] = share > 0 ? (float)((double)x[i] - share * (double)x[i - channels]) : x[i];
}

void wt_batch_add_noise(const wt_batch_filler *filler, wt_real *signal, size_t count, int64_t window) {
    const double deviation = filler->shape.input_noise;
    const uint64_t first = (uint64_t)window * (uint64_t)count;
    if (deviation <= 0) return;
    for (size_t i = 0; i < count; i++) {
        signal[i] += (wt_real)(deviation * wt_random_normal(filler->shape.noise_seed, WT_RANDOM_NOISE,
                                                            (uint64_t)filler->number, first + i));
    }
}

/* Both in place of what a slot had; without targets it is padding. */
static void put_value_inputs(const wt_batch_filler *filler, wt_batch *batch, int slot, int targets,
                             int64_t window) {
    const int used = targets > 0 ? targets + batch->context - 1 : 0, rows = wt_batch_rows(batch);
    const size_t first = (size_t)slot * (size_t)rows;
    const int channels = count_value_channels(filler);
    if (batch->classes) {
        const wt_quantization quantization = filler->shape.quantization;
        for (int i = 0; i < rows; i++)
            batch->classes[first + (size_t)i] = wt_quantize(quantization,
                                                            i < used ? (double)filler->seen[i] : 0);
        return;
    }
    wt_real *signal = batch->signal + first * (size_t)channels;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)rows * channels; i++)
        signal[i] = i < (ptrdiff_t)used * channels ? filler->seen[i] : 0;
    wt_batch_add_noise(filler, signal, (size_t)used * (size_t)channels, window);
}

/* The edges' bits of a target. */
static int32_t edges_of(const wt_batch_filler *filler, const float *x) {
    int32_t edges = 0;
    for (int c = 0; filler->shape.codes && c < count_value_channels(filler); c++) {
        if (x[c] <= -1) edges |= WT_EDGE_LOW << 2 * c;
        if (x[c] >= CODE_MAX / 32768.0f) edges |= WT_EDGE_HIGH << 2 * c;
    }
    return edges;
}

static void put_value_targets(const wt_batch_filler *filler, wt_batch *batch, int slot, int targets,
                              const uint8_t *mask) {
    const size_t at = (size_t)slot * (size_t)batch->targets, channels = (size_t)count_value_channels(filler);
    const size_t context = (size_t)batch->context;
    batch->target_count[slot] = targets;
    for (int t = 0; t < batch->targets; t++) {
        const size_t i = context + (size_t)t;
        const bool is = t < targets && (!mask || mask[t]);
        batch->target[at + (size_t)t] = is ? edges_of(filler, filler->samples + (i + 1) * channels) : -1;
        for (size_t c = 0; c < channels; c++)
            batch->value[(at + (size_t)t) * channels + c] = is ? filler->seen[i * channels + c] : 0;
    }
}

wt_status wt_value_fill_slot(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t index) {
    const uint8_t *mask = NULL;
    int targets = 0;
    if (index >= 0) {
        const wt_window window = wt_windows_get(filler->windows, index);
        targets = window.targets;
        mask = wt_dataset_mask(filler->dataset, window.utterance);
        if (mask) mask += window.start;
        WT_TRY(read_samples(filler, &window));
        emphasise(filler, batch->context + targets);
    }
    put_value_inputs(filler, batch, slot, targets, index);
    put_value_targets(filler, batch, slot, targets, mask);
    return WT_OK;
}

/* --- runs of equal samples --- */

wt_status wt_batch_mark_runs(wt_batch_filler *filler, wt_batch *batch, int slot, int64_t index) {
    uint8_t *run = batch->run + (size_t)slot * (size_t)batch->targets;
    const int channels = count_value_channels(filler), around = WT_RUN - 1;
    memset(run, 0, (size_t)batch->targets);
    if (index < 0) return WT_OK;
    const wt_window window = wt_windows_get(filler->windows, index);
    const int64_t length = wt_dataset_length(filler->dataset, window.utterance);
    const int64_t first = window.start < around ? 0 : window.start - around;
    const int64_t last = window.start + window.targets + around, end = last < length ? last : length;
    WT_TRY(wt_dataset_read(filler->dataset, window.utterance, first, end - first, filler->around));
    for (int64_t begin = first, t = first + 1; t <= end; t++) {
        const float *x = filler->around + (t - first) * channels;
        if (t < end && memcmp(x, x - channels, (size_t)channels * sizeof *x) == 0) continue;
        for (int64_t i = begin; t - begin >= WT_RUN && i < t; i++) {
            if (i >= window.start && i < window.start + window.targets) run[i - window.start] = 1;
        }
        begin = t;
    }
    return WT_OK;
}
