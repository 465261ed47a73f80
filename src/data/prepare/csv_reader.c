/*
 * A reader of comma-separated values (RFC 4180), one record at a time, of files of any size.
 *
 * Our own: errors must name the line, and rows must be found again by their place in the file, which a parser
 * that is fed pieces and calls back doesn't tell. A record may span lines within quotes; its line is the one
 * that it begins in. More than the RFC has: any line end, blanks around fields, blank lines, and rows of
 * separators alone at the end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "prepare_internal.h"

enum { RECORD_MAX = 1 << 20, FIELDS_MAX = 1 << 16, BUFFER_BYTES = 1 << 16 };

struct wt_csv {
    FILE *file;
    char *path;
    char separator;
    char *buffer; /* [BUFFER_BYTES] what was read of the file, and is still needed from `at` to `filled` */
    size_t at, filled;
    bool ended; /* nothing comes behind the buffer */
    char *text; /* [RECORD_MAX] the record's fields, each ended by a zero byte */
    size_t used;
    int *starts; /* [FIELDS_MAX] */
    int count;
    bool quoted;                    /* the field that was read last */
    int64_t line, offset;           /* where the record begins */
    int64_t next_line, next_offset; /* behind it */
};

/* --- bytes --- */

/* Keeps what is left of the buffer, and adds to it. */
static void refill(wt_csv *csv) {
    const size_t left = csv->filled - csv->at;
    memmove(csv->buffer, csv->buffer + csv->at, left);
    const size_t got = fread(csv->buffer + left, 1, BUFFER_BYTES - left, csv->file);
    csv->at = 0;
    csv->filled = left + got;
    csv->ended = got == 0;
}

/* The next byte, each line end as one \n; EOF at the end, or where reading failed (check_read reports it). */
static int next_byte(wt_csv *csv) {
    while (csv->filled - csv->at < 2 && !csv->ended) refill(csv);
    if (csv->at == csv->filled) return EOF;
    const char *at = csv->buffer + csv->at;
    const int end = wt_utf8_line_end(at, csv->filled - csv->at), length = end > 0 ? end : 1;
    csv->at += (size_t)length;
    csv->next_offset += length;
    csv->next_line += end > 0;
    return end > 0 ? '\n' : (unsigned char)*at;
}

static wt_status check_csv_read(const wt_csv *csv) {
    WT_CHECK(!ferror(csv->file), WT_FAILED, "%s: can't be read (%s)", csv->path, strerror(errno));
    return WT_OK;
}

/* To the first byte behind a byte order mark. */
static wt_status begin_csv(wt_csv *csv) {
    refill(csv);
    WT_TRY(check_csv_read(csv));
    WT_TRY(wt_utf8_begin(&csv->at, csv->path, csv->buffer, csv->filled));
    csv->next_offset = (int64_t)csv->at;
    return WT_OK;
}

wt_status wt_csv_open(wt_csv **out, const char *path, char separator) {
    wt_csv *csv = NULL;
    wt_status status = WT_OK;
    *out = NULL;
    WT_GUARD(wt_alloc(&csv, 1, sizeof *csv, "reader of a table"));
    WT_GUARD(wt_alloc(&csv->buffer, BUFFER_BYTES, 1, "bytes of a table"));
    WT_GUARD(wt_alloc(&csv->text, RECORD_MAX, 1, "a row of a table"));
    WT_GUARD(wt_alloc(&csv->starts, FIELDS_MAX, sizeof *csv->starts, "columns of a table"));
    WT_GUARD(wt_memory_copy_string(&csv->path, path));
    csv->separator = separator;
    csv->next_line = 1;
    WT_GUARD(wt_file_open(&csv->file, path));
    WT_GUARD(begin_csv(csv));
    *out = csv;
    csv = NULL;
cleanup:
    wt_csv_close(csv);
    return status;
}

void wt_csv_close(wt_csv *csv) {
    if (!csv) return;
    if (csv->file) fclose(csv->file);
    wt_free(csv->buffer);
    wt_free(csv->text);
    wt_free(csv->starts);
    wt_free(csv->path);
    wt_free(csv);
}

wt_status wt_csv_seek(wt_csv *csv, int64_t offset, int64_t line) {
    WT_CHECK(fseeko(csv->file, offset, SEEK_SET) == 0, WT_FAILED, "%s: can't be read (%s)", csv->path,
             strerror(errno));
    csv->at = csv->filled = 0;
    csv->ended = false;
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

static wt_status refuse_csv(const wt_csv *csv, const char *what) {
    return wt_error(WT_USAGE, "%s:%lld: %s", csv->path, (long long)csv->line, what);
}

/* --- fields --- */

static wt_status put_character(wt_csv *csv, int c) {
    if (csv->used >= RECORD_MAX - 1) return refuse_csv(csv, "the row is too long (expected less than 1 MiB)");
    if (c == 0) return refuse_csv(csv, "holds a zero byte (expected text)");
    csv->text[csv->used++] = (char)c;
    return WT_OK;
}

static wt_status begin_field(wt_csv *csv) {
    if (csv->count == FIELDS_MAX) return refuse_csv(csv, "too many columns (expected at most 65536)");
    csv->starts[csv->count++] = (int)csv->used;
    return WT_OK;
}

/* Behind the opening quote; *next is what follows the closing one. */
static wt_status read_quoted(wt_csv *csv, int *next) {
    for (;;) {
        int c = next_byte(csv);
        if (c == EOF) return refuse_csv(csv, "a quote is not closed");
        if (c == '"') {
            *next = next_byte(csv);
            if (*next != '"') return WT_OK;
        }
        WT_TRY(put_character(csv, c));
    }
}

static bool ends_field(const wt_csv *csv, int c) {
    return c == EOF || c == '\n' || c == csv->separator;
}

static bool is_blank(const wt_csv *csv, int c) {
    return (c == ' ' || c == '\t') && c != csv->separator;
}

/* The bytes of the blank at either end of what stands from `text` to `end`; U+00A0 is one, too. */
static size_t blank_at(const wt_csv *csv, const char *text, const char *end, bool last) {
    if (text == end) return 0;
    if (is_blank(csv, last ? end[-1] : *text)) return 1;
    return end - text >= 2 && memcmp(last ? end - 2 : text, "\xC2\xA0", 2) == 0 ? 2 : 0;
}

/* The field that was put last, without the blanks around it. */
static void trim_field(wt_csv *csv) {
    int *start = &csv->starts[csv->count - 1];
    for (size_t n; (n = blank_at(csv, csv->text + *start, csv->text + csv->used, true)) > 0;) csv->used -= n;
    for (size_t n; (n = blank_at(csv, csv->text + *start, csv->text + csv->used, false)) > 0;)
        *start += (int)n;
}

/* A field, and in *next what ended it: the separator, the line's end or the file's. */
static wt_status read_csv_field(wt_csv *csv, int *next) {
    int c = next_byte(csv);
    WT_TRY(begin_field(csv));
    while (is_blank(csv, c)) c = next_byte(csv);
    csv->quoted = c == '"';
    if (csv->quoted) {
        WT_TRY(read_quoted(csv, &c));
        while (is_blank(csv, c)) c = next_byte(csv);
        if (!ends_field(csv, c)) return refuse_csv(csv, "text behind a closing quote");
    } else {
        for (; !ends_field(csv, c); c = next_byte(csv)) WT_TRY(put_character(csv, c));
        trim_field(csv);
    }
    *next = c;
    csv->text[csv->used++] = '\0'; /* put leaves a byte for it */
    if (csv->used >= RECORD_MAX) return refuse_csv(csv, "the row is too long (expected less than 1 MiB)");
    return WT_OK;
}

/* --- records --- */

static wt_status read_csv_record(wt_csv *csv, bool *found) {
    int c = EOF;
    csv->used = 0;
    csv->count = 0;
    csv->line = csv->next_line;
    csv->offset = csv->next_offset;
    do {
        WT_TRY(read_csv_field(csv, &c));
    } while (c == csv->separator);
    *found = c != EOF || csv->next_offset > csv->offset;
    return check_csv_read(csv);
}

/* Nothing but blanks and separators. */
static bool is_hollow(const wt_csv *csv) {
    for (int i = 0; i < csv->count; i++)
        if (*wt_csv_field(csv, i)) return false;
    return true;
}

wt_status wt_csv_next(wt_csv *csv, bool *found) {
    int64_t hollow =
        0; /* the line of the first row of separators alone, such as spreadsheets leave at the end */
    for (;;) {
        WT_TRY(read_csv_record(csv, found));
        if (!*found) return WT_OK;
        if (csv->count == 1 && !csv->quoted && is_hollow(csv)) continue;
        if (!is_hollow(csv)) break;
        if (hollow == 0) hollow = csv->line;
    }
    WT_CHECK(hollow == 0, WT_USAGE,
             "%s:%lld: the row is empty, and line %lld is not (empty rows are passed over at the end alone)",
             csv->path, (long long)hollow, (long long)csv->line);
    return WT_OK;
}
