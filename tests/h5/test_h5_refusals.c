/* Files with foreign features, made by HDF5 itself, are refused; cut or damaged ones never pass for whole. */
#include <hdf5.h>

#include <unistd.h>

#include "base/file.h"
#include "h5/h5.h"
#include "h5_folder.h"

/* HDF5 (1.10.8) loses memory of its own when metadata turn out damaged; LeakSanitizer need not say so. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libhdf5\n";
}

enum { VALUES = 64 };

static const int16_t values[VALUES] = {1, 2, 3};

/* A file with one data set "x" of the given properties (closed here) and type. */
static const char *make_file(const char *name, hid_t type, hid_t properties, int rank) {
    const char *path = in_folder(name);
    hsize_t extent[8] = {VALUES, 1, 1, 1, 1, 1, 1, 1};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(rank, extent, NULL);
    hid_t dataset = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    if (properties != H5P_DEFAULT) H5Pclose(properties);
    assert_true(H5Fclose(file) >= 0);
    return path;
}

/* All ways to a data set give the same refusal. */
static void assert_part_refused(const char *path, const char *name, const char *part) {
    wt_h5 *file = NULL;
    wt_h5_shape shape;
    double data[VALUES];
    char **texts = NULL;
    size_t count = 0;
    assert_ok(wt_h5_open(&file, path));
    assert_error(wt_h5_inspect(file, name, &shape), part);
    assert_error(wt_h5_read(file, name, WT_H5_DOUBLE, data), part);
    assert_error(wt_h5_read_rows(file, name, WT_H5_DOUBLE, 0, 1, data), part);
    assert_true(wt_h5_read_texts(file, name, &texts, &count, 10) != WT_OK);
    assert_ok(wt_h5_close(file));
}

static hid_t dataset_properties(void) {
    return H5Pcreate(H5P_DATASET_CREATE);
}

static void test_external_storage(void **state) {
    (void)state;
    hid_t properties = dataset_properties();
    FILE *other = fopen(in_folder("other.raw"), "wb");
    assert_int_equal(fwrite(values, sizeof *values, VALUES, other), VALUES);
    fclose(other);
    H5Pset_external(properties, in_folder("other.raw"), 0, sizeof values);
    assert_part_refused(make_file("external.h5", H5T_STD_I16LE, properties, 1), "x", "stored in other files");
}

static void test_virtual_layout(void **state) {
    (void)state;
    hsize_t extent = VALUES;
    hid_t properties = dataset_properties(), space = H5Screate_simple(1, &extent, NULL);
    H5Pset_virtual(properties, space, in_folder("external.h5"), "x", space);
    H5Sclose(space);
    assert_part_refused(make_file("virtual.h5", H5T_STD_I16LE, properties, 1), "x", "virtual data set");
}

static void test_links(void **state) {
    (void)state;
    wt_h5 *file = NULL;
    const char *path = in_folder("links.h5");
    hid_t raw = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external(in_folder("external.h5"), "/", raw, "away", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/target", raw, "soft", H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(raw, "target", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hsize_t extent = VALUES;
    hid_t space = H5Screate_simple(1, &extent, NULL);
    H5Dclose(H5Dcreate2(group, "x", H5T_STD_I16LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Lcreate_hard(group, "x", raw, "hard", H5P_DEFAULT, H5P_DEFAULT);
    H5Sclose(space);
    H5Gclose(group);
    H5Fclose(raw);
    assert_part_refused(path, "away/x", "'away' is a link to elsewhere");
    assert_part_refused(path, "soft/x", "'soft' is a link to elsewhere");
    assert_part_refused(path, "away", "'away' is a link to elsewhere");
    assert_ok(wt_h5_open(&file, path));
    assert_false(wt_h5_has(file, "away/x"));
    assert_true(wt_h5_has(file, "hard"));
    int64_t number;
    assert_error(wt_h5_read_attribute_int(file, "soft", "a", &number), "link to elsewhere");
    assert_ok(wt_h5_close(file));
}

static void test_filters(void **state) {
    (void)state;
    hsize_t chunk = 16;
    wt_h5 *file = NULL;
    wt_h5_shape shape;
    hid_t properties = dataset_properties();
    H5Pset_chunk(properties, 1, &chunk);
    H5Pset_scaleoffset(properties, H5Z_SO_INT, 0);
    assert_part_refused(make_file("scale.h5", H5T_STD_I16LE, properties, 1), "x",
                        "foreign filter (got number 6");
    properties = dataset_properties();
    H5Pset_chunk(properties, 1, &chunk);
    H5Pset_filter(properties, 32004, H5Z_FLAG_OPTIONAL, 0, NULL);
    assert_part_refused(make_file("lz4.h5", H5T_STD_I16LE, properties, 1), "x",
                        "foreign filter (got number 32004");
    properties = dataset_properties();
    H5Pset_chunk(properties, 1, &chunk);
    H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, 4);
    H5Pset_fletcher32(properties);
    assert_ok(wt_h5_open(&file, make_file("three.h5", H5T_STD_I16LE, properties, 1)));
    assert_ok(wt_h5_inspect(file, "x", &shape));
    assert_int_equal(shape.shape[0], VALUES);
    assert_ok(wt_h5_close(file));
}

static hid_t early(void) {
    hid_t properties = dataset_properties();
    H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
    return properties;
}

static void test_types_and_shapes(void **state) {
    (void)state;
    wt_h5 *file = NULL;
    wt_h5_shape shape;
    hid_t half = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(half, 15, 10, 5, 0, 10);
    H5Tset_size(half, 2);
    H5Tset_ebias(half, 15);
    assert_part_refused(make_file("half.h5", half, early(), 1), "x", "foreign type");
    H5Tclose(half);
    assert_part_refused(make_file("bytes.h5", H5T_STD_I8LE, early(), 1), "x", "foreign type");
    assert_part_refused(make_file("unsigned.h5", H5T_STD_U16LE, early(), 1), "x", "foreign type");
    assert_part_refused(make_file("reference.h5", H5T_STD_REF_OBJ, early(), 1), "x", "foreign type");
    assert_part_refused(make_file("rank.h5", H5T_STD_I16LE, early(), 5), "x",
                        "foreign shape (got 5 dimensions");
    assert_ok(wt_h5_open(&file, make_file("big.h5", H5T_STD_I32BE, early(), 4)));
    assert_ok(wt_h5_inspect(file, "x", &shape));
    assert_int_equal(shape.type, WT_H5_INT32);
    assert_int_equal(shape.rank, 4);
    assert_ok(wt_h5_close(file));
}

/* A shape without the bytes for it: the memory for it must not be taken. */
static void test_shape_without_data(void **state) {
    (void)state;
    hsize_t chunk = 1 << 20, huge = (hsize_t)1 << 50;
    const char *path = in_folder("claim.h5");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t properties = dataset_properties(), space = H5Screate_simple(1, &huge, NULL);
    H5Pset_chunk(properties, 1, &chunk);
    H5Dclose(H5Dcreate2(file, "x", H5T_STD_I16LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    chunk = (hsize_t)1 << 30;
    H5Pset_chunk(properties, 1, &chunk);
    H5Dclose(H5Dcreate2(file, "chunk", H5T_STD_I16LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Pclose(properties);
    H5Sclose(space);
    H5Fclose(file);
    assert_part_refused(path, "x", "'x' lacks data");
    assert_part_refused(path, "chunk", "the chunks of 'chunk' are too large (expected at most 256 MiB)");
}

static void test_attributes(void **state) {
    (void)state;
    wt_h5 *file = NULL;
    hsize_t two = 2;
    int64_t number;
    char text[16], **texts = NULL;
    size_t count = 0;
    const char *path = in_folder("attributes.h5");
    hid_t raw = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(1, &two, NULL), fixed = H5Tcopy(H5T_C_S1), one = H5Screate(H5S_SCALAR);
    H5Tset_size(fixed, 4);
    H5Aclose(H5Acreate2(raw, "array", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT));
    hid_t attribute = H5Acreate2(raw, "fixed", fixed, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, fixed, "four");
    H5Aclose(attribute);
    H5Tset_size(fixed, H5T_VARIABLE);
    H5Aclose(H5Acreate2(raw, "variable", fixed, one, H5P_DEFAULT, H5P_DEFAULT));
    H5Dclose(H5Dcreate2(raw, "texts", fixed, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Tclose(fixed);
    H5Sclose(space);
    H5Sclose(one);
    H5Fclose(raw);
    assert_ok(wt_h5_open(&file, path));
    assert_error(wt_h5_read_attribute_int(file, "", "array", &number), "must be a single value (got 2)");
    assert_ok(wt_h5_read_attribute_text(file, "", "fixed", text, 5));
    assert_string_equal(text, "four");
    assert_error(wt_h5_read_attribute_text(file, "", "fixed", text, 4),
                 "too long (got 4 bytes, expected at most 3)");
    assert_error(wt_h5_read_attribute_text(file, "", "variable", text, 16),
                 "text of variable length, which is refused");
    assert_error(wt_h5_read_texts(file, "texts", &texts, &count, 2),
                 "text of variable length, which is refused");
    assert_ok(wt_h5_close(file));
}

/* --- cut short, damaged --- */

static const char *const names[] = {"shorts", "floats"};

static wt_status read_whole(const char *path) {
    wt_h5 *file = NULL;
    static double data[5000];
    char **texts = NULL;
    size_t count = 0;
    int64_t number = 0;
    wt_h5_shape shape;
    WT_TRY(wt_h5_open(&file, path));
    wt_status status = WT_OK;
    WT_GUARD(wt_h5_read_attribute_int(file, "", "version", &number));
    for (int i = 0; i < 2; i++) {
        WT_GUARD(wt_h5_inspect(file, names[i], &shape));
        WT_GUARD_CHECK(shape.shape[0] <= 5000, WT_FAILED, "damaged: too large");
        WT_GUARD(wt_h5_read(file, names[i], WT_H5_DOUBLE, data));
    }
    WT_GUARD(wt_h5_read_texts(file, "texts", &texts, &count, 100));
    wt_h5_free_texts(texts, count);
cleanup:
    wt_h5_close(file);
    return status;
}

static void make_whole(const char *path) {
    wt_h5 *file = NULL;
    int16_t shorts[5000];
    float floats[3000];
    const char *texts[2] = {"first", "second"};
    for (int i = 0; i < 5000; i++) shorts[i] = (int16_t)(i * 37);
    for (int i = 0; i < 3000; i++) floats[i] = (float)i;
    assert_ok(wt_h5_create(&file, path));
    assert_ok(wt_h5_write(file, "shorts", (wt_h5_shape){WT_H5_INT16, 1, {5000}}, shorts, 1000));
    assert_ok(wt_h5_write(file, "floats", (wt_h5_shape){WT_H5_FLOAT, 1, {3000}}, floats, 0));
    assert_ok(wt_h5_write_texts(file, "texts", texts, 2));
    assert_ok(wt_h5_write_attribute_int(file, "", "version", 1));
    assert_ok(wt_h5_close(file));
}

static void put_h5_file(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void test_cut_short(void **state) {
    (void)state;
    char *bytes = NULL;
    size_t size = 0;
    wt_h5 *file = NULL;
    make_whole(in_folder("whole.h5"));
    assert_ok(read_whole(in_folder("whole.h5")));
    assert_ok(wt_file_read(&bytes, &size, in_folder("whole.h5"), 1 << 20));
    for (size_t cut = 0; cut < size; cut += cut < 64 ? 1 : 97) {
        put_h5_file(in_folder("cut.h5"), bytes, cut);
        assert_error(read_whole(in_folder("cut.h5")),
                     cut < 8 ? "cut.h5: no HDF5 file" : "damaged or cut short");
    }
    put_h5_file(in_folder("text.h5"), "step,loss\n1,2\n", 14);
    assert_error(wt_h5_open(&file, in_folder("text.h5")), "text.h5: no HDF5 file");
    wt_free(bytes);
}

static bool is_whole_file(const char *path) {
    wt_h5 *file = NULL;
    static int16_t shorts[5000];
    char **texts = NULL;
    size_t count = 0;
    int wrong = 0;
    assert_ok(wt_h5_open(&file, path));
    assert_ok(wt_h5_read(file, "shorts", WT_H5_INT16, shorts));
    for (int i = 0; i < 5000; i++) wrong += shorts[i] != (int16_t)(i * 37);
    assert_ok(wt_h5_read_texts(file, "texts", &texts, &count, 100));
    wrong += count != 2 || strcmp(texts[0], "first") != 0 || strcmp(texts[1], "second") != 0;
    wt_h5_free_texts(texts, count);
    assert_ok(wt_h5_close(file));
    return wrong == 0;
}

/* A flipped bit anywhere but in data without chunks (they have no checksum) is an error or does not
 * matter. */
static void test_flipped_bits(void **state) {
    (void)state;
    char *bytes = NULL;
    size_t size = 0;
    int noticed = 0, tried = 0;
    assert_ok(wt_file_read(&bytes, &size, in_folder("whole.h5"), 1 << 20));
    const float first[4] = {0, 1, 2, 3};
    char *floats = memmem(bytes, size, first, sizeof first);
    assert_non_null(floats);
    for (size_t at = 0; at < size; at += at < 2048 ? 3 : 71) {
        if (bytes + at >= floats && bytes + at < floats + 12000) continue;
        bytes[at] ^= (char)(1 << at % 8);
        put_h5_file(in_folder("flip.h5"), bytes, size);
        if (read_whole(in_folder("flip.h5")) != WT_OK) {
            noticed++;
        } else if (!is_whole_file(in_folder("flip.h5"))) {
            fail_msg("byte %zu of %zu changed unnoticed", at, size);
        }
        tried++;
        bytes[at] ^= (char)(1 << at % 8);
    }
    assert_true(noticed > tried / 4);
    wt_free(bytes);
}

/* A file whose writer was killed. */
static void test_not_closed(void **state) {
    (void)state;
    wt_h5 *file = NULL;
    char *bytes = NULL;
    size_t size = 0;
    assert_ok(wt_h5_create(&file, in_folder("open.h5")));
    assert_ok(wt_h5_declare(file, "x", (wt_h5_shape){WT_H5_INT16, 1, {100}}, 10));
    assert_ok(wt_file_read(&bytes, &size, in_folder("open.h5"), 1 << 20));
    put_h5_file(in_folder("killed.h5"), bytes, size);
    assert_ok(wt_h5_close(file));
    wt_free(bytes);
    assert_error(wt_h5_open(&file, in_folder("killed.h5")), "killed.h5: ");
}

/* Whatever failed before, nothing of a file is still open. */
static void test_nothing_left_open(void **state) {
    (void)state;
    assert_int_equal(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_external_storage),
        cmocka_unit_test(test_virtual_layout),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_types_and_shapes),
        cmocka_unit_test(test_shape_without_data),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_not_closed),
        cmocka_unit_test(test_nothing_left_open),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
