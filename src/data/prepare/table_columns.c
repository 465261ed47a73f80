/* A row of a table: which of its columns are wanted, and their numbers, with errors that name file, line and column. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "prepare_internal.h"

enum { SHOWN = 40 }; /* bytes of a field in a message */

static wt_status find_column(int *place, const wt_csv *csv, const char *name) {
    *place = -1;
    for (int i = 0; i < wt_csv_count(csv); i++) {
        if (strcmp(wt_csv_field(csv, i), name) != 0) continue;
        WT_CHECK(*place < 0, WT_USAGE, "%s:%lld: column %s stands twice in the heading", wt_csv_path(csv),
                 (long long)wt_csv_line(csv), name);
        *place = i;
    }
    WT_CHECK(*place >= 0, WT_USAGE, "%s:%lld: no column %s (the heading has %d, from %.*s to %.*s)",
             wt_csv_path(csv), (long long)wt_csv_line(csv), name, wt_csv_count(csv), SHOWN,
             wt_csv_field(csv, 0), SHOWN, wt_csv_field(csv, wt_csv_count(csv) - 1));
    return WT_OK;
}

wt_status wt_columns_find(wt_columns *columns, wt_csv *csv, const wt_table_options *options) {
    bool found;
    WT_TRY(wt_csv_next(csv, &found));
    WT_CHECK(found, WT_USAGE, "%s: is empty (expected a heading with the columns' names)", wt_csv_path(csv));
    columns->count = wt_csv_count(csv);
    for (int i = 0; i < options->signal_count; i++)
        WT_TRY(find_column(&columns->signals[i], csv, options->signals[i]));
    WT_TRY(find_column(&columns->label, csv, options->label));
    columns->group = -1;
    return options->group ? find_column(&columns->group, csv, options->group) : WT_OK;
}

/* strtod reads more than tables hold: hexadecimal, and words. */
static bool looks_like_number(const char *text) {
    return *text && strspn(text, "0123456789+-.eE \t") == strlen(text);
}

static bool is_word(const char *text, const char *word) {
    if (*text == '-' || *text == '+') text++;
    return strcasecmp(text, word) == 0;
}

static wt_status read_number(const wt_csv *csv, int column, const char *name, double *value) {
    const char *text = wt_csv_field(csv, column);
    const char *path = wt_csv_path(csv);
    const long long line = wt_csv_line(csv);
    WT_CHECK(*text, WT_USAGE, "%s:%lld: column %s: is empty (expected a number)", path, line, name);
    WT_CHECK(!is_word(text, "nan") && !is_word(text, "inf") && !is_word(text, "infinity"), WT_USAGE,
             "%s:%lld: column %s: is not finite (got %.*s, expected a number)", path, line, name, SHOWN,
             text);
    char *end = NULL;
    *value = looks_like_number(text) ? strtod(text, &end) : 0;
    while (end && end > text && (*end == ' ' || *end == '\t')) end++;
    WT_CHECK(end && end > text && !*end, WT_USAGE, "%s:%lld: column %s: is no number (got %.*s)", path, line,
             name, SHOWN, text);
    WT_CHECK(fabs(*value) <= (double)FLT_MAX, WT_USAGE, "%s:%lld: column %s: is too large (got %.*s)", path,
             line, name, SHOWN, text);
    return WT_OK;
}

static wt_status check_class(const wt_csv *csv, const wt_table_options *options, int column, double label) {
    enum { CLASSES_MAX = 65536 };
    const int most = options->classes ? options->classes : CLASSES_MAX;
    WT_CHECK(label >= 0 && label < most && label == floor(label), WT_USAGE,
             "%s:%lld: column %s: is no class (got %.*s, expected a whole number from 0 to %d%s)",
             wt_csv_path(csv), (long long)wt_csv_line(csv), options->label, SHOWN, wt_csv_field(csv, column),
             most - 1, label == floor(label) ? "" : "; --values takes labels as values");
    return WT_OK;
}

wt_status wt_columns_read(const wt_columns *columns, const wt_csv *csv, const wt_table_options *options,
                          float *signals, float *label) {
    double value = 0;
    WT_CHECK(wt_csv_count(csv) == columns->count, WT_USAGE,
             "%s:%lld: the row has %d column%s (expected %d, as the heading)", wt_csv_path(csv),
             (long long)wt_csv_line(csv), wt_csv_count(csv), wt_csv_count(csv) == 1 ? "" : "s",
             columns->count);
    for (int i = 0; i < options->signal_count; i++) {
        WT_TRY(read_number(csv, columns->signals[i], options->signals[i], &value));
        signals[i] = (float)value;
    }
    WT_TRY(read_number(csv, columns->label, options->label, &value));
    if (!options->values) WT_TRY(check_class(csv, options, columns->label, value));
    *label = (float)value;
    return WT_OK;
}
