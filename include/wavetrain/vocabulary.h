/*
 * The symbols of a text: which code point each class is. In a file it is the array `vocabulary`, int32
 * [classes].
 */
#ifndef WAVETRAIN_VOCABULARY_H
#define WAVETRAIN_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/error.h"
#include "wavetrain/h5.h"
#include "wavetrain/utf8.h"

enum {
    WT_END_MARK = -1,          /* in the place of a code point: what ends an item */
    WT_VOCABULARY_MAX = 32767, /* classes: shards hold them as int16 */
    WT_SYMBOL_TEXT = 8 + 8,    /* bytes of a symbol as people see it */
};

typedef struct {
    int classes; /* 0: no vocabulary, the data is no text */
    int32_t *
        /* [classes] code points, ascending; before them the end mark, where the text is one of items */
        symbols;
} wt_vocabulary;

/* A copy of ascending symbols. `name` stands for their source in errors: wrong ones are refused. */
wt_status wt_vocabulary_init(wt_vocabulary *vocabulary, const char *name, const int32_t *symbols,
                             int classes);
void wt_vocabulary_dispose(wt_vocabulary *vocabulary);

/* Whether items end with the end mark, which then is class 0; else it is running text. */
bool wt_vocabulary_ends(const wt_vocabulary *vocabulary);
/* What stands before the beginning of a text: the end mark; in running text the newline, else the space, else
 * the first symbol. */
int32_t wt_vocabulary_padding(const wt_vocabulary *vocabulary);
/* The class of a code point (or WT_END_MARK); −1: none. */
int32_t wt_vocabulary_class(const wt_vocabulary *vocabulary, int32_t symbol);
bool wt_vocabulary_equal(const wt_vocabulary *a, const wt_vocabulary *b);
/* A symbol for people: "a", "\n", "U+00A0", "the end mark". */
void wt_vocabulary_symbol_text(char out[WT_SYMBOL_TEXT], int32_t symbol);

wt_status wt_vocabulary_write(wt_h5 *file, const wt_vocabulary *vocabulary);
/* Without a vocabulary in the file: none. `path` is the file's name in errors. */
wt_status wt_vocabulary_read(wt_vocabulary *vocabulary, wt_h5 *file, const char *path);

#endif
