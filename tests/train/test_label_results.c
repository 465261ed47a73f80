/* Accuracy and macro-F1 against cases made by hand; classes that are nowhere, or only predicted, or rare. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wavetrain/memory.h"
#include "wavetrain/train.h"

static void assert_near(double got, double expected) {
    if (!(fabs(got - expected) < 1e-12)) fail_msg("got %.15g, expected %.15g", got, expected);
}

/* Truth 0: 8 of 10 right; truth 1: 3 of 5; truth 2: 1 of 1. */
static const int64_t three[] = {8, 2, 0, /**/ 1, 3, 1, /**/ 0, 0, 1};

static void test_plain(void **state) {
    (void)state;
    assert_near(wt_table_accuracy(three, 3), 12.0 / 16);
    assert_near(wt_table_macro_f1(three, 3, 0),
                (2.0 * 8 / (10 + 9) + 2.0 * 3 / (5 + 5) + 2.0 * 1 / (1 + 2)) / 3);
}

/* Class 2 is in no truth but was predicted: F1 0, and it counts. Class 3 is nowhere: it does not. */
static void test_absent(void **state) {
    (void)state;
    const int64_t table[] = {4, 0, 1, 0, /**/ 0, 5, 0, 0, /**/ 0, 0, 0, 0, /**/ 0, 0, 0, 0};
    assert_near(wt_table_macro_f1(table, 4, 0), (2.0 * 4 / (5 + 4) + 1.0 + 0.0) / 3);
    assert_near(wt_table_macro_f1(table, 4, 1), (2.0 * 4 / (5 + 4) + 1.0) / 2);
}

static void test_least(void **state) {
    (void)state;
    assert_near(wt_table_macro_f1(three, 3, 5), (2.0 * 8 / (10 + 9) + 2.0 * 3 / (5 + 5)) / 2);
    assert_near(wt_table_macro_f1(three, 3, 10), 2.0 * 8 / (10 + 9));
    assert_near(wt_table_macro_f1(three, 3, 11), 0);
}

static void test_nothing(void **state) {
    (void)state;
    const int64_t table[4] = {0};
    assert_near(wt_table_accuracy(table, 2), 0);
    assert_near(wt_table_macro_f1(table, 2, 0), 0);
}

/* Noting targets fills the table; predictions are kept in order, more than fit at first. */
static void test_noting(void **state) {
    (void)state;
    enum { COUNT = 10000 };
    wt_label_results results;
    assert_int_equal(wt_label_results_init(&results, 3, true), WT_OK);
    for (int i = 0; i < COUNT; i++) {
        const wt_prediction row = {i / 100, i % 100, i % 3, i % 2};
        assert_int_equal(wt_label_results_note(&results, &row), WT_OK);
    }
    assert_int_equal(results.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(results.rows[i].utterance, i / 100);
        assert_int_equal(results.rows[i].sample, i % 100);
    }
    int64_t sum = 0;
    for (int i = 0; i < 9; i++) sum += results.table[i];
    assert_int_equal(sum, COUNT);
    assert_int_equal(results.table[2], 0);    /* truth 0, never predicted 2 */
    assert_int_equal(results.table[4], 1667); /* i ≡ 1 mod 3 and odd: i ≡ 1 mod 6 */
    wt_label_results_dispose(&results);
    assert_int_equal(wt_label_results_init(&results, 100000, false), WT_USAGE);
    wt_label_results_dispose(&results);
    assert_int_equal(wt_memory_blocks(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_absent),
                                       cmocka_unit_test(test_least), cmocka_unit_test(test_nothing),
                                       cmocka_unit_test(test_noting)};
    return cmocka_run_group_tests_name("label results", tests, NULL, NULL);
}
