/*
 * UTF-8, one code point at a time, as RFC 3629 has it: no overlong forms, no surrogates, nothing past
 * U+10FFFF; and what all readers of text files share: where a line ends, and what a file may begin with.
 */
#ifndef WAVETRAIN_UTF8_H
#define WAVETRAIN_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

enum { WT_CODE_POINTS = 0x110000, WT_UTF8_MAX = 4 };

/* The bytes of the code point that begins at `text`, of which `bytes` are left, and *code; 0: there is
 * none. */
int wt_utf8_decode(uint32_t *code, const char *text, size_t bytes);

/* Its bytes, without a terminator. `code` must be a code point that is no surrogate. */
int wt_utf8_encode(char out[WT_UTF8_MAX], uint32_t code);

/* The bytes of the line end at `text`, of which `bytes` are left: 1 of \n or of a lone \r, 2 of \r\n; 0:
 * there is none. */
int wt_utf8_line_end(const char *text, size_t bytes);

/* wt_utf8_decode with each line end as \n. */
int wt_utf8_decode_text(uint32_t *code, const char *text, size_t bytes);

/* Control characters, and what breaks lines, sets direction or has no width of its own. */
bool wt_utf8_is_hidden(uint32_t code);

/* What came from outside, for a message on one line: bytes that are no UTF-8, and characters that move a
 * terminal's cursor, hide or turn text, become "?", blanks and line ends spaces. At most `room` bytes,
 * including the zero byte at the end; what does not fit is cut at a character, and "…" says so. `out` may be
 * `text`. */
void wt_utf8_show(char *out, size_t room, const char *text, size_t length);

/* The first bytes of a text file: *skip is the length of its byte order mark (0: it has none). Other
 * encodings and compressed files are errors that name them (WT_USAGE). */
wt_status wt_utf8_begin(size_t *skip, const char *path, const char *text, size_t bytes);

#endif
