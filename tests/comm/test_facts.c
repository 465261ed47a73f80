/* Facts that ranks agree on, failures of some of them, decisions. */
#include <string.h>

#include "all_ranks.h"
#include "comm/facts.h"

/* The ranks from `odd` on have another value of the second fact, or, where it is NULL, none. */
static wt_status agree(int odd, const char *value) {
    wt_facts facts;
    const bool differs = wt_comm_rank(comm) >= odd;
    wt_facts_init(&facts);
    wt_facts_add(&facts, "the weather", "%s", "fine");
    wt_facts_add(&facts, "the number", "%s", !differs ? "12" : value ? value : "");
    wt_facts_add(&facts, "the rank", "%s",
                 wt_comm_rank(comm) >= odd ? "odd" : "even"); /* not the first difference */
    return wt_comm_agree_on(comm, &facts);
}

static void test_equal_facts(void **state) {
    (void)state;
    assert_all(agree(wt_comm_size(comm), "13") == WT_OK);
}

static void test_the_first_that_differs_is_named(void **state) {
    (void)state;
    char expected[64];
    const int size = wt_comm_size(comm);
    for (int odd = 1; odd < size; odd++) {
        assert_all(agree(odd, "13") == WT_USAGE);
        const char *message = wt_error_message();
        snprintf(expected, sizeof expected, "rank %d on ", odd);
        assert_all(strncmp(message, expected, strlen(expected)) == 0);
        assert_all(strstr(message, " differs from rank 0 on "));
        assert_all(strstr(message, " in the number (got 13, expected 12)"));
        const int others = size - odd - 1;
        snprintf(expected, sizeof expected, ", as do%s %d other rank%s", others == 1 ? "es" : "", others,
                 others == 1 ? "" : "s");
        assert_all(odd == 1 || !strstr(message, "all other"));
        assert_all(odd > 1 || others == 0 || strstr(message, ", as do all other ranks"));
        assert_all(odd == 1 || others == 0 || strstr(message, expected));
    }
}

static void test_no_fact_differs_from_none(void **state) {
    (void)state;
    wt_facts facts;
    wt_facts_init(&facts);
    wt_facts_add(&facts, "the number", "%s", wt_comm_rank(comm) % 2 ? "" : "12");
    assert_all(wt_comm_agree_on(comm, &facts) == WT_OK);
    wt_facts_init(&facts);
    assert_all(wt_comm_agree_on(comm, &facts) == WT_OK);
}

static void test_one_fact_more(void **state) {
    (void)state;
    wt_facts facts;
    if (wt_comm_size(comm) == 1) return;
    wt_facts_init(&facts);
    wt_facts_add(&facts, "the number", "12");
    if (wt_comm_rank(comm) == 1) wt_facts_add(&facts, "another", "1");
    assert_all(wt_comm_agree_on(comm, &facts) == WT_USAGE);
    assert_all(strstr(wt_error_message(), "(got another, expected )"));
}

/* Of a long value the part that differs is shown. */
static void test_long_values(void **state) {
    (void)state;
    static char value[5000];
    wt_facts facts;
    memset(value, 'a', sizeof value - 1);
    if (wt_comm_rank(comm) == 1) memcpy(value + 4900, "odd", 3);
    wt_facts_init(&facts);
    wt_facts_add(&facts, "the text", "%s", value);
    const wt_status status = wt_comm_agree_on(comm, &facts);
    assert_all((status == WT_OK) == (wt_comm_size(comm) == 1));
    assert_all(status == WT_OK || strstr(wt_error_message(), "aodda"));
    assert_all(status == WT_OK || strlen(wt_error_message()) < 800);
}

static void test_failures_of_some(void **state) {
    (void)state;
    const int size = wt_comm_size(comm);
    assert_all(wt_comm_agree_alike(comm, WT_OK) == WT_OK);
    assert_all(wt_comm_agree_alike(comm, wt_error(WT_FAILED, "x: broken")) == WT_FAILED);
    assert_all(strcmp(wt_error_message(), "x: broken") == 0);
    if (size == 1) return;
    const bool fails = wt_comm_rank(comm) == size - 1;
    const wt_status agreed = wt_comm_agree_alike(comm, fails ? wt_error(WT_FAILED, "x: broken") : WT_OK);
    char begin[32], end[64];
    snprintf(begin, sizeof begin, "rank %d on ", size - 1);
    snprintf(end, sizeof end, ", unlike %d other rank%s: x: broken", size - 1, size == 2 ? "" : "s");
    const char *message = wt_error_message();
    assert_all(agreed == WT_FAILED);
    assert_all(strncmp(message, begin, strlen(begin)) == 0 && strstr(message, end));
}

static void test_decision(void **state) {
    (void)state;
    const bool first = wt_comm_rank(comm) == 0;
    assert_all(wt_comm_decide(comm, first));
    assert_all(!wt_comm_decide(comm, !first));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_facts),
        cmocka_unit_test(test_the_first_that_differs_is_named),
        cmocka_unit_test(test_no_fact_differs_from_none),
        cmocka_unit_test(test_one_fact_more),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_failures_of_some),
        cmocka_unit_test(test_decision),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
