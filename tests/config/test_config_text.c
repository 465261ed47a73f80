/* The resolved text and --help-config come back as they were; comparison; configs/ of the repository. */
#include "config_expect.h"

#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/random.h"
#include "config_internal.h"

static const char *configs_folder;

static void expect_round_trip(const wt_config *config) {
    static wt_config again;
    char *text, *text_again;
    assert_int_equal(wt_config_text(&text, config), WT_OK);
    expect_ok(&again, text, NULL);
    assert_memory_equal(&again, config, sizeof again);
    assert_int_equal(wt_config_text(&text_again, &again), WT_OK);
    assert_string_equal(text_again, text);
    wt_free(text);
    wt_free(text_again);
}

static void the_text_comes_back_bit_for_bit(void **state) {
    (void)state;
    static wt_config c;
    expect_ok(&c, "", NULL);
    expect_round_trip(&c);
    expect_ok(&c,
              "model: {dilations: [1, 1, 1048576], kernel: 3, skip_scale: 0.7071067811865476}\n"
              "optimizer: {kind: adamw, learning_rate: 4.9e-324, clip: 1e9, epsilon: 1e-300, beta1: 0.1}",
              NULL);
    expect_round_trip(&c);
    expect_ok(
        &c,
        "model:\n  residual: 9\n  arrays: [{layers: 24, stacks: 1}, {dilations: [3], activation: relu}, {}]",
        NULL);
    expect_round_trip(&c);
    expect_ok(&c, "train: {steps: 1000000000000, seed: 9007199254740991}\nschedule: {warmup: 0}", NULL);
    expect_round_trip(&c);
    expect_ok(&c, "", "train.steps=30");
    expect_round_trip(&c);
    expect_ok(&c, "schedule: {kind: piecewise, points: [[0, 0.1], [7, 4.9e-324], [1000000000000, 1000]]}",
              NULL);
    expect_round_trip(&c);
    expect_ok(&c, "optimizer: {kind: sgd, momentum: 0.9, nesterov: true}\nschedule: {kind: one-cycle}", NULL);
    expect_round_trip(&c);
}

static void paths_are_quoted_safely(void **state) {
    (void)state;
    static const char *const paths[] = {"'null'",
                                        "'~'",
                                        "'a: b # c'",
                                        "'\"\\'",
                                        "'*x'",
                                        "' a '",
                                        "'- a'",
                                        "'ü/日本/😀'",
                                        "'%2'",
                                        "'{}'",
                                        "\"\\u0085\\u2028\\uFEFF\\u00A0\\u0080\\U0001F600\"",
                                        "'--- a'",
                                        "\"it's\""};
    static wt_config c;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char set[128];
        snprintf(set, sizeof set, "data.path=%s", paths[i]);
        expect_ok(&c, "", set);
        expect_round_trip(&c);
    }
    char *text;
    expect_ok(&c, "", "data.path='a\"b\\ü'");
    assert_int_equal(wt_config_text(&text, &c), WT_OK);
    assert_non_null(strstr(text, "\n  path: \"a\\\"b\\\\ü\"\n"));
    wt_free(text);
}

/* Random bits as numbers, of every size. */
static void reals_come_back_bit_for_bit(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 2000; i++) {
        uint32_t words[4];
        uint64_t bits;
        double value;
        char text[32];
        wt_random_words(words, 1, WT_RANDOM_TEST, 0, i);
        bits = (uint64_t)words[0] << 32 | words[1];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        wt_yaml_real_text(text, value);
        assert_true(strtod(text, NULL) == value);
        assert_non_null(strchr(text, '.'));
    }
    char text[32];
    wt_yaml_real_text(text, 1e-8);
    assert_string_equal(text, "1.0e-08");
    wt_yaml_real_text(text, 0.1);
    assert_string_equal(text, "0.1");
    wt_yaml_real_text(text, 3);
    assert_string_equal(text, "3.0");
}

/* --- help --- */

static void help_is_a_configuration_of_the_defaults(void **state) {
    (void)state;
    static wt_config standard, c;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    wt_config_help(stream);
    assert_int_equal(fclose(stream), 0);
    expect_ok(&standard, "", NULL);
    expect_ok(&c, text, NULL);
    assert_memory_equal(&c, &standard, sizeof c);
    for (int i = 0; i < wt_key_count; i++) {
        char line[128];
        const char *indent = wt_keys[i].type == WT_KEY_SECTION ? "" : "  ";
        snprintf(line, sizeof line, "\n%s%s: ", indent, wt_key_last(&wt_keys[i]));
        assert_non_null(strstr(text, line));
    }
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        int columns = 0;
        for (const char *c8 = line; *c8 != '\n'; c8++) columns += ((unsigned char)*c8 & 0xC0) != 0x80;
        assert_in_range(columns, 0, 80);
    }
    free(text);
}

/* --- comparison --- */

typedef struct {
    char lines[1024];
} differences;

static void note(void *context, const char *key, wt_resume_rule rule, const char *before, const char *after) {
    static const char *const names[] = {"free", "warned", "refused"};
    differences *found = context;
    size_t used = strlen(found->lines);
    snprintf(found->lines + used, sizeof found->lines - used, "%s %s %s -> %s\n", names[rule], key, before,
             after);
}

static void expect_differences(const char *before, const char *after, const char *lines) {
    static wt_config a, b;
    differences found = {""};
    expect_ok(&a, before, NULL);
    expect_ok(&b, after, NULL);
    assert_int_equal(wt_config_compare(&a, &b, note, &found), WT_OK);
    assert_string_equal(found.lines, lines);
}

static void differences_are_named_with_their_rule(void **state) {
    (void)state;
    expect_differences("", "", "");
    expect_differences("model: {residual: 64}", "train: {batch: 8}", "");
    expect_differences("train: {seed: 2}",
                       "optimizer: {learning_rate: 2e-3}\nvalidation: {every: 7}\ndata: {path: d}",
                       "warned data.path \"data/speech\" -> \"d\"\n"
                       "refused train.seed 2 -> 1\n"
                       "warned optimizer.learning_rate 0.001 -> 0.002\n"
                       "free validation.every 500 -> 7\n");
    expect_differences("model: {layers: 4}", "model: {dilations: [1, 3]}",
                       "refused model.dilations [] -> [1, 3]\n");
    expect_differences(
        "model: {stacks: 1, layers: 4}", "model: {arrays: [{stacks: 1, layers: 4, kernel: 3}]}",
        "refused model.arrays [] -> [{kernel: 3, stacks: 1, layers: 4, residual: 64, gate: 64, "
        "activation: gate, "
        "head_kernel: 1, head_bias: false}]\n");
    expect_differences(
        "train: {microbatches_at_once: 2}\ncheckpoint: {keep: 1}\nrun: {backend: reference}\n",
        "data: {memory: 1, window: 4096, quantization: linear:256}\nschedule: {kind: constant}",
        "refused data.window 8192 -> 4096\n"
        "refused data.quantization mulaw:256 -> linear:256\n"
        "free data.memory 4.0 -> 1.0\n"
        "free train.microbatches_at_once 2 -> 0\n"
        "warned schedule.kind cosine -> constant\n"
        "free checkpoint.keep 1 -> 3\n"
        "free run.backend reference -> auto\n");
}

/* --- configs/ --- */

static void every_config_of_the_repository_loads(void **state) {
    (void)state;
    static wt_config c;
    char **names, path[WT_PATH_MAX];
    size_t count;
    assert_int_equal(wt_folder_list(&names, &count, configs_folder, "", ".yaml"), WT_OK);
    assert_true(count >= 3);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(wt_path_join(path, configs_folder, names[i]), WT_OK);
        wt_status status = wt_config_load(&c, path, NULL, 0);
        if (status != WT_OK) fail_msg("%s", wt_error_message());
        expect_round_trip(&c);
    }
    wt_folder_list_free(names, count);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    configs_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_comes_back_bit_for_bit),
        cmocka_unit_test(paths_are_quoted_safely),
        cmocka_unit_test(reals_come_back_bit_for_bit),
        cmocka_unit_test(help_is_a_configuration_of_the_defaults),
        cmocka_unit_test(differences_are_named_with_their_rule),
        cmocka_unit_test(every_config_of_the_repository_loads),
    };
    return cmocka_run_group_tests(tests, NULL, no_memory_is_held);
}
