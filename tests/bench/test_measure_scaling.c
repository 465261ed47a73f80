/* Scaling over the ranks that there are: each case once, its figures, the links. */
#include "comm/all_ranks.h"

#include <math.h>
#include <string.h>

#include "bench/bench_models.h"
#include "bench/measure_scaling.h"
#include "bench/stepper.h"

static wt_scaling_model model;
static wt_scaling_table table;

static void prepare_model(wt_network **network) {
    static const char *const sets[] = {"data.window=16", "run.backend=reference"};
    wt_data_facts facts;
    char path[WT_PATH_MAX];
    const wt_scaling_basis basis = {.compute = 1e-3};
    memset(&model, 0, sizeof model);
    assert_all(wt_bench_model_configure(&model.config, "S", sets, 2) == WT_OK);
    assert_all(wt_scaling_distribute(&model, wt_comm_size(comm), 1) == WT_OK);
    assert_all(wt_kernels_select(&model.kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32) == WT_OK);
    assert_all(wt_stepper_network(network, &facts, &model.config) == WT_OK);
    model.network = *network;
    model.threads = 1;
    assert_all(wt_scaling_stand_on(&model, &basis, path) == WT_OK);
}

static void test_each_case_once(void **state) {
    (void)state;
    const int ranks = wt_comm_size(comm), numbers[] = {1, ranks};
    const int count = ranks > 1 ? 2 : 1;
    const wt_scaling_turns turns = {"S", 2, 1};
    wt_network *network;
    prepare_model(&network);
    assert_all(wt_measure_scaling_links(&model, comm) == WT_OK);
    assert_all((model.calibration.within.bandwidth > 0) <= (ranks > 1));
    wt_scaling_list(&table, &model, numbers, count);
    assert_all(wt_measure_scaling(&table, &model, comm, &turns) == WT_OK);
    for (int i = 0; i < table.count && wt_comm_rank(comm) == 0; i++) {
        const wt_scaling_case *at = &table.cases[i];
        const wt_scaling_figures figures = wt_scaling_measured(&table, at);
        assert_true(at->best > 0 && at->median >= at->best && at->exposed >= 0 && at->nodes == 1);
        assert_true(at->ranks > 1 || (at->exposed == 0 && fabs(figures.speedup - 1) < 1e-12));
        assert_true(fabs(figures.efficiency - figures.speedup / at->ranks) < 1e-12);
    }
    assert_all(wt_measure_scaling(&table, &model, comm, &(wt_scaling_turns){"S", 0, 1}) == WT_USAGE);
    wt_network_destroy(network);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_case_once)};
    RUN_ALL_RANKS(tests, argc, argv);
}
