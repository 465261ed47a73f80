/* Hashes: known answers of XXH3, keys, folding in order, and text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wavetrain/base.h"

static void assert_prints(wt_hash hash, const char *digits) {
    char text[WT_HASH_TEXT];
    wt_hash_print(text, hash);
    assert_string_equal(text, digits);
}

/* Of libxxhash 0.8, whose results are fixed: the checkpoints of today must still verify tomorrow. */
static void test_known_hashes(void **state) {
    (void)state;
    assert_prints(wt_hash_bytes("", 0, 0), "99aa06d3014798d86001c324468d497f");
    assert_prints(wt_hash_string("wavetrain", 0), "e674352ea8aa5510878d346e2bc1a452");
    assert_prints((wt_hash){.low = 0x1, .high = 0xab}, "00000000000000ab0000000000000001");
}

static void test_bytes_and_keys_matter(void **state) {
    (void)state;
    char text[300];
    memset(text, 'a', sizeof text);
    for (size_t bytes = 1; bytes < sizeof text; bytes += 37) {
        wt_hash hash = wt_hash_bytes(text, bytes, 0);
        assert_true(wt_hash_equal(hash, wt_hash_bytes(text, bytes, 0)));
        assert_false(wt_hash_equal(hash, wt_hash_bytes(text, bytes - 1, 0)));
        assert_false(wt_hash_equal(hash, wt_hash_bytes(text, bytes, 1)));
        text[bytes / 2] = 'b';
        assert_false(wt_hash_equal(hash, wt_hash_bytes(text, bytes, 0)));
        text[bytes / 2] = 'a';
    }
    assert_true(wt_hash_equal(wt_hash_string("aaa", 5), wt_hash_bytes(text, 3, 5)));
}

static void test_equal_compares_both_halves(void **state) {
    (void)state;
    wt_hash a = {1, 2};
    assert_true(wt_hash_equal(a, (wt_hash){1, 2}));
    assert_false(wt_hash_equal(a, (wt_hash){1, 3}));
    assert_false(wt_hash_equal(a, (wt_hash){0, 2}));
}

static void test_fold_keeps_the_order(void **state) {
    (void)state;
    wt_hash none = {0, 0}, a = wt_hash_string("a", 0), b = wt_hash_string("b", 0);
    wt_hash ab = wt_hash_fold(wt_hash_fold(none, a), b), ba = wt_hash_fold(wt_hash_fold(none, b), a);
    assert_false(wt_hash_equal(ab, ba));
    assert_false(wt_hash_equal(wt_hash_fold(a, b), wt_hash_fold(b, a)));
    assert_false(wt_hash_equal(ab, wt_hash_fold(none, wt_hash_string("ab", 0))));
    assert_true(wt_hash_equal(ab, wt_hash_fold(wt_hash_fold(none, a), b)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_hashes),
        cmocka_unit_test(test_bytes_and_keys_matter),
        cmocka_unit_test(test_equal_compares_both_halves),
        cmocka_unit_test(test_fold_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
