/*
 * Vocabularies in files: the array `vocabulary`, int32 [classes]; and for people.
 */
#ifndef WAVETRAIN_VOCABULARY_H
#define WAVETRAIN_VOCABULARY_H

#include <stdio.h>

#include "h5/h5.h"
#include "wavetrain/data.h"

wt_status wt_vocabulary_write(wt_h5 *file, const wt_vocabulary *vocabulary);
/* Without a vocabulary in the file: none. `path` is the file's name in errors. */
wt_status wt_vocabulary_read(wt_vocabulary *vocabulary, wt_h5 *file, const char *path);

/* The symbols with a space before each, up to column 110, further lines indented; the first one begins at
 * `column`, where the cursor is. */
void wt_vocabulary_print(FILE *out, const wt_vocabulary *vocabulary, int column);

#endif
