/* Every code point there and back, in the bytes that iconv would give; every sequence that is none is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void test_every_code_point(void **state) {
    (void)state;
    for (uint32_t code = 0; code < WT_CODE_POINTS; code++) {
        char bytes[WT_UTF8_MAX];
        uint32_t back = 1;
        if (code >= 0xD800 && code < 0xE000) continue;
        int length = wt_utf8_encode(bytes, code);
        assert_int_equal(length, code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
        assert_int_equal(wt_utf8_decode(&back, bytes, (size_t)length), length);
        assert_int_equal(back, code);
        for (int cut = 0; cut < length; cut++) assert_int_equal(wt_utf8_decode(&back, bytes, (size_t)cut), 0);
    }
}

static void test_known_bytes(void **state) {
    (void)state;
    const struct {
        const char *bytes;
        uint32_t code;
    } known[] = {{"A", 'A'}, {"\xC3\xA9", 0xE9}, {"\xE2\x80\x99", 0x2019}, {"\xF0\x9F\x98\x80", 0x1F600}};
    for (int i = 0; i < 4; i++) {
        char bytes[WT_UTF8_MAX];
        uint32_t code = 0;
        int length = (int)strlen(known[i].bytes);
        assert_int_equal(wt_utf8_decode(&code, known[i].bytes, (size_t)length), length);
        assert_int_equal(code, known[i].code);
        assert_int_equal(wt_utf8_encode(bytes, code), length);
        assert_memory_equal(bytes, known[i].bytes, (size_t)length);
    }
}

/* Overlong forms, surrogates, past the end, lone bytes. */
static void test_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x9F\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80",
        "\xFF",
        "\xC3\x28",
        "\xE2\x28\xA1",
        "\xE2\x82\x28",
        "\xF0\x28\x8C\xBC",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint32_t code = 0;
        assert_int_equal(wt_utf8_decode(&code, wrong[i], strlen(wrong[i])), 0);
    }
}

/* Whatever two bytes come, what is decoded is encoded to the same bytes: no two spellings of a code point. */
static void test_one_spelling(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 1u << 24; i++) {
        char bytes[4] = {(char)(i >> 16), (char)(i >> 8), (char)i, '\x80'}, again[WT_UTF8_MAX];
        uint32_t code = 0;
        int length = wt_utf8_decode(&code, bytes, 4);
        if (length == 0) continue;
        bool same = wt_utf8_encode(again, code) == length && memcmp(bytes, again, (size_t)length) == 0;
        if (!same) fail_msg("bytes %06X", i);
    }
}

static void test_decoded_line_ends(void **state) {
    (void)state;
    assert_int_equal(wt_utf8_line_end("", 0), 0);
    assert_int_equal(wt_utf8_line_end("a\n", 2), 0);
    assert_int_equal(wt_utf8_line_end("\na", 2), 1);
    assert_int_equal(wt_utf8_line_end("\r\na", 3), 2);
    assert_int_equal(wt_utf8_line_end("\r\n", 1), 1); /* what stands behind is not the caller's */
    assert_int_equal(wt_utf8_line_end("\ra", 2), 1);
    assert_int_equal(wt_utf8_line_end("\n\r", 2), 1);
    uint32_t code = 0;
    assert_int_equal(wt_utf8_decode_text(&code, "\r\n", 2), 2);
    assert_int_equal(code, '\n');
    assert_int_equal(wt_utf8_decode_text(&code, "\r", 1), 1);
    assert_int_equal(code, '\n');
    assert_int_equal(wt_utf8_decode_text(&code, "\xC3\xA9", 2), 2);
    assert_int_equal(code, 0xE9);
    assert_int_equal(wt_utf8_decode_text(&code, "\xC3", 1), 0);
}

static void expect_shown(const char *text, size_t room, const char *expected) {
    char out[64];
    memset(out, 'x', sizeof out);
    wt_utf8_show(out, room, text, strlen(text));
    assert_string_equal(out, expected);
    for (size_t i = room; i < sizeof out; i++) assert_int_equal(out[i], 'x');
}

static void test_shown(void **state) {
    (void)state;
    expect_shown("", 4, "");
    expect_shown("abc", 4, "abc");
    expect_shown("abcdefgh", 9, "abcdefgh");
    expect_shown("abcdefgh", 8, "abcd…");
    expect_shown("ab\xC3\xA9"
                 "efgh",
                 8, "ab\xC3\xA9…");
    expect_shown("abc\xC3\xA9"
                 "efgh",
                 8, "abc…"); /* cut at a character */
    expect_shown("a\tb\nc\x01\x7F\x80\xC2\x85\xE2\x80\xA8", 32, "a b c?????");
    char same[] = "x\xFFy\xC2\x80z";
    wt_utf8_show(same, sizeof same, same, strlen(same));
    assert_string_equal(same, "x?y?z");
}

/* What a file begins with: a mark to pass over, or what it is instead of text. */
static void test_begin(void **state) {
    (void)state;
    size_t skip = 9;
    assert_int_equal(wt_utf8_begin(&skip, "f", "", 0), WT_OK);
    assert_int_equal(skip, 0);
    assert_int_equal(wt_utf8_begin(&skip, "f",
                                   "\xEF\xBB\xBF"
                                   "a",
                                   4),
                     WT_OK);
    assert_int_equal(skip, 3);
    assert_int_equal(wt_utf8_begin(&skip, "f", "\xEF\xBB", 2), WT_OK);
    assert_int_equal(skip, 0);
    assert_int_equal(wt_utf8_begin(&skip, "f", "\xFF\xFE\0\0", 4), WT_USAGE);
    assert_string_equal(wt_error_message(), "f: is UTF-32 text (expected UTF-8 text)");
    assert_int_equal(wt_utf8_begin(&skip, "f",
                                   "\xFF\xFE"
                                   "a\0",
                                   4),
                     WT_USAGE);
    assert_string_equal(wt_error_message(), "f: is UTF-16 text (expected UTF-8 text)");
    assert_int_equal(wt_utf8_begin(&skip, "f", "PK\3\4", 4), WT_USAGE);
    assert_string_equal(wt_error_message(), "f: is a zip file, as .xlsx and .ods are (expected UTF-8 text)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_known_bytes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_one_spelling),
        cmocka_unit_test(test_decoded_line_ends),
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
