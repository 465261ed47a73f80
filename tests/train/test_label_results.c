/* Accuracy and macro-F1 against cases made by hand; classes that are nowhere, or only predicted, or rare. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "train/evaluation.h"
#include "train_internal.h"
#include "wavetrain/comm.h"
#include "wavetrain/train.h"

static void assert_score_near(double got, double expected) {
    if (!(fabs(got - expected) < 1e-12)) fail_msg("got %.15g, expected %.15g", got, expected);
}

/* Truth 0: 8 of 10 right; truth 1: 3 of 5; truth 2: 1 of 1. */
static const int64_t three[] = {8, 2, 0, /**/ 1, 3, 1, /**/ 0, 0, 1};

static void test_plain(void **state) {
    (void)state;
    assert_score_near(wt_label_table_accuracy(three, 3), 12.0 / 16);
    assert_score_near(wt_label_table_macro_f1(three, 3, 0),
                      (2.0 * 8 / (10 + 9) + 2.0 * 3 / (5 + 5) + 2.0 * 1 / (1 + 2)) / 3);
}

/* Class 2 is in no truth but was predicted: F1 0, and it counts. Class 3 is nowhere: it does not. */
static void test_absent(void **state) {
    (void)state;
    const int64_t table[] = {4, 0, 1, 0, /**/ 0, 5, 0, 0, /**/ 0, 0, 0, 0, /**/ 0, 0, 0, 0};
    assert_score_near(wt_label_table_macro_f1(table, 4, 0), (2.0 * 4 / (5 + 4) + 1.0 + 0.0) / 3);
    assert_score_near(wt_label_table_macro_f1(table, 4, 1), (2.0 * 4 / (5 + 4) + 1.0) / 2);
}

static void test_least(void **state) {
    (void)state;
    assert_score_near(wt_label_table_macro_f1(three, 3, 5), (2.0 * 8 / (10 + 9) + 2.0 * 3 / (5 + 5)) / 2);
    assert_score_near(wt_label_table_macro_f1(three, 3, 10), 2.0 * 8 / (10 + 9));
    assert_score_near(wt_label_table_macro_f1(three, 3, 11), 0);
}

static void test_nothing(void **state) {
    (void)state;
    const int64_t table[4] = {0};
    assert_score_near(wt_label_table_accuracy(table, 2), 0);
    assert_score_near(wt_label_table_macro_f1(table, 2, 0), 0);
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

/* --- more rows than 32 bits count --- */

enum { RANKS = 3, OWN = 1 };
static int64_t own_first, gathered; /* rows */
static const wt_prediction *own_rows;
static wt_prediction *all_rows;

int __wrap_wt_comm_size(const wt_comm *comm);
int __wrap_wt_comm_rank(const wt_comm *comm);
void __wrap_wt_comm_gather(wt_comm *comm, const void *mine, size_t bytes, void *all);

int __wrap_wt_comm_size(const wt_comm *comm) {
    (void)comm;
    return RANKS;
}

int __wrap_wt_comm_rank(const wt_comm *comm) {
    (void)comm;
    return OWN;
}

/* In place of messages: what would be sent, and where it would go. */
void __wrap_wt_comm_gather(wt_comm *comm, const void *mine, size_t bytes, void *all) {
    (void)comm;
    static const int64_t each = 16384;
    assert_true(bytes <= INT32_MAX && bytes % sizeof(wt_prediction) == 0);
    assert_true((mine == NULL) == (bytes == 0));
    assert_ptr_equal(all, all_rows + gathered);
    if (mine) {
        assert_ptr_equal(mine, own_rows + own_first);
        own_first += (int64_t)(bytes / sizeof(wt_prediction));
    }
    gathered += each;
}

/* Five times 2^30 rows of a rank, 160 GiB of them, of which no byte is touched: addresses are enough. */
static void test_many_rows(void **state) {
    (void)state;
    const int64_t rows = INT64_C(5) << 30, counts[RANKS] = {16384, rows, rows};
    const size_t bytes = (size_t)rows * sizeof(wt_prediction);
    void *own = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *all = mmap(NULL, 3 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(own != MAP_FAILED && all != MAP_FAILED);
    own_rows = own;
    all_rows = all;
    const wt_label_results results = {.rows = own, .count = rows, .room = rows, .keep = true};
    wt_label_results_gather_pieces(NULL, &results, counts, all);
    assert_int_equal(own_first, rows);
    assert_int_equal(gathered, 16384 + 2 * rows);
    munmap(own, bytes);
    munmap(all, 3 * bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain),  cmocka_unit_test(test_absent),
                                       cmocka_unit_test(test_least),  cmocka_unit_test(test_nothing),
                                       cmocka_unit_test(test_noting), cmocka_unit_test(test_many_rows)};
    return cmocka_run_group_tests_name("label results", tests, NULL, NULL);
}
