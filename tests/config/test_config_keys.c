/* The table, single keys and their errors. */
#include "config_expect.h"

#include <math.h>
#include <stdlib.h>

#include "config_internal.h"

static void table_is_sound(void **state) {
    (void)state;
    const char *section = "";
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        assert_ptr_equal(wt_key_find(key->name), key);
        assert_true(strlen(key->name) < 64 && strlen(key->help) > 8);
        if (key->type == WT_KEY_SECTION) {
            section = key->name;
            assert_null(strchr(section, '.'));
            assert_true(i + 1 < wt_key_count && wt_keys[i + 1].type != WT_KEY_SECTION);
            continue;
        }
        assert_int_equal(strncmp(key->name, section, strlen(section)), 0);
        assert_int_equal(key->name[strlen(section)], '.');
        assert_non_null(key->standard);
        assert_true(key->least <= key->most);
        for (int j = 0; j < i; j++) {
            if (wt_keys[j].type == WT_KEY_SECTION || wt_keys[j].type == WT_KEY_ARRAYS) continue;
            assert_true(key->type == WT_KEY_ARRAYS || wt_keys[j].offset != key->offset);
        }
    }
}

static void defaults_are_those_of_the_design(void **state) {
    (void)state;
    static wt_config c;
    assert_int_equal(wt_config_load(&c, NULL, NULL, 0), WT_OK);
    assert_int_equal(c.model.trunk, WT_TRUNK_WAVENET);
    assert_int_equal(c.model.input, WT_INPUT_CLASS);
    assert_int_equal(c.model.input_kernel, 2);
    assert_int_equal(c.model.array.kernel, 2);
    assert_int_equal(c.model.array.stacks, 3);
    assert_int_equal(c.model.array.layers, 10);
    assert_int_equal(c.model.array.dilations.count, 0);
    assert_int_equal(c.model.array.residual, 64);
    assert_int_equal(c.model.array.gate, 64);
    assert_int_equal(c.model.array.activation, WT_ACTIVATION_GATE);
    assert_int_equal(c.model.array_count, 0);
    assert_int_equal(c.model.skip, 128);
    assert_true(c.model.skip_scale == 1.0 && c.model.residual_scale == 1.0);
    assert_int_equal(c.model.head, WT_HEAD_SOFTMAX);
    assert_int_equal(c.model.head_channels, 0);
    assert_string_equal(c.data.path, "data/speech");
    assert_int_equal(c.data.window, 8192);
    assert_int_equal(c.data.quantization.kind, WT_QUANTIZATION_MULAW);
    assert_int_equal(c.data.quantization.levels, 256);
    assert_int_equal(c.data.partial_context, WT_PARTIAL_PAD);
    assert_true(c.data.memory == 4.0);
    assert_int_equal(c.train.batch, 8);
    assert_int_equal(c.train.steps, 20000);
    assert_int_equal(c.train.seed, 1);
    assert_int_equal(c.train.microbatches, 0);
    assert_int_equal(c.train.microbatches_at_once, 0);
    assert_int_equal(c.train.precision, WT_PRECISION_FP32);
    assert_int_equal(c.optimizer.kind, WT_OPTIMIZER_ADAM);
    assert_true(c.optimizer.learning_rate == 1e-3 && c.optimizer.beta1 == 0.9 && c.optimizer.beta2 == 0.999);
    assert_true(c.optimizer.epsilon == 1e-8 && c.optimizer.weight_decay == 0.0 && c.optimizer.clip == 1.0);
    assert_int_equal(c.schedule.kind, WT_SCHEDULE_COSINE);
    assert_int_equal(c.schedule.warmup, 500);
    assert_true(c.schedule.floor == 0.0 && c.schedule.decay == 0.5);
    assert_int_equal(c.schedule.decay_steps, 10000);
    assert_int_equal(c.validation.every, 500);
    assert_int_equal(c.validation.windows, 64);
    assert_int_equal(c.checkpoint.every, 1000);
    assert_true(c.checkpoint.minutes == 30.0);
    assert_int_equal(c.checkpoint.keep, 3);
    assert_true(c.run.seconds == 10.0);
    assert_int_equal(c.run.backend, WT_BACKEND_AUTO);
    assert_true(c.run.hang_seconds == 600.0 && c.run.hang_seconds_data == 1800.0);
    assert_true(c.run.hang_seconds_validation == 1800.0);
    assert_true(c.run.time_limit == 0.0 && c.run.time_margin == 120.0);
}

static wt_status scan_key_number(const wt_key *key, double value, void *field) {
    char text[64];
    snprintf(text, sizeof text, "%.17g", value);
    wt_yaml_node node = {.kind = WT_YAML_SCALAR, .source = "f", .text = text, .length = strlen(text)};
    return wt_value_scan(key, key->name, &node, field);
}

/* Each number at its limits, and just outside. */
static void every_range_is_kept(void **state) {
    (void)state;
    int numbers = 0;
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        int64_t field = 0;
        bool whole = key->type == WT_KEY_INT || key->type == WT_KEY_INT64;
        if (!whole && key->type != WT_KEY_REAL) continue;
        double below = whole ? key->least - 1 : nextafter(key->least, -INFINITY);
        double above = whole ? key->most + 2 : nextafter(key->most, INFINITY); /* + 1 is no double at 2^53 */
        assert_int_equal(scan_key_number(key, below, &field), WT_USAGE);
        assert_int_equal(scan_key_number(key, above, &field), WT_USAGE);
        assert_int_equal(scan_key_number(key, key->least, &field), key->above ? WT_USAGE : WT_OK);
        assert_int_equal(scan_key_number(key, key->most, &field), key->below ? WT_USAGE : WT_OK);
        assert_int_equal(scan_key_number(key, nextafter(key->least, key->most), &field),
                         whole ? WT_USAGE : WT_OK);
        numbers++;
    }
    assert_true(numbers > 25);
}

static void every_choice_is_known(void **state) {
    (void)state;
    for (int i = 0; i < wt_key_count; i++) {
        const wt_key *key = &wt_keys[i];
        for (int choice = 0; key->type == WT_KEY_CHOICE && key->choices[choice]; choice++) {
            int field = -1;
            wt_yaml_node node = {.kind = WT_YAML_SCALAR,
                                 .source = "f",
                                 .text = key->choices[choice],
                                 .length = strlen(key->choices[choice])};
            assert_int_equal(wt_value_scan(key, key->name, &node, &field), WT_OK);
            assert_int_equal(field, choice);
        }
    }
    static wt_config c;
    expect_ok(
        &c,
        "optimizer: {kind: adamw}\nschedule: {kind: exponential}\nrun: {backend: openblas}\n"
        "train: {precision: bf16}\n"
        "model: {activation: relu, input: real}\ndata: {partial_context: drop, quantization: linear:65536}",
        NULL);
    assert_int_equal(c.optimizer.kind, WT_OPTIMIZER_ADAMW);
    assert_int_equal(c.schedule.kind, WT_SCHEDULE_EXPONENTIAL);
    assert_int_equal(c.run.backend, WT_BACKEND_OPENBLAS);
    assert_int_equal(c.train.precision, WT_PRECISION_BF16);
    assert_int_equal(c.model.array.activation, WT_ACTIVATION_RELU);
    assert_int_equal(c.model.input, WT_INPUT_REAL);
    assert_int_equal(c.data.partial_context, WT_PARTIAL_DROP);
    assert_int_equal(c.data.quantization.kind, WT_QUANTIZATION_LINEAR);
    assert_int_equal(c.data.quantization.levels, 65536);
}

static void unknown_keys_name_the_nearest(void **state) {
    (void)state;
    expect_error("model:\n  residul: 3", "f.yaml:2: model.residul is no key (did you mean model.residual?)");
    expect_error("train: {microbatches_at_onec: 3}",
                 "f.yaml:1: train.microbatches_at_onec is no key (did you mean train.microbatches_at_once?)");
    expect_error("model: {batch: 3}", "f.yaml:1: model.batch is no key (did you mean train.batch?)");
    expect_error("checkpoint: {evry: 3}",
                 "f.yaml:1: checkpoint.evry is no key (did you mean checkpoint.every?)");
    expect_error("validation: {evry: 3}",
                 "f.yaml:1: validation.evry is no key (did you mean validation.every?)");
    expect_error("modle:\n  skip: 3", "f.yaml:1: modle is no key (did you mean model?)");
    expect_error("batch: 3", "f.yaml:1: batch is no key (did you mean train.batch?)");
    expect_error("train.batch: 3",
                 "f.yaml:1: train.batch stands at the top (expected batch: within its section)");
    expect_error("run: {zzzzzzzzzzzz: 3}",
                 "f.yaml:1: run.zzzzzzzzzzzz is no key (wavetrain train --help-config lists them)");
    expect_set_error("", "model.residul=3", "model.residul is no key (did you mean model.residual?)");
    expect_set_error("", "trian.steps=3", "trian.steps is no key (did you mean train.steps?)");
}

static void ranges_say_what_is_expected(void **state) {
    (void)state;
    expect_error("train:\n  batch: 0", "f.yaml:2: train.batch is out of range (got 0, expected 1 … 1048576)");
    expect_error(
        "train:\n  steps: 99999999999999999999",
        "f.yaml:2: train.steps is out of range (got 99999999999999999999, expected 1 … 1000000000000)");
    expect_error(
        "optimizer: {learning_rate: 0.0}",
        "f.yaml:1: optimizer.learning_rate is out of range (got 0.0, expected above 0, at most 1000)");
    expect_error("optimizer: {beta1: 1}",
                 "f.yaml:1: optimizer.beta1 is out of range (got 1, expected at least 0, below 1)");
    expect_error("optimizer: {clip: 1e999}",
                 "f.yaml:1: optimizer.clip is out of range (got 1e999, expected 0 … 1000000000)");
    expect_error("model: {dilations: [1, 0]}",
                 "f.yaml:1: model.dilations[1] is out of range (got 0, expected 1 … 1048576)");
    expect_error("data: {quantization: mulaw:1}",
                 "f.yaml:1: data.quantization is out of range (got mulaw:1, "
                 "expected mulaw:N or linear:N, N 2 … 65536, or vocabulary)");
    expect_set_error("", "train.batch=0", "train.batch is out of range (got 0, expected 1 … 1048576)");
}

static void wrong_types_say_what_was_found(void **state) {
    (void)state;
    expect_error("train: {batch: 1.5}",
                 "f.yaml:1: train.batch is not a whole number (got 1.5, expected 1 … 1048576)");
    expect_error("train: {batch: \"8\"}",
                 "f.yaml:1: train.batch is not a whole number (got \"8\", expected 1 … 1048576)");
    expect_error("train: {batch: [8]}",
                 "f.yaml:1: train.batch is not a whole number (got a list, expected 1 … 1048576)");
    expect_error("train:\n  batch:\n    a: 8",
                 "f.yaml:2: train.batch is not a whole number (got keys of its own, expected 1 … 1048576)");
    expect_error("train:\n  batch:\n",
                 "f.yaml:2: train.batch is not a whole number (got nothing, expected 1 … 1048576)");
    expect_error("optimizer: {clip: nan}",
                 "f.yaml:1: optimizer.clip is not a number (got nan, expected 0 … 1000000000)");
    expect_error("optimizer: {kind: lion}",
                 "f.yaml:1: optimizer.kind has no such value (got lion, expected adam, adamw or sgd)");
    expect_error("schedule: {kind: cosin}", "f.yaml:1: schedule.kind has no such value (got cosin, expected "
                                            "constant, step, piecewise, exponential, linear, "
                                            "cosine, one-cycle or plateau)");
    expect_error("data: {path: [a]}", "f.yaml:1: data.path is no text (got a list, expected a path)");
    expect_error("data: {path: }", "f.yaml:1: data.path is no text (got nothing, expected a path)");
    expect_error("data: {path: ''}", "f.yaml:1: data.path is empty (expected a path)");
    expect_error("data: {path: \"a\\tb\"}",
                 "f.yaml:1: data.path holds a control character (got \"a b\", expected a path)");
    expect_error("data: {quantization: mulaw}", "f.yaml:1: data.quantization has no such value (got mulaw, "
                                                "expected mulaw:N or linear:N, N 2 … 65536, or vocabulary)");
    expect_error(
        "model: {dilations: 4}",
        "f.yaml:1: model.dilations is no list (got 4, expected a list of at most 64 numbers, 1 … 1048576)");
    expect_error("model: 3", "f.yaml:1: model is a section (got 3, expected its keys on lines of their own)");
    expect_error("- 3",
                 "f.yaml:1: is no configuration (got a list, expected sections such as model: and train:)");
    expect_set_error("", "model=3", "model is a section (expected one of its keys, such as model.trunk)");
    expect_set_error("", "train.batch", "has no value (expected KEY=VALUE)");
    expect_set_error("",
                     "train.batch=", "train.batch is not a whole number (got nothing, expected 1 … 1048576)");
}

static void numbers_are_strict(void **state) {
    (void)state;
    static const char *const wrong_whole[] = {"0x8", "010",   "8 8", "+",    "-",  "1e3",
                                              "8.",  "1_000", "inf", "true", "'8'"};
    static const char *const wrong_real[] = {"0x1p3", ".",     "e3",   "1e",  "1e+", "1.5f",
                                             "inf",   "-.inf", ".nan", "1,5", "- 1"};
    static const char *const right_real[] = {"5", "+5", "5.", "5.0", ".5e1", "50e-1", "0.5E+1", "005"};
    static wt_config c;
    char set[64];
    for (size_t i = 0; i < sizeof wrong_whole / sizeof *wrong_whole; i++) {
        snprintf(set, sizeof set, "train.batch=%s", wrong_whole[i]);
        assert_int_equal(parse_one(&c, "", set), WT_USAGE);
        assert_non_null(strstr(wt_error_message(), "train.batch is not a whole number"));
    }
    for (size_t i = 0; i < sizeof wrong_real / sizeof *wrong_real; i++) {
        snprintf(set, sizeof set, "optimizer.clip=%s", wrong_real[i]);
        assert_int_equal(parse_one(&c, "", set), WT_USAGE);
    }
    for (size_t i = 0; i < sizeof right_real / sizeof *right_real; i++) {
        snprintf(set, sizeof set, "optimizer.clip=%s", right_real[i]);
        expect_ok(&c, "", set);
        assert_true(c.optimizer.clip == 5.0);
    }
    expect_ok(&c, "", "optimizer.clip=-0.0");
    assert_false(signbit(c.optimizer.clip));
    expect_ok(&c, "", "train.seed=9007199254740992");
    assert_int_equal(c.train.seed, INT64_C(1) << 53);
}

static void long_values_are_refused_and_cut_in_messages(void **state) {
    (void)state;
    static char text[WT_PATH_MAX + 64], list[1024] = "model: {dilations: [1";
    int head = snprintf(text, sizeof text, "data: {path: ");
    memset(text + head, 'p', WT_PATH_MAX);
    text[head + WT_PATH_MAX] = '}';
    expect_error(text, "f.yaml:1: data.path is too long (got 4096 bytes, expected at most 4095)");
    memmove(text + head, text + head + 1, WT_PATH_MAX + 1);
    static wt_config c;
    expect_ok(&c, text, NULL);
    assert_int_equal(strlen(c.data.path), WT_PATH_MAX - 1);
    for (int i = 0; i < 64; i++) strcat(list, ",1");
    expect_error(strcat(list, "]}"), "f.yaml:1: model.dilations is too long (got 65, expected at most 64)");

    head = snprintf(text, sizeof text, "train: {batch: ");
    for (int i = 0; i < 60; i++) memcpy(text + head + 2 * i, "ä", 2);
    text[head + 120] = '}';
    text[head + 121] = '\0';
    char message[256] = "f.yaml:1: train.batch is not a whole number (got ";
    for (int i = 0; i < 45; i++) strcat(message, "ä"); /* whole characters, 90 bytes */
    expect_error(text, strcat(message, "…, expected 1 … 1048576)"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(defaults_are_those_of_the_design),
        cmocka_unit_test(every_range_is_kept),
        cmocka_unit_test(every_choice_is_known),
        cmocka_unit_test(unknown_keys_name_the_nearest),
        cmocka_unit_test(ranges_say_what_is_expected),
        cmocka_unit_test(wrong_types_say_what_was_found),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(long_values_are_refused_and_cut_in_messages),
    };
    return cmocka_run_group_tests(tests, NULL, no_memory_is_held);
}
