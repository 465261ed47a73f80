/* Rules between keys: microbatches, warm-up, dilations and layers, arrays, the receptive field. */
#include "config_expect.h"

static void microbatches_divide_the_batch(void **state) {
    (void)state;
    expect_error("train:\n  batch: 8\n  microbatches: 3",
                 "f.yaml:3: train.microbatches does not divide train.batch (got 3, expected a divisor of 8)");
    expect_error("train: {microbatches: 16}",
                 "f.yaml:1: train.microbatches is larger than train.batch (got 16, expected at most 8)");
    expect_error("train: {microbatches: 4, microbatches_at_once: 5}",
                 "f.yaml:1: train.microbatches_at_once is larger than the number of microbatches (got 5, "
                 "expected at most 4)");
    expect_set_error("train: {microbatches: 8}", "train.batch=6",
                     "train.microbatches is larger than train.batch (got 8, expected at most 6)");
    static wt_config c;
    expect_ok(&c, "train: {batch: 12, microbatches: 6, microbatches_at_once: 6}", NULL);
}

static int default_microbatches(int batch, int window) {
    static wt_config c;
    char text[128];
    snprintf(text, sizeof text, "train: {batch: %d}\ndata: {window: %d}", batch, window);
    expect_ok(&c, text, NULL);
    return wt_config_microbatches(&c);
}

static void default_microbatches_have_2048_targets(void **state) {
    (void)state;
    assert_int_equal(default_microbatches(8, 8192), 8);
    assert_int_equal(default_microbatches(8, 2048), 8);
    assert_int_equal(default_microbatches(8, 2047), 4);
    assert_int_equal(default_microbatches(8, 1024), 4);
    assert_int_equal(default_microbatches(8, 1000), 2); /* 3 windows would do but don't divide 8 */
    assert_int_equal(default_microbatches(9, 1000), 3);
    assert_int_equal(default_microbatches(7, 1024), 1);
    assert_int_equal(default_microbatches(8, 256), 1);
    assert_int_equal(default_microbatches(8, 16), 1); /* all together too few */
    assert_int_equal(default_microbatches(1, 1), 1);
    static wt_config c;
    expect_ok(&c, "train: {batch: 12, microbatches: 2}", NULL);
    assert_int_equal(wt_config_microbatches(&c), 2);
}

static void warmup_fits_the_run(void **state) {
    (void)state;
    expect_error("train: {steps: 50}\nschedule:\n  warmup: 51",
                 "f.yaml:3: schedule.warmup is longer than train.steps (got 51, expected at most 50)");
    static wt_config c;
    expect_ok(&c, "train: {steps: 1000}\nschedule: {warmup: 100}",
              "train.steps=50"); /* a run made shorter: a tenth */
    assert_int_equal(c.schedule.warmup, 5);
    expect_ok(&c, "train: {steps: 1000}\nschedule: {warmup: 100}", "train.steps=100");
    assert_int_equal(c.schedule.warmup, 100);
    expect_set_error("train: {steps: 50}", "schedule.warmup=100",
                     "schedule.warmup is longer than train.steps (got 100, expected at most 50)");
    expect_ok(&c, "train: {steps: 50}\nschedule: {warmup: 50}", NULL);
    assert_int_equal(c.schedule.warmup, 50);
    expect_ok(&c, "", "train.steps=100"); /* nobody gave a warm-up: at most a tenth */
    assert_int_equal(c.schedule.warmup, 10);
    expect_ok(&c, "", "train.steps=1");
    assert_int_equal(c.schedule.warmup, 0);
    expect_ok(&c, "", "train.steps=5000");
    assert_int_equal(c.schedule.warmup, 500);
}

static void schedules_have_what_they_need(void **state) {
    (void)state;
    static wt_config c;
    expect_ok(&c, "schedule: {kind: one-cycle}", NULL); /* which rises by itself */
    assert_int_equal(c.schedule.warmup, 0);
    expect_error(
        "schedule:\n  kind: one-cycle\n  warmup: 3",
        "f.yaml:3: schedule.warmup has no place in one-cycle, which rises by itself (got 3, expected 0)");
    expect_set_error("schedule: {warmup: 3}", "schedule.kind=one-cycle",
                     "schedule.warmup has no place in one-cycle, which rises by itself (got 3, expected 0)");
    expect_error("schedule: {kind: piecewise}",
                 "f.yaml:1: schedule.points is empty (expected pairs [step, rate] for piecewise)");
    expect_error(
        "schedule: {kind: plateau}\nvalidation:\n  every: 0",
        "f.yaml:3: schedule.kind plateau counts validations (got validation.every 0, expected at least 1)");
    expect_error(
        "validation: {every: 0, patience: 3}",
        "f.yaml:1: validation.patience counts validations (got validation.every 0, expected at least 1)");
    expect_error(
        "optimizer: {kind: sgd, nesterov: true}",
        "f.yaml:1: optimizer.nesterov needs a momentum (got optimizer.momentum 0, expected above 0)");
    expect_ok(&c, "optimizer: {kind: sgd, nesterov: true, momentum: 0.9}", NULL);
    assert_int_equal(c.optimizer.nesterov, 1);
    expect_ok(&c, "optimizer: {kind: sgd, nesterov: true}\nschedule: {kind: one-cycle}", NULL);
    expect_error(
        "optimizer: {kind: sgd, nesterov: true}\nschedule: {kind: one-cycle, cycle_momentum: false}",
        "f.yaml:1: optimizer.nesterov needs a momentum (got optimizer.momentum 0, expected above 0)");
}

static void points_are_pairs_in_order(void **state) {
    (void)state;
    static wt_config c;
    expect_ok(&c, "schedule: {kind: piecewise, points: [[0, 0.5], [150000, 1.0e-2], [200000, 0]]}", NULL);
    assert_int_equal(c.schedule.points.count, 3);
    assert_int_equal(c.schedule.points.values[1].step, 150000);
    assert_true(c.schedule.points.values[1].rate == 0.01);
    expect_error("schedule:\n  points: 3",
                 "f.yaml:2: schedule.points is no list (got 3, expected a list of at most "
                 "64 pairs [step, rate], rates 0 … 1000)");
    expect_error(
        "schedule:\n  points:\n    - [1, 0.5]\n    - [2]",
        "f.yaml:4: schedule.points[1] is no pair (got a list, expected a list of at most 64 pairs [step, "
        "rate], rates 0 … 1000)");
    expect_error("schedule: {points: [[0.5, 1]]}",
                 "f.yaml:1: schedule.points[0] is not a whole number (got 0.5, expected 0 … 1000000000000)");
    expect_error("schedule: {points: [[1, -1]]}",
                 "f.yaml:1: schedule.points[0] is out of range (got -1, expected 0 … 1000)");
    expect_error(
        "schedule: {points: [[5, 1], [5, 2]]}",
        "f.yaml:1: schedule.points[1] is not after the one before (got step 5, expected more than 5)");
}

static void dilations_take_the_place_of_layers(void **state) {
    (void)state;
    static wt_config c;
    expect_error("model:\n  layers: 3\n  dilations: [1]",
                 "f.yaml:2: model.layers and model.dilations are both given (expected one of them)");
    expect_ok(&c, "model: {dilations: [1, 3, 9]}", NULL);
    assert_int_equal(c.model.array.dilations.count, 3);
    assert_int_equal(c.model.array.layers, 3);
    expect_ok(&c, "model: {layers: 5}", "model.dilations=[1, 7]"); /* the later one holds */
    assert_int_equal(c.model.array.dilations.values[1], 7);
    assert_int_equal(c.model.array.layers, 2);
    expect_ok(&c, "model: {dilations: [1, 3, 9]}", "model.layers=4");
    assert_int_equal(c.model.array.dilations.count, 0);
    assert_int_equal(c.model.array.dilations.values[2], 0);
    assert_int_equal(c.model.array.layers, 4);
    expect_ok(&c, "model: {dilations: [1, 3, 9]}", "model.dilations=[]");
    assert_int_equal(c.model.array.layers, 10);
    expect_ok(&c, "model: {dilations: [], layers: 4}", NULL);
    assert_int_equal(c.model.array.layers, 4);
}

static void arrays_default_to_the_model(void **state) {
    (void)state;
    static wt_config c;
    static const char text[] = "model:\n"
                               "  arrays:\n"
                               "    - {layers: 4, stacks: 1, residual: 16}\n"
                               "    - dilations: [1, 5]\n"
                               "      kernel: 5\n"
                               "      gate: 7\n"
                               "      activation: tanh\n"
                               "    - {}\n"
                               "  kernel: 3\n" /* below the list, and yet its default */
                               "  gate: 24\n";
    expect_ok(&c, text, "model.residual=40");
    const wt_array_config *a = c.model.arrays;
    assert_int_equal(c.model.array_count, 3);
    assert_int_equal(a[0].layers, 4);
    assert_int_equal(a[0].stacks, 1);
    assert_int_equal(a[0].residual, 16);
    assert_int_equal(a[0].kernel, 3);
    assert_int_equal(a[0].gate, 24);
    assert_int_equal(a[1].dilations.count, 2);
    assert_int_equal(a[1].dilations.values[1], 5);
    assert_int_equal(a[1].layers, 2);
    assert_int_equal(a[1].stacks, 1);
    assert_int_equal(a[1].kernel, 5);
    assert_int_equal(a[1].gate, 7);
    assert_int_equal(a[1].residual, 40);
    assert_int_equal(a[1].activation, WT_ACTIVATION_TANH);
    wt_array_config as_above = c.model.array;
    as_above.stacks = 1;
    assert_memory_equal(&a[2], &as_above, sizeof a[2]);
    expect_ok(&c, "", "model.arrays=[{layers: 3}]");
    assert_int_equal(c.model.array_count, 1);
    assert_int_equal(c.model.arrays[0].layers, 3);
    expect_ok(&c, text, "model.arrays=[]");
    assert_int_equal(c.model.array_count, 0);
    assert_int_equal(c.model.arrays[0].layers, 0);
}

static void arrays_say_what_is_wrong(void **state) {
    (void)state;
    expect_error("model:\n  stacks: 2\n  arrays: [{layers: 3}]",
                 "f.yaml:2: model.stacks is given in addition to model.arrays, which takes its place");
    expect_error("model:\n  arrays: [{layers: 3}]\n  layers: 2",
                 "f.yaml:3: model.layers is given in addition to model.arrays, which takes its place");
    expect_error("model:\n  arrays: [{layers: 3}]\n  dilations: [2]",
                 "f.yaml:3: model.dilations is given in addition to model.arrays, which takes its place");
    expect_set_error("model: {arrays: [{layers: 3}]}", "model.stacks=2",
                     "model.stacks is given in addition to model.arrays, which takes its place");
    expect_error("model:\n  arrays:\n    - layers: 3\n    - layrs: 3",
                 "f.yaml:4: model.arrays[1].layrs is no key of an array (did you mean layers?)");
    expect_error("model:\n  arrays:\n    - skip: 3", "f.yaml:3: model.arrays[0].skip is no key of an array");
    expect_error("model:\n  arrays:\n    - layers: 3\n      residual: 0",
                 "f.yaml:4: model.arrays[0].residual is out of range (got 0, expected 1 … 65536)");
    expect_error("model:\n  arrays:\n    - layers: 3\n      dilations: [1]",
                 "f.yaml:3: model.arrays[0] has layers and dilations (expected one of them)");
    expect_error("model: {arrays: [3]}",
                 "f.yaml:1: model.arrays[0] is no array (got 3, expected keys such as {layers: 10})");
    expect_error("model: {arrays: 3}",
                 "f.yaml:1: model.arrays is no list (got 3, expected a list of at most 32 arrays)");
    char text[512] = "model: {arrays: [{}";
    for (int i = 0; i < 32; i++) strcat(text, ", {}");
    expect_error(strcat(text, "]}"), "f.yaml:1: model.arrays is too long (got 33, expected at most 32)");
}

static void the_receptive_field_fits_an_int(void **state) {
    (void)state;
    static wt_config c;
    /* 64 stacks of 2^24 − 1, and k₀ */
    expect_ok(&c, "model: {layers: 24, stacks: 64, input_kernel: 63}", NULL);
    expect_error("model:\n  layers: 24\n  input_kernel: 64\n  stacks: 64",
                 "f.yaml:4: the model's receptive field is too long (got 1073741824 samples, expected under "
                 "1073741824)");
    expect_set_error(
        "model: {arrays: [{layers: 24, stacks: 64}, {layers: 1}]}", "model.kernel=64",
        "the model's receptive field is too long (got 67645730945 samples, expected under 1073741824)");
}

/* Sizes that 32 bits don't hold are refused, and don't come out negative. */
static void tensors_are_bounded(void **state) {
    (void)state;
    static wt_config c;
    expect_ok(&c, "model: {trunk: hierarchy, embedding: 32767, fuse: [65536], width: 1}", NULL);
    expect_error(
        "model:\n  trunk: hierarchy\n  embedding: 65536\n  fuse: [65536]\n  width: 1",
        "f.yaml:5: the model's linear layer is too large (got 65536 × 65536 × 1 numbers, expected at most "
        "2147483647)");
    expect_error(
        "model: {trunk: hierarchy, fuse: [2, 65536], width: [65536, 1]}",
        "f.yaml:1: the model's linear layer is too large (got 65536 × 65536 × 1 numbers, expected at most "
        "2147483647)");
    expect_ok(&c, "model: {residual: 8191, gate: 65536, kernel: 2}", NULL);
    expect_error(
        "model: {residual: 8192, gate: 65536, kernel: 2}",
        "f.yaml:1: the model's dilated convolution is too large (got 2 × 8192 × 131072 numbers, expected at "
        "most 2147483647)");
    expect_error("model: {skip: 65536}",
                 "f.yaml:1: the model's head is too large (got 1 × 65536 × 65536 numbers, expected at most "
                 "2147483647)");
}

static void labels_are_asked_for(void **state) {
    (void)state;
    expect_error("data:\n  look_ahead: 3", "f.yaml:2: data.look_ahead needs data.target: label (got next)");
    expect_error("data:\n  stride: 3", "f.yaml:2: data.stride needs data.target: label (got next)");
    expect_error("model: {readout: mean}", "f.yaml:1: model.readout needs data.target: label (got next)");
    static wt_config c;
    expect_ok(&c, "data: {target: label, look_ahead: 1024}\nmodel: {head: mse, stacks: 1}", NULL);
    assert_int_equal(c.data.look_ahead, 1024);
}

static void real_samples_are_predicted(void **state) {
    (void)state;
    static wt_config c;
    expect_ok(&c, "model: {head: mse}", NULL);
    expect_ok(&c, "model: {head: logistics, components: 64}", NULL);
    expect_ok(&c, "model: {head: gaussian, input: real}\ndata: {preemphasis: 0.85, input_noise: 0.1}", NULL);
    expect_error("model:\n  components: 2",
                 "f.yaml:2: model.components needs model.head: logistics or gaussian (got 2, expected 0)");
    expect_error("model:\n  mean_curve: sinh",
                 "f.yaml:2: model.mean_curve needs model.head: logistics or gaussian (got sinh, expected "
                 "linear)");
    expect_error(
        "model: {input: real}\ndata: {preemphasis: 0.5}",
        "f.yaml:2: data.preemphasis needs model.input: real, data.target: next and another head than "
        "softmax (got 0.5, expected 0)");
    expect_error(
        "model: {head: mse}\ndata: {preemphasis: 0.5}",
        "f.yaml:2: data.preemphasis needs model.input: real, data.target: next and another head than "
        "softmax (got 0.5, expected 0)");
    expect_error("data: {input_noise: 0.5}",
                 "f.yaml:1: data.input_noise needs model.input: real (got 0.5, expected 0)");
    expect_error("model: {head: logistics}\ndata: {quantization: vocabulary}",
                 "f.yaml:2: the next symbol of a text is a class (expected model.head: softmax)");
}

static void look_ahead_is_within_the_receptive_field(void **state) {
    (void)state;
    static wt_config c; /* one stack of ten layers and an input kernel of 2: 1,025 samples */
    expect_ok(&c, "data: {target: label, look_ahead: 1024}\nmodel: {stacks: 1}", NULL);
    expect_error(
        "data: {target: label, look_ahead: 1025}\nmodel:\n  stacks: 1",
        "f.yaml:3: data.look_ahead is beyond the receptive field (got 1025 samples, expected at most 1024)");
}

static void a_window_of_one_label(void **state) {
    (void)state;
    static wt_config c;
    expect_ok(&c, "data: {target: label, stride: 10, window: 1025}\nmodel: {stacks: 1, readout: linear}",
              NULL);
    assert_int_equal(c.model.readout, WT_READOUT_LINEAR);
    expect_error("data: {target: label, stride: 10, window: 1024}\nmodel: {stacks: 1}",
                 "f.yaml:2: data.window is shorter than the receptive field (got 1024 samples, expected at "
                 "least 1025)");
    expect_error("data: {target: label, stride: 10, look_ahead: 1}",
                 "f.yaml:1: a window's label is that of its last sample (got data.look_ahead 1, expected 0)");
    expect_error(
        "data: {target: label}\nmodel:\n  readout: mean",
        "f.yaml:3: model.readout is for one label a window (expected last, or a data.stride above 0)");
}

static void a_hierarchy_fits_together(void **state) {
    (void)state;
    static wt_config c;
    expect_ok(&c, "model: {trunk: hierarchy, fuse: [2, 3], width: [5, 6]}", NULL);
    assert_int_equal(c.model.array.activation, WT_ACTIVATION_TANH);
    assert_int_equal(c.model.hierarchy.width.values[1], 6);
    expect_ok(&c, "model: {trunk: hierarchy, fuse: [8], activation: relu, norm: batch}", "model.width=200");
    assert_int_equal(c.model.array.activation, WT_ACTIVATION_RELU);
    assert_int_equal(c.model.hierarchy.width.count, 1);
    assert_int_equal(c.model.hierarchy.width.values[0], 200);
    assert_int_equal(c.model.norm, WT_NORM_BATCH);
    expect_ok(&c,
              "model: {trunk: hierarchy, fuse: [8], head: mse, readout: mean}\n"
              "data: {target: label, stride: 5, window: 20}",
              NULL);
    expect_ok(&c, "model: {norm: layer, dropout: 0.5, bias: true}", NULL);
    assert_int_equal(c.model.norm, WT_NORM_LAYER);
    expect_error(
        "model: {trunk: hierarchy, fuse: [8], readout: mean}\ndata: {target: label}",
        "f.yaml:1: model.readout is for one label a window (expected last, or a data.stride above 0)");
    expect_error("model:\n  trunk: hierarchy",
                 "f.yaml:2: a hierarchy has no levels (expected model.fuse, such as [2, 2, 2])");
    expect_error("model: {trunk: hierarchy, fuse: [2, 2, 2], width: [3, 4]}",
                 "f.yaml:1: model.width does not fit model.fuse (got 2 widths, expected 1 or 3)");
    expect_error("model: {trunk: hierarchy, fuse: [2], activation: gate}",
                 "f.yaml:1: a hierarchy has no gate (got model.activation gate, expected another one, "
                 "such as tanh)");
    expect_error("model: {trunk: hierarchy, fuse: [2], arrays: [{}]}",
                 "f.yaml:1: a hierarchy has no model.arrays");
    expect_error("model: {trunk: hierarchy, fuse: [65536, 65536]}",
                 "f.yaml:1: the model's receptive field is too long (got 4294967296 samples, expected under "
                 "1073741824)");
    expect_error("model: {trunk: hierarchy, fuse: [0]}",
                 "f.yaml:1: model.fuse[0] is out of range (got 0, expected 1 … 65536)");
    expect_error("model: {width: wide}",
                 "f.yaml:1: model.width is not a whole number (got wide, expected 1 … "
                 "65536, or a list of at most 64 such "
                 "numbers)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(microbatches_divide_the_batch),
        cmocka_unit_test(default_microbatches_have_2048_targets),
        cmocka_unit_test(warmup_fits_the_run),
        cmocka_unit_test(schedules_have_what_they_need),
        cmocka_unit_test(points_are_pairs_in_order),
        cmocka_unit_test(dilations_take_the_place_of_layers),
        cmocka_unit_test(arrays_default_to_the_model),
        cmocka_unit_test(arrays_say_what_is_wrong),
        cmocka_unit_test(the_receptive_field_fits_an_int),
        cmocka_unit_test(tensors_are_bounded),
        cmocka_unit_test(labels_are_asked_for),
        cmocka_unit_test(real_samples_are_predicted),
        cmocka_unit_test(look_ahead_is_within_the_receptive_field),
        cmocka_unit_test(a_window_of_one_label),
        cmocka_unit_test(a_hierarchy_fits_together),
    };
    return cmocka_run_group_tests(tests, NULL, no_memory_is_held);
}
