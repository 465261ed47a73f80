/*
 * The tree over microbatches: whatever ranks there are, the nodes that they make and the additions that
 * complete them give the expression that a recursion from the root gives. Expressions are compared as text,
 * so that not only the groups count but also which operand stands left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "comm/exchange.h"
#include "microbatch_tree_internal.h"

enum { MICROBATCHES = 40, TEXT = 256 };

typedef char expression[TEXT];

static void join_texts(char *left, const char *right) {
    expression both;
    assert_true(snprintf(both, TEXT, "(%s+%s)", left, right) < TEXT);
    memcpy(left, both, TEXT);
}

/* The definition: a range splits at the largest power of two below its length. */
static void direct(expression out, int first, int end) {
    if (end - first == 1) {
        snprintf(out, TEXT, "%d", first);
        return;
    }
    int power = 1;
    while (power * 2 < end - first) power *= 2;
    expression right;
    direct(out, first, first + power);
    direct(right, first + power, end);
    join_texts(out, right);
}

static void join_on_stack(void *context, int into, int from) {
    expression *texts = context;
    assert_int_equal(from, into + 1);
    join_texts(texts[into], texts[from]);
}

/* A rank's nodes as expressions and ranges; returns how many. */
static int rank_nodes(int microbatches, int rank, int ranks, expression *texts, wt_microbatch_range *nodes) {
    int first, end, height = 0;
    wt_comm_microbatches(rank, ranks, microbatches, &first, &end);
    assert_true(end > first);
    for (int microbatch = first; microbatch < end; microbatch++) {
        snprintf(texts[height], TEXT, "%d", microbatch);
        height = wt_microbatch_tree_push(microbatches, nodes, height, microbatch, join_on_stack, texts);
    }
    assert_int_equal(nodes[0].first, first);
    assert_int_equal(nodes[height - 1].end, end);
    for (int i = 0; i < height; i++) assert_true(wt_microbatch_tree_is_node(microbatches, nodes[i]));
    return height;
}

static void assert_same_tree(int microbatches, int ranks) {
    static expression texts[MICROBATCHES + 1], expected;
    wt_microbatch_range nodes[MICROBATCHES + 1] = {{0, 0}};
    int pairs[MICROBATCHES][2], count = 0;
    for (int rank = 0; rank < ranks; rank++) {
        count += rank_nodes(microbatches, rank, ranks, texts + count, nodes + count);
    }
    wt_microbatch_tree_complete(microbatches, nodes, count, pairs);
    for (int i = 0; i + 1 < count; i++) join_texts(texts[pairs[i][0]], texts[pairs[i][1]]);
    direct(expected, 0, microbatches);
    assert_string_equal(texts[0], expected);
}

static void test_every_number_of_ranks(void **state) {
    (void)state;
    for (int microbatches = 1; microbatches <= MICROBATCHES; microbatches++) {
        for (int ranks = 1; ranks <= microbatches; ranks++) assert_same_tree(microbatches, ranks);
    }
}

/* What the definition means, by hand. */
static void test_small_trees(void **state) {
    (void)state;
    static const char *const trees[] = {"0",
                                        "(0+1)",
                                        "((0+1)+2)",
                                        "((0+1)+(2+3))",
                                        "(((0+1)+(2+3))+4)",
                                        "(((0+1)+(2+3))+(4+5))",
                                        "(((0+1)+(2+3))+((4+5)+6))"};
    static expression texts[MICROBATCHES + 1];
    wt_microbatch_range nodes[MICROBATCHES + 1] = {{0, 0}};
    for (int microbatches = 1; microbatches <= 7; microbatches++) {
        assert_int_equal(rank_nodes(microbatches, 0, 1, texts, nodes), 1);
        assert_string_equal(texts[0], trees[microbatches - 1]);
    }
}

static void test_powers_of_two_leave_one_node(void **state) {
    (void)state;
    static expression texts[MICROBATCHES + 1];
    wt_microbatch_range nodes[MICROBATCHES + 1] = {{0, 0}};
    for (int microbatches = 1; microbatches <= 32; microbatches *= 2) {
        for (int ranks = 1; ranks <= microbatches; ranks *= 2) {
            for (int rank = 0; rank < ranks; rank++) {
                assert_int_equal(rank_nodes(microbatches, rank, ranks, texts, nodes), 1);
            }
        }
    }
}

static void test_what_is_a_node(void **state) {
    (void)state;
    assert_true(wt_microbatch_tree_is_node(5, (wt_microbatch_range){0, 5}));
    assert_true(wt_microbatch_tree_is_node(5, (wt_microbatch_range){0, 4}));
    assert_true(wt_microbatch_tree_is_node(5, (wt_microbatch_range){2, 4}));
    assert_true(wt_microbatch_tree_is_node(5, (wt_microbatch_range){4, 5}));
    assert_false(wt_microbatch_tree_is_node(5, (wt_microbatch_range){1, 3}));
    assert_false(wt_microbatch_tree_is_node(5, (wt_microbatch_range){3, 5}));
    assert_false(wt_microbatch_tree_is_node(5, (wt_microbatch_range){0, 3}));
}

static void test_microbatches_of_ranks(void **state) {
    (void)state;
    for (int microbatches = 1; microbatches <= MICROBATCHES; microbatches++) {
        for (int ranks = 1; ranks <= microbatches; ranks++) {
            for (int rank = 0, next = 0; rank < ranks; rank++) {
                int first, end;
                wt_comm_microbatches(rank, ranks, microbatches, &first, &end);
                assert_int_equal(first, next);
                assert_in_range(end - first, microbatches / ranks, (microbatches + ranks - 1) / ranks);
                next = end;
                if (rank == ranks - 1) assert_int_equal(end, microbatches);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_trees),
        cmocka_unit_test(test_every_number_of_ranks),
        cmocka_unit_test(test_powers_of_two_leave_one_node),
        cmocka_unit_test(test_what_is_a_node),
        cmocka_unit_test(test_microbatches_of_ranks),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || wt_memory_blocks() != 0;
}
