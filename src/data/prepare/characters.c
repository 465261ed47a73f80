/*
 * Sets of characters, and small letters. The C library knows more letters, but by the machine's locale and
 * version; a data set must come out the same everywhere, so the alphabets that have capitals and are in wide
 * use stand in a table of ranges. Letters that it leaves out stay as they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "prepare_internal.h"

/* --- small letters --- */

/* In a range of pairs, capitals are even (or odd) and the small letter follows; else it lies `distance`
 * further. */
typedef struct {
    uint32_t first, last;
    enum { DISTANCE, EVEN, ODD } rule;
    int32_t distance;
} capital_range;

static const capital_range capitals[] = {
    {'A', 'Z', DISTANCE, 32},
    {0xC0, 0xD6, DISTANCE, 32},
    {0xD8, 0xDE, DISTANCE, 32},
    {0x100, 0x12F, EVEN, 0},
    {0x130, 0x130, DISTANCE, 'i' - 0x130},
    {0x132, 0x137, EVEN, 0},
    {0x139, 0x148, ODD, 0},
    {0x14A, 0x177, EVEN, 0},
    {0x178, 0x178, DISTANCE, -121},
    {0x179, 0x17E, ODD, 0},
    {0x1CD, 0x1DC, ODD, 0},
    {0x1DE, 0x1EF, EVEN, 0},
    {0x1F8, 0x21F, EVEN, 0},
    {0x222, 0x233, EVEN, 0},
    {0x386, 0x386, DISTANCE, 38},
    {0x388, 0x38A, DISTANCE, 37},
    {0x38C, 0x38C, DISTANCE, 64},
    {0x38E, 0x38F, DISTANCE, 63},
    {0x391, 0x3A1, DISTANCE, 32},
    {0x3A3, 0x3AB, DISTANCE, 32},
    {0x400, 0x40F, DISTANCE, 80},
    {0x410, 0x42F, DISTANCE, 32},
    {0x460, 0x481, EVEN, 0},
    {0x48A, 0x4BF, EVEN, 0},
    {0x4C0, 0x4C0, DISTANCE, 15},
    {0x4C1, 0x4CE, ODD, 0},
    {0x4D0, 0x52F, EVEN, 0},
    {0x531, 0x556, DISTANCE, 48},
    {0x1E00, 0x1E95, EVEN, 0},
    {0x1E9E, 0x1E9E, DISTANCE, 0xDF - 0x1E9E},
    {0x1EA0, 0x1EFF, EVEN, 0},
    {0xFF21, 0xFF3A, DISTANCE, 32},
};

uint32_t wt_characters_lower(uint32_t code) {
    for (size_t i = 0; i < sizeof capitals / sizeof *capitals && code >= capitals[i].first; i++) {
        const capital_range *range = &capitals[i];
        if (code > range->last) continue;
        if (range->rule == DISTANCE) return (uint32_t)((int32_t)code + range->distance);
        return code + (code % 2 == (range->rule == ODD ? 1u : 0u) ? 1 : 0);
    }
    return code;
}

/* --- sets --- */

typedef struct {
    const char *option, *at;
    size_t left;
    bool escaped; /* the character just read was */
} pattern_reader;

static wt_status read_escape(pattern_reader *reader, uint32_t *code) {
    static const char letters[] = "nt\\-", meant[] = "\n\t\\-";
    reader->escaped = true;
    reader->at++;
    reader->left--;
    const char *letter = reader->left > 0 ? strchr(letters, *reader->at) : NULL;
    if (letter) {
        *code = (uint32_t)meant[letter - letters];
        reader->at++;
        reader->left--;
        return WT_OK;
    }
    char digits[5] = "", *end = digits;
    bool unicode = reader->left >= 5 && *reader->at == 'u';
    if (unicode) memcpy(digits, reader->at + 1, 4);
    unicode = unicode && strspn(digits, "0123456789abcdefABCDEF") == 4;
    if (unicode) *code = (uint32_t)strtoul(digits, &end, 16);
    WT_CHECK(unicode && !(*code >= 0xD800 && *code < 0xE000), WT_USAGE,
             "%s: got \\%.*s, expected \\n, \\t, \\\\, \\- or \\u and four hexadecimal digits",
             reader->option, (int)(reader->left < 5 ? reader->left : 5), reader->at);
    reader->at += 5;
    reader->left -= 5;
    return WT_OK;
}

static wt_status read_character(pattern_reader *reader, uint32_t *code) {
    reader->escaped = false;
    if (*reader->at == '\\') return read_escape(reader, code);
    int length = wt_utf8_decode(code, reader->at, reader->left);
    WT_CHECK(length > 0, WT_USAGE, "%s: is not UTF-8 (got byte 0x%02X)", reader->option,
             (unsigned char)*reader->at);
    reader->at += length;
    reader->left -= (size_t)length;
    return WT_OK;
}

wt_status wt_characters_parse(wt_characters *characters, const char *option, const char *pattern) {
    pattern_reader reader = {option, pattern, strlen(pattern), false};
    characters->count = 0;
    while (reader.left > 0) {
        uint32_t first, last, dash;
        WT_TRY(read_character(&reader, &first));
        last = first;
        if (reader.left > 1 && *reader.at == '-') { /* at either end it stands for itself */
            WT_TRY(read_character(&reader, &dash));
            WT_TRY(read_character(&reader, &last));
        }
        WT_CHECK(last >= first, WT_USAGE, "%s: a range ends before it begins (got U+%04X to U+%04X)", option,
                 first, last);
        WT_CHECK(characters->count < WT_CHARACTER_RANGES, WT_USAGE,
                 "%s: too many characters and ranges (expected at most %d)", option, WT_CHARACTER_RANGES);
        characters->ranges[characters->count].first = first;
        characters->ranges[characters->count].last = last;
        characters->count++;
    }
    WT_CHECK(characters->count > 0, WT_USAGE, "%s: names no characters", option);
    return WT_OK;
}

bool wt_characters_have(const wt_characters *characters, uint32_t code) {
    for (int i = 0; i < characters->count; i++)
        if (code >= characters->ranges[i].first && code <= characters->ranges[i].last) return true;
    return characters->count == 0;
}
