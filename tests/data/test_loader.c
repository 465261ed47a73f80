/* The loader's batches against a direct computation from the known samples; ends early, ends with errors. */
#include <unistd.h>

#include "shard_samples.h"

static const int64_t lengths[] = {1, 100, 7, 8, 40, 16, 5, 33, 64, 300, 0};
enum { T = 16, R = 11, SLOTS = 3 };

static const wt_quantization quantization = {.kind = WT_QUANTIZATION_MULAW, .levels = 256};

static int make_loader_set(void **state) {
    if (make_test_folder(state) != 0) return -1;
    make_split(in_folder("set"), "train", WT_STORE_INT16, 1, lengths, 4);
    make_split(in_folder("floats"), "train", WT_STORE_FLOAT, 1, lengths, 3);
    make_split(in_folder("stereo"), "train", WT_STORE_INT16, 2, lengths, 100);
    return 0;
}

typedef struct {
    int64_t windows;
} plan_context;

/* Every window once, from the last to the first; then empty slots. */
static int64_t backwards(const void *context, int64_t number, int slot) {
    const plan_context *plan = context;
    int64_t index = plan->windows - 1 - (number * SLOTS + slot);
    return index >= 0 ? index : -1;
}

static int32_t class_at(int64_t utterance, int64_t t) {
    if (t < 0) return 128;
    return wt_quantize(quantization, (double)known_value(utterance, t, 0) / 32768.0);
}

static void check_loaded_slot(const wt_batch *batch, const wt_windows *windows, int slot, int64_t index) {
    wt_window window = {0, 0, 0};
    if (index >= 0) window = wt_windows_get(windows, index);
    assert_int_equal(batch->target_count[slot], window.targets);
    int used = window.targets > 0 ? window.targets + R - 1 : 0;
    for (int i = 0; i < T + R - 1; i++) {
        int32_t class = i < used ? class_at(window.utterance, window.start - R + i) : 128;
        if (batch->classes != NULL) {
            assert_int_equal(batch->classes[slot * (T + R - 1) + i], class);
        } else {
            assert_true(batch->signal[slot * (T + R - 1) + i] == (wt_real)wt_dequantize(quantization, class));
        }
    }
    for (int i = 0; i < T; i++) {
        int32_t class = i < window.targets ? class_at(window.utterance, window.start + i) : -1;
        assert_int_equal(batch->target[slot * T + i], class);
    }
}

static void check_all(const char *folder, wt_input_kind input, wt_partial_context partial, double memory) {
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    const wt_batch *batch = NULL;
    wt_batch_shape shape = {SLOTS, T, R, input, quantization, .values = 0};
    assert_ok(wt_dataset_open(&dataset, folder, "train", memory));
    assert_ok(wt_windows_create(&windows, dataset, T, R, partial));
    plan_context plan = {wt_windows_count(windows)};
    int64_t batches = plan.windows / SLOTS + 2; /* the last one is empty */
    assert_ok(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){backwards, &plan, 2, batches}));
    for (int64_t number = 2; number < batches; number++) {
        assert_ok(wt_loader_next(loader, &batch));
        assert_int_equal(batch->windows, SLOTS);
        assert_int_equal(batch->context, R);
        assert_int_equal(batch->channels, input == WT_INPUT_REAL);
        for (int slot = 0; slot < SLOTS; slot++)
            check_loaded_slot(batch, windows, slot, backwards(&plan, number, slot));
    }
    char expected[64];
    snprintf(expected, sizeof expected, "no more batches (got all of 2 to %lld)", (long long)batches - 1);
    assert_error(wt_loader_next(loader, &batch), expected);
    assert_error(wt_loader_next(loader, &batch), expected);
    wt_loader_destroy(loader);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

static void test_loaded_content(void **state) {
    (void)state;
    for (int input = WT_INPUT_CLASS; input <= WT_INPUT_REAL; input++) {
        for (int partial = WT_PARTIAL_PAD; partial <= WT_PARTIAL_DROP; partial++) {
            for (int memory = 0; memory < 2; memory++) {
                check_all(in_folder("set"), (wt_input_kind)input, (wt_partial_context)partial, memory);
                check_all(in_folder("floats"), (wt_input_kind)input, (wt_partial_context)partial, memory);
            }
        }
    }
}

/* A batch stays as it is until the next call, however far the thread runs ahead. */
static void test_batch_stays(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    const wt_batch *batch = NULL;
    wt_batch_shape shape = {SLOTS, T, R, WT_INPUT_CLASS, quantization, .values = 0};
    assert_ok(wt_dataset_open(&dataset, in_folder("set"), "train", 1.0));
    assert_ok(wt_windows_create(&windows, dataset, T, R, WT_PARTIAL_PAD));
    plan_context plan = {wt_windows_count(windows)};
    assert_ok(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){backwards, &plan, 0, 10}));
    for (int64_t number = 0; number < 3; number++) {
        assert_ok(wt_loader_next(loader, &batch));
        usleep(20000);
        for (int slot = 0; slot < SLOTS; slot++)
            check_loaded_slot(batch, windows, slot, backwards(&plan, number, slot));
    }
    wt_loader_destroy(loader);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

static void test_early_end(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    wt_batch_shape shape = {SLOTS, T, R, WT_INPUT_CLASS, quantization, .values = 0};
    assert_ok(wt_dataset_open(&dataset, in_folder("set"), "train", 0.0));
    assert_ok(wt_windows_create(&windows, dataset, T, R, WT_PARTIAL_PAD));
    plan_context plan = {wt_windows_count(windows)};
    for (int round = 0; round < 60; round++) {
        wt_loader *loader = NULL;
        const wt_batch *batch = NULL;
        assert_ok(wt_loader_create(&loader, dataset, windows, &shape,
                                   &(wt_loader_plan){backwards, &plan, 0, 1000000}));
        for (int i = 0; i < round % 6; i++) assert_ok(wt_loader_next(loader, &batch));
        if (round % 3 == 0) usleep((useconds_t)(round * 50));
        wt_loader_destroy(loader);
    }
    wt_loader_destroy(NULL);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

static int64_t wrong_later(const void *context, int64_t number, int slot) {
    const plan_context *plan = context;
    return number < 5 ? slot : plan->windows;
}

/* The batches before the bad one come first; then its error, as often as it is asked for. */
static void test_error_of_the_thread(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    const wt_batch *batch = NULL;
    wt_batch_shape shape = {SLOTS, T, R, WT_INPUT_CLASS, quantization, .values = 0};
    assert_ok(wt_dataset_open(&dataset, in_folder("set"), "train", 0.0));
    assert_ok(wt_windows_create(&windows, dataset, T, R, WT_PARTIAL_PAD));
    plan_context plan = {wt_windows_count(windows)};
    assert_ok(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){wrong_later, &plan, 0, 100}));
    for (int number = 0; number < 5; number++) assert_ok(wt_loader_next(loader, &batch));
    for (int i = 0; i < 3; i++) {
        assert_error(wt_loader_next(loader, &batch), "no such window");
        assert_null(batch);
    }
    wt_loader_destroy(loader);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

/* A file that is cut short after the data set was opened. */
static void test_error_of_the_file(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    const wt_batch *batch = NULL;
    wt_batch_shape shape = {SLOTS, T, R, WT_INPUT_CLASS, quantization, .values = 0};
    char path[WT_PATH_MAX];
    make_split(in_folder("breaks"), "train", WT_STORE_INT16, 1, lengths, 100);
    assert_ok(wt_path_join(path, in_folder("breaks"), "train-00000.h5"));
    assert_ok(wt_dataset_open(&dataset, in_folder("breaks"), "train", 0.0));
    assert_ok(wt_windows_create(&windows, dataset, T, R, WT_PARTIAL_PAD));
    plan_context plan = {wt_windows_count(windows)};
    assert_int_equal(truncate(path, 1000), 0);
    assert_ok(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){backwards, &plan, 0, 100}));
    assert_error(wt_loader_next(loader, &batch), "train-00000.h5: damaged or cut short");
    wt_loader_destroy(loader);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

static void test_loader_refusals(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    wt_batch *batch = NULL;
    wt_batch_shape shape = {SLOTS, T, R, WT_INPUT_REAL, quantization, .values = 0};
    assert_ok(wt_dataset_open(&dataset, in_folder("stereo"), "train", 1.0));
    assert_ok(wt_windows_create(&windows, dataset, T, R, WT_PARTIAL_PAD));
    assert_error(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){backwards, NULL, 0, 1}),
        "classes are made of one channel (the data set has 2)");
    shape.targets = T + 1;
    assert_error(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){backwards, NULL, 0, 1}),
        "windows and batch differ in their targets (got 17, expected 16)");
    shape.windows = 0;
    assert_error(wt_batch_create(&batch, &shape, 1), "a batch of nothing");
    shape = (wt_batch_shape){INT32_MAX, INT32_MAX - 5, 5, WT_INPUT_REAL, quantization, .values = 0};
    assert_error(wt_batch_create(&batch, &shape, 1024), "batch too large");
    shape.context = 6;
    assert_error(wt_batch_create(&batch, &shape, 1), "window too long");
    shape = (wt_batch_shape){1, 4, 2, WT_INPUT_CLASS, quantization, .values = 0};
    assert_error(wt_batch_create(&batch, &shape, 2), "classes are made of one channel (got 2)");
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loaded_content),    cmocka_unit_test(test_batch_stays),
        cmocka_unit_test(test_early_end),         cmocka_unit_test(test_error_of_the_thread),
        cmocka_unit_test(test_error_of_the_file), cmocka_unit_test(test_loader_refusals),
    };
    return cmocka_run_group_tests(tests, make_loader_set, remove_test_folder);
}
