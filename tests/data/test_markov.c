/* The Markov model against counts made by hand, and its losses as a distribution. */
#include <math.h>

#include "shard_samples.h"

/* Classes 0 … 3 of linear:4 at −1, −1/3, (silence: 2) 0 and 1. */
static const wt_quantization four = {.kind = WT_QUANTIZATION_LINEAR, .levels = 4};

static void write_classes(const char *folder, const char *texts[], int count) {
    const float values[4] = {-1.0f, -0.33f, 0.0f, 1.0f};
    wt_shard_writer *writer = NULL;
    wt_shard_header header = {
        .kind = "audio", .split = "train", .sample_rate = 8000, .channels = 1, .shards = 1};
    assert_ok(wt_folder_make(folder));
    assert_ok(wt_shard_create(&writer, folder, &header));
    for (int u = 0; u < count; u++) {
        float samples[16];
        int64_t length = (int64_t)strlen(texts[u]);
        for (int64_t i = 0; i < length; i++) samples[i] = values[texts[u][i] - '0'];
        assert_ok(wt_shard_add(writer, texts[u], -1, samples, length));
    }
    assert_ok(wt_shard_finish(writer));
}

static void test_by_hand(void **state) {
    (void)state;
    const char *texts[] = {"0112", "00123"};
    /* 2→0 (from silence), 0→1, 1→1, 1→2;  2→0 (from silence), 0→0, 0→1, 1→2, 2→3 */
    const double counts[4][4] = {{1, 2, 0, 0}, {0, 1, 2, 0}, {2, 0, 0, 1}, {0, 0, 0, 0}};
    wt_dataset *dataset = NULL;
    wt_markov *markov = NULL;
    write_classes(in_folder("hand"), texts, 2);
    for (int memory = 0; memory < 2; memory++) {
        assert_ok(wt_dataset_open(&dataset, in_folder("hand"), "train", memory));
        assert_ok(wt_markov_create(&markov, dataset, four, 0.1));
        for (int a = 0; a < 4; a++) {
            double total = 0.4, sum = 0.0;
            for (int b = 0; b < 4; b++) total += counts[a][b];
            for (int b = 0; b < 4; b++) {
                assert_true(fabs(wt_markov_loss(markov, a, b) + log((counts[a][b] + 0.1) / total)) < 1e-12);
                sum += exp(-wt_markov_loss(markov, a, b));
            }
            assert_true(fabs(sum - 1.0) < 1e-12);
        }
        wt_markov_destroy(markov);
        wt_dataset_close(dataset);
    }
}

/* An utterance longer than the pieces it is read in. */
static void test_long_utterance(void **state) {
    (void)state;
    const int64_t lengths[] = {200000, 0};
    const wt_quantization two = {.kind = WT_QUANTIZATION_LINEAR, .levels = 2};
    wt_dataset *dataset = NULL;
    wt_markov *markov = NULL;
    int64_t counts[2][2] = {{0}};
    int previous = 1;
    for (int64_t t = 0; t < lengths[0]; t++) {
        int next = known_value(0, t, 0) >= 0;
        counts[previous][next]++;
        previous = next;
    }
    make_split(in_folder("long"), "train", WT_STORE_INT16, 1, lengths, 1);
    assert_ok(wt_dataset_open(&dataset, in_folder("long"), "train", 1.0));
    assert_ok(wt_markov_create(&markov, dataset, two, 1.0));
    for (int a = 0; a < 2; a++) {
        for (int b = 0; b < 2; b++) {
            double p = (double)(counts[a][b] + 1) / (double)(counts[a][0] + counts[a][1] + 2);
            assert_true(fabs(wt_markov_loss(markov, a, b) + log(p)) < 1e-12);
        }
    }
    wt_markov_destroy(markov);
    wt_dataset_close(dataset);
}

static void test_markov_refusals(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    wt_markov *markov = NULL;
    const wt_quantization many = {.kind = WT_QUANTIZATION_MULAW, .levels = 65536};
    assert_ok(wt_dataset_open(&dataset, in_folder("hand"), "train", 1.0));
    assert_error(wt_markov_create(&markov, dataset, many, 0.1),
                 "too many classes for a Markov model (got 65536");
    assert_error(wt_markov_create(&markov, dataset, four, 0.0), "needs smoothing");
    assert_error(wt_markov_create(&markov, dataset, four, NAN), "needs smoothing");
    wt_markov_destroy(NULL);
    wt_dataset_close(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_long_utterance),
        cmocka_unit_test(test_markov_refusals),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
