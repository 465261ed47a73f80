/* The reader of YAML: nodes with their lines, what is refused and where, scalars there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "yaml/yaml_node.h"

static wt_status read_yaml(wt_yaml_pool *pool, wt_yaml_node **root, const char *text) {
    *pool = (wt_yaml_pool){0};
    return wt_yaml_read(pool, root, "f.yaml", true, text, strlen(text));
}

static void expect_refused(const char *text, const char *message) {
    wt_yaml_pool pool;
    wt_yaml_node *root;
    assert_int_equal(read_yaml(&pool, &root, text), WT_USAGE);
    assert_string_equal(wt_error_message(), message);
    wt_yaml_dispose(&pool);
}

static void test_nodes_know_their_lines(void **state) {
    (void)state;
    wt_yaml_pool pool;
    wt_yaml_node *root;
    assert_int_equal(read_yaml(&pool, &root, "a: 1\nlist:\n- x\n- 'y z'\nb: {c: ~}\n"), WT_OK);
    assert_int_equal(root->kind, WT_YAML_MAPPING);
    assert_int_equal(root->count, 3);
    const wt_yaml_node *list = wt_yaml_find(root, "list"), *inner = wt_yaml_find(root, "b");
    assert_int_equal(list->line, 2);
    assert_int_equal(list->first->next->line, 4);
    assert_true(list->first->next->quoted);
    assert_string_equal(list->first->next->text, "y z");
    assert_true(wt_yaml_is_null(wt_yaml_find(inner, "c")));
    assert_null(wt_yaml_find(root, "none"));
    assert_null(wt_yaml_find(list, "x"));
    assert_null(wt_yaml_find(NULL, "x"));
    assert_int_equal(wt_yaml_error(inner, "is wrong (got %d)", 3), WT_USAGE);
    assert_string_equal(wt_error_message(), "f.yaml:5: is wrong (got 3)");
    wt_yaml_dispose(&pool);
}

static void test_an_empty_text_has_no_root(void **state) {
    (void)state;
    wt_yaml_pool pool;
    wt_yaml_node *root;
    assert_int_equal(read_yaml(&pool, &root, "# nothing\n"), WT_OK);
    assert_null(root);
    wt_yaml_dispose(&pool);
}

static void test_what_is_not_plain_is_refused(void **state) {
    (void)state;
    expect_refused("a: 1\nb: &x 2\n", "f.yaml:2: anchors (&) are not allowed (expected plain YAML)");
    expect_refused("a: *x\n", "f.yaml:1: aliases (*) are not allowed (expected plain YAML)");
    expect_refused("a: !t 1\n", "f.yaml:1: tags (!) are not allowed (expected plain YAML)");
    expect_refused("a: 1\n---\nb: 2\n", "f.yaml:2: a second YAML document begins (expected one)");
    expect_refused("a:\n- [[[[[[[[1]]]]]]]]\n", "f.yaml:2: is nested too deep (expected at most 8 levels)");
    expect_refused("[1, 2]: 3\n", "f.yaml:1: a key must be a word");
}

static void test_numbers(void **state) {
    (void)state;
    static const char *const none[] = {"", "0x10", "nan", "inf", "1.2.3", "1e", "+", "1 2", "007", "1_000"};
    int64_t whole;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) assert_false(wt_yaml_whole_text(&whole, none[i]));
    assert_true(wt_yaml_whole_text(&whole, "-42"));
    assert_int_equal(whole, -42);
    assert_true(wt_yaml_whole_text(&whole, "99999999999999999999"));
    assert_true(whole == INT64_MAX);
    wt_yaml_pool pool;
    wt_yaml_node *root;
    double value;
    assert_int_equal(read_yaml(&pool, &root, "[1.5e3, .5, 2, '2', nan, 0x1p3]"), WT_OK);
    const wt_yaml_node *node = root->first;
    assert_true(wt_yaml_number(&value, node) && value == 1500);
    assert_true(wt_yaml_number(&value, node->next) && value == 0.5);
    assert_true(wt_yaml_number(&value, node->next->next) && value == 2);
    for (node = node->next->next->next; node; node = node->next) assert_false(wt_yaml_number(&value, node));
    wt_yaml_dispose(&pool);
}

/* What is printed is read as what it was. */
static void test_texts_come_back(void **state) {
    (void)state;
    static const char *const texts[] = {"",        "plain", "with \"quotes\" and \\", "tab\tand\nline",
                                        "µ-law ✓", "~"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *printed = NULL;
        size_t bytes;
        wt_yaml_pool pool;
        wt_yaml_node *root;
        FILE *out = open_memstream(&printed, &bytes);
        wt_yaml_print_text(out, texts[i]);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(read_yaml(&pool, &root, printed), WT_OK);
        assert_string_equal(root->text, texts[i]);
        assert_false(wt_yaml_is_null(root));
        wt_yaml_dispose(&pool);
        free(printed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_know_their_lines),
        cmocka_unit_test(test_an_empty_text_has_no_root),
        cmocka_unit_test(test_what_is_not_plain_is_refused),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts_come_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || wt_memory_blocks() != 0;
}
