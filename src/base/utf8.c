/* UTF-8 by the ranges of its table: what the first byte says, checked against the value that comes out. */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

int wt_utf8_decode(uint32_t *code, const char *text, size_t bytes) {
    static const uint32_t least[WT_UTF8_MAX + 1] = {0, 0, 0x80, 0x800, 0x10000};
    if (bytes == 0) return 0;
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80) {
        *code = at[0];
        return 1;
    }
    int length = at[0] >= 0xF8 ? 0 : at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC0 ? 2 : 0;
    if (length == 0 || (size_t)length > bytes) return 0;
    uint32_t value = at[0] & (0x7Fu >> length);
    for (int i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0;
        value = value << 6 | (at[i] & 0x3F);
    }
    if (value < least[length] || value >= WT_CODE_POINTS || (value >= 0xD800 && value < 0xE000)) return 0;
    *code = value;
    return length;
}

int wt_utf8_encode(char out[WT_UTF8_MAX], uint32_t code) {
    int length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char mark[WT_UTF8_MAX + 1] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (int i = length - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(mark[length] | code);
    return length;
}

int wt_utf8_line_end(const char *text, size_t bytes) {
    if (bytes == 0 || (*text != '\n' && *text != '\r')) return 0;
    return bytes > 1 && text[0] == '\r' && text[1] == '\n' ? 2 : 1;
}

int wt_utf8_decode_text(uint32_t *code, const char *text, size_t bytes) {
    int end = wt_utf8_line_end(text, bytes);
    if (end == 0) return wt_utf8_decode(code, text, bytes);
    *code = '\n';
    return end;
}

bool wt_utf8_is_hidden(uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

void wt_utf8_show(char *out, size_t room, const char *text, size_t length) {
    static const char more[] = "…";
    size_t used = 0, cut = 0; /* `cut`: the last place at which "…" fits */
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        char shown[WT_UTF8_MAX];
        const int bytes = wt_utf8_decode(&code, text + at, length - at);
        const bool blank = bytes == 1 && (code == '\n' || code == '\r' || code == '\t');
        const bool plain = bytes > 0 && !wt_utf8_is_hidden(code);
        const size_t put = plain ? (size_t)bytes : 1;
        if (used + put >= room) {
            memcpy(out + cut, more, sizeof more);
            return;
        }
        memcpy(shown, text + at, (size_t)bytes); /* `out` may overwrite it */
        if (!plain) *shown = blank ? ' ' : '?';
        memcpy(out + used, shown, put);
        used += put;
        at += bytes > 0 ? (size_t)bytes : 1;
        if (used + sizeof more <= room) cut = used;
    }
    out[used] = '\0';
}

wt_status wt_utf8_begin(size_t *skip, const char *path, const char *text, size_t bytes) {
    static const struct {
        const char *first;
        size_t length;
        const char *what; /* NULL: UTF-8 */
    } marks[] = {
        {"\xEF\xBB\xBF", 3, NULL},
        {"\xFF\xFE\0\0", 4, "UTF-32 text"},
        {"\0\0\xFE\xFF", 4, "UTF-32 text"},
        {"\xFF\xFE", 2, "UTF-16 text"},
        {"\xFE\xFF", 2, "UTF-16 text"},
        {"\x1F\x8B", 2, "a gzip file"},
        {"\x28\xB5\x2F\xFD", 4, "a zstd file"},
        {"\xFD"
         "7zXZ",
         5, "an xz file"},
        {"BZh", 3, "a bzip2 file"},
        {"PK\x03\x04", 4, "a zip file, as .xlsx and .ods are"},
    };
    *skip = 0;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (bytes < marks[i].length || memcmp(text, marks[i].first, marks[i].length) != 0) continue;
        WT_CHECK(!marks[i].what, WT_USAGE, "%s: is %s (expected UTF-8 text)", path, marks[i].what);
        *skip = marks[i].length;
        break;
    }
    return WT_OK;
}
