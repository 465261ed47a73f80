/* What YAML lets through and a configuration does not; whole files; --set in order. */
#include "config_expect.h"

#include <stdlib.h>
#include <unistd.h>

static void an_empty_file_is_all_defaults(void **state) {
    (void)state;
    static wt_config standard, c;
    expect_ok(&standard, "", NULL);
    static const char *const empty[] = {"# nothing\n",
                                        "---\n",
                                        "~\n",
                                        "model:\ntrain: # later\n",
                                        "\xEF\xBB\xBF# mark\n",
                                        "%YAML 1.1\n---\ntrain: {}\n...\n",
                                        "null"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        expect_ok(&c, empty[i], NULL);
        assert_memory_equal(&c, &standard, sizeof c);
    }
}

/* As Windows and its editors leave them: a byte order mark, \r\n. */
static void marks_and_line_ends(void **state) {
    (void)state;
    static wt_config plain, c;
    expect_ok(&plain, "model:\n  stacks: 1\n  layers: 5\n", NULL);
    static const char *const same[] = {"\xEF\xBB\xBFmodel:\n  stacks: 1\n  layers: 5\n",
                                       "\xEF\xBB\xBFmodel:\r\n  stacks: 1\r\n  layers: 5\r\n",
                                       "model:\r  stacks: 1\r  layers: 5\r"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        expect_ok(&c, same[i], NULL);
        assert_memory_equal(&c, &plain, sizeof c);
    }
    expect_error("\xFF\xFEm", "f.yaml: is UTF-16 text (expected UTF-8 text)");
    expect_error("\xEF\xBB\xBFmodel:\r\n  stacks: x\r\n",
                 "f.yaml:2: model.stacks is not a whole number (got x, expected 1 … 64)");
}

static void tabs_are_named(void **state) {
    (void)state;
    static wt_config c;
    const char *const words = "is indented with a tab (expected spaces)";
    static const char *const tabbed[] = {"model:\n\tstacks: 1\n", "model:\r\n\tstacks: 1\r\n",
                                         "model:\n  \tstacks: 1\n", "\xEF\xBB\xBFmodel:\n \t stacks: 1\n"};
    for (size_t i = 0; i < sizeof tabbed / sizeof *tabbed; i++) {
        char expected[80];
        snprintf(expected, sizeof expected, "f.yaml:2: %s", words);
        expect_error(tabbed[i], expected);
    }
    expect_error("model:\n  stacks: 1\n\tlayers: 2\n", "f.yaml:3: is indented with a tab (expected spaces)");
    expect_ok(&c, "model:\n  stacks:\t1\t# one\n", NULL); /* between words YAML allows it */
    assert_int_equal(c.model.array.stacks, 1);
}

static void duplicates_are_refused(void **state) {
    (void)state;
    expect_error("model:\n  layers: 3\n  skip: 9\n  layers: 4",
                 "f.yaml:4: model.layers is given twice (first in line 2)");
    expect_error("model:\ntrain: {batch: 2}\nmodel: {}", "f.yaml:3: model is given twice (first in line 1)");
    expect_error("model:\n  arrays:\n    - gate: 3\n      gate: 4",
                 "f.yaml:4: model.arrays[0].gate is given twice");
}

static void yaml_beyond_need_is_refused(void **state) {
    (void)state;
    expect_error("train: &t {batch: 2}", "f.yaml:1: anchors (&) are not allowed (expected plain YAML)");
    expect_error("train:\n  batch: &b 2", "f.yaml:2: anchors (&) are not allowed (expected plain YAML)");
    expect_error("model:\n  dilations: &d [1]",
                 "f.yaml:2: anchors (&) are not allowed (expected plain YAML)");
    expect_error("train: *t", "f.yaml:1: aliases (*) are not allowed (expected plain YAML)");
    expect_error("train: {<<: *t}", "f.yaml:1: aliases (*) are not allowed (expected plain YAML)");
    expect_error("train: {batch: !!int 2}", "f.yaml:1: tags (!) are not allowed (expected plain YAML)");
    expect_error("train: !!map {batch: 2}", "f.yaml:1: tags (!) are not allowed (expected plain YAML)");
    expect_error("data: {path: ! word}", "f.yaml:1: tags (!) are not allowed (expected plain YAML)");
    expect_error("train: {!!str batch: 2}", "f.yaml:1: tags (!) are not allowed (expected plain YAML)");
    expect_error("train: {batch: 2}\n---\nmodel: {}",
                 "f.yaml:2: a second YAML document begins (expected one)");
    expect_error("model:\n  dilations: [[[[[[[[1]]]]]]]]",
                 "f.yaml:2: is nested too deep (expected at most 8 levels)");
    expect_error("? [a]\n: 8", "f.yaml:1: a key must be a word");
    expect_error("data: {path: \"a\\0b\"}", "f.yaml:1: holds a zero byte");
}

static void syntax_errors_name_the_line(void **state) {
    (void)state;
    expect_error("model:\n  layers: [1\n",
                 "f.yaml:3: is no YAML: did not find expected ',' or ']' while parsing a flow sequence");
    expect_error("model:\n  layers: 3\n stacks: 3\n",
                 "f.yaml:3: is no YAML: did not find expected key while parsing a block mapping");
    expect_error("model:\n  gate: 1\n  \xFF", "f.yaml:3: is no YAML text: invalid leading UTF-8 octet");
    expect_error("model:\n\x01", "f.yaml:2: is no YAML text: control characters are not allowed");
    expect_set_error("", "model.dilations=[1",
                     "is no YAML: did not find expected ',' or ']' while parsing a flow sequence");
    static wt_config c;
    assert_int_equal(wt_config_parse(&c, "f.yaml", "a\0b", 3, NULL, 0), WT_USAGE);
}

static void sizes_are_bounded(void **state) {
    (void)state;
    static char text[WT_CONFIG_TEXT_MAX + 2];
    static wt_config c;
    memset(text, '#', sizeof text - 1);
    expect_error(text,
                 "f.yaml: is too large for a configuration (got 1048577 bytes, expected at most 1048576)");
    text[sizeof text - 2] = '\0';
    expect_ok(&c, text, NULL);
    int head = snprintf(text, sizeof text, "model: {dilations: [");
    for (int i = 0; i < 257; i++) memcpy(text + head + 2 * i, "1,", 2);
    memcpy(text + head + 514, "]}", 3);
    expect_error(text, "f.yaml:1: too many entries in one place (expected at most 256)");
    memset(text, '[', sizeof text - 2);
    expect_error(text, "f.yaml:1: is nested too deep (expected at most 8 levels)");
}

static void a_hostile_name_stays_on_one_line(void **state) {
    (void)state;
    static wt_config c;
    assert_int_equal(wt_config_parse(&c, "a\nb.yaml", "x: 1", 4, NULL, 0), WT_USAGE);
    assert_string_equal(wt_error_message(),
                        "a b.yaml:1: x is no key (wavetrain train --help-config lists them)");
    expect_error("\"mo\\ndel\": 3", "f.yaml:1: mo del is no key (did you mean model?)");
}

static void sets_follow_the_file_in_order(void **state) {
    (void)state;
    static const char text[] = "train: {batch: 4, steps: 700}\n";
    static const char *const sets[] = {"train.batch=16", "model.dilations=[1, 2, 4]", "train.batch=32",
                                       "data.path=\"my data\""};
    static wt_config c;
    assert_int_equal(wt_config_parse(&c, "f.yaml", text, strlen(text), sets, 4), WT_OK);
    assert_int_equal(c.train.batch, 32);
    assert_int_equal(c.train.steps, 700);
    assert_int_equal(c.model.array.dilations.count, 3);
    assert_int_equal(c.model.array.dilations.values[2], 4);
    assert_string_equal(c.data.path, "my data");
    expect_set_error("", "data.path=a: b: c", "is no YAML: mapping values are not allowed in this context");
    expect_set_error("", "data.path=*a", "aliases (*) are not allowed (expected plain YAML)");
}

static void files_are_loaded(void **state) {
    (void)state;
    static wt_config c;
    char path[] = "config-XXXXXX", message[128];
    int file = mkstemp(path);
    assert_true(file >= 0);
    static const char text[] = "train:\n  batch: 12\n  microbatches: 5\n";
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(file), 0);
    assert_int_equal(wt_config_load(&c, path, NULL, 0), WT_USAGE);
    snprintf(message, sizeof message,
             "%s:3: train.microbatches does not divide train.batch (got 5, expected a divisor of 12)", path);
    assert_string_equal(wt_error_message(), message);
    const char *set = "train.microbatches=6";
    assert_int_equal(wt_config_load(&c, path, &set, 1), WT_OK);
    assert_int_equal(c.train.microbatches, 6);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(wt_config_load(&c, path, NULL, 0), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_is_all_defaults),
        cmocka_unit_test(marks_and_line_ends),
        cmocka_unit_test(tabs_are_named),
        cmocka_unit_test(duplicates_are_refused),
        cmocka_unit_test(yaml_beyond_need_is_refused),
        cmocka_unit_test(syntax_errors_name_the_line),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(a_hostile_name_stays_on_one_line),
        cmocka_unit_test(sets_follow_the_file_in_order),
        cmocka_unit_test(files_are_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, no_memory_is_held);
}
