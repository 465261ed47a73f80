/*
 * Standard output. What a command prints there holds words of files (names, paths, symbols), so it goes
 * through the filter that messages go through: control characters other than line ends and tabs, and bytes
 * that are no UTF-8, become "?" (wt_utf8_is_hidden). Data for other programs go as they are, unless a
 * terminal shows them.
 */
#ifndef WAVETRAIN_OUTPUT_H
#define WAVETRAIN_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* Puts the filter before stdout, once, before anything is printed. Without memory for it, stdout stays as it
 * is. */
void wt_output_begin(void);
/* From here on: data. */
void wt_output_is_data(void);
/* Whether everything that was printed has been written. At the end. */
bool wt_output_finish(void);

/* A field of a table for other programs, quoted where a reader would take it apart (RFC 4180; `separator`
 * stands between fields). */
void wt_output_field(FILE *out, const char *text, char separator);

/* Words up to column 79, further lines indented; the first one begins where the cursor is, at `indent`. */
void wt_output_wrap(FILE *out, const char *text, int indent);

#endif
