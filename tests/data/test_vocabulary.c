/* Vocabularies: classes and symbols, what stands before a text, and files that are not trusted. */
#include "data/dataset.h"
#include "shard_samples.h"

static const int32_t with_end[] = {WT_END_MARK, '\n', ' ', 'a', 'b', 0xE9, 0x1F600};

static void test_classes(void **state) {
    (void)state;
    wt_vocabulary vocabulary;
    assert_ok(wt_vocabulary_init(&vocabulary, "a test", with_end, 7));
    for (int i = 0; i < 7; i++) assert_int_equal(wt_vocabulary_class(&vocabulary, with_end[i]), i);
    const int32_t others[] = {-2, 0, 'c', 0xE8, 0x1F601, INT32_MAX};
    for (int i = 0; i < 6; i++) assert_int_equal(wt_vocabulary_class(&vocabulary, others[i]), -1);
    wt_vocabulary_dispose(&vocabulary);
    assert_int_equal(vocabulary.classes, 0);
}

/* The end mark; without one the newline, the space, the first symbol. */
static void test_padding(void **state) {
    (void)state;
    const int32_t letters[] = {'!', 'a'};
    const struct {
        const int32_t *symbols;
        int classes;
        bool ends;
        int padding;
    } cases[] = {{with_end, 7, true, 0},
                 {with_end + 1, 6, false, 0},
                 {with_end + 2, 5, false, 0},
                 {letters, 2, false, 0}};
    for (int i = 0; i < 4; i++) {
        wt_vocabulary vocabulary;
        assert_ok(wt_vocabulary_init(&vocabulary, "a test", cases[i].symbols, cases[i].classes));
        assert_int_equal(wt_vocabulary_ends(&vocabulary), cases[i].ends);
        assert_int_equal(wt_vocabulary_padding(&vocabulary), cases[i].padding);
        wt_vocabulary_dispose(&vocabulary);
    }
    const int32_t tab[] = {'\t', '\n', 'a'}, space[] = {'\t', ' ', 'a'};
    wt_vocabulary one, other;
    assert_ok(wt_vocabulary_init(&one, "a test", tab, 3));
    assert_ok(wt_vocabulary_init(&other, "a test", space, 3));
    assert_int_equal(wt_vocabulary_padding(&one), 1);
    assert_int_equal(wt_vocabulary_padding(&other), 1);
    assert_false(wt_vocabulary_equal(&one, &other));
    assert_true(wt_vocabulary_equal(&one, &one));
    wt_vocabulary_dispose(&one);
    wt_vocabulary_dispose(&other);
}

static void test_wrong_symbols(void **state) {
    (void)state;
    wt_vocabulary vocabulary;
    const int32_t twice[] = {'a', 'a'}, falling[] = {'b', 'a'}, surrogate[] = {'a', 0xD800},
                  far[] = {'a', 0x110000}, low[] = {-2, 'a'};
    assert_error(wt_vocabulary_init(&vocabulary, "f", with_end, 1),
                 "f: number of symbols out of range (got 1");
    assert_error(wt_vocabulary_init(&vocabulary, "f", with_end, WT_VOCABULARY_MAX + 1), "out of range");
    assert_error(wt_vocabulary_init(&vocabulary, "f", twice, 2),
                 "f: damaged: symbol 1 of the vocabulary is wrong");
    assert_error(wt_vocabulary_init(&vocabulary, "f", falling, 2), "symbol 1 ");
    assert_error(wt_vocabulary_init(&vocabulary, "f", surrogate, 2), "symbol 1 ");
    assert_error(wt_vocabulary_init(&vocabulary, "f", far, 2), "symbol 1 ");
    assert_error(wt_vocabulary_init(&vocabulary, "f", low, 2), "symbol 0 ");
}

static void expect_symbol_text(int32_t symbol, const char *text) {
    char out[WT_SYMBOL_TEXT];
    wt_vocabulary_symbol_text(out, symbol);
    assert_string_equal(out, text);
}

static void test_symbol_texts(void **state) {
    (void)state;
    expect_symbol_text(WT_END_MARK, "the end mark");
    expect_symbol_text('a', "a");
    expect_symbol_text(' ', "space");
    expect_symbol_text('\n', "\\n");
    expect_symbol_text('\t', "\\t");
    expect_symbol_text(0x1B, "U+001B");
    expect_symbol_text(0xA0, "U+00A0");
    expect_symbol_text(0x202E, "U+202E");
    expect_symbol_text(0x10FFFF, "\xF4\x8F\xBF\xBF");
    expect_symbol_text(0xE9, "\xC3\xA9");
}

/* --- in shards --- */

typedef struct {
    const int32_t *symbols; /* NULL: no vocabulary */
    int classes;
    const float *samples; /* [3] */
    wt_shard_store store;
} made_text;

static void make_text(const char *folder, const char *split, const made_text *made) {
    wt_vocabulary vocabulary = {0, NULL};
    wt_shard_writer *writer = NULL;
    if (made->symbols) assert_ok(wt_vocabulary_init(&vocabulary, "a test", made->symbols, made->classes));
    wt_shard_header header = {.kind = "text",
                              .split = split,
                              .sample_rate = 1,
                              .channels = 1,
                              .shards = 1,
                              .store = made->store,
                              .vocabulary = made->symbols ? &vocabulary : NULL};
    wt_folder_remove(folder);
    assert_ok(wt_folder_make(folder));
    assert_ok(wt_shard_create(&writer, folder, &header));
    assert_ok(wt_shard_add(writer, "a", -1, made->samples, 3));
    assert_ok(wt_shard_finish(writer));
    wt_vocabulary_dispose(&vocabulary);
}

static const float right[] = {3 / 32768.0f, 6 / 32768.0f, 0}, beyond[] = {3 / 32768.0f, 7 / 32768.0f, 0},
                   negative[] = {-1 / 32768.0f, 1 / 32768.0f, 0};

static void test_in_a_shard(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    wt_quantization quantization, wanted = {.kind = WT_QUANTIZATION_VOCABULARY}, mulaw = {.levels = 7};
    wt_class_reader reader;
    int32_t classes[3];
    make_text(in_folder("right"), "train", &(made_text){with_end, 7, right, WT_STORE_INT16});
    assert_ok(wt_dataset_open(&dataset, in_folder("right"), "train", 1));
    assert_int_equal(wt_dataset_kind(dataset), WT_DATA_TEXT);
    assert_int_equal(wt_dataset_vocabulary(dataset)->classes, 7);
    assert_memory_equal(wt_dataset_vocabulary(dataset)->symbols, with_end, sizeof with_end);
    assert_null(wt_dataset_mask(dataset, 0));
    assert_error(wt_dataset_quantization(&quantization, dataset, mulaw),
                 "is text, which data.quantization does not fit (expected vocabulary)");
    assert_ok(wt_dataset_quantization(&quantization, dataset, wanted));
    assert_int_equal(quantization.levels, 7);
    assert_int_equal(wt_quantize_silence(quantization), 0);
    assert_ok(wt_class_reader_init(&reader, dataset, quantization, 3));
    assert_ok(wt_class_reader_read(&reader, 0, 0, 3, classes));
    assert_int_equal(classes[0], 3);
    assert_int_equal(classes[1], 6);
    assert_int_equal(classes[2], 0);
    wt_class_reader_dispose(&reader);
    wt_dataset_close(dataset);
}

/* Symbols that the vocabulary has not, in memory and on disk. */
static void test_damaged_symbols(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        wt_dataset *dataset = NULL;
        wt_quantization quantization;
        wt_class_reader reader;
        int32_t classes[3];
        make_text(in_folder("damaged"), "train",
                  &(made_text){with_end, 7, i % 2 ? beyond : negative, WT_STORE_INT16});
        assert_ok(wt_dataset_open(&dataset, in_folder("damaged"), "train", i / 2));
        assert_ok(wt_dataset_quantization(&quantization, dataset,
                                          (wt_quantization){.kind = WT_QUANTIZATION_VOCABULARY}));
        assert_ok(wt_class_reader_init(&reader, dataset, quantization, 3));
        assert_error(wt_class_reader_read(&reader, 0, 0, 3, classes), "is not in the vocabulary (got ");
        wt_class_reader_dispose(&reader);
        wt_dataset_close(dataset);
    }
}

static void test_refused_shards(void **state) {
    (void)state;
    wt_dataset *dataset = NULL;
    make_text(in_folder("none"), "train", &(made_text){NULL, 0, right, WT_STORE_INT16});
    assert_error(wt_dataset_open(&dataset, in_folder("none"), "train", 0),
                 "a vocabulary is missing from a text");
    make_text(in_folder("floats"), "train", &(made_text){with_end, 7, right, WT_STORE_FLOAT});
    assert_error(wt_dataset_open(&dataset, in_folder("floats"), "train", 0),
                 "'x' of a text has a foreign type");
}

/* The vocabulary is part of the digest: the same classes of other symbols are another data set. */
static void test_vocabulary_digest(void **state) {
    (void)state;
    wt_hash digests[2];
    int32_t other[7];
    memcpy(other, with_end, sizeof other);
    other[3] = 'A';
    for (int i = 0; i < 2; i++) {
        wt_dataset *dataset = NULL;
        make_text(in_folder("digest"), "train", &(made_text){i ? other : with_end, 7, right, WT_STORE_INT16});
        assert_ok(wt_dataset_open(&dataset, in_folder("digest"), "train", 0));
        digests[i] = wt_dataset_digest(dataset);
        wt_dataset_close(dataset);
    }
    assert_false(wt_hash_equal(digests[0], digests[1]));
}

static void test_classes_of_a_configuration(void **state) {
    (void)state;
    wt_data_config data = {.quantization = {.levels = 300}};
    int classes = 0;
    assert_ok(wt_dataset_network_classes(&classes, &data));
    assert_int_equal(classes, 300);
    make_text(in_folder("right"), "train", &(made_text){with_end, 7, right, WT_STORE_INT16});
    data.quantization = (wt_quantization){.kind = WT_QUANTIZATION_VOCABULARY};
    assert_ok(wt_path_join(data.path, in_folder("right"), ""));
    assert_ok(wt_dataset_network_classes(&classes, &data));
    assert_int_equal(classes, 7);
    strcpy(data.path, "/nowhere");
    assert_error(wt_dataset_network_classes(&classes, &data), "/nowhere: no data set");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_wrong_symbols),
        cmocka_unit_test(test_symbol_texts),
        cmocka_unit_test(test_in_a_shard),
        cmocka_unit_test(test_damaged_symbols),
        cmocka_unit_test(test_refused_shards),
        cmocka_unit_test(test_vocabulary_digest),
        cmocka_unit_test(test_classes_of_a_configuration),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
