/*
 * The lock around HDF5: threads at work on files of their own are never in the library together. A library
 * that was built thread-safe (Debian's is) would hide a missing lock, so calls of HDF5 pass through this
 * program on their way. They note who is inside, with a pause that makes meetings likely, and add to a number
 * that no other lock guards: the thread checker reports it if ours is missing.
 */
#include <dlfcn.h>
#include <hdf5.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "h5/h5.h"
#include "h5_folder.h"

static atomic_int inside, meetings;
static int calls; /* under the lock, or so it should be */

/* Relaxed: an order between threads that these made would hide a race from the thread checker. */
static void enter_library(void) {
    calls++;
    if (atomic_fetch_add_explicit(&inside, 1, memory_order_relaxed) > 0) {
        atomic_fetch_add_explicit(&meetings, 1, memory_order_relaxed);
    }
    sched_yield();
}

static void leave_library(void) {
    atomic_fetch_sub_explicit(&inside, 1, memory_order_relaxed);
    calls++;
}

/* Takes the place of a function of HDF5, and calls it. */
#define WATCH(type, function, parameters, arguments)                                  \
    type function parameters {                                                        \
        type(*original) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #function); \
        enter_library();                                                              \
        type result = original arguments;                                             \
        leave_library();                                                              \
        return result;                                                                \
    }

/* At least one in each function of src/h5. */
WATCH(hid_t, H5Fcreate, (const char *n, unsigned f, hid_t c, hid_t a), (n, f, c, a))
WATCH(hid_t, H5Fopen, (const char *n, unsigned f, hid_t a), (n, f, a))
WATCH(herr_t, H5Fclose, (hid_t f), (f))
WATCH(herr_t, H5Fflush, (hid_t f, H5F_scope_t s), (f, s))
WATCH(htri_t, H5Lexists, (hid_t l, const char *n, hid_t p), (l, n, p))
WATCH(hid_t, H5Oopen, (hid_t l, const char *n, hid_t p), (l, n, p))
WATCH(herr_t, H5Oclose, (hid_t o), (o))
WATCH(htri_t, H5Aexists, (hid_t o, const char *n), (o, n))
WATCH(herr_t, H5Awrite, (hid_t a, hid_t t, const void *b), (a, t, b))
WATCH(herr_t, H5Aread, (hid_t a, hid_t t, void *b), (a, t, b))
WATCH(herr_t, H5Dclose, (hid_t d), (d))
WATCH(herr_t, H5Dwrite, (hid_t d, hid_t t, hid_t m, hid_t f, hid_t p, const void *b), (d, t, m, f, p, b))
WATCH(herr_t, H5Dread, (hid_t d, hid_t t, hid_t m, hid_t f, hid_t p, void *b), (d, t, m, f, p, b))

enum { THREADS = 4, ROUNDS = 12, ROWS = 40 };

typedef struct {
    char path[512];
    wt_status status;
    char message[256];
} worker;

/* What `write_all` wrote. */
static wt_status read_locked(wt_h5 *file) {
    wt_h5_shape shape;
    double real;
    int64_t number;
    char text[16], **texts = NULL;
    size_t count;
    int32_t rows[ROWS];
    for (int round = 0; round < ROUNDS; round++) {
        WT_CHECK(wt_h5_has(file, "g/rows") && wt_h5_has_attribute(file, "", "real"), WT_FAILED, "lost");
        WT_TRY(wt_h5_read_attribute_real(file, "", "real", &real));
        WT_TRY(wt_h5_read_attribute_int(file, "", "int", &number));
        WT_TRY(wt_h5_read_attribute_text(file, "", "text", text, sizeof text));
        WT_TRY(wt_h5_inspect(file, "g/whole", &shape));
        WT_TRY(wt_h5_read(file, "g/whole", WT_H5_INT32, rows));
        WT_TRY(wt_h5_read_rows(file, "g/rows", WT_H5_INT32, 1, ROWS - 1, rows));
        WT_TRY(wt_h5_read_texts(file, "texts", &texts, &count, 8));
        wt_h5_free_texts(texts, count);
        WT_TRY(wt_h5_list(file, "g", &texts, &count));
        wt_h5_free_texts(texts, count);
    }
    return WT_OK;
}

/* "NAME" in the first round, then "NAME1" … */
static const char *numbered(char out[32], const char *name, int round) {
    if (round == 0) return name;
    snprintf(out, 32, "%s%d", name, round);
    return out;
}

static wt_status write_locked(wt_h5 *file) {
    const wt_h5_shape shape = {.type = WT_H5_INT32, .rank = 1, .shape = {ROWS}};
    const int32_t rows[ROWS] = {1};
    const char *const texts[] = {"one", "two"};
    char name[32];
    for (int round = 0; round < ROUNDS; round++) {
        WT_TRY(wt_h5_write_attribute_real(file, "", numbered(name, "real", round), 0.5));
        WT_TRY(wt_h5_write_attribute_int(file, "", numbered(name, "int", round), round));
        WT_TRY(wt_h5_write_attribute_text(file, "", numbered(name, "text", round), "text"));
        WT_TRY(wt_h5_write(file, numbered(name, "g/whole", round), shape, rows, 0));
        WT_TRY(wt_h5_declare(file, numbered(name, "g/rows", round), shape, 8));
        WT_TRY(wt_h5_write_rows(file, numbered(name, "g/rows", round), 0, ROWS, rows));
        WT_TRY(wt_h5_write_texts(file, numbered(name, "texts", round), texts, 2));
    }
    return WT_OK;
}

static wt_status use_files(const char *path) {
    wt_status status = WT_OK;
    wt_h5 *file = NULL;
    char *bytes = NULL;
    size_t size;
    for (int round = 0; round < ROUNDS && status == WT_OK; round++) { /* opening and closing alone */
        WT_GUARD(wt_h5_create_image(&file, "image"));
        WT_GUARD(wt_h5_close(file));
        file = NULL;
    }
    WT_GUARD(wt_h5_create_image(&file, "image"));
    WT_GUARD(write_locked(file));
    for (int round = 0; round < ROUNDS; round++) {
        wt_free(bytes);
        WT_GUARD(wt_h5_image(&bytes, &size, file));
    }
    WT_GUARD(wt_h5_close(file));
    WT_GUARD(wt_h5_open_image(&file, "image", bytes, size));
    WT_GUARD(read_locked(file));
    WT_GUARD(wt_h5_close(file));
    WT_GUARD(wt_h5_create(&file, path));
    WT_GUARD(write_locked(file));
    WT_GUARD(wt_h5_close(file));
    for (int round = 0; round < ROUNDS; round++) {
        WT_GUARD(wt_h5_open(&file, path));
        WT_GUARD(wt_h5_close(file));
        file = NULL;
    }
cleanup:
    wt_h5_close(file);
    wt_free(bytes);
    return status;
}

static void *work_on_file(void *context) {
    worker *me = context;
    me->status = use_files(me->path);
    snprintf(me->message, sizeof me->message, "%s", wt_error_message());
    return NULL;
}

static void test_lock(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.h5", i);
        snprintf(workers[i].path, sizeof workers[i].path, "%s", in_folder(name));
        assert_int_equal(pthread_create(&threads[i], NULL, work_on_file, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        if (workers[i].status != WT_OK) fail_msg("%s", workers[i].message);
    }
    assert_true(calls > THREADS * ROUNDS * 40); /* they did pass through here */
    assert_int_equal(atomic_load(&meetings), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lock)};
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
