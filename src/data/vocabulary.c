/*
 * Vocabularies: sorted arrays and a binary search. A file's vocabulary is not trusted: it must be ascending
 * code points, so that each class is one symbol and each symbol one class.
 */
#include "data/vocabulary.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "wavetrain/data.h"

static const char array_name[] = "vocabulary";

static bool is_symbol(int32_t symbol) {
    return symbol >= WT_END_MARK && symbol < WT_CODE_POINTS && !(symbol >= 0xD800 && symbol < 0xE000);
}

static wt_status check_symbols(const char *name, const int32_t *symbols, int classes) {
    WT_CHECK(classes >= 2 && classes <= WT_VOCABULARY_MAX, WT_USAGE,
             "%s: number of symbols out of range (got %d, expected 2 to %d)", name, classes,
             WT_VOCABULARY_MAX);
    for (int i = 0; i < classes; i++) {
        WT_CHECK(is_symbol(symbols[i]) && (i == 0 || symbols[i] > symbols[i - 1]), WT_FAILED,
                 "%s: damaged: symbol %d of the vocabulary is wrong (got %d, expected ascending code points)",
                 name, i, symbols[i]);
    }
    return WT_OK;
}

wt_status wt_vocabulary_init(wt_vocabulary *vocabulary, const char *name, const int32_t *symbols,
                             int classes) {
    *vocabulary = (wt_vocabulary){0, NULL};
    WT_TRY(check_symbols(name, symbols, classes));
    WT_TRY(wt_alloc(&vocabulary->symbols, (size_t)classes, sizeof *symbols, "vocabulary"));
    memcpy(vocabulary->symbols, symbols, (size_t)classes * sizeof *symbols);
    vocabulary->classes = classes;
    return WT_OK;
}

void wt_vocabulary_dispose(wt_vocabulary *vocabulary) {
    wt_free(vocabulary->symbols);
    *vocabulary = (wt_vocabulary){0, NULL};
}

bool wt_vocabulary_ends(const wt_vocabulary *vocabulary) {
    return vocabulary->classes > 0 && vocabulary->symbols[0] == WT_END_MARK;
}

int32_t wt_vocabulary_padding(const wt_vocabulary *vocabulary) {
    static const int32_t symbols[] = {WT_END_MARK, '\n', ' '};
    for (int i = 0; i < 3; i++) {
        int32_t class = wt_vocabulary_class(vocabulary, symbols[i]);
        if (class >= 0) return class;
    }
    return 0;
}

int32_t wt_vocabulary_class(const wt_vocabulary *vocabulary, int32_t symbol) {
    int32_t low = 0, high = vocabulary->classes - 1;
    while (low <= high) {
        int32_t middle = low + (high - low) / 2;
        if (vocabulary->symbols[middle] == symbol) return middle;
        if (vocabulary->symbols[middle] < symbol) {
            low = middle + 1;
        } else {
            high = middle - 1;
        }
    }
    return -1;
}

bool wt_vocabulary_equal(const wt_vocabulary *a, const wt_vocabulary *b) {
    if (a->classes != b->classes) return false;
    return a->classes == 0 || memcmp(a->symbols, b->symbols, (size_t)a->classes * sizeof *a->symbols) == 0;
}

void wt_vocabulary_symbol_text(char out[WT_SYMBOL_TEXT], int32_t symbol) {
    bool plain = symbol > 0x20 && symbol != 0x7F && !(symbol >= 0x80 && symbol <= 0xA0) && symbol != 0xAD &&
                 !(symbol >= 0x2000 && symbol <= 0x200F) && !(symbol >= 0x2028 && symbol <= 0x202F) &&
                 symbol != 0xFEFF;
    if (symbol == WT_END_MARK) {
        snprintf(out, WT_SYMBOL_TEXT, "the end mark");
    } else if (symbol == '\n' || symbol == '\t' || symbol == '\r') {
        snprintf(out, WT_SYMBOL_TEXT, "\\%c", symbol == '\n' ? 'n' : symbol == '\t' ? 't' : 'r');
    } else if (symbol == ' ') {
        snprintf(out, WT_SYMBOL_TEXT, "space");
    } else if (!plain) {
        snprintf(out, WT_SYMBOL_TEXT, "U+%04X", (unsigned)symbol);
    } else {
        out[wt_utf8_encode(out, (uint32_t)symbol)] = '\0';
    }
}

wt_status wt_vocabulary_write(wt_h5 *file, const wt_vocabulary *vocabulary) {
    wt_h5_shape shape = {WT_H5_INT32, 1, {vocabulary->classes}};
    return wt_h5_write(file, array_name, shape, vocabulary->symbols, vocabulary->classes);
}

wt_status wt_vocabulary_read(wt_vocabulary *vocabulary, wt_h5 *file, const char *path) {
    wt_h5_shape shape;
    int32_t *symbols = NULL;
    *vocabulary = (wt_vocabulary){0, NULL};
    if (!wt_h5_has(file, array_name)) return WT_OK;
    WT_TRY(wt_h5_inspect(file, array_name, &shape));
    WT_CHECK(shape.type == WT_H5_INT32 && shape.rank == 1 && shape.shape[0] <= WT_VOCABULARY_MAX, WT_FAILED,
             "%s: '%s' has a foreign shape (expected at most %d symbols, int32)", path, array_name,
             WT_VOCABULARY_MAX);
    WT_TRY(wt_alloc(&symbols, (size_t)shape.shape[0], sizeof *symbols, "vocabulary"));
    wt_status status = wt_h5_read(file, array_name, WT_H5_INT32, symbols);
    if (status == WT_OK) status = wt_vocabulary_init(vocabulary, path, symbols, (int)shape.shape[0]);
    wt_free(symbols);
    return status;
}

void wt_vocabulary_print(FILE *out, const wt_vocabulary *vocabulary, int column) {
    enum { INDENT = 12, COLUMNS = 110 };
    char symbol[WT_SYMBOL_TEXT];
    for (int i = 0; i < vocabulary->classes; i++) {
        bool end = vocabulary->symbols[i] == WT_END_MARK;
        int width = 1 + end;
        wt_vocabulary_symbol_text(symbol, vocabulary->symbols[i]);
        for (const char *c = symbol; *c; c++) width += (*c & 0xC0) != 0x80; /* a column for each code point */
        if (column + width > COLUMNS) column = fprintf(out, "\n%*s", INDENT, "") - 1;
        fprintf(out, " %s%s", symbol, end ? "," : "");
        column += width;
    }
    fprintf(out, "\n");
}
