/*
 * Windows of one target, masks and ways of sampling: each against a walk over the data. Draws are functions
 * of the position alone, so that a resume and other ranks see the same; their frequencies are what they
 * should be.
 */
#include <math.h>

#include "data/dataset.h"
#include "shard_samples.h"

enum { ITEMS = 40, LONGEST = 30, R = 5 };

/* Item u: 1 + 7u mod 23 samples of class (u + t) mod 26 + 1, then class 0; some samples masked, item 5
 * wholly. */
static int64_t length_of_utterance(int64_t u) {
    return 2 + u * 7 % 23;
}
static int class_of(int64_t u, int64_t t) {
    return t < 0 || t == length_of_utterance(u) - 1 ? 0 : (int)((u + t) % 26 + 1);
}
static bool is_target(int64_t u, int64_t t) {
    return u != 5 && (u * 31 + t * 17) % 10 < 4;
}

static void make_items(const char *folder, bool masked) {
    int32_t symbols[27] = {WT_END_MARK};
    for (int i = 1; i < 27; i++) symbols[i] = 'a' + i - 1;
    wt_vocabulary vocabulary;
    assert_ok(wt_vocabulary_init(&vocabulary, "a test", symbols, 27));
    assert_ok(wt_folder_make(folder));
    for (int shard = 0; shard < 2; shard++) {
        wt_shard_writer *writer = NULL;
        wt_shard_header header = {.kind = "text",
                                  .split = "train",
                                  .sample_rate = 1,
                                  .channels = 1,
                                  .shard = shard,
                                  .shards = 2,
                                  .masked = masked,
                                  .vocabulary = &vocabulary};
        assert_ok(wt_shard_create(&writer, folder, &header));
        for (int64_t u = shard * ITEMS / 2; u < (shard + 1) * ITEMS / 2; u++) {
            float samples[LONGEST];
            bool mask[LONGEST];
            char id[16];
            for (int64_t t = 0; t < length_of_utterance(u); t++) {
                samples[t] = (float)class_of(u, t) / 32768.0f;
                mask[t] = is_target(u, t);
            }
            snprintf(id, sizeof id, "names:%d", (int)u + 1);
            assert_ok(
                wt_shard_add_masked(writer, id, -1, samples, length_of_utterance(u), masked ? mask : NULL));
        }
        assert_ok(wt_shard_finish(writer));
    }
    wt_vocabulary_dispose(&vocabulary);
}

static int make_sampling_sets(void **state) {
    if (make_test_folder(state) != 0) return -1;
    make_items(in_folder("all"), false);
    make_items(in_folder("masked"), true);
    return 0;
}

static wt_dataset *open_sampling_set(bool masked, double memory) {
    wt_dataset *dataset = NULL;
    assert_ok(wt_dataset_open(&dataset, in_folder(masked ? "masked" : "all"), "train", memory));
    return dataset;
}

static bool has_target(int64_t u, int64_t first, int64_t end) {
    for (int64_t t = first; t < end; t++)
        if (is_target(u, t)) return true;
    return false;
}

/* --- masks --- */

/* Every window that has a target, in the grid's order, and no other. */
static void check_sampled_grid(const wt_dataset *dataset, int targets, wt_partial_context partial) {
    wt_windows *windows = NULL;
    int64_t index = 0, sum = 0, padded = 0, items = 0;
    assert_ok(wt_windows_create(&windows, dataset, targets, R, partial));
    for (int64_t u = 0; u < ITEMS; u++) {
        int64_t begin = partial == WT_PARTIAL_DROP ? R : 0, before = index, first, count;
        for (int64_t t = begin; t < length_of_utterance(u); t += targets) {
            int64_t end = t + targets < length_of_utterance(u) ? t + targets : length_of_utterance(u);
            if (!has_target(u, t, end)) continue;
            wt_window window = wt_windows_get(windows, index++);
            assert_int_equal(window.utterance, u);
            assert_int_equal(window.start, t);
            assert_int_equal(window.targets, end - t);
            for (int64_t i = t; i < end; i++) {
                sum += is_target(u, i);
                padded += is_target(u, i) && i < R;
            }
        }
        if (index == before) continue;
        wt_windows_of_item(windows, items++, &first, &count);
        assert_int_equal(first, before);
        assert_int_equal(count, index - before);
    }
    assert_int_equal(wt_windows_count(windows), index);
    assert_int_equal(wt_windows_targets(windows), sum);
    assert_int_equal(wt_windows_padded_targets(windows), partial == WT_PARTIAL_PAD ? padded : 0);
    assert_int_equal(wt_windows_items(windows), items);
    wt_windows_destroy(windows);
}

static void test_masked_grid(void **state) {
    (void)state;
    wt_dataset *dataset = open_sampling_set(true, 0);
    for (int targets = 1; targets < 12; targets++)
        for (int partial = 0; partial < 2; partial++)
            check_sampled_grid(dataset, targets, (wt_partial_context)partial);
    wt_dataset_close(dataset);
}

static void test_mask_is_in_the_digest(void **state) {
    (void)state;
    wt_dataset *one = open_sampling_set(true, 0), *other = open_sampling_set(false, 0);
    assert_false(wt_hash_equal(wt_dataset_digest(one), wt_dataset_digest(other)));
    assert_null(wt_dataset_mask(other, 0));
    wt_dataset_close(one);
    wt_dataset_close(other);
}

/* A split whose mask names nothing. */
static void test_no_targets(void **state) {
    (void)state;
    int32_t symbols[] = {WT_END_MARK, 'a'};
    const float samples[] = {1 / 32768.0f, 0};
    const bool mask[] = {false, false};
    wt_vocabulary vocabulary;
    wt_shard_writer *writer = NULL;
    wt_dataset *dataset = NULL;
    wt_windows *windows = NULL;
    assert_ok(wt_vocabulary_init(&vocabulary, "a test", symbols, 2));
    wt_shard_header header = {.kind = "text",
                              .split = "train",
                              .sample_rate = 1,
                              .channels = 1,
                              .shards = 1,
                              .masked = true,
                              .vocabulary = &vocabulary};
    assert_ok(wt_folder_make(in_folder("nothing")));
    assert_ok(wt_shard_create(&writer, in_folder("nothing"), &header));
    assert_ok(wt_shard_add_masked(writer, "a", -1, samples, 2, mask));
    assert_ok(wt_shard_finish(writer));
    assert_ok(wt_dataset_open(&dataset, in_folder("nothing"), "train", 1));
    assert_error(wt_windows_create(&windows, dataset, 1, R, WT_PARTIAL_PAD), "no targets in this split");
    wt_dataset_close(dataset);
    wt_vocabulary_dispose(&vocabulary);
}

/* --- batches --- */

enum { SLOTS = 32 };

static int64_t plan_order(const void *context, int64_t number, int slot) {
    return wt_order_window(context, number * SLOTS + slot);
}

static void check_sampled_slot(const wt_batch *batch, const wt_windows *windows, int slot, int64_t index,
                               bool masked) {
    wt_window window = wt_windows_get(windows, index);
    int rows = wt_batch_rows(batch), any = 0;
    assert_int_equal(batch->target_count[slot], window.targets);
    for (int i = 0; i < window.targets + batch->context - 1; i++)
        assert_int_equal(batch->classes[slot * rows + i],
                         class_of(window.utterance, window.start - batch->context + i));
    for (int i = 0; i < batch->targets; i++) {
        int64_t t = window.start + i;
        bool wanted = i < window.targets && (!masked || is_target(window.utterance, t));
        assert_int_equal(batch->target[slot * batch->targets + i],
                         wanted ? class_of(window.utterance, t) : -1);
        any += wanted;
    }
    assert_true(any > 0);
}

/* Small batches in a long ring, and large ones in a short one. */
static void check_sampled_batches(bool masked, double memory, int targets, int context,
                                  wt_sampling sampling) {
    wt_dataset *dataset = open_sampling_set(masked, memory);
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    wt_quantization quantization, vocabulary = {.kind = WT_QUANTIZATION_VOCABULARY};
    assert_ok(wt_dataset_quantization(&quantization, dataset, vocabulary));
    assert_ok(wt_windows_create(&windows, dataset, targets, context, WT_PARTIAL_PAD));
    wt_order order = wt_order_training(dataset, windows, sampling, 3);
    wt_batch_shape shape = {SLOTS, targets, context, WT_INPUT_CLASS, quantization, .values = 0};
    assert_ok(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){plan_order, &order, 7, 207}));
    for (int64_t number = 7; number < 207; number++) {
        const wt_batch *batch = NULL;
        assert_ok(wt_loader_next(loader, &batch));
        for (int slot = 0; slot < SLOTS; slot++)
            check_sampled_slot(batch, windows, slot, wt_order_window(&order, number * SLOTS + slot), masked);
    }
    wt_loader_destroy(loader);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

static void test_sampled_batches(void **state) {
    (void)state;
    for (int sampling = 0; sampling < 3; sampling++)
        for (int masked = 0; masked < 2; masked++) {
            check_sampled_batches(masked, 1, 1, R, (wt_sampling)sampling);
            check_sampled_batches(masked, 1, 7, R, (wt_sampling)sampling);
        }
    check_sampled_batches(true, 0, 1, R, WT_SAMPLING_EPOCH);
    check_sampled_batches(true, 1, 1, 5000, WT_SAMPLING_EPOCH);
}

static void test_real_input_is_refused(void **state) {
    (void)state;
    wt_dataset *dataset = open_sampling_set(false, 1);
    wt_windows *windows = NULL;
    wt_loader *loader = NULL;
    wt_order order = {.windows = 1};
    wt_quantization vocabulary = {WT_QUANTIZATION_VOCABULARY, 27, 0};
    wt_batch_shape shape = {SLOTS, 1, R, WT_INPUT_REAL, vocabulary, .values = 0};
    assert_ok(wt_windows_create(&windows, dataset, 1, R, WT_PARTIAL_PAD));
    assert_error(
        wt_loader_create(&loader, dataset, windows, &shape, &(wt_loader_plan){plan_order, &order, 0, 1}),
        "model.input: real needs a signal");
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

/* --- draws --- */

enum { DRAWS = 200000 };

/* Windows are drawn as often as they should be, within five deviations. */
static void check_frequencies(bool masked, wt_sampling sampling) {
    wt_dataset *dataset = open_sampling_set(masked, 1);
    wt_windows *windows = NULL;
    int64_t *seen = NULL;
    assert_ok(wt_windows_create(&windows, dataset, 1, R, WT_PARTIAL_PAD));
    wt_order order = wt_order_training(dataset, windows, sampling, 3);
    int64_t count = wt_windows_count(windows);
    assert_ok(wt_alloc(&seen, (size_t)count, sizeof *seen, "counts"));
    for (int64_t p = 0; p < DRAWS; p++) {
        int64_t window = wt_order_window(&order, p);
        assert_true(window >= 0 && window < count);
        seen[window]++;
    }
    for (int64_t item = 0; item < wt_windows_items(windows); item++) {
        int64_t first, own;
        wt_windows_of_item(windows, item, &first, &own);
        for (int64_t w = first; w < first + own; w++) {
            double share = sampling == WT_SAMPLING_ITEM ? 1.0 / (double)(wt_windows_items(windows) * own)
                                                        : 1.0 / (double)count;
            double expected = DRAWS * share;
            assert_true(fabs((double)seen[w] - expected) < 5 * sqrt(expected));
        }
    }
    wt_free(seen);
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

static void test_frequencies(void **state) {
    (void)state;
    for (int masked = 0; masked < 2; masked++) {
        check_frequencies(masked, WT_SAMPLING_REPLACEMENT);
        check_frequencies(masked, WT_SAMPLING_ITEM);
    }
}

/* A position's window is its own, whatever was asked for before; seeds and ways differ. */
static void test_draws_are_functions(void **state) {
    (void)state;
    wt_dataset *dataset = open_sampling_set(true, 1);
    wt_windows *windows = NULL;
    assert_ok(wt_windows_create(&windows, dataset, 1, R, WT_PARTIAL_PAD));
    for (int sampling = 1; sampling < 3; sampling++) {
        wt_order order = wt_order_training(dataset, windows, (wt_sampling)sampling, 3), other = order;
        int64_t forward[500];
        int same = 0, repeated = 0;
        other.seed = 4;
        for (int64_t p = 0; p < 500; p++) forward[p] = wt_order_window(&order, p);
        for (int64_t p = 499; p >= 0; p--) {
            assert_int_equal(wt_order_window(&order, p), forward[p]);
            same += wt_order_window(&other, p) == forward[p];
        }
        assert_true(same < 40);
        for (int i = 1; i < 500; i++) repeated += forward[i] == forward[0];
        assert_true(repeated < 40);
        assert_true(wt_order_window(&order, INT64_C(1) << 50) < wt_windows_count(windows));
    }
    wt_windows_destroy(windows);
    wt_dataset_close(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masked_grid),
        cmocka_unit_test(test_mask_is_in_the_digest),
        cmocka_unit_test(test_no_targets),
        cmocka_unit_test(test_sampled_batches),
        cmocka_unit_test(test_real_input_is_refused),
        cmocka_unit_test(test_frequencies),
        cmocka_unit_test(test_draws_are_functions),
    };
    return cmocka_run_group_tests(tests, make_sampling_sets, remove_test_folder);
}
