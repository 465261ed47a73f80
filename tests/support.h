/*
 * What test programs with cmocka share.
 */
#ifndef WAVETRAIN_TESTS_SUPPORT_H
#define WAVETRAIN_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wavetrain/base.h"

/* Fails the test with the message of the error, unless the call has succeeded. */
static inline void must(wt_status status) {
    if (status != WT_OK) fail_msg("%s", wt_error_message());
}

/* A block of zeros (wt_free), of `count` elements of `bytes` bytes. */
static inline void *take(size_t count, size_t bytes) {
    void *block;
    must(wt_alloc(&block, count, bytes, "a test"));
    return block;
}

/* The end of a group's teardown. cmocka reports a teardown that fails, but the program's exit code does not,
 * so the program ends here. */
static inline int test_end_group(bool whole) {
    if (whole && wt_memory_blocks() == 0) return 0;
    fprintf(stderr, "teardown: %s, %lld blocks of memory are held\n", whole ? "done" : "failed",
            (long long)wt_memory_blocks());
    exit(1);
}

/* The last test of a program: the others have freed what they allocated. */
static inline void test_memory_is_given_back(void **state) {
    (void)state;
    assert_int_equal(wt_memory_blocks(), 0);
}

#endif
