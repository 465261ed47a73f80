/*
 * Damage to a shard does not stay unseen: what is small is under a hash that is compared whenever the shard
 * is opened, and what is long under the digest that wt_dataset_verify compares. No flipped bit changes what
 * is read, for any kind of shard.
 */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "shard_samples.h"

enum { SAMPLES = 200, CLASSES = 5 };

static const char *const kinds[] = {"audio", "float", "stereo", "text", "class", "value"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const wt_normalization two = {.channels = 2, .mean = {0.25, -0.5}, .deviation = {0.5, 2.0}},
                              one = {.channels = 1, .mean = {0.125}, .deviation = {0.75}};

static bool is(int kind, const char *name) {
    return strcmp(kinds[kind], name) == 0;
}

static bool is_labelled(int kind) {
    return is(kind, "class") || is(kind, "value");
}

static int channels_of_kind(int kind) {
    return is(kind, "stereo") || is(kind, "class") ? 2 : 1;
}

static void add_one(wt_shard_writer *writer, int kind, int number) {
    float samples[2 * SAMPLES], labels[SAMPLES];
    bool mask[SAMPLES];
    char id[32];
    snprintf(id, sizeof id, "utterance-%d", number);
    for (int i = 0; i < SAMPLES; i++) {
        for (int c = 0; c < channels_of_kind(kind); c++) {
            const int value = known_value(number, i, c);
            samples[i * channels_of_kind(kind) + c] =
                (float)(is(kind, "text") ? (value + 40000) % 3 : value) / 32768.0f;
        }
        labels[i] = is(kind, "class") ? (float)((i + number) % CLASSES) : (float)i / 7;
        mask[i] = i % 3 == 0;
    }
    if (is_labelled(kind)) {
        assert_ok(wt_shard_add_labelled(writer, id, samples, labels, SAMPLES));
    } else if (is(kind, "text")) {
        assert_ok(wt_shard_add_masked(writer, id, 0, samples, SAMPLES, mask));
    } else {
        assert_ok(wt_shard_add(writer, id, number, samples, SAMPLES));
    }
}

/* One shard of three utterances. */
static void make_shard(const char *folder, int kind, int shard, int shards) {
    wt_shard_writer *writer;
    wt_vocabulary vocabulary;
    const int32_t symbols[] = {'a', 'b', 'c'};
    assert_ok(wt_folder_make(folder));
    assert_ok(wt_vocabulary_init(&vocabulary, "a text", symbols, 3));
    const wt_shard_header header = {.kind = is(kind, "text")    ? "text"
                                            : is_labelled(kind) ? "table"
                                                                : "audio",
                                    .split = "train",
                                    .sample_rate = is(kind, "text") ? 1 : 8000,
                                    .channels = channels_of_kind(kind),
                                    .shard = shard,
                                    .shards = shards,
                                    .store = is(kind, "audio") || is(kind, "stereo") || is(kind, "text")
                                                 ? WT_STORE_INT16
                                                 : WT_STORE_FLOAT,
                                    .masked = is(kind, "text"),
                                    .vocabulary = is(kind, "text") ? &vocabulary : NULL};
    assert_ok(wt_shard_create(&writer, folder, &header));
    if (is_labelled(kind))
        assert_ok(wt_shard_declare_labels(writer, is(kind, "class") ? CLASSES : 0,
                                          channels_of_kind(kind) == 2 ? &two : &one));
    for (int i = 0; i < 3; i++) add_one(writer, kind, 3 * shard + i);
    assert_ok(wt_shard_finish(writer));
    wt_vocabulary_dispose(&vocabulary);
}

static char path[WT_PATH_MAX], folder[WT_PATH_MAX];

/* Without waiting for the disk. */
static void put_shard(const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void make_kind(int kind) {
    snprintf(folder, sizeof folder, "%s/%s", test_folder, kinds[kind]);
    assert_ok(wt_folder_remove(folder));
    make_shard(folder, kind, 0, 1);
    assert_ok(wt_path_join(path, folder, "train-00000.h5"));
}

/* Opened and verified; where that succeeds, *all is the hash of everything that can be read. */
static wt_status read_whole_set(wt_hash *all, int kind) {
    wt_dataset *dataset;
    int64_t bytes;
    float samples[2 * SAMPLES];
    WT_TRY(wt_dataset_open(&dataset, folder, "train", 0));
    wt_status status = wt_dataset_verify(dataset, &bytes);
    if (status == WT_OK) {
        const wt_normalization *normalization = wt_dataset_normalization(dataset);
        *all = wt_hash_bytes(normalization, sizeof *normalization, (uint64_t)wt_dataset_sample_rate(dataset));
        *all = wt_hash_fold(*all, wt_dataset_digest(dataset));
    }
    for (int64_t u = 0; status == WT_OK && u < wt_dataset_utterances(dataset); u++) {
        char *id = NULL;
        int32_t classes[SAMPLES];
        const uint8_t *mask = wt_dataset_mask(dataset, u);
        assert_ok(wt_dataset_read(dataset, u, 0, SAMPLES, samples));
        *all = wt_hash_fold(
            *all, wt_hash_bytes(samples, (size_t)(SAMPLES * channels_of_kind(kind)) * sizeof *samples, 0));
        if (mask) *all = wt_hash_fold(*all, wt_hash_bytes(mask, SAMPLES, 0));
        assert_ok(wt_dataset_id(dataset, u, &id));
        *all = wt_hash_fold(*all, wt_hash_string(id, 0));
        wt_free(id);
        if (is(kind, "class")) {
            assert_ok(wt_dataset_read_classes(dataset, u, 0, SAMPLES, classes));
            *all = wt_hash_fold(*all, wt_hash_bytes(classes, sizeof classes, 0));
        }
    }
    wt_dataset_close(dataset);
    return status;
}

static void test_whole_shards_verify(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        wt_dataset *dataset;
        int64_t bytes;
        make_kind(kind);
        assert_ok(wt_dataset_open(&dataset, folder, "train", 0));
        assert_ok(wt_dataset_verify(dataset, &bytes));
        assert_true(bytes > 3 * SAMPLES * 2 * channels_of_kind(kind));
        assert_int_equal(wt_dataset_shards(dataset), 1);
        assert_int_equal(wt_dataset_unhashed(dataset), 0);
        wt_dataset_close(dataset);
    }
}

/* A byte that matters is noticed; one that does not (a gap between objects) changes nothing that is read. */
static void test_no_flipped_bit_is_believed(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        wt_hash whole = {0, 0}, got = {0, 0};
        char *bytes;
        size_t size, refused = 0, tried = 0;
        make_kind(kind);
        assert_ok(read_whole_set(&whole, kind));
        assert_ok(wt_file_read(&bytes, &size, path, 1 << 20));
        for (size_t at = (size_t)kind; at < size; at += 29, tried++) {
            bytes[at] ^= (char)(1 << at % 8);
            put_shard(bytes, size);
            bytes[at] ^= (char)(1 << at % 8);
            if (read_whole_set(&got, kind) != WT_OK) {
                refused++;
            } else if (!wt_hash_equal(got, whole)) {
                fail_msg("%s: a flipped bit in byte %zu is believed", kinds[kind], at);
            }
        }
        assert_true(refused > tried / 8);
        wt_free(bytes);
    }
}

/* The place of an array in a file: its bytes occur once. */
static size_t find_bytes(const char *bytes, size_t size, const void *what, size_t length) {
    size_t found = 0;
    int times = 0;
    for (size_t i = 0; i + length <= size; i++) {
        if (memcmp(bytes + i, what, length) != 0) continue;
        found = i;
        times++;
    }
    assert_int_equal(times, 1);
    return found;
}

/* The normalisation has no checksum of HDF5's: opening finds each of its bits. */
static void test_normalization_is_under_the_hash(void **state) {
    (void)state;
    wt_dataset *dataset;
    char *bytes;
    size_t size;
    make_kind(4);
    assert_ok(wt_file_read(&bytes, &size, path, 1 << 20));
    const double *const arrays[] = {two.mean, two.deviation};
    for (int a = 0; a < 2; a++) {
        const size_t begin = find_bytes(bytes, size, arrays[a], 2 * sizeof(double));
        for (size_t bit = 0; bit < 16 * sizeof(double); bit++) {
            bytes[begin + bit / 8] ^= (char)(1 << bit % 8);
            put_shard(bytes, size);
            bytes[begin + bit / 8] ^= (char)(1 << bit % 8);
            assert_error(wt_dataset_open(&dataset, folder, "train", 0),
                         "train-00000.h5: damaged: its attributes or small data sets have changed (hash ");
        }
    }
    wt_free(bytes);
}

/* A shard in which all checksums of HDF5 are right, but a sample is another one than was prepared. */
static void change_sample(int64_t at) {
    wt_h5 *from, *to;
    char other[WT_PATH_MAX], text[64];
    int64_t number;
    int16_t x[3 * SAMPLES];
    int64_t offsets[4];
    int32_t speakers[3];
    char **ids;
    size_t count;
    wt_hash hash;
    snprintf(other, sizeof other, "%s/other.h5", test_folder);
    unlink(other);
    assert_ok(wt_h5_open(&from, path));
    assert_ok(wt_h5_create(&to, other));
    static const char *const texts[] = {"format", "kind", "split", "digest"};
    static const char *const numbers[] = {"version", "sample_rate", "channels", "shard", "shards"};
    for (int i = 0; i < 4; i++) {
        assert_ok(wt_h5_read_attribute_text(from, "", texts[i], text, sizeof text));
        assert_ok(wt_h5_write_attribute_text(to, "", texts[i], text));
    }
    for (int i = 0; i < 5; i++) {
        assert_ok(wt_h5_read_attribute_int(from, "", numbers[i], &number));
        assert_ok(wt_h5_write_attribute_int(to, "", numbers[i], number));
    }
    assert_ok(wt_h5_read(from, "x", WT_H5_INT16, x));
    assert_ok(wt_h5_read(from, "utterances/offset", WT_H5_INT64, offsets));
    assert_ok(wt_h5_read(from, "utterances/speaker", WT_H5_INT32, speakers));
    assert_ok(wt_h5_read_texts(from, "utterances/id", &ids, &count, 3));
    x[at] = (int16_t)(x[at] ^ 1);
    assert_ok(wt_h5_write(to, "x", (wt_h5_shape){WT_H5_INT16, 1, {3 * SAMPLES}}, x, 100));
    assert_ok(wt_h5_write(to, "utterances/offset", (wt_h5_shape){WT_H5_INT64, 1, {4}}, offsets, 0));
    assert_ok(wt_h5_write(to, "utterances/speaker", (wt_h5_shape){WT_H5_INT32, 1, {3}}, speakers, 0));
    assert_ok(wt_h5_write_texts(to, "utterances/id", (const char *const *)ids, count));
    assert_ok(wt_shard_hash(&hash, to));
    wt_hash_print(text, hash);
    assert_ok(wt_h5_write_attribute_text(to, "", "hash", text));
    assert_ok(wt_h5_close(to));
    assert_ok(wt_h5_close(from));
    wt_h5_free_texts(ids, count);
    assert_int_equal(rename(other, path), 0);
}

static void test_verify_compares_the_digest(void **state) {
    (void)state;
    wt_dataset *dataset;
    int64_t bytes;
    make_kind(0);
    change_sample(599);
    assert_ok(wt_dataset_open(&dataset, folder, "train", 1.0)); /* nothing else notices it */
    assert_error(wt_dataset_verify(dataset, &bytes),
                 "train-00000.h5: damaged: it no longer holds what was prepared (digest ");
    wt_dataset_close(dataset);
}

static void test_verify_counts_shards(void **state) {
    (void)state;
    wt_dataset *dataset;
    int64_t bytes;
    snprintf(folder, sizeof folder, "%s/many", test_folder);
    for (int shard = 0; shard < 3; shard++) make_shard(folder, 0, shard, 3);
    assert_ok(wt_path_join(path, folder, "train-00001.h5"));
    change_sample(0);
    assert_ok(wt_dataset_open(&dataset, folder, "train", 0));
    assert_error(wt_dataset_verify(dataset, &bytes), "many: 1 of 3 shards are damaged");
    assert_int_equal(wt_dataset_shards(dataset), 3);
    wt_dataset_close(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_shards_verify),
        cmocka_unit_test(test_no_flipped_bit_is_believed),
        cmocka_unit_test(test_normalization_is_under_the_hash),
        cmocka_unit_test(test_verify_compares_the_digest),
        cmocka_unit_test(test_verify_counts_shards),
    };
    wt_log_setup(WT_LOG_NORMAL, true);
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
