/*
 * A reader of comma-separated values (RFC 4180), one record at a time, of files of any size.
 *
 * Our own: errors must name the line, and rows must be found again by their place in the file, which a parser that is
 * fed pieces and calls back doesn't tell. A record may span lines within quotes; its line is the one that it begins in.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prepare_internal.h"
#include "wavetrain/memory.h"

enum { RECORD_MAX = 1 << 20, FIELDS_MAX = 1 << 16 };

struct wt_csv {
    FILE *file;
    char *path;
    char separator;
    char *text; /* [RECORD_MAX] the record's fields, each ended by a zero byte */
    size_t used;
    int *starts; /* [FIELDS_MAX] */
    int count;
    int64_t line, offset;           /* where the record begins */
    int64_t next_line, next_offset; /* behind it */
};

static wt_status check_file(const char *path) {
    struct stat info;
    WT_CHECK(stat(path, &info) == 0, WT_USAGE, "%s: can't be read (%s)", path, strerror(errno));
    WT_CHECK(S_ISREG(info.st_mode), WT_USAGE, "%s: is no file", path);
    return WT_OK;
}

/* Passes over the mark that some programs put before UTF-8. */
static void skip_mark(wt_csv *csv) {
    if (fread(csv->text, 1, 3, csv->file) == 3 && memcmp(csv->text, "\xEF\xBB\xBF", 3) == 0) {
        csv->next_offset = 3;
    } else {
        rewind(csv->file);
    }
}

wt_status wt_csv_open(wt_csv **out, const char *path, char separator) {
    wt_csv *csv = NULL;
    wt_status status = WT_OK;
    *out = NULL;
    WT_GUARD(check_file(path));
    WT_GUARD(wt_alloc(&csv, 1, sizeof *csv, "reader of a table"));
    WT_GUARD(wt_alloc(&csv->text, RECORD_MAX, 1, "a row of a table"));
    WT_GUARD(wt_alloc(&csv->starts, FIELDS_MAX, sizeof *csv->starts, "columns of a table"));
    WT_GUARD(wt_copy_string(&csv->path, path));
    csv->separator = separator;
    csv->next_line = 1;
    csv->file = fopen(path, "rb");
    WT_GUARD_CHECK(csv->file, WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    skip_mark(csv);
    *out = csv;
    csv = NULL;
cleanup:
    wt_csv_close(csv);
    return status;
}

void wt_csv_close(wt_csv *csv) {
    if (!csv) return;
    if (csv->file) fclose(csv->file);
    wt_free(csv->text);
    wt_free(csv->starts);
    wt_free(csv->path);
    wt_free(csv);
}

wt_status wt_csv_seek(wt_csv *csv, int64_t offset, int64_t line) {
    WT_CHECK(fseeko(csv->file, offset, SEEK_SET) == 0, WT_FAILED, "%s: can't be read (%s)", csv->path,
             strerror(errno));
    csv->next_offset = offset;
    csv->next_line = line;
    return WT_OK;
}

int wt_csv_count(const wt_csv *csv) {
    return csv->count;
}
const char *wt_csv_field(const wt_csv *csv, int i) {
    return csv->text + csv->starts[i];
}
int64_t wt_csv_line(const wt_csv *csv) {
    return csv->line;
}
int64_t wt_csv_offset(const wt_csv *csv) {
    return csv->offset;
}
const char *wt_csv_path(const wt_csv *csv) {
    return csv->path;
}

static wt_status refuse(const wt_csv *csv, const char *what) {
    return wt_error(WT_USAGE, "%s:%lld: %s", csv->path, (long long)csv->line, what);
}

static int next_byte(wt_csv *csv) {
    int c = getc_unlocked(csv->file);
    if (c != EOF) csv->next_offset++;
    if (c == '\n') csv->next_line++;
    return c;
}

static wt_status put(wt_csv *csv, int c) {
    if (csv->used >= RECORD_MAX - 1) return refuse(csv, "the row is too long (expected less than 1 MiB)");
    if (c == 0) return refuse(csv, "holds a zero byte (expected text)");
    csv->text[csv->used++] = (char)c;
    return WT_OK;
}

static wt_status begin_field(wt_csv *csv) {
    if (csv->count == FIELDS_MAX) return refuse(csv, "too many columns (expected at most 65536)");
    csv->starts[csv->count++] = (int)csv->used;
    return WT_OK;
}

/* Behind the opening quote; *next is what follows the closing one. */
static wt_status read_quoted(wt_csv *csv, int *next) {
    for (;;) {
        int c = next_byte(csv);
        if (c == EOF) return refuse(csv, "a quote is not closed");
        if (c == '"') {
            *next = next_byte(csv);
            if (*next != '"') return WT_OK;
        }
        WT_TRY(put(csv, c));
    }
}

static bool ends_field(const wt_csv *csv, int c) {
    return c == EOF || c == '\n' || c == csv->separator;
}

/* A field, and in *next what ended it: the separator, the line's end or the file's. */
static wt_status read_field(wt_csv *csv, int *next) {
    int c = next_byte(csv);
    WT_TRY(begin_field(csv));
    if (c == '"') {
        WT_TRY(read_quoted(csv, &c));
        if (c == '\r') c = next_byte(csv);
        if (!ends_field(csv, c)) return refuse(csv, "text behind a closing quote");
    } else {
        for (; !ends_field(csv, c); c = next_byte(csv)) WT_TRY(put(csv, c));
        const size_t start = (size_t)csv->starts[csv->count - 1];
        if (c == '\n' && csv->used > start && csv->text[csv->used - 1] == '\r') csv->used--;
    }
    *next = c;
    csv->text[csv->used++] = '\0'; /* put keeps room for it */
    if (csv->used >= RECORD_MAX) return refuse(csv, "the row is too long (expected less than 1 MiB)");
    return WT_OK;
}

wt_status wt_csv_next(wt_csv *csv, bool *found) {
    csv->used = 0;
    csv->count = 0;
    csv->line = csv->next_line;
    csv->offset = csv->next_offset;
    *found = false;
    int c = getc_unlocked(csv->file);
    WT_CHECK(!ferror(csv->file), WT_FAILED, "%s: can't be read (%s)", csv->path, strerror(errno));
    if (c == EOF) return WT_OK;
    ungetc(c, csv->file);
    do {
        WT_TRY(read_field(csv, &c));
    } while (c == csv->separator);
    WT_CHECK(!ferror(csv->file), WT_FAILED, "%s: can't be read (%s)", csv->path, strerror(errno));
    *found = true;
    return WT_OK;
}
