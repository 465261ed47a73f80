/* The one message: a single line, cut at its limit, a thread's own; and the macros that pass a status up. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "wavetrain/base.h"

static void test_formats_a_message(void **state) {
    (void)state;
    assert_int_equal(wt_error(WT_USAGE, "%s: wrong (got %d, expected %d)", "a.yaml", 3, 4), WT_USAGE);
    assert_string_equal(wt_error_message(), "a.yaml: wrong (got 3, expected 4)");
}

static void test_message_is_one_line(void **state) {
    (void)state;
    wt_error(WT_FAILED, "%s", "a name\nwith\r\nbreaks");
    assert_string_equal(wt_error_message(), "a name with  breaks");
}

/* What a file holds does not steer the terminal. */
static void test_message_is_plain_text(void **state) {
    (void)state;
    wt_error(WT_FAILED, "%s",
             "\x1B[31m\a\xFF|\xC2\x9B"
             "2J|\xE2\x80\xAE|\xC3\xA9|\xE2\x82");
    assert_string_equal(wt_error_message(), "?[31m??|?2J|?|\xC3\xA9|??");
}

static void test_message_may_hold_the_last_one(void **state) {
    (void)state;
    wt_error(WT_FAILED, "disk full");
    wt_error(WT_FAILED, "step 4: %s", wt_error_message());
    assert_string_equal(wt_error_message(), "step 4: disk full");
}

static void test_long_message_is_cut(void **state) {
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    wt_error(WT_FAILED, "%s", text);
    assert_int_equal(strlen(wt_error_message()), 1023);
}

static void *fail_elsewhere(void *message) {
    bool empty = wt_error_message()[0] == '\0';
    wt_error(WT_FAILED, "of another thread");
    strcpy(message, wt_error_message());
    return empty ? message : NULL;
}

static void test_message_belongs_to_the_thread(void **state) {
    (void)state;
    pthread_t thread;
    char theirs[64] = "";
    void *was_empty;
    wt_error(WT_FAILED, "of this thread");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, theirs), 0);
    assert_int_equal(pthread_join(thread, &was_empty), 0);
    assert_non_null(was_empty);
    assert_string_equal(theirs, "of another thread");
    assert_string_equal(wt_error_message(), "of this thread");
}

static wt_status try_twice(wt_status first, wt_status second, int *reached) {
    WT_TRY(first);
    *reached = 1;
    WT_TRY(second);
    *reached = 2;
    return WT_OK;
}

static void test_try_passes_a_failure_up(void **state) {
    (void)state;
    int reached = 0;
    assert_int_equal(try_twice(WT_CONTINUE, WT_OK, &reached), WT_CONTINUE);
    assert_int_equal(reached, 0);
    assert_int_equal(try_twice(WT_OK, WT_USAGE, &reached), WT_USAGE);
    assert_int_equal(reached, 1);
    assert_int_equal(try_twice(WT_OK, WT_OK, &reached), WT_OK);
    assert_int_equal(reached, 2);
}

static wt_status guard(wt_status given, int number, int *cleaned) {
    wt_status status = WT_OK;
    WT_CHECK(number != 0, WT_USAGE, "no number");
    WT_GUARD(given);
    WT_GUARD_CHECK(number < 9, WT_FAILED, "number (got %d, expected under 9)", number);
cleanup:
    ++*cleaned;
    return status;
}

static void test_guard_goes_by_way_of_cleanup(void **state) {
    (void)state;
    int cleaned = 0;
    assert_int_equal(guard(WT_OK, 0, &cleaned), WT_USAGE); /* a check returns at once */
    assert_int_equal(cleaned, 0);
    assert_int_equal(guard(WT_CONTINUE, 1, &cleaned), WT_CONTINUE);
    assert_int_equal(guard(WT_OK, 12, &cleaned), WT_FAILED);
    assert_string_equal(wt_error_message(), "number (got 12, expected under 9)");
    assert_int_equal(guard(WT_OK, 1, &cleaned), WT_OK);
    assert_int_equal(cleaned, 3);
}

/* --- what is tried again --- */

typedef struct {
    int calls, transient, last; /* so many transient failures, then this status */
} attempts;

static wt_status attempt(void *context) {
    attempts *work = context;
    if (work->calls++ < work->transient) return wt_error_transient(WT_USAGE, "try %d: not now", work->calls);
    return work->last == WT_OK ? WT_OK : wt_error((wt_status)work->last, "it is wrong");
}

static void test_transient_is_the_last_failure(void **state) {
    (void)state;
    wt_error_transient(WT_FAILED, "%s", "no\nmemory");
    assert_true(wt_error_is_transient());
    assert_string_equal(wt_error_message(), "no memory");
    wt_error(WT_FAILED, "%s: damaged", "a.h5");
    assert_false(wt_error_is_transient());
}

static void test_only_transient_failures_are_tried_again(void **state) {
    (void)state;
    attempts good = {.last = WT_OK}, wrong = {.last = WT_USAGE}, late = {.transient = 1, .last = WT_OK},
             worse = {.transient = 1, .last = WT_FAILED};
    assert_int_equal(wt_error_try_again(attempt, &good), WT_OK);
    assert_int_equal(good.calls, 1);
    assert_int_equal(wt_error_try_again(attempt, &wrong), WT_USAGE);
    assert_int_equal(wrong.calls, 1);
    assert_int_equal(wt_error_try_again(attempt, &late), WT_OK);
    assert_int_equal(late.calls, 2);
    assert_int_equal(wt_error_try_again(attempt, &worse), WT_FAILED);
    assert_int_equal(worse.calls, 2);
    assert_string_equal(wt_error_message(), "it is wrong");
}

static void test_three_times_within_eight_seconds(void **state) {
    (void)state;
    attempts never = {.transient = 99};
    const time_t began = time(NULL);
    assert_int_equal(wt_error_try_again(attempt, &never), WT_FAILED);
    assert_true(difftime(time(NULL), began) <= 8);
    assert_int_equal(never.calls, 3);
    assert_string_equal(wt_error_message(), "try 3: not now, tried 3 times");
    assert_true(wt_error_is_transient());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_a_message),
        cmocka_unit_test(test_message_is_one_line),
        cmocka_unit_test(test_message_is_plain_text),
        cmocka_unit_test(test_message_may_hold_the_last_one),
        cmocka_unit_test(test_long_message_is_cut),
        cmocka_unit_test(test_message_belongs_to_the_thread),
        cmocka_unit_test(test_try_passes_a_failure_up),
        cmocka_unit_test(test_guard_goes_by_way_of_cleanup),
        cmocka_unit_test(test_transient_is_the_last_failure),
        cmocka_unit_test(test_only_transient_failures_are_tried_again),
        cmocka_unit_test(test_three_times_within_eight_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
