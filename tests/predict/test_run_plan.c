/* The plan of a run without data: what is asked for, what it warns of, what is refused. That its memory comes
 * true is test_inspect_plan's business. */
#include <stdlib.h>
#include <string.h>

#include "config/sections.h"
#include "network/network_model.h"
#include "predict/run_plan.h"
#include "support.h"

static wt_config config;
static wt_network *network;

static void configure_plan(const char *text) {
    wt_network_destroy(network);
    must(wt_config_parse(&config, "test", text, strlen(text), NULL, 0));
    must(wt_network_create(&network, &config.model, 256, 1));
}

#define SMALL_PLAN \
    "model: {stacks: 1, layers: 4, residual: 16, gate: 16, skip: 16}\ndata: {path: absent, window: 64}\n"

enum { WARNINGS_MAX = 16 };
typedef struct {
    int count;
    char texts[WARNINGS_MAX][512];
} collected_warnings;

static void collect_warning(void *context, const char *text) {
    collected_warnings *warnings = context;
    assert_true(warnings->count < WARNINGS_MAX);
    snprintf(warnings->texts[warnings->count++], sizeof *warnings->texts, "%s", text);
}

static bool warns_of(const collected_warnings *warnings, const char *words) {
    for (int i = 0; i < warnings->count; i++) {
        if (strstr(warnings->texts[i], words)) return true;
    }
    return false;
}

static void test_what_is_asked_for(void **state) {
    (void)state;
    wt_plan *plan;
    configure_plan(SMALL_PLAN "train: {batch: 8, microbatches: 4}\n");
    const wt_plan_request request = {.nodes = 2, .node_memory = 1 << 20};
    must(wt_plan_create(&plan, &request, &config, network, "configs/absent.yaml"));
    assert_int_equal(plan->run.ranks, 2); /* one on each */
    assert_int_equal(plan->run.threads, 1);
    assert_int_equal(plan->node.memory, 1 << 20);
    assert_string_equal(plan->node.limit, "--node-memory");
    assert_string_equal(plan->node.folder, ".");
    assert_false(plan->data.found || plan->forecast.timed);
    assert_int_equal(plan->step.microbatches, 4);
    assert_int_equal(plan->step.microbatch_windows, 2);
    assert_int_equal(plan->step.targets, 64);
    assert_true(plan->step.operations == wt_network_operations(network, 64));
    /* parameters and Adam's two moments */
    assert_int_equal(plan->step.state_bytes, 3 * sizeof(wt_real) * wt_network_parameters(network)->total);
    wt_free(plan);
}

static void test_warnings(void **state) {
    (void)state;
    static const char *const expected[] = {
        "5 microbatches do not share out evenly to 3 ranks", "3 ranks do not share out evenly to 2 nodes",
        "the receptive field is longer than the window",     "absent: no data set there yet",
        "less memory than the ranks of a node need",         "more threads on a node than it has cores"};
    collected_warnings warnings = {.count = 0};
    wt_plan *plan;
    configure_plan("model: {stacks: 1, layers: 8, residual: 16, gate: 16, skip: 16}\n"
                   "data: {path: absent, window: 64}\ntrain: {batch: 5, microbatches: 5}\n");
    const wt_plan_request request = {.ranks = 3, .nodes = 2, .threads = 100000, .node_memory = 1 << 20};
    must(wt_plan_create(&plan, &request, &config, network, "absent.yaml"));
    wt_plan_warn(plan, collect_warning, &warnings);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (!warns_of(&warnings, expected[i])) fail_msg("no warning: %s", expected[i]);
    }
    wt_free(plan);
    /* nothing of these on one rank with memory enough */
    warnings.count = 0;
    configure_plan(SMALL_PLAN "train: {batch: 4, microbatches: 4}\n");
    must(wt_plan_create(&plan, &(wt_plan_request){.ranks = 1, .node_memory = (int64_t)1 << 40}, &config,
                        network, "absent.yaml"));
    plan->node.free_bytes = -1; /* not known */
    wt_plan_warn(plan, collect_warning, &warnings);
    assert_int_equal(warnings.count, 1);
    assert_true(warns_of(&warnings, "no data set"));
    plan->node.free_bytes = 1;
    wt_plan_warn(plan, collect_warning, &warnings);
    assert_true(warns_of(&warnings, "too little space for checkpoints (got 0.0 MiB free"));
    wt_free(plan);
}

static void test_refused_as_a_run_would_be(void **state) {
    (void)state;
    wt_plan *plan;
    configure_plan(SMALL_PLAN "train: {batch: 4, microbatches: 4}\n");
    assert_int_equal(wt_plan_create(&plan, &(wt_plan_request){.ranks = 5}, &config, network, "a.yaml"),
                     WT_USAGE);
    assert_null(plan);
    assert_int_equal(
        wt_plan_create(&plan, &(wt_plan_request){.calibration = "absent.yaml"}, &config, network, "a.yaml"),
        WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "absent.yaml: no such calibration"));
    assert_true(wt_plan_sample_rate(&config) == 0);
}

static void test_no_plan_is_left(void **state) {
    wt_network_destroy(network);
    test_memory_is_given_back(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked_for),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_refused_as_a_run_would_be),
        cmocka_unit_test(test_no_plan_is_left),
    };
    /* no calibration of this machine */
    if (setenv("XDG_CACHE_HOME", "/nonexistent", 1) != 0) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
