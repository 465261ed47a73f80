/* Shards: written byte for byte alike, read back on disk and in memory, refused when anything is wrong. */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "data/dataset.h"
#include "shard_samples.h"

static const int64_t lengths[] = {1, 70000, 3, 200, 65536, 12, 500, 140000, 7, 0};
enum { UTTERANCES = 9 };

static void test_same_bytes(void **state) {
    (void)state;
    char *bytes[2];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        const char *folder = in_folder(i == 0 ? "same-0" : "same-1");
        char path[WT_PATH_MAX];
        make_split(folder, "train", WT_STORE_INT16, 1, lengths, 100);
        assert_ok(wt_path_join(path, folder, "train-00000.h5"));
        assert_ok(wt_file_read(&bytes[i], &sizes[i], path, 10 << 20));
        if (i == 0) sleep(1); /* a stored time would differ */
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    wt_free(bytes[0]);
    wt_free(bytes[1]);
}

/* Every sample of every utterance, whole and in parts. */
static void check_known_samples(wt_dataset *dataset, int channels) {
    float *samples = NULL;
    assert_ok(wt_alloc(&samples, 140000 * (size_t)channels, sizeof *samples, "samples"));
    for (int64_t u = 0; u < UTTERANCES; u++) {
        assert_int_equal(wt_dataset_length(dataset, u), lengths[u]);
        for (int part = 0; part < 3; part++) {
            int64_t first = part * lengths[u] / 3, count = part == 2 ? lengths[u] - first : lengths[u] / 2;
            if (count > lengths[u] - first) count = lengths[u] - first;
            assert_ok(wt_dataset_read(dataset, u, first, count, samples));
            for (int64_t i = 0; i < count * channels; i++) {
                float expected = (float)known_value(u, first + i / channels, (int)(i % channels)) / 32768.0f;
                if (samples[i] != expected)
                    fail_msg("utterance %d, sample %d", (int)u, (int)(first + i / channels));
            }
        }
    }
    wt_free(samples);
}

static void check_shard_set(const char *folder, int channels, double memory, wt_hash *digest) {
    wt_dataset *dataset = NULL;
    char *id = NULL;
    float sample;
    assert_ok(wt_dataset_open(&dataset, folder, "train", memory));
    assert_int_equal(wt_dataset_in_memory(dataset), memory > 0);
    assert_int_equal(wt_dataset_utterances(dataset), UTTERANCES);
    assert_int_equal(wt_dataset_samples(dataset), 276259);
    assert_int_equal(wt_dataset_sample_rate(dataset), 8000);
    assert_int_equal(wt_dataset_channels(dataset), channels);
    assert_int_equal(wt_dataset_chunk(dataset), 65536);
    check_known_samples(dataset, channels);
    assert_ok(wt_dataset_id(dataset, 4, &id));
    assert_string_equal(id, "utterance-4");
    wt_free(id);
    assert_error(wt_dataset_read(dataset, UTTERANCES, 0, 1, &sample),
                 "no such utterance (got 9, expected 0 to 8)");
    assert_error(wt_dataset_read(dataset, 3, 200, 1, &sample),
                 "lacks samples (got 200, expected 1 from sample 200 on)");
    assert_error(wt_dataset_read(dataset, 3, -1, 1, &sample), "lacks samples");
    *digest = wt_dataset_digest(dataset);
    wt_dataset_close(dataset);
}

static void test_memory_and_disk_agree(void **state) {
    (void)state;
    wt_hash digests[6];
    for (int store = 0; store < 2; store++) {
        const char *folder = in_folder(store == 0 ? "shorts" : "floats");
        make_split(folder, "train", store == 0 ? WT_STORE_INT16 : WT_STORE_FLOAT, 1, lengths, 2);
        check_shard_set(folder, 1, 1.0, &digests[2 * store]);
        check_shard_set(folder, 1, 0.0, &digests[2 * store + 1]);
        assert_true(wt_hash_equal(digests[2 * store], digests[2 * store + 1]));
    }
    make_split(in_folder("stereo"), "train", WT_STORE_INT16, 2, lengths, 4);
    check_shard_set(in_folder("stereo"), 2, 1.0, &digests[4]);
    check_shard_set(in_folder("stereo"), 2, 0.0, &digests[5]);
    assert_false(wt_hash_equal(digests[0], digests[2]));
    assert_false(wt_hash_equal(digests[0], digests[4]));
}

/* More shards than files may be open, visited to and fro. */
static void test_many_shards(void **state) {
    (void)state;
    int64_t many[41];
    wt_dataset *dataset = NULL;
    for (int i = 0; i < 40; i++) many[i] = 20 + i;
    many[40] = 0;
    make_split(in_folder("many"), "train", WT_STORE_INT16, 1, many, 1);
    assert_ok(wt_dataset_open(&dataset, in_folder("many"), "train", 0.0));
    for (int k = 0; k < 400; k++) {
        float samples[4];
        int64_t u = k * 17 % 40;
        assert_ok(wt_dataset_read(dataset, u, 10, 4, samples));
        for (int i = 0; i < 4; i++) assert_true(samples[i] == (float)known_value(u, 10 + i, 0) / 32768.0f);
    }
    wt_dataset_close(dataset);
}

static void test_int16_rounding(void **state) {
    (void)state;
    const float in[] = {0.0f,         -1.0f,        1.0f,          2.0f,          -3.0f,
                        0.4f / 32768, 0.5f / 32768, -0.5f / 32768, -0.6f / 32768, 32767.0f / 32768};
    const float out[] = {0, -32768, 32767, 32767, -32768, 0, 1, 0, -1, 32767};
    enum { COUNT = sizeof in / sizeof *in };
    wt_shard_writer *writer = NULL;
    wt_dataset *dataset = NULL;
    float back[COUNT];
    wt_shard_header header = {
        .kind = "audio", .split = "test", .sample_rate = 16000, .channels = 1, .shards = 1};
    assert_ok(wt_folder_make(in_folder("rounding")));
    assert_ok(wt_shard_create(&writer, in_folder("rounding"), &header));
    assert_ok(wt_shard_add(writer, "a", -1, in, COUNT));
    assert_ok(wt_shard_finish(writer));
    assert_ok(wt_dataset_open(&dataset, in_folder("rounding"), "test", 1.0));
    assert_ok(wt_dataset_read(dataset, 0, 0, COUNT, back));
    for (int i = 0; i < COUNT; i++) assert_true(back[i] == out[i] / 32768.0f);
    wt_dataset_close(dataset);
}

static void test_writer_refuses(void **state) {
    (void)state;
    wt_shard_writer *writer = NULL;
    wt_shard_header header = {
        .kind = "audio", .split = "train", .sample_rate = 8000, .channels = 1, .shards = 1};
    const float bad[3] = {0.0f, NAN, 0.0f};
    const char *folder = in_folder("refuses");
    assert_ok(wt_folder_make(folder));
    assert_ok(wt_shard_create(&writer, folder, &header));
    assert_error(wt_shard_add(writer, "bad", 0, bad, 3), "bad: sample 1 is not a finite number");
    assert_error(wt_shard_add(writer, "empty", 0, bad, 0), "empty: no samples");
    assert_error(wt_shard_finish(writer), "train-00000.h5: no utterances");
    assert_false(wt_dataset_has_split(folder, "train")); /* nothing half-written is left */
    assert_ok(wt_shard_create(&writer, folder, &header));
    add_known_utterance(writer, 0, 10, 1);
    wt_shard_abandon(writer);
    assert_false(wt_dataset_has_split(folder, "train"));
    wt_shard_abandon(NULL);
    make_split(folder, "train", WT_STORE_INT16, 1, lengths, 100);
    assert_error(wt_shard_create(&writer, folder, &header), "train-00000.h5: exists already");
    assert_true(wt_dataset_has_split(folder, "train"));
    header.shard = 1;
    assert_error(wt_shard_create(&writer, folder, &header), "shard out of range (got 1, expected 0 to 0)");
    header.shards = 2;
    header.sample_rate = 0;
    assert_error(wt_shard_create(&writer, folder, &header), "sample rate out of range");
    header.sample_rate = 8000;
    assert_error(wt_shard_create(&writer, in_folder("absent"), &header),
                 "cannot create (No such file or directory)");
}

/* --- data sets that are refused --- */

static void assert_no_set(const char *folder, const char *split, const char *part) {
    wt_dataset *dataset = NULL;
    assert_error(wt_dataset_open(&dataset, folder, split, 0.0), part);
    assert_error(wt_dataset_open(&dataset, folder, split, 1.0), part);
    assert_null(dataset);
}

static void test_missing_parts(void **state) {
    (void)state;
    const char *folder = in_folder("missing");
    char path[WT_PATH_MAX], other[WT_PATH_MAX];
    assert_no_set(folder, "train", "missing: no data set (no such folder; wavetrain prepare makes one)");
    make_split(folder, "train", WT_STORE_INT16, 1, lengths, 2);
    assert_no_set(folder, "validation", "missing: no shards of the split 'validation'");
    assert_ok(wt_path_join(path, folder, "train-00002.h5"));
    assert_no_set(path, "train", "no data set (it is no folder; wavetrain prepare makes one)");
    assert_ok(wt_path_join(other, folder, "train-00004.h5"));
    assert_int_equal(unlink(other), 0);
    assert_no_set(folder, "train", "train-00004.h5: missing (got 4 shards, expected 5)");
    assert_int_equal(unlink(path), 0);
    assert_no_set(folder, "train", "train-00002.h5: missing (found train-00003.h5)");
    assert_ok(wt_path_join(other, folder, "train-00003.h5"));
    assert_int_equal(rename(other, path), 0);
    assert_no_set(folder, "train", "train-00003.h5: missing (got 3 shards, expected 5)");
    assert_ok(wt_path_join(other, folder, "train-00000.h5"));
    assert_int_equal(unlink(other), 0);
    assert_no_set(folder, "train", "train-00000.h5: missing (found train-00001.h5)");
}

static void write_shard_bytes(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void test_damaged_files(void **state) {
    (void)state;
    const char *folder = in_folder("damaged");
    char path[WT_PATH_MAX], *bytes = NULL;
    size_t size = 0;
    wt_dataset *dataset = NULL;
    make_split(folder, "train", WT_STORE_INT16, 1, lengths, 4);
    assert_ok(wt_path_join(path, folder, "train-00001.h5"));
    assert_ok(wt_file_read(&bytes, &size, path, 10 << 20));
    for (int part = 0; part < 10; part++) {
        write_shard_bytes(path, bytes, size * (size_t)part / 10);
        assert_no_set(folder, "train",
                      part == 0 ? "train-00001.h5: no HDF5 file (it is empty)"
                                : "train-00001.h5: damaged or cut short");
    }
    write_shard_bytes(path, "not a shard at all", 18);
    assert_no_set(folder, "train", "train-00001.h5: no HDF5 file");
    bytes[size / 2] ^= 1; /* among the samples, which have a checksum each chunk */
    write_shard_bytes(path, bytes, size);
    assert_error(wt_dataset_open(&dataset, folder, "train", 1.0),
                 "train-00001.h5: damaged or cut short: cannot read 'x'");
    wt_free(bytes);
}

/* What a shard by hand says of itself. */
typedef struct {
    const char *format, *kind, *split;
    int version, sample_rate, channels, shard, shards;
    int64_t offsets[4]; /* of three utterances */
    wt_h5_type type;
    int64_t speakers;
    const char *digest;
} hand_made;

static const hand_made right = {"wavetrain-shard",
                                "audio",
                                "train",
                                1,
                                8000,
                                1,
                                0,
                                1,
                                {0, 2, 5, 9},
                                WT_H5_INT16,
                                3,
                                "00112233445566778899aabbccddeeff"};

static void make_by_hand(const char *folder, const hand_made *made) {
    wt_h5 *file = NULL;
    char path[WT_PATH_MAX], name[32];
    const double x[9] = {0};
    const int32_t speakers[4] = {0};
    const char *ids[3] = {"a", "b", "c"};
    assert_ok(wt_folder_make(folder));
    snprintf(name, sizeof name, "train-%05d.h5", made->shard);
    assert_ok(wt_path_join(path, folder, name));
    unlink(path);
    assert_ok(wt_h5_create(&file, path));
    if (made->format != NULL) assert_ok(wt_h5_write_attribute_text(file, "", "format", made->format));
    assert_ok(wt_h5_write_attribute_int(file, "", "version", made->version));
    assert_ok(wt_h5_write_attribute_text(file, "", "kind", made->kind));
    assert_ok(wt_h5_write_attribute_text(file, "", "split", made->split));
    assert_ok(wt_h5_write_attribute_int(file, "", "sample_rate", made->sample_rate));
    assert_ok(wt_h5_write_attribute_int(file, "", "channels", made->channels));
    assert_ok(wt_h5_write_attribute_int(file, "", "shard", made->shard));
    assert_ok(wt_h5_write_attribute_int(file, "", "shards", made->shards));
    if (made->digest != NULL) assert_ok(wt_h5_write_attribute_text(file, "", "digest", made->digest));
    assert_ok(wt_h5_write(file, "x", (wt_h5_shape){made->type, 1, {9}}, x, 4));
    assert_ok(wt_h5_write(file, "utterances/offset", (wt_h5_shape){WT_H5_INT64, 1, {4}}, made->offsets, 0));
    assert_ok(wt_h5_write(file, "utterances/speaker", (wt_h5_shape){WT_H5_INT32, 1, {made->speakers}},
                          speakers, 0));
    assert_ok(wt_h5_write_texts(file, "utterances/id", ids, 3));
    assert_ok(wt_h5_close(file));
}

static void test_wrong_attributes(void **state) {
    (void)state;
    const char *folder = in_folder("wrong");
    wt_dataset *dataset = NULL;
    hand_made made = right;
    make_by_hand(folder, &made);
    assert_ok(wt_dataset_open(&dataset, folder, "train", 1.0));
    wt_dataset_close(dataset);
#define ASSERT_WRONG(field, value, part)      \
    do {                                      \
        made = right;                         \
        made.field = value;                   \
        make_by_hand(folder, &made);          \
        assert_no_set(folder, "train", part); \
    } while (0)
    ASSERT_WRONG(format, NULL, "train-00000.h5: no shard of a data set");
    ASSERT_WRONG(format, "other", "train-00000.h5: wrong format (got other, expected wavetrain-shard)");
    ASSERT_WRONG(version, 0, "train-00000.h5: wrong version (got 0, expected 1 to 3)");
    ASSERT_WRONG(version, 4, "train-00000.h5: wrong version (got 4, expected 1 to 3)");
    ASSERT_WRONG(version, 2, "train-00000.h5: the attribute 'hash' is missing");
    ASSERT_WRONG(kind, "film", "wrong kind (got film, expected audio, text or table)");
    ASSERT_WRONG(kind, "text", "a vocabulary is missing from a text");
    ASSERT_WRONG(split, "test", "wrong split (got test, expected train)");
    ASSERT_WRONG(sample_rate, -1, "wrong sample_rate (got -1, expected 1 to 10000000)");
    ASSERT_WRONG(channels, 0, "wrong channels (got 0, expected 1 to 1024)");
    ASSERT_WRONG(channels, 2, "'x' has a foreign shape (expected samples of 2 channels)");
    ASSERT_WRONG(shards, 0, "wrong shards (got 0, expected 1 to 100000)");
    ASSERT_WRONG(digest, NULL, "the attribute 'digest' is missing");
    ASSERT_WRONG(digest, "00112233445566778899aabbccddeefg", "wrong digest");
    ASSERT_WRONG(type, WT_H5_DOUBLE, "'x' has a foreign type");
    ASSERT_WRONG(offsets[0], 1, "'utterances/offset' begins at 1 (expected 0)");
    ASSERT_WRONG(offsets[1], 0, "'utterances/offset' does not rise at utterance 0");
    ASSERT_WRONG(offsets[2], INT64_MIN, "'utterances/offset' does not rise at utterance 1");
    ASSERT_WRONG(offsets[3], 10, "'utterances/offset' ends at 10 (expected 9, the samples of 'x')");
    ASSERT_WRONG(speakers, 2, "'utterances/speaker' has a foreign shape (expected int32 of 3 utterances)");
#undef ASSERT_WRONG
}

static void test_unlike_shards(void **state) {
    (void)state;
    const char *folder = in_folder("unlike");
    hand_made first = right, second = right;
    first.shards = second.shards = 2;
    second.shard = 1;
    make_by_hand(folder, &first);
    second.sample_rate = 16000;
    make_by_hand(folder, &second);
    assert_no_set(folder, "train", "train-00001.h5: wrong sample_rate (got 16000, expected 8000)");
    second.sample_rate = 8000;
    second.type = WT_H5_FLOAT;
    make_by_hand(folder, &second);
    assert_no_set(folder, "train", "train-00001.h5: 'x' is of another type than in the first shard");
    second.type = WT_H5_INT16;
    second.shards = 3;
    make_by_hand(folder, &second);
    assert_no_set(folder, "train", "train-00001.h5: wrong shards (got 3, expected 2)");
    first.shards = second.shards = 1;
    make_by_hand(folder, &first);
    make_by_hand(folder, &second);
    assert_no_set(folder, "train", "too many shards of the split 'train' (got 2, expected 1)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),     cmocka_unit_test(test_memory_and_disk_agree),
        cmocka_unit_test(test_many_shards),    cmocka_unit_test(test_int16_rounding),
        cmocka_unit_test(test_writer_refuses), cmocka_unit_test(test_missing_parts),
        cmocka_unit_test(test_damaged_files),  cmocka_unit_test(test_wrong_attributes),
        cmocka_unit_test(test_unlike_shards),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
