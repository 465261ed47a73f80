/* UTF-8 by the ranges of its table: what the first byte says, checked against the value that comes out. */
#include "wavetrain/utf8.h"

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

int wt_line_end(const char *text, size_t bytes) {
    if (bytes == 0 || (*text != '\n' && *text != '\r')) return 0;
    return bytes > 1 && text[0] == '\r' && text[1] == '\n' ? 2 : 1;
}

int wt_text_decode(uint32_t *code, const char *text, size_t bytes) {
    int end = wt_line_end(text, bytes);
    if (end == 0) return wt_utf8_decode(code, text, bytes);
    *code = '\n';
    return end;
}

wt_status wt_text_begin(size_t *skip, const char *path, const char *text, size_t bytes) {
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
