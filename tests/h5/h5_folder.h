/* A folder of its own for a test program: made by the group's setup, removed by its teardown. */
#ifndef WAVETRAIN_TESTS_H5_FOLDER_H
#define WAVETRAIN_TESTS_H5_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support.h"
#include "wavetrain/base.h"

static char test_folder[256];

/* "FOLDER/name", valid until the fourth call after. */
static inline const char *in_folder(const char *name) {
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline int make_test_folder(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(test_folder, sizeof test_folder, "%s/wavetrain-test-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(test_folder) != NULL ? 0 : -1;
}

static inline int remove_test_folder(void **state) {
    (void)state;
    return test_end_group(wt_folder_remove(test_folder) == WT_OK);
}

#define assert_ok(expression)                                          \
    do {                                                               \
        if ((expression) != WT_OK) fail_msg("%s", wt_error_message()); \
    } while (0)

/* Fails unless the call fails with a single line that holds `part`. */
#define assert_error(expression, part)                                                            \
    do {                                                                                          \
        if ((expression) == WT_OK) fail_msg("succeeded, expected \"%s\"", part);                  \
        if (strstr(wt_error_message(), part) == NULL || strchr(wt_error_message(), '\n') != NULL) \
            fail_msg("got \"%s\", expected \"%s\"", wt_error_message(), part);                    \
    } while (0)

#endif
