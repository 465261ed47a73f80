/* Standard output: what a terminal should not get becomes "?", wherever the buffer is cut; data go as they
 * are. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/output.h"

enum { ROOM = 1 << 20 };

/* What a process that prints `text`, `count` times, in one piece or byte by byte, writes into a file. */
static size_t printed(char *got, const char *text, size_t length, int count, bool bytewise, bool data) {
    char name[] = "test-output-XXXXXX";
    const int file = mkstemp(name);
    assert_true(file >= 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(file, STDOUT_FILENO);
        wt_output_begin();
        if (data) wt_output_is_data();
        for (int i = 0; i < count; i++) {
            for (size_t at = 0; bytewise && at < length; at++) {
                putchar(text[at]);
                fflush(stdout);
            }
            if (!bytewise) fwrite(text, 1, length, stdout);
        }
        _exit(wt_output_finish() ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    lseek(file, 0, SEEK_SET);
    const ssize_t size = read(file, got, ROOM);
    assert_true(size >= 0);
    close(file);
    unlink(name);
    return (size_t)size;
}

static void expect(const char *text, const char *expected) {
    static char got[ROOM];
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        const size_t size = printed(got, text, strlen(text), 1, bytewise, false);
        got[size] = '\0';
        assert_string_equal(got, expected);
    }
}

static void test_filter(void **state) {
    (void)state;
    expect("plain\ttext\n", "plain\ttext\n");
    expect("\xC3\xA9t\xC3\xA9 \xE2\x80\x94 \xF0\x9F\x98\x80\n",
           "\xC3\xA9t\xC3\xA9 \xE2\x80\x94 \xF0\x9F\x98\x80\n");
    expect("a\033[2J\033]0;title\007b\rc\n", "a?[2J?]0;title?b?c\n");
    expect("\x7F\xC2\x9B"
           "2J \xE2\x80\xAE turned\n",
           "??2J ? turned\n");
    expect("broken \xFF\xC3( \xE2\x82 \xF0\x9F\n", "broken ?"
                                                   "?( ?? ??\n");
    expect("ends in the midst \xE2\x82", "ends in the midst ?");
}

/* More than the buffers hold, with characters across their borders. */
static void test_borders(void **state) {
    (void)state;
    static char got[ROOM];
    const char *const text = "\xE2\x82\xAC\xC3\xA9x\xF0\x9F\x98\x80\n";
    const size_t length = strlen(text), size = printed(got, text, length, 30000, false, false);
    assert_int_equal(size, 30000 * length);
    for (size_t i = 0; i < 30000; i++) assert_memory_equal(got + i * length, text, length);
}

static void test_data(void **state) {
    (void)state;
    static char got[ROOM];
    const char text[] = "\033[2J\xFF\0\x80";
    const size_t size = printed(got, text, sizeof text, 1, false, true);
    assert_int_equal(size, sizeof text);
    assert_memory_equal(got, text, sizeof text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_borders),
        cmocka_unit_test(test_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
