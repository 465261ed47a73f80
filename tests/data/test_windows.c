/* The grid of windows against a walk over the utterances; each epoch is another permutation of them. */
#include "shard_samples.h"

static const int64_t lengths[] = {1, 100, 7, 8, 9, 16, 5, 33, 64, 0};
enum { UTTERANCES = 9, SAMPLES = 243 };

static wt_dataset *dataset;

static int open_window_set(void **state) {
    if (make_test_folder(state) != 0) return -1;
    make_split(in_folder("set"), "train", WT_STORE_INT16, 1, lengths, 4);
    return wt_dataset_open(&dataset, in_folder("set"), "train", 0.0) == WT_OK ? 0 : -1;
}

static int close_set(void **state) {
    wt_dataset_close(dataset);
    return remove_test_folder(state);
}

/* Every window in turn, with the sums counted target by target. */
static void check_grid(int targets, int context, wt_partial_context partial) {
    wt_windows *windows = NULL;
    int64_t index = 0, sum = 0, padded = 0;
    assert_ok(wt_windows_create(&windows, dataset, targets, context, partial));
    for (int64_t u = 0; u < UTTERANCES; u++) {
        int64_t t = partial == WT_PARTIAL_DROP ? context : 0;
        while (t < lengths[u]) {
            wt_window window = wt_windows_get(windows, index++);
            assert_int_equal(window.utterance, u);
            assert_int_equal(window.start, t);
            for (int i = 0; i < window.targets; i++, t++, sum++) padded += t - context < 0;
            assert_true(window.targets >= 1 && (window.targets == targets || t == lengths[u]));
        }
    }
    assert_int_equal(wt_windows_count(windows), index);
    assert_int_equal(wt_windows_targets(windows), sum);
    assert_int_equal(wt_windows_padded_targets(windows), padded);
    if (partial == WT_PARTIAL_PAD) assert_int_equal(sum, SAMPLES);
    wt_windows_destroy(windows);
}

static void test_grid(void **state) {
    (void)state;
    const int targets[] = {1, 2, 7, 8, 16, 100, 1000}, contexts[] = {1, 2, 8, 17, 63, 99, 5000};
    for (int i = 0; i < 7; i++) {
        for (int j = 0; j < 7; j++) {
            check_grid(targets[i], contexts[j], WT_PARTIAL_PAD);
            if (contexts[j] < 100) check_grid(targets[i], contexts[j], WT_PARTIAL_DROP);
        }
    }
}

static void test_no_windows(void **state) {
    (void)state;
    wt_windows *windows = NULL;
    assert_error(
        wt_windows_create(&windows, dataset, 8, 100, WT_PARTIAL_DROP),
        "data.partial_context: drop leaves no targets (the longest utterance has 100 samples, the receptive "
        "field 100)");
    assert_error(wt_windows_create(&windows, dataset, 0, 100, WT_PARTIAL_PAD), "windows of no targets");
    wt_windows_destroy(NULL);
}

/* --- order --- */

static void check_permutation(const wt_order *order, int64_t epoch) {
    char *seen = NULL;
    assert_ok(wt_alloc(&seen, (size_t)order->windows, 1, "seen"));
    for (int64_t i = 0; i < order->windows; i++) {
        int64_t window = wt_order_window(order, epoch * order->windows + i);
        assert_true(window >= 0 && window < order->windows);
        assert_false(seen[window]);
        seen[window] = 1;
    }
    wt_free(seen);
}

static void test_epochs_are_permutations(void **state) {
    (void)state;
    const int64_t sizes[] = {1, 2, 3, 7, 8, 9, 63, 64, 65, 127, 128, 129, 1000}, blocks[] = {1, 2, 3, 8, 100},
                  groups[] = {1, 2, 5, 64};
    for (int s = 0; s < 13; s++) {
        for (int b = 0; b < 5; b++) {
            for (int g = 0; g < 4; g++) {
                wt_order order = {.windows = sizes[s], .block = blocks[b], .group = groups[g], .seed = 7};
                for (int64_t epoch = 0; epoch < 3; epoch++) check_permutation(&order, epoch);
                check_permutation(&order, 1000000);
            }
        }
    }
}

static int64_t places_shared(const wt_order *a, int64_t epoch_a, const wt_order *b, int64_t epoch_b) {
    int64_t same = 0;
    for (int64_t i = 0; i < a->windows; i++) {
        same += wt_order_window(a, epoch_a * a->windows + i) == wt_order_window(b, epoch_b * b->windows + i);
    }
    return same;
}

static void test_epochs_and_seeds_differ(void **state) {
    (void)state;
    for (int two_levels = 0; two_levels < 2; two_levels++) {
        wt_order order = {
            .windows = 1000, .block = two_levels ? 8 : 1, .group = two_levels ? 4 : 1, .seed = 1};
        wt_order other = order;
        other.seed = 2;
        assert_true(places_shared(&order, 0, &order, 1) < 30); /* by chance it is 1 */
        assert_true(places_shared(&order, 0, &other, 0) < 30);
        assert_int_equal(places_shared(&order, 3, &order, 3), 1000);
    }
}

/* Windows that come together lie together: a group of 4 blocks of 8 touches few neighbourhoods. */
static void test_groups_read_runs(void **state) {
    (void)state;
    wt_order order = {.windows = 1003, .block = 8, .group = 4, .seed = 5};
    for (int64_t group = 0; group < 31; group++) {
        int runs = 0;
        char seen[1003] = {0};
        for (int64_t i = 0; i < 32; i++) seen[wt_order_window(&order, group * 32 + i)] = 1;
        for (int i = 0; i < 1003; i++) runs += seen[i] && !seen[(i + 1002) % 1003];
        assert_true(runs <= 5);
    }
}

/* The blocks' borders and the ragged end lie elsewhere each epoch. */
static void test_ring_turns(void **state) {
    (void)state;
    wt_order order = {.windows = 1003, .block = 8, .group = 1, .seed = 5};
    int64_t last[8];
    int differ = 0;
    for (int64_t epoch = 0; epoch < 8; epoch++) last[epoch] = wt_order_window(&order, epoch * 1003) % 8;
    for (int64_t epoch = 1; epoch < 8; epoch++) differ += last[epoch] != last[0];
    assert_true(differ > 0);
}

static void test_training_order(void **state) {
    (void)state;
    wt_windows *windows = NULL;
    wt_dataset *in_memory = NULL;
    assert_ok(wt_windows_create(&windows, dataset, 8, 3, WT_PARTIAL_PAD));
    wt_order order = wt_order_training(dataset, windows, WT_SAMPLING_EPOCH, 9);
    assert_int_equal(order.windows, wt_windows_count(windows));
    assert_int_equal(order.block, 116 / 8); /* the first shard is one chunk of 116 samples */
    assert_int_equal(order.group, 64);
    check_permutation(&order, 0);
    assert_ok(wt_dataset_open(&in_memory, in_folder("set"), "train", 1.0));
    order = wt_order_training(in_memory, windows, WT_SAMPLING_EPOCH, 9);
    assert_int_equal(order.block, 1);
    check_permutation(&order, 0);
    wt_dataset_close(in_memory);
    wt_windows_destroy(windows);
}

static void test_validation_order(void **state) {
    (void)state;
    char seen[500] = {0};
    int fixed = 0;
    for (int i = 0; i < 500; i++) {
        int64_t window = wt_order_validation(500, i);
        assert_true(window >= 0 && window < 500 && !seen[window]);
        seen[window] = 1;
        fixed += window == i;
    }
    assert_true(fixed < 20);
    assert_int_equal(wt_order_validation(1, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_no_windows),
        cmocka_unit_test(test_epochs_are_permutations),
        cmocka_unit_test(test_epochs_and_seeds_differ),
        cmocka_unit_test(test_groups_read_runs),
        cmocka_unit_test(test_ring_turns),
        cmocka_unit_test(test_training_order),
        cmocka_unit_test(test_validation_order),
    };
    return cmocka_run_group_tests(tests, open_window_set, close_set);
}
