/* A row of a table: which of its columns are wanted, and their numbers, with errors that name file, line and
 * column. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "prepare_internal.h"

enum { SHOWN = 48, NUMBER_MAX = 400 }; /* bytes of a field in a message; of a number */

/* --- messages --- */

typedef struct {
    char text[SHOWN];
} shown_field;

static shown_field show(const char *field) {
    shown_field shown;
    wt_utf8_show(shown.text, sizeof shown.text, field, strlen(field));
    return shown;
}

/* What is wrong with a field, and what stands there. */
static wt_status refuse_cell(const wt_csv *csv, int column, const char *name, const char *what,
                             const char *expected) {
    return wt_error(WT_USAGE, "%s:%lld: column %s: %s (got \"%s\", expected %s)", wt_csv_path(csv),
                    (long long)wt_csv_line(csv), name, what, show(wt_csv_field(csv, column)).text, expected);
}

/* --- the heading --- */

/* A heading of one column, with what may be meant to separate several. */
static const char *separator_hint(const wt_csv *csv) {
    const char *only = wt_csv_count(csv) == 1 ? wt_csv_field(csv, 0) : "";
    return strchr(only, ';')    ? "; for columns between semicolons: --separator ';'"
           : strchr(only, '\t') ? "; for columns between tabs: --separator tab"
           : strchr(only, ',')  ? "; for columns between commas: --separator ,"
                                : "";
}

wt_status wt_columns_find_one(int *place, const wt_csv *csv, const char *name) {
    *place = -1;
    for (int i = 0; i < wt_csv_count(csv); i++) {
        if (strcmp(wt_csv_field(csv, i), name) != 0) continue;
        WT_CHECK(*place < 0, WT_USAGE, "%s:%lld: column %s stands twice in the heading", wt_csv_path(csv),
                 (long long)wt_csv_line(csv), name);
        *place = i;
    }
    WT_CHECK(*place >= 0, WT_USAGE, "%s:%lld: no column %s (the heading has %d, from \"%s\" to \"%s\"%s)",
             wt_csv_path(csv), (long long)wt_csv_line(csv), name, wt_csv_count(csv),
             show(wt_csv_field(csv, 0)).text, show(wt_csv_field(csv, wt_csv_count(csv) - 1)).text,
             separator_hint(csv));
    return WT_OK;
}

int wt_columns_find_any(const wt_csv *csv, const char *const *names) {
    for (; *names; names++)
        for (int i = 0; i < wt_csv_count(csv); i++)
            if (strcasecmp(wt_csv_field(csv, i), *names) == 0) return i;
    return -1;
}

wt_status wt_columns_find_file(int *place, const wt_csv *csv) {
    static const char *const names[] = {"file",  "filename", "file_name", "slice_file_name", "fname", "path",
                                        "audio", "wav",      "recording", "begin file",      NULL};
    *place = wt_columns_find_any(csv, names);
    if (*place < 0) *place = 0;
    return WT_OK;
}

wt_status wt_columns_guess_separator(char *separator, const char *path) {
    char line[4096] = "";
    FILE *file;
    WT_TRY(wt_file_open(&file, path));
    const size_t got = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[got] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    *separator = strchr(line, '\t') ? '\t' : strchr(line, ';') ? ';' : ',';
    return WT_OK;
}

wt_status wt_columns_find(wt_columns *columns, wt_csv *csv, const wt_table_options *options) {
    bool found;
    WT_TRY(wt_csv_next(csv, &found));
    WT_CHECK(found, WT_USAGE, "%s: is empty (expected a heading with the columns' names)", wt_csv_path(csv));
    columns->most = columns->least = wt_csv_count(csv);
    while (columns->least > 1 && !*wt_csv_field(csv, columns->least - 1)) columns->least--;
    for (int i = 0; i < options->signal_count; i++)
        WT_TRY(wt_columns_find_one(&columns->signals[i], csv, options->signals[i]));
    WT_TRY(wt_columns_find_one(&columns->label, csv, options->label));
    columns->group = -1;
    return options->group ? wt_columns_find_one(&columns->group, csv, options->group) : WT_OK;
}

/* As many fields as the heading, but for empty ones at either's end: some programs put a separator behind the
 * last. */
static wt_status check_count(const wt_columns *columns, const wt_csv *csv) {
    int count = wt_csv_count(csv);
    while (count > columns->most && !*wt_csv_field(csv, count - 1)) count--;
    WT_CHECK(count >= columns->least && count <= columns->most, WT_USAGE,
             "%s:%lld: the row has %d column%s (expected %d, as the heading)", wt_csv_path(csv),
             (long long)wt_csv_line(csv), count, count == 1 ? "" : "s", columns->least);
    return WT_OK;
}

/* --- numbers --- */

static bool is_word(const char *text, const char *word) {
    if (*text == '-' || *text == '+') text++;
    return strcasecmp(text, word) == 0;
}

/* strtod reads more than tables hold, hexadecimal and words, and knows one decimal mark; `mark` becomes
 * that. */
bool wt_columns_scan_number(const char *text, char mark, double *value) {
    char number[NUMBER_MAX], *end = NULL;
    const size_t length = strlen(text);
    if (length == 0 || length >= NUMBER_MAX) return false;
    for (size_t i = 0; i <= length; i++) {
        number[i] = text[i] == mark ? '.' : text[i];
        if (text[i] == '.' && mark != '.') return false;
    }
    if (strspn(number, "0123456789+-.eE") != length) return false;
    *value = strtod(number, &end);
    return end == number + length;
}

/* "33,272" is one of two numbers, a thousand times apart. */
static bool may_have_thousands(const char *text) {
    size_t digits = strspn(text += strspn(text, "+-"), "0123456789");
    if (digits < 1 || digits > 3 || text[digits] != ',') return false;
    for (text += digits; *text == ','; text += 4)
        if (strspn(text + 1, "0123456789") != 3) return false;
    return *text == '\0' || *text == '.';
}

static wt_status read_cell(const wt_csv *csv, const wt_table_options *options, int column, const char *name,
                           double *value) {
    const char *text = wt_csv_field(csv, column);
    double other;
    if (wt_columns_scan_number(text, options->decimal, value)) {
        return fabs(*value) <= (double)FLT_MAX
                   ? WT_OK
                   : refuse_cell(csv, column, name, "is too large", "what single precision holds");
    }
    if (!*text) return refuse_cell(csv, column, name, "is empty", "a number");
    if (is_word(text, "nan") || is_word(text, "inf") || is_word(text, "infinity"))
        return refuse_cell(csv, column, name, "is not finite", "a number");
    if (options->decimal == '.' && may_have_thousands(text))
        return refuse_cell(
            csv, column, name, "is not a number",
            "one with a point, and without commas between thousands; --decimal , would read a fraction");
    if (wt_columns_scan_number(text, ',', &other))
        return refuse_cell(csv, column, name, "is not a number", "one with a point; --decimal , reads it");
    if (wt_columns_scan_number(text, '.', &other))
        return refuse_cell(csv, column, name, "is not a number", "one with a comma, as --decimal , says");
    return refuse_cell(csv, column, name, "is not a number",
                       options->label && strcmp(name, options->label) == 0 && !options->values
                           ? "a number; --classes names takes names"
                           : "a number");
}

static wt_status check_class(const wt_csv *csv, const wt_table_options *options, int column, double label) {
    enum { CLASSES_MAX = 65536 };
    char expected[100];
    const int most = options->classes ? options->classes : CLASSES_MAX;
    if (label >= 0 && label < most && label == floor(label)) return WT_OK;
    snprintf(expected, sizeof expected, "a whole number from 0 to %d%s", most - 1,
             label == floor(label) ? "" : "; --values takes labels as values");
    return refuse_cell(csv, column, options->label, "is no class", expected);
}

/* The number of the class whose name stands there. */
static wt_status read_name(const wt_columns *columns, const wt_csv *csv, const wt_table_options *options,
                           double *label) {
    char where[WT_PATH_MAX + 64];
    int32_t number;
    snprintf(where, sizeof where, "%s:%lld: column %s", wt_csv_path(csv), (long long)wt_csv_line(csv),
             options->label);
    WT_TRY(wt_class_list_number(columns->names, wt_csv_field(csv, columns->label), where, &number));
    *label = number;
    return WT_OK;
}

wt_status wt_columns_read(const wt_columns *columns, const wt_csv *csv, const wt_table_options *options,
                          double *signals, double *label) {
    WT_TRY(check_count(columns, csv));
    for (int i = 0; i < options->signal_count; i++)
        WT_TRY(read_cell(csv, options, columns->signals[i], options->signals[i], &signals[i]));
    if (columns->names) return read_name(columns, csv, options, label);
    WT_TRY(read_cell(csv, options, columns->label, options->label, label));
    return options->values ? WT_OK : check_class(csv, options, columns->label, *label);
}
