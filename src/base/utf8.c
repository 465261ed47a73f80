/* UTF-8 by the ranges of its table: what the first byte says, checked against the value that comes out. */
#include "wavetrain/utf8.h"

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
