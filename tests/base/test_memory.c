/* Memory: aligned, zeroed also when reused, counted by any number of threads, refused when too much. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void test_aligned_and_zeroed(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 63, 64, 65, 4096, 100003, (2 << 20) - 64, 5000001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int again = 0; again < 3; again++) { /* a block that was used and freed must come back clean */
            unsigned char *block;
            assert_int_equal(wt_alloc(&block, sizes[i], 1, "a block"), WT_OK);
            assert_int_equal((uintptr_t)block % 64, 0);
            for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(block[j], 0);
            memset(block, 0xA5, sizes[i]);
            wt_free(block);
        }
    }
}

static void test_counts_bytes_and_blocks(void **state) {
    (void)state;
    double *numbers;
    char *text;
    int64_t bytes = wt_memory_bytes(), blocks = wt_memory_blocks();
    assert_int_equal(wt_alloc(&numbers, 100000, sizeof *numbers, "numbers"), WT_OK);
    assert_int_equal(wt_memory_bytes() - bytes, 800000);
    assert_int_equal(wt_memory_copy_string(&text, "abc"), WT_OK);
    assert_string_equal(text, "abc");
    assert_int_equal(wt_memory_bytes() - bytes, 800004);
    assert_int_equal(wt_memory_blocks() - blocks, 2);
    wt_free(numbers);
    assert_int_equal(wt_memory_bytes() - bytes, 4);
    assert_true(wt_memory_peak_bytes() >= bytes + 800004);
    wt_free(text);
    wt_free(NULL);
    assert_int_equal(wt_memory_bytes(), bytes);
    assert_int_equal(wt_memory_blocks(), blocks);
}

/* From 64 KiB on huge pages are full: nothing else stands on them. */
static void test_huge_pages(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 65535, 65536, (2 << 20) - 64, (2 << 20) - 63, 3 << 20};
    static const int64_t held[] = {1, 65535, (2 << 20) - 64, (2 << 20) - 64, (4 << 20) - 64, (4 << 20) - 64};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *block;
        assert_int_equal(wt_alloc_huge(&block, sizes[i], 1, "a block"), WT_OK);
        assert_int_equal(wt_memory_bytes(), held[i]);
        assert_int_equal(block[0] | block[held[i] - 1], 0);
        wt_free(block);
    }
    void *none;
    assert_int_equal(wt_alloc_huge(&none, 0, 4, "nothing"), WT_OK);
    assert_null(none);
    assert_int_equal(wt_alloc_huge(&none, SIZE_MAX / 2, 4, "the moon"), WT_FAILED);
    assert_int_equal(wt_memory_blocks(), 0);
}

static void test_nothing_asked_for(void **state) {
    (void)state;
    int mark;
    void *block = &mark;
    assert_int_equal(wt_alloc(&block, 0, 8, "nothing"), WT_OK);
    assert_null(block);
    block = &mark;
    assert_int_equal(wt_alloc(&block, 8, 0, "nothing"), WT_OK);
    assert_null(block);
    assert_int_equal(wt_memory_blocks(), 0);
}

static void assert_allocation_refused(size_t count, size_t element_bytes) {
    int mark;
    void *block = &mark;
    assert_int_equal(wt_alloc(&block, count, element_bytes, "the moon"), WT_FAILED);
    assert_null(block);
    assert_non_null(strstr(wt_error_message(), "out of memory for the moon"));
    assert_int_equal(wt_memory_blocks(), 0);
    assert_int_equal(wt_memory_bytes(), 0);
}

static void test_too_much_is_refused(void **state) {
    (void)state;
    assert_allocation_refused(SIZE_MAX, 1);
    assert_allocation_refused(SIZE_MAX / 8 + 2, 8);              /* the product wraps around to 8 */
    assert_allocation_refused((size_t)1 << 32, (size_t)1 << 32); /* … and to 0 */
    assert_allocation_refused(SIZE_MAX / 2 + 1, 1);
#ifndef __SANITIZE_ADDRESS__ /* which ends the program instead */
    assert_allocation_refused((size_t)1 << 61, 1);
#endif
}

static void *take_and_free(void *unused) {
    (void)unused;
    for (size_t i = 1; i <= 2000; i++) {
        char *block;
        if (wt_alloc(&block, i, 1, "a block") != WT_OK) return "failed";
        wt_free(block);
    }
    return NULL;
}

static void test_threads_keep_the_count(void **state) {
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_and_free, NULL), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(wt_memory_blocks(), 0);
    assert_int_equal(wt_memory_bytes(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_and_zeroed),     cmocka_unit_test(test_counts_bytes_and_blocks),
        cmocka_unit_test(test_nothing_asked_for),      cmocka_unit_test(test_too_much_is_refused),
        cmocka_unit_test(test_threads_keep_the_count), cmocka_unit_test(test_huge_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
