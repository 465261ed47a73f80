/* A calibration from its smallest networks, on each number of ranks: rates, memory, a link; what is wrong is
 * refused before anything is measured. */
#include "comm/all_ranks.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "bench/measure_calibration.h"
#include "wavetrain/kernels.h"

enum { SMALL_WAVENET = 2, SMALL_HIERARCHY = 20 };
static const char *const sets[] = {"run.backend=reference", "train.precision=fp32"};
static wt_calibration made;

/* The two networks that take microseconds. */
static wt_calibration_plan make_calibration_plan(wt_calibration_report report, void *context) {
    wt_calibration_plan plan = {
        .threads = {1, {1}}, .seconds = 1e-6, .sets = sets, .count = 2, .report = report, .context = context};
    for (int i = 0; i < WT_CALIBRATION_NETWORKS; i++)
        plan.left_out[i] = i != SMALL_WAVENET && i != SMALL_HIERARCHY;
    return plan;
}

static void keep_fit(void *context, const wt_calibration_fit *fit) {
    *(wt_calibration_fit *)context = *fit;
}

static void test_rates_memory_and_a_link(void **state) {
    (void)state;
    wt_calibration_fit fit = {.count = 0};
    wt_link_measured link;
    wt_rates rates;
    bool near;
    const int ranks = wt_comm_size(comm);
    const wt_calibration_plan plan = make_calibration_plan(keep_fit, &fit);
    memset(&made, 0, sizeof made);
    omp_set_num_threads(2);
    assert_all(wt_measure_calibration(&made, &link, comm, &plan) == WT_OK);
    assert_all(omp_get_max_threads() == 2); /* as it was */
    assert_all(fit.threads == 1 && fit.count == 2 && fit.error >= 0);
    assert_all(strcmp(fit.steps[0].network, "1×4 blocks of 16, kernel 2, window 64") == 0);
    assert_all(strcmp(fit.steps[1].network, "hierarchy, 1 levels of 200, batch 32") == 0);
    for (int i = 0; i < 2; i++) assert_all(fit.steps[i].measured > 0 && fit.steps[i].fitted > 0);
    assert_all(made.count == 1 && made.base_bytes > 0 && made.rank_bytes > 0 && made.thread_bytes > 0);
    assert_all(wt_calibration_rates(&rates, &made, "reference", 1, ranks, &near) && !near);
    if (ranks == 1) assert_all(link == WT_LINK_NONE);
    if (link == WT_LINK_WITHIN) assert_all(made.within.bandwidth > 0);
    /* measured once more, it takes the place of the first */
    assert_all(wt_measure_calibration(&made, &link, comm, &plan) == WT_OK);
    assert_all(made.count == 1);
}

static void test_what_is_wrong(void **state) {
    (void)state;
    wt_link_measured link;
    wt_calibration_plan plan = make_calibration_plan(NULL, NULL);
    plan.seconds = 0;
    assert_all(wt_measure_calibration(&made, &link, comm, &plan) == WT_USAGE);
    plan.seconds = NAN;
    assert_all(wt_measure_calibration(&made, &link, comm, &plan) == WT_USAGE);
    plan.seconds = 1e-6;
    plan.sets = (const char *const[]){"run.backend=fast", "train.precision=fp32"};
    assert_all(wt_measure_calibration(&made, &link, comm, &plan) == WT_USAGE);
}

/* All are configurations; more threads have fewer of them. */
static void test_networks(void **state) {
    (void)state;
    static wt_config config;
    char name[WT_CALIBRATION_NETWORK_NAME];
    int hierarchies = 0, for_threads = 0;
    for (int i = 0; i < WT_CALIBRATION_NETWORKS; i++) {
        assert_all(wt_calibration_network_configure(&config, name, i, sets, 2) == WT_OK);
        hierarchies += config.model.trunk == WT_TRUNK_HIERARCHY;
        for_threads += wt_calibration_network_suits(i, 2);
        assert_all(wt_calibration_network_suits(i, 1));
    }
    assert_all(hierarchies == 8 && for_threads == WT_CALIBRATION_NETWORKS - 5);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_memory_and_a_link),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_networks),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
