/* Files and folders: paths, folders made, listed and removed, reading with a limit, and writing that either
 * happens whole or leaves everything as it was. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "h5/h5_folder.h"

static void write_text_file(const char *path, const char *text) {
    assert_ok(wt_file_write_atomically(path, text, strlen(text), NULL, 0));
}

static void assert_holds(const char *path, const char *text) {
    char *data;
    size_t bytes;
    assert_ok(wt_file_read(&data, &bytes, path, 1 << 20));
    assert_int_equal(bytes, strlen(text));
    assert_string_equal(data, text);
    wt_free(data);
}

static size_t entries(const char *folder) {
    char **names;
    size_t count;
    assert_ok(wt_folder_list(&names, &count, folder, "", ""));
    wt_folder_list_free(names, count);
    return count;
}

static void test_join_and_base(void **state) {
    (void)state;
    char path[WT_PATH_MAX], name[WT_PATH_MAX];
    assert_ok(wt_path_join(path, "a/b", "c.h5"));
    assert_string_equal(path, "a/b/c.h5");
    assert_ok(wt_path_join(path, "a/", "c.h5"));
    assert_string_equal(path, "a/c.h5");
    assert_ok(wt_path_join(path, "", "c.h5"));
    assert_string_equal(path, "c.h5");
    memset(name, 'n', sizeof name);
    name[WT_PATH_MAX - 3] = '\0';
    assert_ok(wt_path_join(path, "f", name)); /* 4,095 bytes just fit */
    assert_int_equal(strlen(path), WT_PATH_MAX - 1);
    assert_error(wt_path_join(path, "ff", name), "too long");
    assert_ok(wt_path_from_root(path, "/a/b"));
    assert_string_equal(path, "/a/b");
    assert_ok(wt_path_from_root(path, "a/b"));
    assert_non_null(getcwd(name, sizeof name));
    assert_memory_equal(path, name, strlen(name));
    assert_string_equal(path + strlen(name), "/a/b");
    assert_string_equal(wt_path_base("a/b/c.h5"), "c.h5");
    assert_string_equal(wt_path_base("c.h5"), "c.h5");
}

static void test_folders_are_made_with_their_parents(void **state) {
    (void)state;
    const char *deep = in_folder("made/of/three");
    assert_false(wt_path_exists(deep));
    assert_ok(wt_folder_make(deep));
    assert_true(wt_path_is_folder(deep));
    assert_ok(wt_folder_make(deep));
    assert_ok(wt_folder_make(in_folder("made/of/three//more/")));
    assert_true(wt_path_is_folder(in_folder("made/of/three/more")));
    assert_ok(wt_folder_make("/"));
    write_text_file(in_folder("plain"), "x");
    assert_error(wt_folder_make(in_folder("plain")), "is no folder");
    assert_error(wt_folder_make(in_folder("plain/below")), "plain/below");
    assert_error(wt_folder_make(""), "empty");
}

static void test_folders_are_removed_whole(void **state) {
    (void)state;
    assert_ok(wt_folder_make(in_folder("removed/below")));
    assert_ok(wt_folder_make(in_folder("kept")));
    write_text_file(in_folder("removed/below/file"), "x");
    write_text_file(in_folder("kept/file"), "y");
    assert_int_equal(symlink("../kept", in_folder("removed/link")), 0);
    assert_ok(wt_folder_remove(in_folder("removed")));
    assert_false(wt_path_exists(in_folder("removed")));
    assert_holds(in_folder("kept/file"), "y"); /* the link was not followed */
    assert_ok(wt_folder_remove(in_folder("removed")));
}

static void test_lists_are_sorted(void **state) {
    (void)state;
    static const char *const made[] = {"step-2.h5", "step-10.h5", "other.h5", "step-1.h5.tmp-7",
                                       "step-",     ".h5",        "step-.h5"};
    char **names;
    size_t count;
    assert_ok(wt_folder_make(in_folder("list")));
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char path[64];
        snprintf(path, sizeof path, "list/%s", made[i]);
        write_text_file(in_folder(path), "x");
    }
    assert_ok(wt_folder_list(&names, &count, in_folder("list"), "step-", ".h5"));
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "step-.h5");
    assert_string_equal(names[1], "step-10.h5");
    assert_string_equal(names[2], "step-2.h5");
    wt_folder_list_free(names, count);
    assert_int_equal(entries(in_folder("list")), sizeof made / sizeof *made);
    assert_error(wt_folder_list(&names, &count, in_folder("absent"), "", ""),
                 "absent: can't read the folder");
    assert_null(names);
}

static void test_long_lists_grow(void **state) {
    (void)state;
    enum { FILES = 150 };
    char path[64];
    assert_ok(wt_folder_make(in_folder("many")));
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "many/%03d", i);
        FILE *file = fopen(in_folder(path), "w");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
    char **names;
    size_t count;
    assert_ok(wt_folder_list(&names, &count, in_folder("many"), "", ""));
    assert_int_equal(count, FILES);
    for (int i = 1; i < FILES; i++) assert_true(strcmp(names[i - 1], names[i]) < 0);
    wt_folder_list_free(names, count);
}

/* As another user, if this is root, whom nothing is refused. */
static void test_what_may_not_be_seen(void **state) {
    (void)state;
    FILE *file;
    const uid_t user = geteuid();
    assert_int_equal(chmod(test_folder, 0755), 0);
    assert_ok(wt_folder_make(in_folder("closed")));
    write_text_file(in_folder("closed/file"), "x");
    assert_int_equal(chmod(in_folder("closed"), 0), 0);
    if (user == 0) assert_int_equal(seteuid(65534), 0);
    const bool there = wt_path_exists(in_folder("closed/file"));
    const wt_status opened = wt_file_open(&file, in_folder("closed/file"));
    char open_message[256], folder_message[256], free_message[256];
    snprintf(open_message, sizeof open_message, "%s", wt_error_message());
    const wt_status folder = wt_path_require_folder(in_folder("closed/run"), "run", "");
    snprintf(folder_message, sizeof folder_message, "%s", wt_error_message());
    const wt_status is_free = wt_path_require_free(in_folder("closed/out"), "");
    snprintf(free_message, sizeof free_message, "%s", wt_error_message());
    if (user == 0) assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(in_folder("closed"), 0755), 0);
    assert_true(there);
    assert_int_equal(opened, WT_FAILED);
    assert_non_null(strstr(open_message, "closed/file: can't be read (Permission denied)"));
    assert_int_equal(folder, WT_FAILED);
    assert_non_null(strstr(folder_message, "closed/run: can't be read (Permission denied)"));
    assert_int_equal(is_free, WT_FAILED);
    assert_non_null(strstr(free_message, "closed/out: can't be written (Permission denied)"));
    assert_error(wt_path_require_folder(in_folder("absent"), "run", "; x makes one"),
                 "absent: no run (no such folder; x makes one)");
    assert_error(wt_path_require_folder(in_folder("closed/file"), "run", ""),
                 "file: no run (it is no folder)");
    assert_error(wt_path_require_free(in_folder("closed/file"), " (hint)"), "file: exists already (hint)");
    assert_ok(wt_path_require_free(in_folder("absent"), ""));
    assert_false(wt_path_exists(in_folder("absent/below")));
    assert_int_equal(symlink("circle", in_folder("circle")), 0);
    assert_error(wt_file_open(&file, in_folder("circle")), "circle: can't be read (Too many levels");
}

static void test_read_streams(void **state) {
    (void)state;
    int ends[2];
    char *data;
    size_t bytes;
    for (int room = 5; room >= 4; room--) {
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], "01234", 5), 5);
        assert_int_equal(close(ends[1]), 0);
        if (room == 5) {
            assert_ok(wt_stream_read(&data, &bytes, ends[0], "pipe", (size_t)room));
            assert_int_equal(bytes, 5);
            assert_string_equal(data, "01234");
            wt_free(data);
        } else {
            assert_error(wt_stream_read(&data, &bytes, ends[0], "pipe", (size_t)room),
                         "pipe: is too large (expected at most 4 bytes)");
        }
        assert_int_equal(close(ends[0]), 0);
    }
    assert_error(wt_stream_read(&data, &bytes, -1, "pipe", 4), "pipe: can't be read");
}

static void test_reading_has_a_limit(void **state) {
    (void)state;
    char *data;
    size_t bytes;
    write_text_file(in_folder("ten"), "0123456789");
    assert_ok(wt_file_read(&data, &bytes, in_folder("ten"), 10));
    assert_string_equal(data, "0123456789");
    wt_free(data);
    assert_error(wt_file_read(&data, &bytes, in_folder("ten"), 9),
                 "ten: the file is too large (got 10 bytes, expected at most 9)");
    assert_null(data);
    assert_int_equal(bytes, 0);
    write_text_file(in_folder("empty"), "");
    assert_holds(in_folder("empty"), "");
    assert_error(wt_file_read(&data, &bytes, in_folder("absent"), 9),
                 "absent: can't be read (No such file or directory)");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0); /* no one writes: opening would wait for ever */
    assert_error(wt_file_read(&data, &bytes, in_folder("pipe"), 9),
                 "pipe: is a pipe (expected a regular file)");
    assert_error(wt_file_read(&data, &bytes, "/dev/null", 9), "/dev/null: is a device (expected a regular");
    assert_error(wt_file_read(&data, &bytes, test_folder, 9), "is a folder (expected a regular file)");
}

static void test_writing_replaces_the_whole_file(void **state) {
    (void)state;
    assert_ok(wt_folder_make(in_folder("writing")));
    const char *path = in_folder("writing/file");
    assert_ok(wt_file_write_atomically(path, "old and long", 12, NULL, 0));
    assert_ok(wt_file_write_atomically(path, "new", 3, "+tail", 5));
    assert_holds(path, "new+tail");
    assert_ok(wt_file_write_atomically(path, NULL, 0, "tail alone", 10));
    assert_holds(path, "tail alone");
    assert_int_equal(entries(in_folder("writing")), 1);
}

static void test_writing_into_no_folder(void **state) {
    (void)state;
    assert_error(wt_file_write_atomically(in_folder("absent/file"), "x", 1, NULL, 0),
                 "absent/file: can't write");
    assert_false(wt_path_exists(in_folder("absent")));
    write_text_file(in_folder("plain"), "x");
    assert_error(wt_file_write_atomically(in_folder("plain/file"), "x", 1, NULL, 0),
                 "plain/file: can't write");
    assert_holds(in_folder("plain"), "x");
}

static void test_a_folder_is_not_replaced(void **state) {
    (void)state;
    assert_ok(wt_folder_make(in_folder("taken/folder")));
    assert_error(wt_file_write_atomically(in_folder("taken/folder"), "x", 1, NULL, 0),
                 "taken/folder: can't put");
    assert_true(wt_path_is_folder(in_folder("taken/folder")));
    assert_int_equal(entries(in_folder("taken")), 1);
}

static void test_a_read_only_folder(void **state) {
    (void)state;
    if (geteuid() == 0) skip(); /* root may write everywhere */
    assert_ok(wt_folder_make(in_folder("locked")));
    assert_int_equal(chmod(in_folder("locked"), 0555), 0);
    assert_error(wt_file_write_atomically(in_folder("locked/file"), "x", 1, NULL, 0), "can't write");
    assert_int_equal(entries(in_folder("locked")), 0);
    assert_int_equal(chmod(in_folder("locked"), 0755), 0);
}

/* A limit on the size of files stands for a full disk: part of the data fits, the rest does not. */
static void test_a_full_disk(void **state) {
    (void)state;
    struct rlimit before, small;
    char large[4096];
    memset(large, 'x', sizeof large);
    assert_ok(wt_folder_make(in_folder("full")));
    const char *path = in_folder("full/file");
    write_text_file(path, "the old one");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    wt_status data = wt_file_write_atomically(path, large, sizeof large, NULL, 0);
    char message[256];
    snprintf(message, sizeof message, "%s", wt_error_message());
    wt_status tail = wt_file_write_atomically(path, large, 990, large, 40);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(data, WT_FAILED);
    assert_int_equal(tail, WT_FAILED);
    assert_non_null(strstr(message, "full/file: can't write"));
    assert_holds(path, "the old one");
    assert_int_equal(entries(in_folder("full")), 1);
}

/* --- files that are written little by little --- */

static void test_a_file_appears_when_it_is_whole(void **state) {
    (void)state;
    FILE *file;
    assert_ok(wt_folder_make(in_folder("steps")));
    const char *path = in_folder("steps/file");
    write_text_file(path, "the old one");
    assert_ok(wt_file_begin(&file, path));
    fputs("half", file);
    fflush(file);
    assert_holds(path, "the old one");
    fputs(" and half", file);
    assert_ok(wt_file_finish(file, path, WT_OK));
    assert_holds(path, "half and half");
    assert_int_equal(entries(in_folder("steps")), 1);
}

static void test_a_file_that_failed_is_removed(void **state) {
    (void)state;
    FILE *file;
    assert_ok(wt_folder_make(in_folder("failed")));
    const char *path = in_folder("failed/file");
    assert_ok(wt_file_begin(&file, path));
    fputs("half", file);
    assert_error(wt_file_finish(file, path, wt_error(WT_USAGE, "row 3 is wrong")), "row 3 is wrong");
    assert_int_equal(entries(in_folder("failed")), 0);
    assert_error(wt_file_begin(&file, in_folder("absent/file")), "absent/file: can't be made");
}

static void test_a_file_on_a_full_disk(void **state) {
    (void)state;
    FILE *file;
    struct rlimit before, small;
    assert_ok(wt_folder_make(in_folder("brimful")));
    const char *path = in_folder("brimful/file");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_ok(wt_file_begin(&file, path));
    for (int i = 0; i < 2000; i++) fputc('x', file);
    wt_status status = wt_file_finish(file, path, WT_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, WT_FAILED);
    assert_non_null(strstr(wt_error_message(), "brimful/file: can't write (File too large)"));
    assert_int_equal(entries(in_folder("brimful")), 0);
}

static void test_devices_are_written_as_they_are(void **state) {
    (void)state;
    FILE *file;
    assert_ok(wt_file_begin(&file, "/dev/null"));
    fputs("away", file);
    assert_ok(wt_file_finish(file, "/dev/null", WT_OK));
}

static void test_leftovers_are_known_by_their_names(void **state) {
    (void)state;
    static const char *const names[] = {"a.csv.tmp-1", "b.tmp-123456", "c.tmp-1.tmp-2", "a.tmp-",
                                        "a.tmp-1x",    "a.tmp",        "plain"};
    char path[WT_PATH_MAX];
    assert_ok(wt_folder_make(in_folder("left")));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_ok(wt_path_join(path, in_folder("left"), names[i]));
        write_text_file(path, "x");
    }
    wt_folder_remove_unfinished(in_folder("left"));
    assert_int_equal(entries(in_folder("left")), 4);
    assert_false(wt_path_exists(in_folder("left/c.tmp-1.tmp-2")));
    wt_folder_remove_unfinished(in_folder("absent"));
}

static void test_folder_calls(void **state) {
    (void)state;
    assert_ok(wt_folder_sync(test_folder));
    assert_error(wt_folder_sync(in_folder("absent")), "absent: can't open the folder");
    assert_true(wt_folder_free_bytes(test_folder) >= 0);
    assert_true(wt_folder_free_bytes(in_folder("absent")) == -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_and_base),
        cmocka_unit_test(test_folders_are_made_with_their_parents),
        cmocka_unit_test(test_folders_are_removed_whole),
        cmocka_unit_test(test_lists_are_sorted),
        cmocka_unit_test(test_long_lists_grow),
        cmocka_unit_test(test_what_may_not_be_seen),
        cmocka_unit_test(test_read_streams),
        cmocka_unit_test(test_reading_has_a_limit),
        cmocka_unit_test(test_writing_replaces_the_whole_file),
        cmocka_unit_test(test_writing_into_no_folder),
        cmocka_unit_test(test_a_folder_is_not_replaced),
        cmocka_unit_test(test_a_read_only_folder),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_a_file_appears_when_it_is_whole),
        cmocka_unit_test(test_a_file_that_failed_is_removed),
        cmocka_unit_test(test_a_file_on_a_full_disk),
        cmocka_unit_test(test_devices_are_written_as_they_are),
        cmocka_unit_test(test_leftovers_are_known_by_their_names),
        cmocka_unit_test(test_folder_calls),
    };
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
