/* Parts of a data set: by shares, by name, in pieces; none is empty while it need not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/prepare/splits.h"

/* --- by draws --- */

static wt_split split_of_id(const char *id, double validation, double test, uint64_t seed) {
    const wt_split_rule rule = wt_split_shares(validation, test, seed);
    return wt_split_of_draw(wt_split_draw(id, seed), &rule);
}

static void test_shares(void **state) {
    (void)state;
    int counts[WT_SPLITS] = {0}, moved = 0;
    for (int i = 0; i < 20000; i++) {
        char id[32];
        snprintf(id, sizeof id, "speaker/%05d.wav", i);
        const wt_split split = split_of_id(id, 0.1, 0.2, 0);
        counts[split]++;
        moved += split != split_of_id(id, 0.1, 0.2, 1);
        assert_int_equal(split, split_of_id(id, 0.1, 0.2, 0));
        /* without a test part, none of it is test, and validation does not lose what it had to training */
        assert_int_not_equal(split_of_id(id, 0.1, 0, 0), WT_SPLIT_TEST);
        if (split == WT_SPLIT_TEST) assert_int_equal(split_of_id(id, 0, 0.2, 0), WT_SPLIT_TEST);
    }
    assert_in_range(counts[WT_SPLIT_VALIDATION], 1850, 2150);
    assert_in_range(counts[WT_SPLIT_TEST], 3800, 4200);
    assert_in_range(moved, 20000 * 0.4, 20000 * 0.52); /* 1 − 0.7² − 0.1² − 0.2² = 0.46 */
}

/* The choice is part of the format: a data set made again must have the same split. */
static void test_pinned(void **state) {
    (void)state;
    char text[33] = "";
    for (int i = 0; i < 32; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d.wav", i);
        text[i] = "TVE"[split_of_id(id, 0.2, 0.2, 0)];
    }
    assert_string_equal(text, "TTVTTTTTTTTTETVTEVVTEETTTETTVTTT");
}

enum { ITEMS_MAX = 12 };

/* `items` ids: 0.wav, 1.wav … */
static const char *const *make_ids(void) {
    static char names[ITEMS_MAX][16];
    static const char *ids[ITEMS_MAX];
    for (int i = 0; i < ITEMS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%d.wav", i);
        ids[i] = names[i];
    }
    return ids;
}

/* No part with a share is empty while another has two; else each goes where its own draw says. */
static void test_few(void **state) {
    (void)state;
    const char *const *ids = make_ids();
    for (uint64_t seed = 0; seed < 200; seed++) {
        for (size_t items = 1; items <= ITEMS_MAX; items++) {
            wt_split splits[ITEMS_MAX];
            size_t counts[WT_SPLITS] = {0}, moved = 0;
            const wt_split_items list = {.count = items, .ids = ids, .what = "recording"};
            wt_split_rule rule = wt_split_shares(0.1, 0.1, seed);
            assert_int_equal(wt_split_items_choose(splits, &rule, &list), WT_OK);
            for (size_t i = 0; i < items; i++) {
                counts[splits[i]]++;
                moved += splits[i] != split_of_id(ids[i], 0.1, 0.1, seed);
            }
            for (int split = 0; split < WT_SPLITS && items >= 3; split++) assert_true(counts[split] > 0);
            assert_true(moved <= 2);
            rule = wt_split_shares(0, 0.5, seed);
            assert_int_equal(wt_split_items_choose(splits, &rule, &list), WT_OK);
            for (size_t i = 0; i < items; i++) assert_int_not_equal(splits[i], WT_SPLIT_VALIDATION);
        }
    }
}

/* Equal lines have one draw: they stay together, and a part of nothing but equal ones gives none away. */
static void test_equal_draws(void **state) {
    (void)state;
    const wt_split_rule rule = wt_split_shares(0.1, 0.1, 0);
    const double draws[] = {0.9, 0.3, 0.3, 0.5, 0.3};
    wt_split splits[5];
    wt_split_by_draws(splits, NULL, &rule, draws, 5);
    assert_int_equal(splits[0], WT_SPLIT_TRAIN);
    for (int i = 1; i < 5; i++)
        assert_int_equal(splits[i],
                         i == 3 ? WT_SPLIT_TEST : WT_SPLIT_VALIDATION); /* 0.3 is nearest to 0.1 … 0.2 */
    const double same[] = {0.5, 0.5, 0.5};
    wt_split_by_draws(splits, NULL, &rule, same, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(splits[i], WT_SPLIT_TRAIN);
}

/* --- by name --- */

static const char *const tree[] = {"ann/1.wav", "ann/2.wav", "bo/1.wav", "bo/2.wav", "cy[1].wav", "d.wav"};
static const char *const places[] = {"in/ann/1.wav", "in/ann/2.wav", "in/bo/1.wav",
                                     "in/bo/2.wav",  "in/cy[1].wav", "in/d.wav"};
enum { TREE = 6 };

/* The parts as letters, or the message. `values`: of --validation and of --test, up to three each. */
static const char *parts_of(char *const validation[4], char *const test[4]) {
    static char text[256];
    wt_split splits[TREE];
    wt_split_rule rule;
    char *copies[2][4];
    const wt_split_items items = {.count = TREE, .ids = tree, .paths = places, .what = "recording"};
    memcpy(copies[0], validation, sizeof copies[0]);
    memcpy(copies[1], test, sizeof copies[1]);
    wt_status status = wt_split_rule_parse(&rule, copies[0], copies[1], 0);
    if (status == WT_OK) status = wt_split_items_choose(splits, &rule, &items);
    for (int part = 0; part < 2; part++) /* whatever the order, all strings are still there to be freed */
        for (int i = 0; i < 4; i++) {
            bool found = false;
            for (int j = 0; j < 4; j++) found |= (part ? test : validation)[i] == copies[part][j];
            assert_true(found);
        }
    if (status != WT_OK) {
        assert_int_equal(status, WT_USAGE);
        return wt_error_message();
    }
    for (int i = 0; i < TREE; i++) text[i] = "TVE"[splits[i]];
    text[TREE] = '\0';
    return text;
}

static void test_split_names(void **state) {
    (void)state;
    char *none[4] = {"0"}, *bo[4] = {"bo"}, *folder[4] = {"bo/"}, *path[4] = {"in/bo"},
         *pattern[4] = {"*/1.wav"}, *literal[4] = {"cy[1].wav"}, *two[4] = {"d.wav", "ann"},
         *mixed[4] = {"d.wav", "0.5", "ann"};
    assert_string_equal(parts_of(bo, none), "TTVVTT");
    assert_string_equal(parts_of(folder, none), "TTVVTT");
    assert_string_equal(parts_of(path, none), "TTVVTT");
    assert_string_equal(parts_of(pattern, none), "VTVTTT");
    assert_string_equal(parts_of(literal, none), "TTTTVT");
    assert_string_equal(parts_of(none, two), "EETTTE");
    /* a share of what has no name, and of the others a part that is not empty */
    const char *parts = parts_of(none, mixed);
    assert_true(parts[0] == 'E' && parts[1] == 'E' && parts[5] == 'E' && strchr(parts + 2, 'T'));
    assert_true(memchr(parts + 2, 'E', 3) != NULL);
    /* what has a name is out of the draws for the other part */
    char *tenth[4] = {"0.1"};
    parts = parts_of(tenth, two);
    assert_true(memcmp(parts, "EE", 2) == 0 && parts[5] == 'E' && memchr(parts + 2, 'V', 3) != NULL);
}

static void expect_split_words(const char *text, const char *words) {
    if (!strstr(text, words)) fail_msg("no \"%s\" in: %s", words, text);
}

static void test_wrong_names(void **state) {
    (void)state;
    char *none[4] = {"0"}, *bo[4] = {"bo"}, *file[4] = {"bo/2.wav"}, *missing[4] = {"b"}, *all[4] = {"*"},
         *twice[4] = {"0.1", "0.2"}, *negative[4] = {"-0.1"}, *large[4] = {"1.5"}, *empty[4] = {""},
         *half[4] = {"0.5"}, *number[4] = {"7"}, *escaped[4] = {"=0.1"};
    expect_split_words(parts_of(bo, file), "--test: bo/2.wav is named for the validation part already");
    expect_split_words(parts_of(missing, none),
                       "--validation: b is no recording's name (expected one such as ann/1.wav");
    expect_split_words(parts_of(all, none), "leave nothing to train on (got names of all of 6 recordings)");
    expect_split_words(parts_of(twice, none), "--validation: is given twice as a share");
    expect_split_words(parts_of(none, negative),
                       "--test: out of range (got -0.1, expected a share, 0 … 1, or a name");
    expect_split_words(parts_of(none, large), "--test: out of range (got 1.5");
    expect_split_words(parts_of(empty, none), "--validation: is empty");
    expect_split_words(parts_of(half, half), "leave nothing to train on (got 0.5 and 0.5");
    expect_split_words(parts_of(number, none),
                       "--validation: 7 is no recording's name"); /* groups have such names */
    expect_split_words(parts_of(escaped, none), "--validation: 0.1 is no recording's name");
}

/* --- in pieces --- */

static void test_pieces(void **state) {
    (void)state;
    for (int v = 0; v <= 9; v++) {
        for (int t = 0; t + v <= 9; t++) {
            const wt_split_rule rule = wt_split_shares(v / 10.0, t / 10.0, 0);
            for (int64_t count = 1; count < 40; count++) {
                int64_t pieces[WT_SPLITS];
                wt_split_pieces(pieces, &rule, count);
                assert_int_equal(pieces[0] + pieces[1] + pieces[2], count);
                assert_true(pieces[WT_SPLIT_TRAIN] >= 1);
                assert_true((pieces[WT_SPLIT_VALIDATION] > 0) == (v > 0 && count >= 2));
                assert_true((pieces[WT_SPLIT_TEST] > 0) == (t > 0 && count >= 2 + (v > 0)));
                if (count >= 20) assert_true(labs((long)(10 * pieces[WT_SPLIT_TEST] - t * count)) <= 10);
            }
        }
    }
}

int main(void) {
    wt_log_setup(WT_LOG_NORMAL, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),      cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_few),         cmocka_unit_test(test_equal_draws),
        cmocka_unit_test(test_split_names), cmocka_unit_test(test_wrong_names),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
