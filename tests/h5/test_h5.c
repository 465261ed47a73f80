/* What is written comes back: data sets, rows, texts, attributes, images; the same calls, the same bytes. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "h5/h5.h"
#include "h5_folder.h"

static wt_h5_shape make_shape(wt_h5_type type, int rank, int64_t a, int64_t b, int64_t c) {
    return (wt_h5_shape){type, rank, {a, b, c, 0}};
}

/* Every kind of object, into an open file. */
static void fill_file(wt_h5 *file) {
    const int16_t shorts[6] = {-32768, -1, 0, 1, 2, 32767};
    const int32_t words[3] = {INT32_MIN, 0, INT32_MAX};
    const int64_t longs[2] = {INT64_MIN, INT64_MAX};
    const float floats[8] = {0.5f, -1.25f, 3, 4, 5, 6, 7, 1e-30f};
    const double real = 0.1;
    const char *texts[3] = {"one", "", "drei \xc3\xa4"};
    assert_ok(wt_h5_write(file, "shorts", make_shape(WT_H5_INT16, 1, 6, 0, 0), shorts, 4));
    assert_ok(wt_h5_write(file, "group/below/words", make_shape(WT_H5_INT32, 1, 3, 0, 0), words, 0));
    assert_ok(wt_h5_write(file, "group/longs", make_shape(WT_H5_INT64, 1, 2, 0, 0), longs, 100));
    assert_ok(wt_h5_write(file, "group/floats", make_shape(WT_H5_FLOAT, 3, 2, 2, 2), floats, 1));
    assert_ok(wt_h5_write(file, "scalar", make_shape(WT_H5_DOUBLE, 0, 0, 0, 0), &real, 0));
    assert_ok(wt_h5_write(file, "nothing", make_shape(WT_H5_INT16, 1, 0, 0, 0), NULL, 8));
    assert_ok(wt_h5_write_texts(file, "texts", texts, 3));
    assert_ok(wt_h5_write_texts(file, "no/texts", NULL, 0));
    assert_ok(wt_h5_write_attribute_text(file, "", "format", "a form\xc3\xa1t"));
    assert_ok(wt_h5_write_attribute_text(file, "", "empty", ""));
    assert_ok(wt_h5_write_attribute_int(file, "", "version", -9000000000000000000));
    assert_ok(wt_h5_write_attribute_real(file, "group/floats", "scale", 0.1));
}

static void check_stored(wt_h5 *file) {
    wt_h5_shape shape;
    int16_t shorts[6];
    int32_t words[3];
    int64_t longs[2], number;
    float floats[8];
    double real;
    char text[32];
    char **texts = NULL;
    size_t count = 0;
    assert_ok(wt_h5_inspect(file, "shorts", &shape));
    assert_int_equal(shape.type, WT_H5_INT16);
    assert_int_equal(shape.rank, 1);
    assert_int_equal(shape.shape[0], 6);
    assert_ok(wt_h5_read(file, "shorts", WT_H5_INT16, shorts));
    assert_int_equal(shorts[0], -32768);
    assert_int_equal(shorts[5], 32767);
    assert_ok(wt_h5_read(file, "group/below/words", WT_H5_INT32, words));
    assert_int_equal(words[0], INT32_MIN);
    assert_int_equal(words[2], INT32_MAX);
    assert_ok(wt_h5_read(file, "group/longs", WT_H5_INT64, longs));
    assert_true(longs[0] == INT64_MIN && longs[1] == INT64_MAX);
    assert_ok(wt_h5_inspect(file, "group/floats", &shape));
    assert_true(shape.type == WT_H5_FLOAT && shape.rank == 3 && shape.shape[2] == 2);
    assert_ok(wt_h5_read(file, "group/floats", WT_H5_FLOAT, floats));
    assert_true(floats[1] == -1.25f && floats[7] == 1e-30f);
    assert_ok(wt_h5_read(file, "scalar", WT_H5_DOUBLE, &real));
    assert_true(real == 0.1);
    assert_ok(wt_h5_inspect(file, "nothing", &shape));
    assert_int_equal(shape.shape[0], 0);
    assert_ok(wt_h5_read_texts(file, "texts", &texts, &count, 3));
    assert_int_equal(count, 3);
    assert_string_equal(texts[1], "");
    assert_string_equal(texts[2], "drei \xc3\xa4");
    wt_h5_free_texts(texts, count);
    assert_ok(wt_h5_read_texts(file, "no/texts", &texts, &count, 0));
    assert_int_equal(count, 0);
    assert_ok(wt_h5_read_attribute_text(file, "", "format", text, sizeof text));
    assert_string_equal(text, "a form\xc3\xa1t");
    assert_ok(wt_h5_read_attribute_text(file, "", "empty", text, 1));
    assert_string_equal(text, "");
    assert_ok(wt_h5_read_attribute_int(file, "", "version", &number));
    assert_true(number == -9000000000000000000);
    assert_ok(wt_h5_read_attribute_real(file, "group/floats", "scale", &real));
    assert_true(real == 0.1);
}

static void test_round_trip(void **state) {
    (void)state;
    wt_h5 *file = NULL;
    assert_ok(wt_h5_create(&file, in_folder("round.h5")));
    fill_file(file);
    check_stored(file); /* what was written can be read before the file is closed */
    assert_ok(wt_h5_close(file));
    assert_ok(wt_h5_open(&file, in_folder("round.h5")));
    check_stored(file);
    assert_ok(wt_h5_close(file));
    assert_ok(wt_h5_close(NULL));
}

static void test_two_readers_at_once(void **state) {
    (void)state;
    wt_h5 *a = NULL, *b = NULL;
    assert_ok(wt_h5_create(&a, in_folder("readers.h5")));
    fill_file(a);
    assert_ok(wt_h5_close(a));
    assert_ok(wt_h5_open(&a, in_folder("readers.h5")));
    assert_ok(wt_h5_open(&b, in_folder("readers.h5")));
    check_stored(a);
    assert_ok(wt_h5_close(a));
    check_stored(b);
    assert_ok(wt_h5_close(b));
}

static void test_images(void **state) {
    (void)state;
    wt_h5 *file = NULL, *other = NULL;
    char *bytes = NULL, *again = NULL;
    size_t size = 0, size_again = 0;
    assert_ok(wt_h5_create_image(&file, "in memory"));
    assert_ok(wt_h5_create_image(&other, "in memory")); /* of the same name, yet another file */
    fill_file(file);
    fill_file(other);
    assert_ok(wt_h5_image(&bytes, &size, file));
    assert_ok(wt_h5_image(&again, &size_again, other));
    assert_int_equal(size, size_again);
    assert_memory_equal(bytes, again, size);
    assert_ok(wt_h5_close(file));
    assert_ok(wt_h5_close(other));

    assert_ok(wt_h5_open_image(&file, "in memory", bytes, size));
    assert_ok(wt_h5_open_image(&other, "in memory", again, size));
    memset(bytes, 0, size); /* they were copied */
    check_stored(file);
    assert_ok(wt_h5_close(file));
    check_stored(other);
    assert_ok(wt_h5_close(other));

    assert_ok(wt_file_write_atomically(in_folder("image.h5"), again, size, "a trailer", 9));
    assert_ok(wt_h5_open(&file, in_folder("image.h5")));
    check_stored(file);
    assert_ok(wt_h5_close(file));
    assert_error(wt_h5_open_image(&file, "in memory", again, size / 2), "in memory: damaged or cut short");
    assert_error(wt_h5_open_image(&file, "in memory", again, 4), "in memory: no HDF5 file");
    wt_free(bytes);
    wt_free(again);
}

static void test_same_calls_same_bytes(void **state) {
    (void)state;
    char *bytes[2], *images[2];
    size_t sizes[2], image_sizes[2];
    for (int i = 0; i < 2; i++) {
        wt_h5 *file = NULL;
        const char *path = in_folder(i == 0 ? "same-0.h5" : "same-1.h5");
        assert_ok(wt_h5_create(&file, path));
        fill_file(file);
        assert_ok(wt_h5_close(file));
        assert_ok(wt_file_read(&bytes[i], &sizes[i], path, 1 << 20));
        assert_ok(wt_h5_create_image(&file, "image"));
        fill_file(file);
        assert_ok(wt_h5_image(&images[i], &image_sizes[i], file));
        assert_ok(wt_h5_close(file));
        if (i == 0) sleep(1); /* a stored time would differ */
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    assert_int_equal(image_sizes[0], image_sizes[1]);
    assert_memory_equal(images[0], images[1], image_sizes[0]);
    for (int i = 0; i < 2; i++) {
        wt_free(bytes[i]);
        wt_free(images[i]);
    }
}

enum { ROWS = 1000, CHUNK = 64 };

static void test_rows(void **state) {
    (void)state;
    wt_h5 *file = NULL;
    int32_t rows[7][3], back[ROWS][3];
    float one[3];
    assert_ok(wt_h5_create(&file, in_folder("rows.h5")));
    assert_ok(wt_h5_declare(file, "a/rows", make_shape(WT_H5_INT32, 2, ROWS, 3, 0), CHUNK));
    assert_ok(wt_h5_declare(file, "other", make_shape(WT_H5_INT32, 1, 3, 0, 0), 2));
    for (int first = 0; first < ROWS; first += 7) {
        int count = first + 7 <= ROWS ? 7 : ROWS - first;
        for (int i = 0; i < count * 3; i++) rows[i / 3][i % 3] = first * 3 + i;
        assert_ok(wt_h5_write_rows(file, "a/rows", first, count, rows));
        if (first % 70 == 0) assert_ok(wt_h5_write_rows(file, "other", 0, 3, rows));
    }
    assert_error(wt_h5_write_rows(file, "a/rows", ROWS - 1, 2, rows),
                 "lacks rows (got 1000, expected 2 from row 999 on)");
    assert_ok(wt_h5_close(file));
    assert_ok(wt_h5_open(&file, in_folder("rows.h5")));
    assert_ok(wt_h5_read(file, "a/rows", WT_H5_INT32, back));
    for (int i = 0; i < ROWS * 3; i++) assert_int_equal(back[i / 3][i % 3], i);
    assert_ok(wt_h5_read_rows(file, "a/rows", WT_H5_INT32, 60, 100, back));
    for (int i = 0; i < 300; i++) assert_int_equal(back[i / 3][i % 3], 180 + i);
    assert_ok(wt_h5_read_rows(file, "a/rows", WT_H5_FLOAT, 999, 1, one));
    assert_true(one[2] == 2999.0f);
    assert_ok(wt_h5_read_rows(file, "a/rows", WT_H5_INT32, ROWS, 0, back));
    assert_error(wt_h5_read_rows(file, "a/rows", WT_H5_INT32, -1, 2, back), "lacks rows");
    assert_error(wt_h5_read_rows(file, "a/rows", WT_H5_INT32, INT64_MAX, INT64_MAX, back), "lacks rows");
    assert_ok(wt_h5_close(file));
}

static void test_object_names(void **state) {
    (void)state;
    wt_h5 *file = NULL;
    char **names = NULL;
    size_t count = 0;
    assert_ok(wt_h5_create(&file, in_folder("names.h5")));
    fill_file(file);
    assert_true(wt_h5_has(file, "group"));
    assert_true(wt_h5_has(file, "group/below/words"));
    assert_false(wt_h5_has(file, "group/above/words"));
    assert_false(wt_h5_has(file, "shorts/words"));
    assert_true(wt_h5_has_attribute(file, "", "version"));
    assert_false(wt_h5_has_attribute(file, "", "scale"));
    assert_false(wt_h5_has_attribute(file, "absent", "scale"));
    assert_ok(wt_h5_list(file, "", &names, &count));
    const char *expected[] = {"group", "no", "nothing", "scalar", "shorts", "texts"};
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) assert_string_equal(names[i], expected[i]);
    wt_h5_free_texts(names, count);
    assert_ok(wt_h5_list(file, "group", &names, &count));
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "below");
    wt_h5_free_texts(names, count);
    assert_error(wt_h5_list(file, "shorts", &names, &count), "'shorts' is no group");
    assert_error(wt_h5_list(file, "absent", &names, &count), "'absent' is missing");
    assert_ok(wt_h5_close(file));
}

static void test_mistakes(void **state) {
    (void)state;
    wt_h5 *file = NULL;
    int16_t number = 0;
    int64_t integer = 0;
    char text[8], name[700];
    char **texts = NULL;
    size_t count = 0;
    assert_error(wt_h5_create(&file, in_folder("round.h5")), "round.h5: exists already");
    assert_error(wt_h5_create(&file, in_folder("no/folder.h5")), "cannot create (No such file or directory)");
    assert_error(wt_h5_open(&file, in_folder("no.h5")), "no.h5: cannot open (No such file or directory)");
    assert_error(wt_h5_open(&file, test_folder), "no HDF5 file (got a folder");
    assert_error(wt_h5_open(&file, "/dev/null"), "no HDF5 file (got a special file");
    assert_ok(wt_h5_open(&file, in_folder("round.h5")));
    assert_error(wt_h5_read(file, "absent", WT_H5_INT16, &number), "round.h5: 'absent' is missing");
    assert_error(wt_h5_read(file, "group", WT_H5_INT16, &number), "'group' is no data set");
    assert_error(wt_h5_read(file, "texts", WT_H5_INT16, &number), "'texts' has a foreign type");
    assert_error(wt_h5_read_texts(file, "texts", &texts, &count, 2),
                 "too many texts (got 3, expected at most 2)");
    assert_error(wt_h5_read_texts(file, "shorts", &texts, &count, 9), "'shorts' must be a text");
    assert_error(wt_h5_read_attribute_text(file, "", "absent", text, 8), "the attribute 'absent' is missing");
    assert_error(wt_h5_read_attribute_text(file, "", "format", text, 8),
                 "too long (got 9 bytes, expected at most 7)");
    assert_error(wt_h5_read_attribute_text(file, "", "version", text, 8), "'version' must be a text");
    assert_error(wt_h5_read_attribute_int(file, "", "format", &integer), "'format' must be an integer");
    assert_error(wt_h5_read_attribute_int(file, "group/floats", "scale", &integer),
                 "'scale' must be an integer");
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_error(wt_h5_read(file, name, WT_H5_INT16, &number), "name in the file too long");
    assert_error(wt_h5_write(file, "new", make_shape(WT_H5_INT16, 1, 1, 0, 0), &number, 0),
                 "cannot create 'new'");
    assert_ok(wt_h5_close(file));
    assert_ok(wt_h5_create_image(&file, "image"));
    assert_ok(wt_h5_write(file, "a", make_shape(WT_H5_INT16, 1, 1, 0, 0), &number, 0));
    assert_error(wt_h5_write(file, "a", make_shape(WT_H5_INT16, 1, 1, 0, 0), &number, 0),
                 "image: 'a' exists already");
    assert_error(wt_h5_write(file, "a/b", make_shape(WT_H5_INT16, 1, 1, 0, 0), &number, 0), "image: ");
    assert_error(wt_h5_write(file, "b", make_shape(WT_H5_INT16, 5, 1, 1, 1), &number, 0),
                 "too many dimensions");
    assert_error(wt_h5_write(file, "b", make_shape(WT_H5_INT16, 2, 1LL << 40, 1LL << 40, 0), &number, 0),
                 "too large");
    char *long_text = NULL;
    assert_ok(wt_alloc(&long_text, WT_H5_TEXT_MAX + 2, 1, "long text"));
    memset(long_text, 'x', WT_H5_TEXT_MAX + 1);
    assert_error(wt_h5_write_attribute_text(file, "", "long", long_text), "the attribute 'long' is too long");
    assert_error(wt_h5_write_texts(file, "long", (const char *const *)&long_text, 1),
                 "'long' is too long a text");
    long_text[WT_H5_TEXT_MAX] = '\0';
    assert_ok(wt_h5_write_attribute_text(file, "", "long", long_text));
    assert_ok(wt_h5_write_texts(file, "long", (const char *const *)&long_text, 1));
    wt_free(long_text);
    assert_error(wt_h5_declare(file, "b", make_shape(WT_H5_INT16, 1, 1, 0, 0), 0),
                 "must have rows and chunks");
    assert_ok(wt_h5_close(file));
}

/* HDF5 itself has no lock: without ours this ends in a crash or in wrong data. */
static void *work_on_images(void *result) {
    for (int round = 0; round < 20; round++) {
        wt_h5 *file = NULL;
        char *bytes = NULL;
        size_t size = 0;
        int32_t in[300], out[300] = {0};
        for (int i = 0; i < 300; i++) in[i] = i * round;
        wt_status status = wt_h5_create_image(&file, "image");
        if (status == WT_OK)
            status = wt_h5_write(file, "a/b", make_shape(WT_H5_INT32, 1, 300, 0, 0), in, 100);
        if (status == WT_OK) status = wt_h5_image(&bytes, &size, file);
        wt_h5_close(file);
        file = NULL;
        if (status == WT_OK) status = wt_h5_open_image(&file, "image", bytes, size);
        if (status == WT_OK) status = wt_h5_read_rows(file, "a/b", WT_H5_INT32, 0, 300, out);
        wt_h5_close(file);
        wt_free(bytes);
        if (status != WT_OK || memcmp(in, out, sizeof in) != 0) *(int *)result += 1;
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int wrong[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work_on_images, &wrong[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(wrong[i], 0);
    }
}

/* A limit on the size of files stands for a full disk: writes fail in the same places. */
static void test_full_disk(void **state) {
    (void)state;
    struct rlimit before, small;
    wt_h5 *file = NULL;
    char *block = NULL;
    signal(SIGXFSZ, SIG_IGN);
    assert_ok(wt_alloc(&block, 1 << 20, 1, "block"));
    memset(block, 7, 1 << 20);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){100 << 10, before.rlim_max};
    for (int chunked = 0; chunked < 2; chunked++) {
        const char *path = in_folder(chunked ? "full-1.h5" : "full-0.h5");
        assert_ok(wt_h5_create(&file, path));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        wt_status written = wt_h5_write(file, "x", make_shape(WT_H5_INT16, 1, 1 << 19, 0, 0), block,
                                        chunked ? 4096 : 0);
        wt_status closed = wt_h5_close(file);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_true(written != WT_OK || closed != WT_OK);
        assert_non_null(strstr(wt_error_message(), path));
        assert_null(strchr(wt_error_message(), '\n'));
        unlink(path);
    }
    wt_free(block);
}

/* This program's flock takes the place of the C library's: of a file system without locks, if lock_error is
 * set. */
static int lock_error, lock_calls;

int flock(int file, int operation);
int flock(int file, int operation) {
    (void)file, (void)operation;
    lock_calls++;
    errno = lock_error;
    return lock_error ? -1 : 0;
}

/* Files are written and read on file systems that have no locks, whatever these say of it. */
static void test_no_locks(void **state) {
    (void)state;
    enum { ENOTSUPP_OF_KERNEL = 524 };
    const int errors[] = {ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL, EWOULDBLOCK, ENOTSUPP_OF_KERNEL};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        wt_h5 *file;
        lock_error = errors[i];
        assert_ok(wt_h5_create(&file, in_folder("no-locks.h5")));
        fill_file(file);
        assert_ok(wt_h5_close(file));
        assert_ok(wt_h5_open(&file, in_folder("no-locks.h5")));
        check_stored(file);
        assert_ok(wt_h5_close(file));
        assert_int_equal(unlink(in_folder("no-locks.h5")), 0);
    }
    lock_error = 0;
    assert_int_equal(lock_calls, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_two_readers_at_once),
        cmocka_unit_test(test_images),     cmocka_unit_test(test_same_calls_same_bytes),
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_object_names),
        cmocka_unit_test(test_mistakes),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_full_disk),  cmocka_unit_test(test_no_locks),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
