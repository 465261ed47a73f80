/* Steps on random input, on each number of ranks: phases that add up, operations, memory, named models. */
#include "comm/all_ranks.h"

#include <math.h>
#include <string.h>

#include "bench/bench_models.h"
#include "bench/measure_step.h"
#include "train/step.h"

enum { STEPS = 3 };

static void test_phases_make_up_a_step(void **state) {
    (void)state;
    static const char *const sets[] = {"data.window=20", "train.batch=2"};
    static wt_config config;
    wt_stepper *stepper;
    wt_step_speed speed;
    const int ranks = wt_comm_size(comm);
    assert_all(wt_bench_model_configure(&config, "S", sets, 2) == WT_OK);
    assert_all(wt_stepper_create(&stepper, comm, "S", &config) == WT_OK);
    assert_all(stepper->step->microbatches.count >= ranks);
    assert_all(wt_measure_step(&speed, stepper, 0) == WT_USAGE);
    assert_all(wt_measure_step(&speed, stepper, STEPS) == WT_OK);
    double sum = 0;
    for (int phase = 0; phase < WT_STEP_PHASES; phase++) {
        assert_all(speed.own[phase].best <= speed.own[phase].median);
        sum += speed.in_best[phase];
    }
    const double step = speed.in_best[WT_STEP_ALL];
    assert_all(step > 0 && step == speed.own[WT_STEP_ALL].best);
    assert_all(ranks > 1 ? sum >= step : fabs(sum - step) < 1e-6); /* of ranks, each phase's slowest */
    assert_all(speed.targets == 40 && speed.steps == STEPS);
    assert_all(speed.operations[WT_STEP_ALL] ==
               3 * wt_network_operations(stepper->network, stepper->targets) * speed.targets);
    assert_all(fabs(speed.operations[WT_PHASE_FORWARD] + speed.operations[WT_PHASE_BACKWARD] -
                    speed.operations[WT_STEP_ALL]) < 1);
    assert_all(speed.resident >= speed.counted / 2 && speed.counted >= speed.estimate && speed.estimate > 0);
    assert_all(speed.peaks.of[WT_PEAK_FP32].best > 0);
    wt_stepper_destroy(stepper);
}

/* What is not finite is no speed. */
static void test_a_loss_that_is_not_finite(void **state) {
    (void)state;
    static const char *const sets[] = {"data.window=20", "train.batch=2"};
    static wt_config config;
    wt_stepper *stepper;
    wt_step_speed speed;
    assert_all(wt_bench_model_configure(&config, "S", sets, 2) == WT_OK);
    assert_all(wt_stepper_create(&stepper, comm, "here", &config) == WT_OK);
    for (size_t i = 0; i < wt_network_parameters(stepper->network)->total; i++)
        stepper->step->parameters[i] = NAN;
    assert_all(wt_measure_step(&speed, stepper, 1) == WT_FAILED);
    assert_all(strstr(wt_error_message(), "here: the loss is not finite") != NULL);
    wt_stepper_destroy(stepper);
}

static void test_named_models(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t parameters;
        int field;
    } models[] = {{"A", 947968, 3071}, {"B", 3256704, 506}, {"C", 693504, 4094}, {"S", 46352, 1022}};
    static wt_config config;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        wt_network *network;
        wt_data_facts facts;
        assert_all(wt_bench_model_configure(&config, models[i].name, NULL, 0) == WT_OK);
        assert_all(wt_stepper_network(&network, &facts, &config) == WT_OK);
        assert_all(wt_network_parameters(network)->trained == models[i].parameters);
        assert_all(wt_network_get_traits(network)->receptive_field == models[i].field);
        wt_network_destroy(network);
    }
    assert_all(wt_bench_model_configure(&config, "Z", NULL, 0) == WT_USAGE);
    assert_all(wt_bench_model_configure(&config, "A", (const char *const[]){"model.residul=3"}, 1) ==
               WT_USAGE);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phases_make_up_a_step),
        cmocka_unit_test(test_a_loss_that_is_not_finite),
        cmocka_unit_test(test_named_models),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
