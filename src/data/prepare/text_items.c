/*
 * Texts into items, in one pass over each file: UTF-8 checked, lines found, characters counted. Items are
 * ranges of bytes, decoded again when they are written, so that a text takes its own size in memory and not
 * that of its code points. The counts, one a code point, say at the end which symbols there are, and which
 * were dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "prepare_internal.h"
#include "text_internal.h"

typedef struct {
    wt_text *text;
    size_t room;
    int64_t *seen;    /* [WT_CODE_POINTS] after lower-casing */
    uint32_t highest; /* of those seen */
} builder;

/* --- characters --- */

bool wt_text_next(const wt_text *text, const char **at, const char *end, uint32_t *code) {
    while (*at < end) {
        int length = wt_utf8_decode_text(code, *at, (size_t)(end - *at));
        if (length == 0) return false; /* refused before */
        *at += length;
        if (text->options->lower) *code = wt_characters_lower(*code);
        if (wt_characters_have(&text->options->keep, *code)) return true;
    }
    return false;
}

/* --- reading a file --- */

static wt_status add_text_item(builder *made, const wt_text_item *item) {
    wt_text *text = made->text;
    if (text->count == made->room) {
        size_t room = made->room ? 2 * made->room : 1024;
        wt_text_item *moved;
        WT_CHECK(room <= UINT32_MAX, WT_USAGE, "%s: too many lines", text->files[item->file].path);
        WT_TRY(wt_alloc(&moved, room, sizeof *moved, "lines of a text"));
        if (text->count > 0) memcpy(moved, text->items, text->count * sizeof *moved);
        wt_free(text->items);
        text->items = moved;
        made->room = room;
    }
    text->items[text->count++] = *item;
    return WT_OK;
}

/* Ends a line, or a whole file of running text. */
static wt_status end_item(builder *made, wt_text_item *item, size_t end) {
    item->bytes = (uint32_t)(end - item->first);
    if (item->characters > 0) return add_text_item(made, item);
    made->text->empty++;
    return WT_OK;
}

static wt_status bad_byte(const wt_text_file *file, int64_t line, int64_t column, unsigned char byte) {
    return wt_error(WT_USAGE, "%s:%lld:%lld: is not UTF-8 text (got %s0x%02X)", file->path, (long long)line,
                    (long long)column, byte ? "byte " : "a zero byte, ", byte);
}

static void count_character(builder *made, wt_text_item *item, uint32_t code) {
    const wt_text_options *options = made->text->options;
    if (options->lower) code = wt_characters_lower(code);
    made->seen[code]++;
    if (code > made->highest) made->highest = code;
    bool kept = wt_characters_have(&options->keep, code);
    item->characters += kept;
    made->text->kept += kept;
    made->text->dropped += !kept;
}

static wt_status read_text_items(builder *made, int number) {
    const wt_text_file *file = &made->text->files[number];
    bool lines = made->text->options->lines;
    size_t at;
    WT_TRY(wt_utf8_begin(&at, file->path, file->bytes, file->size));
    wt_text_item item = {.file = number, .first = at, .line = 1};
    int64_t line = 1, column = 1;
    while (at < file->size) {
        uint32_t code = 0;
        int length = wt_utf8_decode_text(&code, file->bytes + at, file->size - at);
        if (length == 0 || code == 0) return bad_byte(file, line, column, (unsigned char)file->bytes[at]);
        at += (size_t)length;
        column++;
        if (code == '\n') {
            line++;
            column = 1;
        }
        if (code != '\n' || !lines) {
            count_character(made, &item, code);
            continue;
        }
        WT_TRY(end_item(made, &item, at - (size_t)length));
        item = (wt_text_item){.file = number, .first = at, .line = line};
    }
    if (at > item.first) WT_TRY(end_item(made, &item, at));
    return WT_OK;
}

/* --- what there is in all files --- */

static void note_dropped(wt_text *text, uint32_t code, int64_t count) {
    int place = text->dropped_kinds < WT_DROPPED_SHOWN ? text->dropped_kinds : WT_DROPPED_SHOWN;
    text->dropped_kinds++;
    while (place > 0 && text->most_dropped[place - 1].count < count) {
        if (place < WT_DROPPED_SHOWN) text->most_dropped[place] = text->most_dropped[place - 1];
        place--;
    }
    if (place == WT_DROPPED_SHOWN) return;
    text->most_dropped[place].code = code;
    text->most_dropped[place].count = count;
}

static wt_status make_vocabulary(builder *made) {
    wt_text *text = made->text;
    int32_t *symbols;
    int count = 0;
    WT_TRY(wt_alloc(&symbols, (size_t)made->highest + 2, sizeof *symbols, "symbols of a text"));
    if (text->options->lines) symbols[count++] = WT_END_MARK;
    for (uint32_t code = 0; code <= made->highest; code++) {
        if (made->seen[code] == 0) continue;
        if (wt_characters_have(&text->options->keep, code)) {
            symbols[count++] = (int32_t)code;
        } else {
            note_dropped(text, code, made->seen[code]);
        }
    }
    wt_status status = wt_vocabulary_init(&text->vocabulary, text->files[0].path, symbols, count);
    wt_free(symbols);
    return status;
}

static wt_status check_any_text(const wt_text *text) {
    WT_CHECK(text->count > 0, WT_USAGE, "%s: %s", text->files[0].path,
             text->dropped > 0 ? "nothing is kept of the text (see --keep)" : "there is no text");
    return WT_OK;
}

/* Ids are made of base names. */
static wt_status check_text_names(const wt_text_file *files, int count) {
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++) {
            bool apart = files[i].assigned && files[i].split != files[j].split;
            WT_CHECK(apart || strcmp(wt_path_base(files[i].path), wt_path_base(files[j].path)) != 0, WT_USAGE,
                     "%s: would have the same name in the data set as %s", files[i].path, files[j].path);
        }
    return WT_OK;
}

wt_status wt_text_read(wt_text *text, const wt_text_file *files, int count, const wt_text_options *options) {
    *text = (wt_text){.options = options, .files = files, .file_count = count};
    builder made = {.text = text};
    wt_status status = WT_OK;
    WT_GUARD(check_text_names(files, count));
    WT_GUARD(wt_alloc(&made.seen, WT_CODE_POINTS, sizeof *made.seen, "counts of characters"));
    for (int i = 0; i < count; i++) WT_GUARD(read_text_items(&made, i));
    WT_GUARD(check_any_text(text));
    WT_GUARD(make_vocabulary(&made));
    WT_GUARD(wt_text_split(text));
cleanup:
    wt_free(made.seen);
    return status;
}

void wt_text_dispose(wt_text *text) {
    wt_free(text->items);
    wt_free(text->entries);
    wt_vocabulary_dispose(&text->vocabulary);
    memset(text, 0, sizeof *text);
}
