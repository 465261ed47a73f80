/* Batches whose targets are the next samples' values: against a direct computation from the known samples,
 * with codes' edges, pre-emphasis, noise on inputs alone, and targets in runs of equal samples. */
#include <math.h>

#include "shard_samples.h"
#include "support.h"

enum { T = 16, R = 5, SLOTS = 2, LENGTH = 61 };

static const wt_quantization quantization = {.kind = WT_QUANTIZATION_MULAW, .levels = 256};

/* The lowest and the highest code, and runs of 7, 8 and 10 equal samples: the last over the border of
 * windows. */
static int stored_value(int t, int channel) {
    if (t == 3) return channel ? 5 : -32768;
    if (t == 4) return channel ? -32768 : 32767;
    if (t >= 10 && t < 17) return 77;
    if (t >= 20 && t < 28) return -3;
    if (t >= 43 && t < 53) return 0;
    return known_value(1, t, channel);
}

static void make_values(const char *folder, int channels) {
    wt_shard_writer *writer = NULL;
    float samples[LENGTH * 2];
    const wt_shard_header header = {.kind = "audio",
                                    .split = "train",
                                    .sample_rate = 8000,
                                    .channels = channels,
                                    .shards = 1,
                                    .store = WT_STORE_FLOAT};
    for (int i = 0; i < LENGTH * channels; i++)
        samples[i] = (float)stored_value(i / channels, i % channels) / 32768.0f;
    assert_ok(wt_folder_make(folder));
    assert_ok(wt_shard_create(&writer, folder, &header));
    assert_ok(wt_shard_add(writer, "one", -1, samples, LENGTH));
    assert_ok(wt_shard_finish(writer));
}

static int make_value_sets(void **state) {
    if (make_test_folder(state) != 0) return -1;
    make_values(in_folder("mono"), 1);
    make_values(in_folder("stereo"), 2);
    return 0;
}

static int64_t value_in_order(const void *context, int64_t number, int slot) {
    const int64_t index = number * SLOTS + slot;
    return index < *(const int64_t *)context ? index : -1;
}

/* x less so much of the one before it. */
static double seen_value(int64_t t, int c, double preemphasis) {
    const double x = t < 0 ? 0 : stored_value((int)t, c) / 32768.0;
    return x - preemphasis * (t < 1 ? 0 : stored_value((int)t - 1, c) / 32768.0);
}

static bool in_run(int t) {
    return (t >= 20 && t < 28) || (t >= 43 && t < 53);
}

static void check_value_slot(const wt_batch *batch, const wt_batch_shape *shape, const wt_window *window,
                             int slot) {
    const int channels = shape->values, rows = T + R - 1,
              used = window->targets ? window->targets + R - 1 : 0;
    for (int i = 0; i < rows * channels; i++) {
        const int c = i % channels;
        const double want = i / channels < used
                                ? seen_value(window->start - R + i / channels, c, shape->preemphasis)
                                : 0;
        if (batch->signal) {
            const double got = (double)batch->signal[slot * rows * channels + i];
            assert_true(fabs(got - want) < (shape->input_noise > 0 ? 0.1 : 1e-7));
        } else {
            assert_int_equal(batch->classes[slot * rows + i], wt_quantize(quantization, want));
        }
    }
    for (int t = 0; t < T; t++) {
        const int at = (int)window->start + t;
        int32_t edges = 0;
        for (int c = 0; t < window->targets && c < channels; c++) {
            const double value = (double)batch->value[(slot * T + t) * channels + c];
            assert_true(fabs(value - seen_value(at, c, shape->preemphasis)) < 1e-7);
            edges |= (stored_value(at, c) == -32768) << 2 * c | (stored_value(at, c) == 32767) << (2 * c + 1);
        }
        assert_int_equal(batch->target[slot * T + t], t < window->targets ? edges : -1);
        assert_int_equal(batch->run[slot * T + t], t < window->targets && in_run(at));
    }
}

/* Returns Σ |noise| of the inputs. */
static double check_value_set(const char *folder, const wt_batch_shape *shape, wt_real *first_input) {
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    const wt_batch *batch = NULL;
    double noise = 0;
    assert_ok(wt_dataset_open(&dataset, folder, "train", 0));
    assert_ok(wt_windows_create(&windows, dataset, T, R, WT_PARTIAL_PAD));
    int64_t count = wt_windows_count(windows);
    assert_ok(wt_loader_create(&loader, dataset, windows, shape,
                               &(wt_loader_plan){value_in_order, &count, 0, count / SLOTS + 1}));
    for (int64_t number = 0; number <= count / SLOTS; number++) {
        assert_ok(wt_loader_next(loader, &batch));
        for (int slot = 0; slot < SLOTS; slot++) {
            const int64_t index = value_in_order(&count, number, slot);
            const wt_window window = index < 0 ? (wt_window){0} : wt_windows_get(windows, index);
            check_value_slot(batch, shape, &window, slot);
            for (int i = 0; batch->signal && i < window.targets; i++) {
                const int at = (T + R - 1) * slot * shape->values + (R - 1 + i) * shape->values;
                noise += fabs((double)batch->signal[at] -
                              seen_value(window.start - 1 + i, 0, shape->preemphasis));
            }
        }
        if (number == 0 && batch->signal) *first_input = batch->signal[R];
    }
    wt_loader_destroy(loader);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
    return noise;
}

static void test_value_content(void **state) {
    (void)state;
    wt_real input;
    wt_batch_shape shape = {.windows = SLOTS,
                            .targets = T,
                            .context = R,
                            .input = WT_INPUT_REAL,
                            .quantization = quantization,
                            .values = 1,
                            .codes = true,
                            .marks_runs = true};
    assert_true(check_value_set(in_folder("mono"), &shape, &input) < 1e-5);
    shape.preemphasis = 0.85;
    assert_true(check_value_set(in_folder("mono"), &shape, &input) < 1e-5);
    shape.values = 2;
    assert_true(check_value_set(in_folder("stereo"), &shape, &input) < 1e-5);
    shape.values = 1;
    shape.preemphasis = 0;
    shape.input = WT_INPUT_CLASS;
    check_value_set(in_folder("mono"), &shape, &input);
}

/* Noise moves inputs, by its deviation, and nothing else; the same each time, and another with another
 * seed. */
static void test_input_noise(void **state) {
    (void)state;
    wt_real first, again, other;
    wt_batch_shape shape = {.windows = SLOTS,
                            .targets = T,
                            .context = R,
                            .input = WT_INPUT_REAL,
                            .quantization = quantization,
                            .values = 1,
                            .codes = true,
                            .marks_runs = true,
                            .input_noise = 0.01,
                            .noise_seed = 1};
    const double noise = check_value_set(in_folder("mono"), &shape, &first) / LENGTH;
    assert_true(noise > 0.005 && noise < 0.012); /* √(2/π)·0.01 = 0.008 */
    check_value_set(in_folder("mono"), &shape, &again);
    shape.noise_seed = 2;
    check_value_set(in_folder("mono"), &shape, &other);
    assert_true(first == again && first != other);
}

static void test_value_refusals(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    int64_t count = 1;
    const wt_batch_shape shape = {.windows = SLOTS,
                                  .targets = T,
                                  .context = R,
                                  .input = WT_INPUT_REAL,
                                  .quantization = quantization,
                                  .values = 1};
    assert_ok(wt_dataset_open(&dataset, in_folder("stereo"), "train", 0));
    assert_ok(wt_windows_create(&windows, dataset, T, R, WT_PARTIAL_PAD));
    assert_error(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){value_in_order, &count, 0, 1}),
        "channels other than those that the network predicts (got 2, expected 1)");
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_content),
        cmocka_unit_test(test_input_noise),
        cmocka_unit_test(test_value_refusals),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, make_value_sets, remove_test_folder);
}
