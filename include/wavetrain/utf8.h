/* UTF-8, one code point at a time, as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef WAVETRAIN_UTF8_H
#define WAVETRAIN_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum { WT_CODE_POINTS = 0x110000, WT_UTF8_MAX = 4 };

/* The bytes of the code point that begins at `text`, of which `bytes` are left, and *code; 0: there is none. */
int wt_utf8_decode(uint32_t *code, const char *text, size_t bytes);

/* Its bytes, without a terminator. `code` must be a code point that is no surrogate. */
int wt_utf8_encode(char out[WT_UTF8_MAX], uint32_t code);

#endif
