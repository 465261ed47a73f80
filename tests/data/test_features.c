/*
 * Features that other programs have made: .npy in every type, byte order and layout, HDF5, Kaldi's archives;
 * found by recordings' names; and what is refused, in one line each. Files are written here byte by byte.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/prepare/feature_folder.h"
#include "data/prepare/matrix_file.h"
#include "h5/h5.h"
#include "support.h"

enum { ROWS = 7, COLUMNS = 3, HOP = 100, SAMPLES = 600 };

static char folder[WT_PATH_MAX];

/* Number c of frame t; exact in float16. */
static double number_of(int t, int c) {
    return t - 2.5 + c / 64.0;
}

/* --- files --- */

static FILE *begin_file(const char *name) {
    char path[WT_PATH_MAX];
    must(wt_path_join(path, folder, name));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    return file;
}

static void end_file(FILE *file) {
    assert_int_equal(fclose(file), 0);
}

/* Least byte first, or last. */
static void put_integer(FILE *file, uint64_t bits, int count, bool big_endian) {
    for (int i = 0; i < count; i++) putc((int)(bits >> 8 * (big_endian ? count - 1 - i : i) & 255), file);
}

static uint64_t half_bits(double value) {
    int exponent;
    const double fraction = frexp(fabs(value), &exponent); /* 0.5 … 1 */
    if (value == 0) return 0;
    return (value < 0 ? 0x8000u : 0u) | (uint64_t)(exponent + 14) << 10 | (uint64_t)(fraction * 2048 - 1024);
}

static void put_number(FILE *file, double value, char size, bool big_endian) {
    const float single = (float)value;
    uint32_t word;
    uint64_t bits;
    memcpy(&word, &single, sizeof word);
    memcpy(&bits, &value, sizeof bits);
    put_integer(file, size == '2' ? half_bits(value) : size == '4' ? word : bits, size - '0', big_endian);
}

static void put_npy_header(FILE *file, int version, const char *text) {
    fwrite("\x93NUMPY", 1, 6, file);
    putc(version, file);
    putc(0, file);
    put_integer(file, strlen(text), version == 1 ? 2 : 4, false);
    fputs(text, file);
}

typedef struct {
    const char *type; /* "<f4" */
    bool fortran, turned;
    int version;
} npy_kind;

/* [rows, columns] of frames [t, c]; turned: [c, t]. */
static void write_npy(const char *name, const npy_kind *kind, int frames, int numbers) {
    char text[200];
    const int rows = kind->turned ? numbers : frames, columns = kind->turned ? frames : numbers;
    FILE *file = begin_file(name);
    snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': (%d, %d), }      \n",
             kind->type, kind->fortran ? "True" : "False", rows, columns);
    put_npy_header(file, kind->version, text);
    for (int i = 0; i < rows * columns; i++) {
        const int row = kind->fortran ? i % rows : i / columns,
                  column = kind->fortran ? i / rows : i % columns;
        const double value = kind->turned ? number_of(column, row) : number_of(row, column);
        put_number(file, value, kind->type[2], kind->type[0] == '>');
    }
    end_file(file);
}

static const npy_kind usual = {"<f4", false, false, 1};

static void write_text(const char *name, const char *text) {
    FILE *file = begin_file(name);
    fputs(text, file);
    end_file(file);
}

/* An entry of an archive; its offset. */
static int64_t put_ark(FILE *file, const char *key, const char *kind, int rows, int columns) {
    fprintf(file, "%s ", key);
    const int64_t offset = ftell(file);
    putc(0, file);
    fprintf(file, "B%s ", kind);
    putc(4, file);
    put_integer(file, (uint32_t)rows, 4, false);
    putc(4, file);
    put_integer(file, (uint32_t)columns, 4, false);
    for (int t = 0; t < rows; t++)
        for (int c = 0; c < columns; c++)
            put_number(file, number_of(t, c), kind[0] == 'D' ? '8' : '4', false);
    return offset;
}

static void write_h5_features(const char *name, const char *dataset) {
    char path[WT_PATH_MAX];
    double values[ROWS * COLUMNS];
    wt_h5 *file;
    for (int i = 0; i < ROWS * COLUMNS; i++) values[i] = number_of(i / COLUMNS, i % COLUMNS);
    must(wt_path_join(path, folder, name));
    must(wt_h5_create(&file, path));
    must(wt_h5_write(file, dataset, (wt_h5_shape){WT_H5_DOUBLE, 2, {ROWS, COLUMNS}}, values, 0));
    must(wt_h5_close(file));
}

/* --- reading --- */

static void start_folder(void) {
    must(wt_folder_remove(folder));
    must(wt_folder_make(folder));
}

typedef struct {
    wt_recordings list;
    wt_recording files[4];
} sounds;

static wt_recordings *list_sounds(sounds *s, const char *const *ids, int count) {
    memset(s, 0, sizeof *s);
    s->list.files = s->files;
    s->list.count = (size_t)count;
    for (int i = 0; i < count; i++)
        s->files[i] = (wt_recording){
            .path = (char *)ids[i], .id = (char *)ids[i], .format = {.frames = SAMPLES, .rate = 8000}};
    return &s->list;
}

static const wt_feature_options by_shape = {folder, WT_LAYOUT_FOUND, HOP, 0};

static void expect_frames(const wt_feature_folder *features, size_t item) {
    float *frames;
    int64_t count;
    must(wt_feature_folder_read(&frames, &count, features, item));
    assert_int_equal(count, ROWS);
    assert_int_equal(wt_feature_folder_count(features), COLUMNS);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        assert_true((double)frames[i] == number_of(i / COLUMNS, i % COLUMNS));
    wt_free(frames);
}

static void expect_all(const wt_feature_options *options, const char *const *ids, int count) {
    sounds s;
    wt_feature_folder *features;
    must(wt_feature_folder_open(&features, options, list_sounds(&s, ids, count)));
    for (int i = 0; i < count; i++) expect_frames(features, (size_t)i);
    wt_feature_folder_close(features);
}

static void test_npy_of_all_kinds(void **state) {
    static const char *const types[] = {"<f2", "<f4", "<f8", ">f2", ">f4", ">f8", "=f4"};
    static const char *const id[] = {"a.wav"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (int k = 0; k < 12; k++) {
            const npy_kind kind = {types[i], k % 2, k / 2 % 2, 1 + k / 4};
            start_folder();
            write_npy("a.npy", &kind, ROWS, COLUMNS);
            expect_all(&by_shape, id, 1);
        }
    }
}

static void test_names(void **state) {
    static const char *const ids[] = {"a.wav", "deep/b.flac", "c.wav", "x/d.wav"};
    char path[WT_PATH_MAX];
    (void)state;
    start_folder();
    must(wt_path_join(path, folder, "deep"));
    must(wt_folder_make(path));
    write_npy("a-feats.npy", &usual, ROWS, COLUMNS);
    write_npy("a-wave.npy", &usual, ROWS, COLUMNS); /* r9y9's sound */
    write_npy("deep/b.npy", &usual, ROWS, COLUMNS);
    write_h5_features("c.h5", "feats");
    write_h5_features("d.hdf5", "/world");
    write_text("train.txt", "a|b|c\n");
    must(wt_path_join(path, folder, ".cache"));
    must(wt_folder_make(path));
    write_npy(".cache/e.npy", &usual, ROWS, COLUMNS); /* hidden */
    expect_all(&by_shape, ids, 4);
}

static void test_archives(void **state) {
    static const char *const ids[] = {"a.wav", "b.wav"};
    char line[256], path[WT_PATH_MAX];
    (void)state;
    start_folder();
    FILE *file = begin_file("raw.ark");
    const int64_t a = put_ark(file, "a", "FM", ROWS, COLUMNS), b = put_ark(file, "b", "DM", ROWS, COLUMNS);
    end_file(file);
    expect_all(&by_shape, ids, 2);
    /* as .scp files list them, by a path as it is and by one of another machine; others are not read */
    must(wt_path_join(path, folder, "raw.ark"));
    snprintf(line, sizeof line, "a %.200s:%lld\n", path, (long long)a);
    write_text("1.scp", line);
    snprintf(line, sizeof line, "b /elsewhere/raw.ark:%lld\n", (long long)b);
    write_text("2.scp", line);
    write_text("other.ark", "no archive at all\n");
    expect_all(&by_shape, ids, 2);
}

/* A matrix of as many frames as numbers is not guessed at. */
static void test_ambiguous_layout(void **state) {
    static const char *const id[] = {"a.wav"};
    const npy_kind turned = {"<f4", false, true, 1};
    wt_feature_options options = by_shape;
    wt_feature_folder *features;
    sounds s;
    (void)state;
    start_folder();
    write_npy("a.npy", &turned, ROWS, ROWS);
    assert_int_equal(wt_feature_folder_open(&features, &by_shape, list_sounds(&s, id, 1)), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "/a.npy: either side may be time (got 7 × 7 for 600 samples; "
                                               "expected --layout TD, a row per frame, or DT)"));
    must(wt_feature_layout_parse(&options.layout, "DT"));
    must(wt_feature_folder_open(&features, &options, list_sounds(&s, id, 1)));
    float *frames;
    int64_t count;
    must(wt_feature_folder_read(&frames, &count, features, 0));
    for (int i = 0; i < ROWS * ROWS; i++) assert_true((double)frames[i] == number_of(i / ROWS, i % ROWS));
    wt_free(frames);
    wt_feature_folder_close(features);
    assert_int_equal(wt_feature_layout_parse(&options.layout, "TT"), WT_USAGE);
}

/* --- refusals --- */

static void expect_no_features(const wt_feature_options *options, const char *id, const char *message) {
    sounds s;
    wt_feature_folder *features;
    float *frames = NULL;
    int64_t count;
    wt_status status = wt_feature_folder_open(&features, options, list_sounds(&s, &id, 1));
    if (status == WT_OK) status = wt_feature_folder_read(&frames, &count, features, 0);
    wt_free(frames);
    wt_feature_folder_close(features);
    if (status != WT_USAGE || !strstr(wt_error_message(), message))
        fail_msg("expected \"%s\", got \"%s\"", message, status == WT_OK ? "" : wt_error_message());
    assert_null(strchr(wt_error_message(), '\n'));
}

static void test_what_does_not_fit(void **state) {
    static const struct {
        int frames, numbers, count;
        const char *message;
    } cases[] = {
        {5, 3, 3, "a has 1 frames too few for 600 samples (got 5, expected 6 to 8 at a hop of 100; 120.0"},
        {12, 3, 3, "a has 4 frames too many for 600 samples (got 12, expected 6 to 8 at a hop of 100; 50.0"},
        {7, 4, 3, "a has other numbers per frame (got 7 × 4, expected 3)"},
        {7, 600, 0, "a has too many numbers per frame (got 600, expected at most 512)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wt_feature_options options = by_shape;
        options.count = cases[i].count;
        start_folder();
        write_npy("a.npy", &usual, cases[i].frames, cases[i].numbers);
        expect_no_features(&options, "a.wav", cases[i].message);
    }
    start_folder();
    write_npy("a.npy", &usual, ROWS, COLUMNS);
    expect_no_features(&by_shape, "b.wav", "b.wav: has no features in ");
    write_npy("b.npy", &usual, ROWS, COLUMNS);
    expect_no_features(&by_shape, "b.wav", "a are features of no recording");
    write_h5_features("b.h5", "feats");
    expect_no_features(&by_shape, "b.wav", "(b; expected features once per recording)");
}

static void test_damaged_npy(void **state) {
    static const struct {
        const char *header, *message;
        int numbers, version;
    } cases[] = {
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (7, 3), }", "has another type (got '<i4'", 21, 1},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (21,), }", "has another shape (got (21,)", 21, 1},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7, 3, 1), }", "has another shape", 21, 1},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7, -3), }", "has another shape", 21, 1},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", "holds no matrix of features", 0, 1},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7, 99999999999999), }", "holds no matrix", 0, 1},
        {"{'descr': '<f4', 'shape': (7, 3), }", "has a damaged header", 21, 1},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7, 3), }", "is not as long as its header says",
         20, 1},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7, 3), }", "has another version (got 4.0", 21,
         4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_folder();
        FILE *file = begin_file("a.npy");
        put_npy_header(file, cases[i].version, cases[i].header);
        for (int n = 0; n < cases[i].numbers; n++) put_number(file, n, '4', false);
        end_file(file);
        expect_no_features(&by_shape, "a.wav", cases[i].message);
    }
    write_text("a.npy", "text");
    expect_no_features(&by_shape, "a.wav", "is no NumPy file");
}

static void test_not_finite(void **state) {
    (void)state;
    start_folder();
    FILE *file = begin_file("a.npy");
    put_npy_header(file, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (7, 3), }");
    for (int i = 0; i < ROWS * COLUMNS; i++) put_number(file, i == 10 ? NAN : i, '8', false);
    end_file(file);
    expect_no_features(&by_shape, "a.wav", "/a.npy: frame 3 is not finite (got nan)");
}

static void test_damaged_archives(void **state) {
    (void)state;
    start_folder();
    FILE *file = begin_file("a.ark");
    put_ark(file, "a", "CM", ROWS, COLUMNS);
    end_file(file);
    expect_no_features(&by_shape, "a.wav", "is compressed (got CM");
    file = begin_file("a.ark");
    put_ark(file, "a", "FV", ROWS, COLUMNS);
    end_file(file);
    expect_no_features(&by_shape, "a.wav", "holds no matrix (got FV");
    write_text("a.ark", "a  [ 1 2 3 ]\n");
    expect_no_features(&by_shape, "a.wav", "is no binary archive of Kaldi's");
    write_text("a.scp", "a cat feats.ark |\n");
    expect_no_features(&by_shape, "a.wav",
                       "line 1 is not of a matrix in an archive (got \"cat feats.ark |\"");
    start_folder();
    expect_no_features(&by_shape, "a.wav", "holds no features");
    write_h5_features("a.h5", "wave");
    expect_no_features(&by_shape, "a.wav", "has no features (expected feats, melspc or world)");
}

static void test_cut_archive(void **state) {
    wt_matrix m;
    char path[WT_PATH_MAX];
    (void)state;
    start_folder();
    FILE *file = begin_file("a.ark");
    const int64_t offset = put_ark(file, "a", "FM", ROWS, COLUMNS);
    fflush(file);
    assert_int_equal(ftruncate(fileno(file), 40), 0);
    end_file(file);
    must(wt_path_join(path, folder, "a.ark"));
    for (int whole = 0; whole < 2; whole++) {
        assert_int_equal(wt_ark_read(&m, path, offset, whole), WT_USAGE);
        assert_non_null(strstr(wt_error_message(), "is cut short (got "));
    }
}

/* --- a file alone --- */

static void test_file_alone(void **state) {
    const npy_kind turned = {">f8", true, true, 2};
    char path[WT_PATH_MAX];
    float *frames;
    int64_t count;
    (void)state;
    start_folder();
    write_npy("a.npy", &turned, ROWS, COLUMNS);
    must(wt_path_join(path, folder, "a.npy"));
    must(wt_feature_file_read(&frames, &count, path, COLUMNS, WT_LAYOUT_FOUND));
    assert_int_equal(count, ROWS);
    assert_true((double)frames[4] == number_of(1, 1));
    wt_free(frames);
    assert_int_equal(wt_feature_file_read(&frames, &count, path, 5, WT_LAYOUT_FOUND), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "has other numbers per frame (got 3 × 7, expected 5)"));
    write_npy("a.npy", &usual, ROWS, ROWS);
    assert_int_equal(wt_feature_file_read(&frames, &count, path, ROWS, WT_LAYOUT_FOUND), WT_USAGE);
    assert_int_equal(wt_feature_file_read(&frames, &count, "a.wav", 5, WT_LAYOUT_FOUND), WT_USAGE);
}

static void test_folder_is_removed(void **state) {
    (void)state;
    must(wt_folder_remove(folder));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npy_of_all_kinds),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_archives),          cmocka_unit_test(test_ambiguous_layout),
        cmocka_unit_test(test_what_does_not_fit), cmocka_unit_test(test_damaged_npy),
        cmocka_unit_test(test_not_finite),        cmocka_unit_test(test_damaged_archives),
        cmocka_unit_test(test_cut_archive),       cmocka_unit_test(test_file_alone),
        cmocka_unit_test(test_folder_is_removed), cmocka_unit_test(test_memory_is_given_back),
    };
    snprintf(folder, sizeof folder, "/tmp/wavetrain-features-XXXXXX");
    if (!mkdtemp(folder)) return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
