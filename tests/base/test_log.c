/* Messages to people: who speaks, at which level, a line each. Standard error goes to a file meanwhile. */
#include <unistd.h>

#include "base/file.h"
#include "h5/h5_folder.h"

/* What the four kinds of message leave on standard error. */
static void assert_says(wt_log_level level, bool speaks, const char *expected) {
    char path[512], *text;
    size_t bytes;
    snprintf(path, sizeof path, "%s", in_folder("stderr"));
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w", stderr));
    wt_log_setup(level, speaks);
    wt_log_info("step %d of %s", 3, "5");
    wt_log_detail("%s", "more");
    wt_log_warning("%s: old", "a.h5");
    wt_log_error("b.h5: gone");
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    assert_int_equal(wt_log_is_verbose(), speaks);
    assert_ok(wt_file_read(&text, &bytes, path, 1 << 16));
    assert_string_equal(text, expected);
    wt_free(text);
}

static void test_log_levels(void **state) {
    (void)state;
    assert_says(WT_LOG_QUIET, true, "warning: a.h5: old\nwavetrain: b.h5: gone\n");
    assert_says(WT_LOG_NORMAL, true, "step 3 of 5\nwarning: a.h5: old\nwavetrain: b.h5: gone\n");
    assert_says(WT_LOG_VERBOSE, true, "step 3 of 5\nmore\nwarning: a.h5: old\nwavetrain: b.h5: gone\n");
}

static void test_other_ranks_are_silent(void **state) {
    (void)state;
    assert_says(WT_LOG_VERBOSE, false, "");
}

static void test_long_lines_are_cut(void **state) {
    (void)state;
    char text[5000], path[512], *got;
    size_t bytes;
    memset(text, 'l', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snprintf(path, sizeof path, "%s", in_folder("stderr"));
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w", stderr));
    wt_log_setup(WT_LOG_NORMAL, true);
    wt_log_warning("%s", text);
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    assert_ok(wt_file_read(&got, &bytes, path, 1 << 16));
    assert_in_range(bytes, 1024, 2048);
    assert_true(strchr(got, '\n') == got + bytes - 1); /* one line, and whole to its end */
    wt_free(got);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_levels),
        cmocka_unit_test(test_other_ranks_are_silent),
        cmocka_unit_test(test_long_lines_are_cut),
    };
    int failed = cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
    return failed || wt_memory_blocks() != 0;
}
