/* Texts into items and utterances: characters, lines, parts, splits, masks, wrong bytes; and a fuzz of all of
 * it. */
#include "base/random.h"
#include "base/utf8.h"
#include "data/prepare/prepare.h"
#include "shard_samples.h"

/* --- characters --- */

static void expect_characters(const char *pattern, const char *in, const char *out) {
    wt_characters set;
    uint32_t code = 0;
    assert_ok(wt_characters_parse(&set, "--keep", pattern));
    for (const char *list = in; list; list = list == in ? out : NULL) {
        for (const char *at = list; *at; at += wt_utf8_decode(&code, at, strlen(at))) {
            wt_utf8_decode(&code, at, strlen(at));
            if (wt_characters_have(&set, code) != (list == in)) fail_msg("%s: U+%04X", pattern, code);
        }
    }
}

static void test_characters(void **state) {
    (void)state;
    expect_characters("a-z' \\n", "amz' \n", "A-`{\t");
    expect_characters("-a", "-a", "b");
    expect_characters("a-", "-a", "b");
    expect_characters("+\\--", "+-", ",.");
    expect_characters("a\\-c", "a-c", "b");
    expect_characters("\\u00e9-\\u00EB", "\xC3\xA9\xC3\xAA\xC3\xAB", "\xC3\xAC\xC3\xA8");
    expect_characters("\xC3\xA9-\xC3\xAB", "\xC3\xA9\xC3\xAA\xC3\xAB", "\xC3\xAC\xC3\xA8");
    expect_characters("\\\\\\t", "\\\t", "n");
    wt_characters set = {.count = 0};
    assert_true(wt_characters_have(&set, 'x'));
    static const struct {
        const char *pattern, *words;
    } wrong[] = {{"", "--keep: names no characters"},
                 {"z-a", "a range ends before it begins (got U+007A to U+0061)"},
                 {"a\\x", "got \\x"},
                 {"a\\", "expected \\n"},
                 {"\\u12", "got \\u12"},
                 {"\\ud800", "got \\ud800"},
                 {"\\u12g4", "got \\u12g4"},
                 {"\xFF", "is not UTF-8 (got byte 0xFF)"},
                 {"a-\xC3", "is not UTF-8 (got byte 0xC3)"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_error(wt_characters_parse(&set, "--keep", wrong[i].pattern), wrong[i].words);
}

static void test_lower_case(void **state) {
    (void)state;
    static const uint32_t pairs[][2] = {
        {'A', 'a'},       {'Z', 'z'},       {'@', '@'},        {'[', '['},     {0xC9, 0xE9},
        {0xD7, 0xD7},     {0xDF, 0xDF},     {0x152, 0x153},    {0x153, 0x153}, {0x178, 0xFF},
        {0x141, 0x142},   {0x142, 0x142},   {0x130, 'i'},      {0x138, 0x138}, {0x391, 0x3B1},
        {0x3A9, 0x3C9},   {0x386, 0x3AC},   {0x38F, 0x3CE},    {0x401, 0x451}, {0x410, 0x430},
        {0x42F, 0x44F},   {0x4C0, 0x4CF},   {0x531, 0x561},    {0x1E9E, 0xDF}, {0x1EA0, 0x1EA1},
        {0xFF21, 0xFF41}, {0x4E2D, 0x4E2D}, {0x1F600, 0x1F600}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (wt_characters_lower(pairs[i][0]) != pairs[i][1])
            fail_msg("U+%04X: U+%04X", pairs[i][0], wt_characters_lower(pairs[i][0]));
    for (uint32_t code = 0; code < WT_CODE_POINTS; code++)
        assert_int_equal(wt_characters_lower(wt_characters_lower(code)), wt_characters_lower(code));
}

/* --- items --- */

static wt_text_file file_of(const char *path, const char *text) {
    return (wt_text_file){.path = path, .bytes = (char *)text, .size = strlen(text)};
}

static const wt_text_options lines = {.lines = true, .shard_bytes = 1 << 20};

/* What an entry holds, as UTF-8, with "." for the end mark. */
static void entry_text(char *out, const wt_text *text, size_t entry, wt_utterance *kept) {
    wt_utterance utterance = {.samples = NULL};
    assert_ok(wt_text_load(text, entry, &utterance));
    for (int64_t i = 0; i < utterance.count; i++) {
        float class = utterance.samples[i] * 32768.0f;
        assert_true(class >= 0 && class < (float)text->vocabulary.classes && class == (float)(int)class);
        int32_t symbol = text->vocabulary.symbols[(int)class];
        if (symbol == WT_END_MARK) {
            *out++ = '.';
        } else {
            out += wt_utf8_encode(out, (uint32_t)symbol);
        }
    }
    *out = '\0';
    if (kept) {
        *kept = utterance;
    } else {
        wt_free(utterance.samples);
        wt_free(utterance.mask);
    }
}

static void expect_entries(const wt_text *text, const char *const *expected) {
    size_t count = 0;
    while (expected[count]) count++;
    assert_int_equal(text->entry_count, count);
    for (size_t i = 0; i < count; i++) {
        char got[256];
        entry_text(got, text, i, NULL);
        assert_string_equal(got, expected[i]);
    }
}

static void expect_lines(const char *bytes, const wt_text_options *options, const char *const *expected) {
    wt_text_file file = file_of("names.txt", bytes);
    wt_text text;
    assert_ok(wt_text_read(&text, &file, 1, options));
    expect_entries(&text, expected);
    wt_text_dispose(&text);
}

static void test_lines(void **state) {
    (void)state;
    const char *const two[] = {"anna.", "bo.", NULL}, *const upper[] = {"Anna.", "bo.", NULL},
                      *const accents[] = {"\xC3\xA9lo\xC3\xAFse.", NULL};
    expect_lines("anna\nbo\n", &lines, two);
    expect_lines("anna\nbo", &lines, two);
    expect_lines("anna\r\nbo\r\n", &lines, two);
    expect_lines("anna\rbo\r", &lines, two);
    expect_lines("anna\r\nbo\r", &lines, two);
    expect_lines("\r\n\ranna\n\r\nbo\r\n", &lines, two);
    expect_lines("\n\nanna\n\nbo\n\n", &lines, two);
    expect_lines("\xEF\xBB\xBF"
                 "anna\nbo",
                 &lines, two);
    expect_lines("Anna\nbo\n", &lines, upper);
    wt_text_options lower = lines;
    lower.lower = true;
    expect_lines("Anna\nBO\n", &lower, two);
    expect_lines("\xC3\x89lo\xC3\x8FSE\n", &lower, accents);
    assert_ok(wt_characters_parse(&lower.keep, "--keep", "a-z"));
    expect_lines("A n-n1a\n12\n--\nB\xC3\x89o\n", &lower, two);
}

/* `text` with each \n as `line_end`; wt_free. */
static char *with_line_ends(const char *text, const char *line_end) {
    char *out = NULL, *at;
    assert_ok(wt_alloc(&out, 2 * strlen(text) + 1, 1, "text"));
    at = out;
    for (; *text; text++) at = *text == '\n' ? stpcpy(at, line_end) : (*at = *text, at + 1);
    return out;
}

/* Whichever the line ends, the same entries in the same splits, with the same numbers. */
static void test_file_line_ends(void **state) {
    (void)state;
    static const char *const ends[] = {"\r\n", "\r"};
    const char *const plain = "anna\nbo\n\nzo\xC3\xA9\nal\nbert\nbo\nmia\nanna lou\nx\ny\nlast";
    for (int i = 0; i < 8; i++) {
        wt_text_options options = {.split = wt_split_shares(0.3, 0.3, 0), .shard_bytes = 1 << 20};
        options.lines = i / 2 % 2;
        options.by_example = i / 4 == 1 && options.lines;
        char *other = with_line_ends(plain, ends[i % 2]);
        wt_text_file files[] = {file_of("f", plain), file_of("f", other)};
        wt_text a, b;
        assert_ok(wt_text_read(&a, &files[0], 1, &options));
        assert_ok(wt_text_read(&b, &files[1], 1, &options));
        assert_int_equal(a.entry_count, b.entry_count);
        assert_int_equal(a.kept, b.kept);
        assert_true(wt_vocabulary_equal(&a.vocabulary, &b.vocabulary));
        for (size_t entry = 0; entry < a.entry_count; entry++) {
            wt_utterance one, two;
            char text_a[256], text_b[256];
            entry_text(text_a, &a, entry, &one);
            entry_text(text_b, &b, entry, &two);
            assert_string_equal(text_a, text_b);
            assert_string_equal(one.id, two.id);
            assert_int_equal(a.entries[entry].split, b.entries[entry].split);
            assert_int_equal(a.items[a.entries[entry].item].line, b.items[b.entries[entry].item].line);
            if (one.mask) assert_memory_equal(one.mask, two.mask, (size_t)one.count * sizeof *one.mask);
            wt_free(one.samples);
            wt_free(two.samples);
            wt_free(one.mask);
            wt_free(two.mask);
        }
        wt_text_dispose(&a);
        wt_text_dispose(&b);
        wt_free(other);
    }
}

static void test_symbol_counts(void **state) {
    (void)state;
    wt_text_options options = lines;
    wt_text text;
    wt_text_file file = file_of("names.txt", "ab-c\n--\n\nb\xC3\xA9!\nc");
    assert_ok(wt_characters_parse(&options.keep, "--keep", "a-z"));
    assert_ok(wt_text_read(&text, &file, 1, &options));
    assert_int_equal(text.count, 3);
    assert_int_equal(text.kept, 5);
    assert_int_equal(text.dropped, 5);
    assert_int_equal(text.empty, 2);
    assert_int_equal(text.dropped_kinds, 3);
    assert_int_equal(text.most_dropped[0].code, '-');
    assert_int_equal(text.most_dropped[0].count, 3);
    assert_int_equal(text.vocabulary.classes, 4);
    assert_int_equal(text.items[0].line, 1);
    assert_int_equal(text.items[1].line, 4);
    assert_int_equal(text.items[2].line, 5);
    wt_text_dispose(&text);
}

/* More kinds than are shown: the most frequent, in their order. */
static void test_most_dropped(void **state) {
    (void)state;
    char bytes[400];
    size_t used = 0;
    wt_text_options options = lines;
    wt_text text;
    bytes[used++] = '!';
    for (int i = 0; i < 20; i++)
        for (int k = 0; k < 1 + i * 7 % 20; k++) bytes[used++] = (char)('a' + i);
    bytes[used] = '\0';
    wt_text_file file = file_of("f", bytes);
    assert_ok(wt_characters_parse(&options.keep, "--keep", "!"));
    assert_ok(wt_text_read(&text, &file, 1, &options));
    assert_int_equal(text.dropped_kinds, 20);
    for (int i = 0; i < WT_DROPPED_SHOWN; i++) assert_int_equal(text.most_dropped[i].count, 20 - i);
    wt_text_dispose(&text);
}

static void refused(const char *bytes, size_t size, const wt_text_options *options, const char *words) {
    wt_text_file file = {.path = "names.txt", .bytes = (char *)bytes, .size = size};
    wt_text text;
    assert_error(wt_text_read(&text, &file, 1, options), words);
    wt_text_dispose(&text);
}

static void test_wrong_bytes(void **state) {
    (void)state;
    wt_text_options keep = lines, running = lines;
    running.lines = false;
    for (int i = 0; i < 2; i++) {
        const wt_text_options *options = i ? &running : &lines;
        refused("a\nbc\xFFz", 6, options, "names.txt:2:3: is not UTF-8 text (got byte 0xFF)");
        refused("\xFF\xFE"
                "a\0\n\0",
                6, options, "names.txt: is UTF-16 text (expected UTF-8 text)");
        refused("\xFE\xFF\0a", 4, options, "names.txt: is UTF-16 text");
        refused("\xFF\xFE\0\0a\0\0\0", 8, options, "names.txt: is UTF-32 text");
        refused("\x1F\x8B\b\0", 4, options, "names.txt: is a gzip file");
        refused("PK\3\4", 4, options, "names.txt: is a zip file");
        refused("\xC3", 1, options, "names.txt:1:1: is not UTF-8 text (got byte 0xC3)");
        refused("\xC3\xA9\xC3\xA9\xE2\x82", 6, options, "names.txt:1:3: is not UTF-8 text (got byte 0xE2)");
        refused("a\r\nb\0c", 6, options, "names.txt:2:2: is not UTF-8 text (got a zero byte, 0x00)");
        refused("", 0, options, "names.txt: there is no text");
        refused("\xEF\xBB\xBF", 3, options, "names.txt: there is no text");
    }
    refused("\n\n", 2, &lines, "names.txt: there is no text");
    refused("aaa", 3, &running, "number of symbols out of range (got 1");
    assert_ok(wt_characters_parse(&keep.keep, "--keep", "x-z"));
    refused("abc\n", 4, &keep, "nothing is kept of the text (see --keep)");
    wt_text text;
    wt_text_file same[] = {file_of("a/names.txt", "x"), file_of("b/names.txt", "y")};
    assert_error(wt_text_read(&text, same, 2, &lines),
                 "b/names.txt: would have the same name in the data set as a/");
    wt_text_dispose(&text);
}

/* --- splits --- */

/* Lines of known shares: how many fall into each split, and where a line of what it holds goes. */
static char *make_lines(int count) {
    char *bytes = NULL;
    size_t used = 0;
    assert_ok(wt_alloc(&bytes, (size_t)count * 16, 1, "lines"));
    for (int i = 0; i < count; i++) used += (size_t)sprintf(bytes + used, "name%d\n", i);
    return bytes;
}

static void test_lines_by_hash(void **state) {
    (void)state;
    enum { COUNT = 4000 };
    wt_text_options options = lines;
    wt_text text, more;
    options.split = wt_split_shares(0.1, 0.2, 0);
    char *bytes = make_lines(COUNT), *longer = NULL;
    assert_ok(wt_alloc(&longer, strlen(bytes) + 64, 1, "lines"));
    sprintf(longer, "first\n%sname7\nlast\n", bytes);
    wt_text_file one = file_of("a", bytes), other = file_of("b", longer);
    assert_ok(wt_text_read(&text, &one, 1, &options));
    assert_ok(wt_text_read(&more, &other, 1, &options));
    int counts[WT_SPLITS] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        counts[text.entries[i].split]++;
        assert_int_equal(more.entries[i + 1].split, text.entries[i].split); /* whatever stands beside it */
    }
    assert_int_equal(more.entries[COUNT + 1].split, text.entries[7].split); /* the same line again */
    assert_true(abs(counts[WT_SPLIT_VALIDATION] - 400) < 80 && abs(counts[WT_SPLIT_TEST] - 800) < 110);
    wt_text_dispose(&more);
    options.split.seed = 1;
    assert_ok(wt_text_read(&more, &one, 1, &options));
    int moved = 0;
    for (size_t i = 0; i < COUNT; i++) moved += more.entries[i].split != text.entries[i].split;
    assert_true(moved > COUNT / 4);
    wt_text_dispose(&text);
    wt_text_dispose(&more);
    wt_free(bytes);
    wt_free(longer);
}

/* Each character of each line, its end mark too, is a target of just one split. */
static void test_by_example(void **state) {
    (void)state;
    enum { COUNT = 500 };
    wt_text_options options = lines;
    wt_text text;
    options.by_example = true;
    options.split = wt_split_shares(0.1, 0.1, 0);
    char *bytes = make_lines(COUNT);
    wt_text_file file = file_of("a", bytes);
    int seen[COUNT][16] = {{0}}, counts[WT_SPLITS] = {0}, all = 0;
    assert_ok(wt_text_read(&text, &file, 1, &options));
    for (size_t i = 0; i < text.entry_count; i++) {
        char got[64];
        wt_utterance utterance;
        const wt_text_entry *entry = &text.entries[i];
        int any = 0, line = (int)entry->item;
        entry_text(got, &text, i, &utterance);
        assert_int_equal(strncmp(got, bytes + text.items[line].first, text.items[line].bytes), 0);
        assert_int_equal(utterance.count, text.items[line].bytes + 1);
        for (int64_t t = 0; t < utterance.count; t++) {
            seen[line][t] += utterance.mask[t];
            counts[entry->split] += utterance.mask[t];
            any += utterance.mask[t];
        }
        assert_true(any > 0); /* without a target it would not be there */
        wt_free(utterance.samples);
        wt_free(utterance.mask);
    }
    for (int line = 0; line < COUNT; line++)
        for (uint32_t t = 0; t <= text.items[line].bytes; t++, all++) assert_int_equal(seen[line][t], 1);
    for (int split = 0; split < 2; split++) assert_true(abs(counts[1 + split] - all / 10) < all / 40);
    wt_text_dispose(&text);
    wt_free(bytes);
}

static void test_given_files(void **state) {
    (void)state;
    wt_text_file files[] = {file_of("x/names", "ab\ncd\n"), file_of("y/names", "b\n"),
                            file_of("z/names", "\xC3\xA9\n")};
    const wt_split splits[] = {WT_SPLIT_TRAIN, WT_SPLIT_TRAIN, WT_SPLIT_VALIDATION, WT_SPLIT_TEST};
    const char *const ids[] = {"train/names:1", "train/names:2", "validation/names:1", "test/names:1"};
    wt_text text;
    for (int i = 0; i < 3; i++) {
        files[i].assigned = true;
        files[i].split = (wt_split)i;
    }
    assert_ok(wt_text_read(&text, files, 3, &lines));
    assert_int_equal(text.entry_count, 4);
    assert_int_equal(text.vocabulary.classes, 6); /* of all parts */
    for (size_t i = 0; i < 4; i++) {
        wt_utterance utterance;
        char got[16];
        entry_text(got, &text, i, &utterance);
        assert_int_equal(text.entries[i].split, splits[i]);
        assert_string_equal(utterance.id, ids[i]);
        assert_null(utterance.mask);
        wt_free(utterance.samples);
    }
    wt_text_dispose(&text);
}

/* Parts end to end are the text; a cut may come within a line, never within a character. */
static void test_running_text(void **state) {
    (void)state;
    const char *const parts[] = {"\xC3\xA9t\xC3\xA9\naut", "om", "ne", NULL}, *const whole[] = {"x y\nz",
                                                                                                NULL};
    wt_text_options options = {.split = wt_split_shares(0.2, 0.2, 0), .shard_bytes = 1 << 20};
    wt_text_file file = file_of("book", "\xC3\xA9t\xC3\xA9\r\nautomne"), given = file_of("book", "x y\nz");
    wt_text text;
    assert_ok(wt_text_read(&text, &file, 1, &options));
    expect_entries(&text, parts);
    for (int i = 0; i < 3; i++) assert_int_equal(text.entries[i].split, i);
    assert_int_equal(text.items[1].line, 2);
    assert_false(wt_vocabulary_ends(&text.vocabulary));
    wt_text_dispose(&text);
    given.assigned = true;
    given.split = WT_SPLIT_TRAIN;
    assert_ok(wt_text_read(&text, &given, 1, &options));
    expect_entries(&text, whole);
    wt_text_dispose(&text);
}

/* Any cut, with anything dropped: nothing is lost, nothing twice. */
static void test_running_cuts(void **state) {
    (void)state;
    const char *bytes =
        "The \xE2\x80\x9Crabbit\xE2\x80\x9D \xE2\x80\x94 ran,\r\nand ran; \xC3\xA9t\xC3\xA9.\n";
    for (int v = 0; v < 10; v++)
        for (int t = 0; t + v < 10; t++) {
            wt_text_options options = {
                .split = wt_split_shares(v / 10.0, t / 10.0, 0), .lower = true, .shard_bytes = 1 << 20};
            wt_text_file file = file_of("book", bytes);
            wt_text text;
            char got[256] = "";
            assert_ok(wt_characters_parse(&options.keep, "--keep", "a-z\\u00e9 \\n"));
            assert_ok(wt_text_read(&text, &file, 1, &options));
            for (size_t i = 0; i < text.entry_count; i++) entry_text(got + strlen(got), &text, i, NULL);
            assert_string_equal(got, "the rabbit  ran\nand ran \xC3\xA9t\xC3\xA9\n");
            wt_text_dispose(&text);
        }
}

/* --- anything at all --- */

static uint32_t draw_text_below(uint64_t what, uint32_t below) {
    return (uint32_t)(wt_random_uniform(11, WT_RANDOM_TEST, what, 0) * below);
}

/* Bytes that are mostly text: letters, line ends, pieces of longer characters, now and then anything. */
static size_t make_bytes(char *bytes, size_t room, uint64_t round) {
    static const char *const pieces[] = {
        "a", "Z",  "\n", "\r\n",     "\xC3\xA9",    "\xE2\x80\x99", "\xF0\x9F\x98\x80",
        " ", "\r", "b",  "\xC3\x89", "\xEF\xBB\xBF"};
    size_t used = 0, wanted = draw_text_below(round, (uint32_t)room - 8);
    uint64_t key = round << 20;
    while (used < wanted) {
        uint32_t chosen = draw_text_below(++key, 12);
        memcpy(bytes + used, pieces[chosen], strlen(pieces[chosen]));
        used += strlen(pieces[chosen]);
    }
    if (used > 0 && draw_text_below(++key, 3) == 0) {
        size_t place = draw_text_below(++key, (uint32_t)used);
        bytes[place] = (char)draw_text_below(++key, 256);
    }
    return used;
}

/* Every byte is accounted for by what is kept, dropped, or ends a line. */
static void check_text_read(const wt_text *text, const wt_text_file *file) {
    int64_t characters = 0, decoded = 0, skipped = 0;
    for (size_t i = 0; i < text->count; i++) characters += text->items[i].characters;
    assert_int_equal(characters, text->kept);
    for (size_t at = 0; at < file->size;) {
        uint32_t code = 0;
        int length = wt_utf8_decode(&code, file->bytes + at, file->size - at);
        assert_true(length > 0);
        bool end = (code == '\n' || code == '\r') && text->options->lines;
        bool mark = at == 0 && code == 0xFEFF;
        at += (size_t)length;
        skipped += end || mark || (code == '\r' && at < file->size && file->bytes[at] == '\n');
        decoded++;
    }
    assert_int_equal(text->kept + text->dropped + skipped, decoded);
    for (size_t i = 0; i < text->entry_count; i++) {
        wt_utterance utterance = {.samples = NULL};
        assert_ok(wt_text_load(text, i, &utterance));
        assert_true(utterance.count >= 1);
        for (int64_t t = 0; t < utterance.count; t++) {
            float class = utterance.samples[t] * 32768.0f;
            assert_true(class >= 0 && class < (float)text->vocabulary.classes);
        }
        wt_free(utterance.samples);
        wt_free(utterance.mask);
    }
}

static void test_fuzz(void **state) {
    (void)state;
    char *bytes = NULL;
    int read = 0, wrong = 0;
    for (uint64_t round = 0; round < 600; round++) {
        wt_text_options options = {.split = wt_split_shares(0.2, 0.3, 0), .shard_bytes = 1 << 20};
        wt_text text;
        options.lines = round % 2;
        options.by_example = round % 4 == 3;
        options.lower = round % 5 == 0;
        if (round % 3 == 0) assert_ok(wt_characters_parse(&options.keep, "--keep", "a-z\\u00e9 \\n"));
        char made[400];
        size_t size = make_bytes(made, sizeof made, round);
        assert_ok(wt_alloc(&bytes, size, 1, "bytes")); /* of its own, so that a read past its end is seen */
        if (size > 0) memcpy(bytes, made, size);
        wt_text_file file = {.path = "fuzz", .bytes = bytes, .size = size};
        if (wt_text_read(&text, &file, 1, &options) == WT_OK) {
            check_text_read(&text, &file);
            read++;
        } else {
            assert_null(strchr(wt_error_message(), '\n'));
            wrong++;
        }
        wt_text_dispose(&text);
        wt_free(bytes);
    }
    assert_true(read > 200 && wrong > 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),    cmocka_unit_test(test_lower_case),
        cmocka_unit_test(test_lines),         cmocka_unit_test(test_file_line_ends),
        cmocka_unit_test(test_symbol_counts), cmocka_unit_test(test_most_dropped),
        cmocka_unit_test(test_wrong_bytes),   cmocka_unit_test(test_lines_by_hash),
        cmocka_unit_test(test_by_example),    cmocka_unit_test(test_given_files),
        cmocka_unit_test(test_running_text),  cmocka_unit_test(test_running_cuts),
        cmocka_unit_test(test_fuzz),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
