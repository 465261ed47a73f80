/*
 * Damaged texts: a valid one with a few random edits is either taken, and then comes back
 * from its own text, or refused with one line. Edits are keyed by their number, so a
 * failure repeats; the message names it.
 */
#include "config_expect.h"

#include "base/random.h"

enum { ROUNDS = 12000, TEXT_MAX = 8192 };

static const char valid[] = "# a comment\n"
                            "model:\n"
                            "  input_kernel: 3\n"
                            "  arrays:\n"
                            "    - {layers: 4, stacks: 1, residual: 16, activation: relu}\n"
                            "    - dilations: [1, 3, 9]\n"
                            "      kernel: 3\n"
                            "  skip_scale: 0.5\n"
                            "data: {path: \"a/b \\u00e9\", window: 64, quantization: linear:32}\n"
                            "train:\n"
                            "  batch: 12\n"
                            "  microbatches: 4\n"
                            "optimizer: {kind: adamw, learning_rate: 1.5e-3}\n"
                            "schedule:\n"
                            "  warmup: 20\n";

/* clang-format off */
static const char *const pieces[] = {
    "\n", " ", "  ", ":", ": ", "- ", "[", "]", "{", "}", ",", "\"", "'", "#", "&a ", "*a", "!!str ", "! ",
    "|\n", ">\n", "---\n", "...\n", "%", "\t", "~", "null", "0", "-1", "1e999", "nan",
    "18446744073709551616", "\xC3", "\xFF", "\xE2\x80\xA8", "\\", "\\x00", "? ", "<<: ", "model:\n",
    "  layers: 2\n", "  batch: 0\n", "dilations: []", "@", "`",
};
/* clang-format on */

static uint32_t draw_below(uint64_t round, uint64_t *counter, uint32_t below) {
    uint32_t words[4];
    wt_random_words(words, 20, WT_RANDOM_TEST, round, (*counter)++);
    return words[0] % below;
}

/* One edit of text[0 … *length): a byte changed, bytes removed, a piece put in, another digit, or a part
 * repeated elsewhere. */
static void edit_text(char *text, size_t *length, uint64_t round, uint64_t *counter) {
    size_t at = draw_below(round, counter, (uint32_t)*length + 1);
    size_t span = 1 + draw_below(round, counter, 24);
    const char *piece = pieces[draw_below(round, counter, sizeof pieces / sizeof *pieces)];
    char copy[32];
    if (span > *length - at) span = *length - at;
    switch (draw_below(round, counter, 5)) {
    case 0:
        if (at < *length) text[at] = (char)draw_below(round, counter, 256);
        return;
    case 1:
        memmove(text + at, text + at + span, *length - at - span);
        *length -= span;
        return;
    case 2:
        span = strlen(piece);
        memcpy(copy, piece, span);
        break;
    case 3:
        while (at < *length && (text[at] < '0' || text[at] > '9')) at++;
        if (at < *length) text[at] = (char)('0' + draw_below(round, counter, 10));
        return;
    default:
        memcpy(copy, text + at, span);
        at = draw_below(round, counter, (uint32_t)*length + 1);
        break;
    }
    if (*length + span > TEXT_MAX) return;
    memmove(text + at + span, text + at, *length - at);
    memcpy(text + at, copy, span);
    *length += span;
}

static void expect_same_again(uint64_t round, const wt_config *config) {
    static wt_config again;
    char *text;
    assert_int_equal(wt_config_text(&text, config), WT_OK);
    if (parse_one(&again, text, NULL) != WT_OK) {
        fail_msg("round %llu: %s", (unsigned long long)round, wt_error_message());
    }
    assert_memory_equal(&again, config, sizeof again);
    wt_free(text);
}

static void damaged_texts_are_taken_or_refused(void **state) {
    (void)state;
    static wt_config config;
    static char text[TEXT_MAX];
    int taken = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t counter = 0;
        size_t length = strlen(valid);
        memcpy(text, valid, length);
        for (uint32_t left = 1 + draw_below(round, &counter, 4); left > 0; left--)
            edit_text(text, &length, round, &counter);
        wt_status status = wt_config_parse(&config, "f.yaml", text, length, NULL, 0);
        if (status == WT_OK) {
            expect_same_again(round, &config);
            taken++;
            continue;
        }
        const char *message = wt_error_message();
        if (status != WT_USAGE) fail_msg("round %llu: status %d", (unsigned long long)round, (int)status);
        assert_memory_equal(message, "f.yaml:", 7);
        for (const char *c = message; *c; c++) assert_true((unsigned char)*c >= 0x20 && *c != 0x7F);
    }
    assert_in_range(taken, ROUNDS / 50, ROUNDS / 2); /* both ways are walked */
}

static void damaged_sets_are_taken_or_refused(void **state) {
    (void)state;
    static const char *const good[] = {"model.arrays=[{layers: 3, dilations: []}, {kernel: 3}]",
                                       "train.batch=16", "data.path=\"a b\"", "optimizer.clip=1.5e-3"};
    static wt_config config;
    static char set[TEXT_MAX + 1];
    for (uint64_t round = 0; round < ROUNDS / 2; round++) {
        uint64_t counter = 0;
        const char *from = good[round % 4];
        size_t length = strlen(from);
        memcpy(set, from, length);
        for (uint32_t left = 1 + draw_below(ROUNDS + round, &counter, 3); left > 0; left--) {
            edit_text(set, &length, ROUNDS + round, &counter);
        }
        set[length] = '\0';
        wt_status status = parse_one(&config, "", set);
        if (status == WT_OK) {
            expect_same_again(round, &config);
        } else {
            assert_int_equal(status, WT_USAGE);
            assert_null(strchr(wt_error_message(), '\n'));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_texts_are_taken_or_refused),
        cmocka_unit_test(damaged_sets_are_taken_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, no_memory_is_held);
}
