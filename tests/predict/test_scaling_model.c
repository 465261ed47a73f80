/* The model of scaling by hand: how windows fall on ranks, the cases, what computing and links come from, and
 * figures. That measured cases come true is tests/bench's business. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/network_model.h"
#include "predict/scaling.h"
#include "support.h"

static wt_scaling_model model;
static wt_scaling_table table;
static wt_network *network;

static void make_model(const char *train, int ranks, int windows) {
    char text[256];
    snprintf(text, sizeof text,
             "model: {stacks: 1, layers: 4, residual: 16, gate: 16, skip: 16}\ndata: {window: 64}\n"
             "exchange: {progress: after}\ntrain: %s\n",
             train);
    wt_network_destroy(network);
    memset(&model, 0, sizeof model);
    must(wt_config_parse(&model.config, "test", text, strlen(text), NULL, 0));
    must(wt_network_create(&network, &model.config.model, 256, 1));
    must(wt_kernels_select(&model.kernels, WT_BACKEND_REFERENCE, WT_PRECISION_FP32));
    model.network = network;
    model.threads = 1;
    must(wt_scaling_distribute(&model, ranks, windows));
}

static void test_windows_fall_on_ranks(void **state) {
    (void)state;
    make_model("{batch: 16, microbatches: 8}", 4, 0);
    assert_int_equal(model.windows, 4);
    assert_int_equal(model.microbatch_windows, 2);
    make_model("{batch: 1}", 3, 2);
    assert_int_equal(model.config.train.batch, 6);
    assert_int_equal(wt_scaling_distribute(&model, 5, 0), WT_USAGE); /* 6 windows for 5 ranks */
    assert_non_null(strstr(wt_error_message(), "train.batch: no multiple of the ranks"));
    model.config.train.microbatches = 1;
    assert_int_equal(wt_scaling_distribute(&model, 2, 3), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "train.microbatches: must divide 6 windows"));
}

static void test_cases(void **state) {
    (void)state;
    static const int ranks[] = {1, 2, 6};
    make_model("{batch: 12, microbatches: 12}", 6, 0);
    wt_scaling_list(&table, &model, ranks, 3);
    assert_int_equal(table.count, 6);
    for (int i = 0; i < 6; i++) {
        const wt_scaling_case *at = &table.cases[i];
        assert_int_equal(at->ranks, ranks[i % 3]);
        assert_int_equal(at->windows, i < 3 ? 12 : 2 * ranks[i % 3]);
        assert_int_equal(at->microbatches, at->windows);
        assert_true(isnan(wt_scaling_predicted(&table, at).step)); /* nobody has said anything yet */
    }
}

/* Strong and weak scaling meet on all ranks; without overlap the exchange is all exposed. */
static void test_a_curve_over_nodes(void **state) {
    (void)state;
    char path[WT_PATH_MAX];
    const wt_scaling_basis basis = {.compute = 0.1, .link = {1e-9, 1e6}};
    make_model("{batch: 1}", 8, 1);
    must(wt_scaling_stand_on(&model, &basis, path));
    assert_int_equal(model.compute_source, WT_SOURCE_GIVEN);
    assert_int_equal(model.link_source, WT_SOURCE_GIVEN);
    must(wt_scaling_curve(&table, &model, 8, 1));
    assert_int_equal(table.count, 8); /* 1, 2, 4 and 8 nodes, in two ways */
    const double bytes = 4.0 * (double)wt_network_parameters(network)->trained;
    const wt_scaling_case *strong = &table.cases[3], *weak = &table.cases[7];
    assert_int_equal(strong->nodes, 8);
    assert_true(fabs(table.cases[0].model_step - 0.8) < 1e-9 && fabs(table.cases[4].model_step - 0.1) < 1e-9);
    assert_true(fabs(strong->model_step - weak->model_step) < 1e-12);
    assert_true(fabs(weak->model_exposed / (2.0 * 7 / 8 * bytes / 1e6) - 1) < 0.01);
    const wt_scaling_figures figures = wt_scaling_predicted(&table, weak);
    assert_true(fabs(figures.speedup - 8 * 0.1 / weak->model_step) < 1e-9);
    assert_true(fabs(figures.efficiency - figures.speedup / 8) < 1e-12);
    assert_true(fabs(figures.exposed - weak->model_exposed / weak->model_step) < 1e-12);
}

/* Without a calibration the fewest ranks say how long computing takes. */
static void test_computing_as_measured(void **state) {
    (void)state;
    static const int ranks[] = {1, 2};
    char path[WT_PATH_MAX];
    make_model("{batch: 4, microbatches: 4}", 2, 0);
    must(wt_scaling_stand_on(&model, &(wt_scaling_basis){.compute = 0}, path));
    assert_int_equal(model.link_source, WT_SOURCE_ASSUMED);
    assert_int_equal(model.compute_source, WT_SOURCE_MEASURED);
    wt_scaling_list(&table, &model, ranks, 2);
    for (int i = 0; i < table.count; i++) table.cases[i].best = 1 + i;
    const wt_scaling_case *from = wt_scaling_take_compute(&model, &table);
    assert_ptr_equal(from, &table.cases[2]); /* weak, one rank */
    assert_true(model.compute == 3.0 / 2);   /* of two microbatches */
    must(wt_scaling_predict(&model, &table.cases[0]));
    assert_true(fabs(table.cases[0].model_step - 4 * 1.5) < 1e-12);
    assert_null(wt_scaling_take_compute(&model, &table)); /* it is known now */
}

static void test_a_model_needs_something(void **state) {
    (void)state;
    char path[WT_PATH_MAX];
    make_model("{batch: 2}", 2, 0);
    assert_int_equal(wt_scaling_stand_on(&model, &(wt_scaling_basis){.needed = true}, path), WT_USAGE);
    assert_int_equal(wt_scaling_stand_on(&model, &(wt_scaling_basis){.file = "absent.yaml"}, path), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "absent.yaml: no such calibration"));
}

static void test_no_network_is_left(void **state) {
    (void)state;
    wt_network_destroy(network);
    test_memory_is_given_back(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_fall_on_ranks),   cmocka_unit_test(test_cases),
        cmocka_unit_test(test_a_curve_over_nodes),      cmocka_unit_test(test_computing_as_measured),
        cmocka_unit_test(test_a_model_needs_something), cmocka_unit_test(test_no_network_is_left),
    };
    /* no calibration of this machine */
    if (setenv("XDG_CACHE_HOME", "/nonexistent", 1) != 0) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
