/* The small collective calls, on as many ranks as the program is started with. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "all_ranks.h"
#include "base/timer.h"
#include "comm/ranks.h"

static void test_ranks_know_themselves(void **state) {
    (void)state;
    int64_t ranks = 1, sum = wt_comm_rank(comm), size = wt_comm_size(comm);
    wt_comm_sum_int64(comm, &ranks, 1);
    wt_comm_sum_int64(comm, &sum, 1);
    assert_all(ranks == size);
    assert_all(sum == size * (size - 1) / 2);
    assert_all(wt_comm_node_size(comm) == size); /* the tests run on one node */
}

static void test_sum_and_maximum(void **state) {
    (void)state;
    int64_t size = wt_comm_size(comm), rank = wt_comm_rank(comm);
    int64_t values[3] = {rank, -rank, INT64_C(1) << 40}, largest[2] = {rank, -rank - 5};
    wt_comm_sum_int64(comm, values, 3);
    wt_comm_max_int64(comm, largest, 2);
    assert_all(values[0] == size * (size - 1) / 2 && values[1] == -values[0]);
    assert_all(values[2] == size << 40);
    assert_all(largest[0] == size - 1 && largest[1] == -5);
}

static void test_agreement_on_success(void **state) {
    (void)state;
    wt_error(WT_FAILED, "an old message");
    assert_all(wt_comm_agree(comm, WT_OK) == WT_OK);
}

/* Ranks first, first + 1 … fail, each with words of its own. */
static void assert_agreed(int first) {
    int rank = wt_comm_rank(comm);
    char expected[64];
    wt_status mine = WT_OK;
    if (rank >= first) mine = wt_error(rank % 2 ? WT_USAGE : WT_FAILED, "file %d: broken", rank);
    wt_status agreed = wt_comm_agree(comm, mine);
    snprintf(expected, sizeof expected, "file %d: broken", first);
    assert_all(agreed == (first % 2 ? WT_USAGE : WT_FAILED));
    assert_all(strcmp(wt_error_message(), expected) == 0);
}

static void test_agreement_on_the_lowest_failure(void **state) {
    (void)state;
    for (int first = 0; first < wt_comm_size(comm); first++) assert_agreed(first);
}

static void test_agreement_carries_a_long_message(void **state) {
    (void)state;
    char text[1024];
    memset(text, 'm', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    bool last = wt_comm_rank(comm) == wt_comm_size(comm) - 1;
    wt_status agreed = wt_comm_agree(comm, last ? wt_error(WT_CONTINUE, "%s", text) : WT_OK);
    assert_all(agreed == WT_CONTINUE);
    assert_all(strcmp(wt_error_message(), text) == 0);
}

static void test_broadcast(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 13, 100000};
    for (size_t i = 0; i < 4; i++) {
        static char data[100000];
        memset(data, wt_comm_rank(comm) == 0 ? 'r' : '.', sizeof data);
        wt_comm_broadcast(comm, data, sizes[i]);
        size_t right = 0;
        while (right < sizes[i] && data[right] == 'r') right++;
        assert_all(right == sizes[i]);
        bool more = wt_comm_rank(comm) != 0 && sizes[i] < sizeof data && data[sizes[i]] != '.';
        assert_all(!more);
    }
}

/* Ranks give 5, 0, 1005, 1505 … bytes. */
static size_t gathered_bytes(int rank) {
    return rank == 1 ? 0 : 5 + 500 * (size_t)rank;
}

static void test_gather_of_uneven_sizes(void **state) {
    (void)state;
    static char mine[2048], all[8192];
    int rank = wt_comm_rank(comm), size = wt_comm_size(comm);
    memset(mine, 'a' + rank, sizeof mine);
    memset(all, '.', sizeof all);
    wt_comm_gather(comm, mine, gathered_bytes(rank), rank == 0 ? all : NULL);
    bool right = true;
    const char *at = all;
    for (int from = 0; rank == 0 && from < size; from++) {
        for (size_t i = 0; i < gathered_bytes(from); i++) right = right && *at++ == 'a' + from;
    }
    assert_all(right && *at == '.');
}

static void test_hosts(void **state) {
    (void)state;
    char *text, ending[32];
    int size = wt_comm_size(comm);
    assert_all(wt_comm_hosts(comm, &text) == WT_OK);
    snprintf(ending, sizeof ending, " ×%d", size);
    size_t length = strlen(text), tail = strlen(ending);
    if (size == 1) {
        assert_all(length > 0 && strstr(text, "×") == NULL);
    } else {
        assert_all(length > tail && strcmp(text + length - tail, ending) == 0 && strchr(text, ',') == NULL);
    }
    wt_free(text);
}

static void test_first_ranks_are_a_communicator(void **state) {
    (void)state;
    for (int ranks = 1; ranks <= wt_comm_size(comm); ranks++) {
        wt_comm *part;
        assert_all(wt_comm_first_ranks(&part, comm, ranks) == WT_OK);
        assert_all((part != NULL) == (wt_comm_rank(comm) < ranks));
        int64_t sum = 1;
        if (part) wt_comm_sum_int64(part, &sum, 1);
        assert_all(!part || (sum == ranks && wt_comm_size(part) == ranks && wt_comm_nodes(part) == 1 &&
                             wt_comm_node_size(part) == ranks && wt_comm_rank(part) == wt_comm_rank(comm)));
        wt_comm_end_part(part);
        wt_comm_meet(comm);
    }
}

/* Others wait for rank 0 without taking its core. */
static void test_ranks_that_meet_sleep(void **state) {
    (void)state;
    wt_comm_barrier(comm);
    const clock_t before = clock();
    const double began = wt_time_now();
    if (wt_comm_rank(comm) == 0) usleep(300000);
    wt_comm_meet(comm);
    assert_all(wt_time_now() - began > 0.29);
    assert_all((double)(clock() - before) / CLOCKS_PER_SEC < 0.15);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks_know_themselves),
        cmocka_unit_test(test_sum_and_maximum),
        cmocka_unit_test(test_agreement_on_success),
        cmocka_unit_test(test_agreement_on_the_lowest_failure),
        cmocka_unit_test(test_agreement_carries_a_long_message),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_gather_of_uneven_sizes),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_first_ranks_are_a_communicator),
        cmocka_unit_test(test_ranks_that_meet_sleep),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
