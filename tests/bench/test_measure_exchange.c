/* The exchange over sizes, on each number of ranks: one row per size, with what bounds it. */
#include "comm/all_ranks.h"

#include <string.h>

#include "bench/measure_exchange.h"

static wt_config config;

typedef struct {
    int count;
    wt_exchange_speed rows[8];
} collected_sizes;

static void collect_size(void *context, const wt_exchange_speed *speed) {
    collected_sizes *collected = context;
    if (collected->count < 8) collected->rows[collected->count] = *speed;
    collected->count++;
}

static wt_exchange_plan make_exchange_plan(void) {
    wt_exchange_plan plan = {.config = &config.exchange, .rounds = 3, .from = 2, .to = 9};
    assert_all(wt_config_load(&config, NULL, NULL, 0) == WT_OK);
    assert_all(wt_kernels_select(&plan.kernels, WT_BACKEND_AUTO, WT_PRECISION_FP32) == WT_OK);
    return plan;
}

static void test_a_row_for_each_size(void **state) {
    (void)state;
    collected_sizes collected = {0};
    const wt_exchange_plan plan = make_exchange_plan();
    const bool alone = wt_comm_size(comm) == 1;
    assert_all(wt_measure_exchange(comm, &plan, collect_size, &collected) == WT_OK);
    assert_all(collected.count == 3); /* 2, 4 and 8 KiB */
    for (int i = 0; i < 3; i++) {
        const wt_exchange_speed *row = &collected.rows[i];
        assert_all(row->bytes == (size_t)2048 << i);
        assert_all(row->tree.best <= row->tree.median && row->allreduce.best <= row->allreduce.median);
        assert_all(alone ? row->bound == 0 && row->bandwidth == 0 : row->bound > 0 && row->tree.best > 0);
    }
}

static void test_one_size(void **state) {
    (void)state;
    double seconds = -1;
    const wt_exchange_plan plan = make_exchange_plan();
    assert_all(wt_measure_exchange_size(&seconds, comm, &plan, 4096) == WT_OK);
    assert_all(seconds >= 0);
}

static void test_sizes_out_of_range(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        wt_exchange_plan plan = make_exchange_plan();
        if (i == 0) plan.rounds = 0;
        if (i == 1) plan.from = 0;
        if (i == 2) plan.to = 1;
        if (i == 3) plan.to = WT_EXCHANGE_KIB_MAX + 1;
        assert_all(wt_measure_exchange(comm, &plan, collect_size, NULL) == WT_USAGE);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_for_each_size),
        cmocka_unit_test(test_one_size),
        cmocka_unit_test(test_sizes_out_of_range),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
