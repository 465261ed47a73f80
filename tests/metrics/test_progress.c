/* Progress lines, on a pseudo-terminal of a known width and in a file. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "metrics/metrics.h"

static int kept_stderr;

static void begin_capture(int handle) {
    fflush(stderr);
    kept_stderr = dup(STDERR_FILENO);
    assert_true(dup2(handle, STDERR_FILENO) >= 0);
}

static void end_capture(void) {
    fflush(stderr);
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
}

static void drive(double seconds, int updates) {
    wt_progress *progress;
    assert_int_equal(wt_progress_create(&progress, "training", "samples", 100, 200, seconds), WT_OK);
    for (int i = 0; i < updates; i++) {
        wt_progress_update(progress, 100 + 100 * (i + 1) / updates, 46123, 3.214);
        if (i == updates / 2) wt_progress_print(progress, "half of %d", updates);
    }
    wt_progress_destroy(progress);
}

/* What the terminal got, with '\r' and newlines as they came. */
static void on_a_terminal(unsigned short columns, char *out, size_t bytes) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    struct winsize size = {.ws_col = columns, .ws_row = 24};
    assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
    setenv("TERM", "xterm", 1);
    begin_capture(terminal);
    drive(1000, 1000);
    end_capture();
    close(terminal);
    size_t used = 0; /* it comes in pieces, and ends with EIO once nobody has the terminal open */
    for (ssize_t got; used + 1 < bytes && (got = read(master, out + used, bytes - 1 - used)) > 0;)
        used += (size_t)got;
    assert_true(used > 0);
    out[used] = '\0';
    close(master);
}

static void in_a_file(double seconds, int updates, char *out, size_t bytes) {
    FILE *file = tmpfile();
    assert_non_null(file);
    begin_capture(fileno(file));
    drive(seconds, updates);
    end_capture();
    rewind(file);
    size_t got = fread(out, 1, bytes - 1, file);
    out[got] = '\0';
    fclose(file);
}

static int count_of(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text++) count++;
    return count;
}

static size_t longest_line(const char *text) {
    size_t longest = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, "\r\n");
        if (length > longest) longest = length;
        text += length + strspn(text + length, "\r\n");
        if (strncmp(text, "\033[K", 3) == 0) text += 3;
    }
    return longest;
}

static void the_bar_is_redrawn_in_place(void **state) {
    (void)state;
    char text[16384];
    on_a_terminal(100, text, sizeof text);
    assert_non_null(strstr(text, "\rtraining ["));
    assert_non_null(strstr(text, "##] 100 %  loss 3.2140  46.1 k samples/s  0:00"));
    assert_non_null(strstr(text, "half of 1000"));
    assert_int_equal(count_of(text, "\n"), 2); /* the line that was said, and the bar's end */
    assert_true(count_of(text, "\r") <= 10);   /* 1,000 updates within a moment */
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (const char *at = text; *at != '\0'; at++) assert_true((unsigned char)*at < 0x80);
}

static void the_bar_is_cut_to_the_terminal(void **state) {
    (void)state;
    char text[16384];
    static const unsigned short widths[] = {13, 40, 60, 72, 250};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        on_a_terminal(widths[i], text, sizeof text);
        assert_true(longest_line(text) <= (size_t)widths[i] - 1 + strlen("\033[K"));
        assert_non_null(strstr(text, "\rtraining"));
    }
}

static void a_file_gets_a_line_at_times_and_at_the_end(void **state) {
    (void)state;
    char text[65536];
    in_a_file(1000, 50, text, sizeof text);
    assert_string_equal(text, "half of 50\ntraining 200/200 (100 %), loss 3.2140, 46.1 k samples/s, 0:00\n");
    in_a_file(0, 50, text, sizeof text);
    assert_int_equal(count_of(text, "\n"), 51);
    assert_int_equal(count_of(text, "training 150/200 (75 %), loss 3.2140, 46.1 k samples/s, 0:00 left\n"),
                     1);
    assert_int_equal(count_of(text, "\r"), 0);
}

static void other_ranks_are_silent(void **state) {
    (void)state;
    char text[1024];
    wt_log_setup(WT_LOG_NORMAL, false);
    in_a_file(0, 10, text, sizeof text);
    wt_log_setup(WT_LOG_NORMAL, true);
    assert_string_equal(text, "");
}

static void progress_holds_nothing(void **state) {
    (void)state;
    wt_progress_destroy(NULL);
    assert_int_equal(wt_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bar_is_redrawn_in_place),
        cmocka_unit_test(the_bar_is_cut_to_the_terminal),
        cmocka_unit_test(a_file_gets_a_line_at_times_and_at_the_end),
        cmocka_unit_test(other_ranks_are_silent),
        cmocka_unit_test(progress_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
