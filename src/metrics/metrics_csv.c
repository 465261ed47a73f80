/*
 * metrics.csv: one row a step, written as the step ends.
 *
 * A row goes to the file in one write call, so that a kill cuts the last line at worst, and a resume drops
 * the rows that its checkpoint does not know. Rows stand in the order of their steps; what is kept is
 * therefore a prefix of the file, whose bytes are not touched: a resumed run's file is the uninterrupted
 * run's, byte for byte, but for times. A call a row costs some microseconds a step and saves a buffer, a
 * clock and a row lost with them.
 */
#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "metrics/events.h"
#include "metrics/metrics.h"

enum { ROW_MAX = 512 }; /* bytes: 20 digits and 12 reals of at most 16 characters */

static const size_t file_limit = (size_t)4 << 30;

/* The columns after `step`, and the names by which they are shown, NULL: not at all. Nine digits give a float
 * back bit for bit. */
static const struct {
    const char *name;
    size_t offset;
    const char *tag;
} reals[] = {
    {"epoch", offsetof(wt_metrics_row, epoch), "train/epoch"},
    {"loss", offsetof(wt_metrics_row, loss), "train/loss"},
    {"bits", offsetof(wt_metrics_row, bits), NULL},
    {"silence", offsetof(wt_metrics_row, silence), NULL},
    {"gradient_norm", offsetof(wt_metrics_row, gradient_norm), "train/gradient_norm"},
    {"learning_rate", offsetof(wt_metrics_row, learning_rate), "train/learning_rate"},
    {"validation_loss", offsetof(wt_metrics_row, validation_loss), "validation/loss"},
    {"validation_bits", offsetof(wt_metrics_row, validation_bits), NULL},
    {"validation_silence", offsetof(wt_metrics_row, validation_silence), NULL},
    {"samples_per_second", offsetof(wt_metrics_row, samples_per_second), "train/samples_per_second"},
    {"seconds", offsetof(wt_metrics_row, seconds), NULL},
    {"validation_accuracy", offsetof(wt_metrics_row, validation_accuracy), "validation/accuracy"},
};
enum { REALS = sizeof reals / sizeof reals[0], OLDER_REALS = REALS - 1 /* of files before accuracy */ };

struct wt_metrics {
    int file;
    char *path;
    int64_t last_step;
    wt_events *events; /* NULL: none */
};

void wt_metrics_visit(const wt_metrics_row *row, wt_metrics_visitor *visit, void *context) {
    for (size_t i = 0; i < REALS; i++) {
        double value;
        memcpy(&value, (const char *)row + reals[i].offset, sizeof value);
        if (reals[i].tag && !isnan(value)) visit(context, reals[i].tag, value);
    }
}

/* --- text --- */

static size_t heading_text(char out[ROW_MAX], size_t columns) {
    size_t used = (size_t)snprintf(out, ROW_MAX, "step");
    for (size_t i = 0; i < columns; i++)
        used += (size_t)snprintf(out + used, ROW_MAX - used, ",%s", reals[i].name);
    used += (size_t)snprintf(out + used, ROW_MAX - used, "\n");
    return used;
}

static size_t row_text(char out[ROW_MAX], const wt_metrics_row *row) {
    size_t used = (size_t)snprintf(out, ROW_MAX, "%lld", (long long)row->step);
    for (size_t i = 0; i < REALS; i++) {
        double value;
        memcpy(&value, (const char *)row + reals[i].offset, sizeof value);
        used += (size_t)(isnan(value) ? snprintf(out + used, ROW_MAX - used, ",")
                                      : snprintf(out + used, ROW_MAX - used, ",%.9g", value));
    }
    used += (size_t)snprintf(out + used, ROW_MAX - used, "\n");
    return used;
}

/* A file's text, read line by line; `text` ends with a zero byte. */
typedef struct {
    const char *path, *text, *end;
    long long line;
    int64_t last_step;
    size_t columns; /* after the step */
} reader;

static wt_status bad_row(const reader *r, const char *what) {
    const char *stop = strchr(r->text, '\n');
    int shown = stop != NULL && stop - r->text < 60 ? (int)(stop - r->text) : 60;
    return wt_error(WT_USAGE, "%s: line %lld: %s (got \"%.*s\")", r->path, r->line, what, shown, r->text);
}

/* An empty field is NaN. A field that begins with a space is none of ours, and strtod would skip over a
 * newline. */
static bool parse_real(double *out, const char **at) {
    if (**at == ',' || **at == '\n') {
        *out = NAN;
        return true;
    }
    char *end;
    *out = strtod(*at, &end);
    if (end == *at || isspace((unsigned char)**at)) return false;
    *at = end;
    return true;
}

static wt_status parse_row(wt_metrics_row *row, const reader *r) {
    const char *at = r->text;
    const double none = NAN;
    char *end;
    errno = 0;
    row->step = strtoll(at, &end, 10);
    if (end == at || errno != 0 || !isdigit((unsigned char)*at))
        return bad_row(r, "a row must begin with its step");
    at = end;
    for (size_t i = r->columns; i < REALS; i++) memcpy((char *)row + reals[i].offset, &none, sizeof none);
    for (size_t i = 0; i < r->columns; i++) {
        double value;
        if (*at != ',') return bad_row(r, "too few columns");
        at++;
        if (!parse_real(&value, &at)) return bad_row(r, "not a number");
        memcpy((char *)row + reals[i].offset, &value, sizeof value);
    }
    if (*at != '\n') return bad_row(r, "too many columns, or not a number");
    if (row->step <= r->last_step) return bad_row(r, "each step must stand once and in order");
    return WT_OK;
}

static wt_status read_heading(reader *r, const char *path, const char *text, size_t bytes) {
    char heading[ROW_MAX];
    size_t length = heading_text(heading, OLDER_REALS);
    *r = (reader){.path = path, .text = text, .end = text + bytes, .line = 1, .last_step = -1};
    r->columns = bytes >= length && memcmp(text, heading, length) == 0 ? OLDER_REALS : REALS;
    length = heading_text(heading, r->columns);
    if (bytes < length || memcmp(text, heading, length) != 0)
        return wt_error(
            WT_USAGE, "%s: line 1: another heading than wavetrain's (got \"%.*s\", expected \"%.*s\")", path,
            (int)strcspn(text, "\n") < 60 ? (int)strcspn(text, "\n") : 60, text, (int)length - 1, heading);
    r->text += length;
    return WT_OK;
}

/* The next whole line; `found` is false at the end and at a last line that was cut short. */
static wt_status read_metrics_row(reader *r, wt_metrics_row *row, bool *found) {
    const char *stop = memchr(r->text, '\n', (size_t)(r->end - r->text));
    *found = stop != NULL;
    if (!*found) return WT_OK;
    r->line++;
    WT_TRY(parse_row(row, r));
    r->text = stop + 1;
    r->last_step = row->step;
    return WT_OK;
}

/* --- writing --- */

static wt_status write_metrics_bytes(const wt_metrics *metrics, const char *text, size_t bytes) {
    while (bytes > 0) {
        ssize_t written = write(metrics->file, text, bytes);
        if (written < 0 && errno == EINTR) continue;
        WT_CHECK(written >= 0, WT_FAILED, "%s: can't write: %s", metrics->path, strerror(errno));
        text += written;
        bytes -= (size_t)written;
    }
    return WT_OK;
}

static wt_status start_file(const char *path) {
    char heading[ROW_MAX];
    return wt_file_write_atomically(path, heading, heading_text(heading, REALS), NULL, 0);
}

/* The rows in `text` of a file without the last columns, with empty ones, in place of the file. */
static wt_status add_columns(const char *path, const char *text, const char *end) {
    char *wider, *to;
    size_t lines = 0;
    for (const char *at = text; at < end; at++) lines += *at == '\n';
    const size_t bytes = (size_t)(end - text) + lines * (REALS - OLDER_REALS);
    WT_TRY(wt_alloc(&wider, ROW_MAX + bytes, 1, "rows of metrics.csv"));
    to = wider + heading_text(wider, REALS);
    for (; text < end; text++) {
        for (int i = 0; *text == '\n' && i < REALS - OLDER_REALS; i++) *to++ = ',';
        *to++ = *text;
    }
    const wt_status status = wt_file_write_atomically(path, wider, (size_t)(to - wider), NULL, 0);
    wt_free(wider);
    return status;
}

/* Leaves the rows up to `last_step` in the file; *reached is the last of them. */
static wt_status drop_later_rows(const char *path, int64_t last_step, int64_t *reached) {
    char *text = NULL;
    size_t bytes = 0;
    WT_TRY(wt_file_read(&text, &bytes, path, file_limit));
    wt_status status;
    reader r;
    if (bytes == 0) {
        WT_GUARD(start_file(path));
        goto cleanup;
    }
    WT_GUARD(read_heading(&r, path, text, bytes));
    const char *kept = r.text, *first = kept;
    for (;;) {
        wt_metrics_row row;
        bool found;
        WT_GUARD(read_metrics_row(&r, &row, &found));
        if (!found) break;
        if (row.step > last_step) continue;
        kept = r.text;
        *reached = row.step;
    }
    if (r.columns < REALS)
        WT_GUARD(add_columns(path, first, kept));
    else if (kept < r.end)
        WT_GUARD(wt_file_write_atomically(path, text, (size_t)(kept - text), NULL, 0));
cleanup:
    wt_free(text);
    return status;
}

wt_status wt_metrics_open(wt_metrics **out, const char *path, int64_t last_step) {
    *out = NULL;
    int64_t reached = 0;
    if (wt_path_exists(path))
        WT_TRY(drop_later_rows(path, last_step, &reached));
    else
        WT_TRY(start_file(path));
    if (reached < last_step)
        wt_log_warning("%s: the rows of steps %lld to %lld are missing", path, (long long)reached + 1,
                       (long long)last_step);
    wt_metrics *metrics;
    WT_TRY(wt_alloc(&metrics, 1, sizeof *metrics, "metrics"));
    metrics->file = -1;
    metrics->last_step = reached;
    wt_status status;
    WT_GUARD(wt_memory_copy_string(&metrics->path, path));
    metrics->file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    WT_GUARD_CHECK(metrics->file >= 0, WT_FAILED, "%s: can't open for writing: %s", path, strerror(errno));
    *out = metrics;
    return WT_OK;
cleanup:
    wt_free(metrics->path);
    wt_free(metrics);
    return status;
}

wt_status wt_metrics_append(wt_metrics *metrics, const wt_metrics_row *row) {
    char text[ROW_MAX];
    WT_CHECK(row->step > metrics->last_step, WT_FAILED,
             "%s: a row out of order (got step %lld after step %lld)", metrics->path, (long long)row->step,
             (long long)metrics->last_step);
    WT_TRY(write_metrics_bytes(metrics, text, row_text(text, row)));
    metrics->last_step = row->step;
    return metrics->events ? wt_events_append(metrics->events, row) : WT_OK;
}

wt_status wt_metrics_add_events(wt_metrics *metrics, const char *folder) {
    wt_metrics_row *rows;
    size_t count;
    WT_TRY(wt_metrics_read(&rows, &count, metrics->path));
    const wt_status status = wt_events_open(&metrics->events, folder, rows, count);
    wt_free(rows);
    return status;
}

/* To the disk, not only to the system: a checkpoint that outlives a power cut finds its rows. */
wt_status wt_metrics_flush(wt_metrics *metrics) {
    if (fdatasync(metrics->file) != 0 && errno != EINVAL && errno != ENOTSUP)
        return wt_error(WT_FAILED, "%s: can't write: %s", metrics->path, strerror(errno));
    return WT_OK;
}

wt_status wt_metrics_close(wt_metrics *metrics) {
    if (metrics == NULL) return WT_OK;
    wt_status status = wt_metrics_flush(metrics);
    if (close(metrics->file) != 0 && status == WT_OK)
        status = wt_error(WT_FAILED, "%s: can't write: %s", metrics->path, strerror(errno));
    wt_events_close(metrics->events);
    wt_free(metrics->path);
    wt_free(metrics);
    return status;
}

/* --- reading --- */

static size_t count_lines(const char *text, size_t bytes) {
    size_t lines = 0;
    for (const char *at = text; (at = memchr(at, '\n', bytes - (size_t)(at - text))) != NULL; at++) lines++;
    return lines;
}

wt_status wt_metrics_read(wt_metrics_row **rows, size_t *count, const char *path) {
    *rows = NULL;
    *count = 0;
    char *text = NULL;
    size_t bytes = 0;
    WT_TRY(wt_file_read(&text, &bytes, path, file_limit));
    wt_status status;
    reader r;
    WT_GUARD(read_heading(&r, path, text, bytes));
    WT_GUARD(wt_alloc(rows, count_lines(text, bytes), sizeof **rows, "rows of metrics.csv"));
    for (bool found = true; found; *count += found) WT_GUARD(read_metrics_row(&r, *rows + *count, &found));
cleanup:
    wt_free(text);
    if (status != WT_OK) {
        wt_free(*rows);
        *rows = NULL;
        *count = 0;
    }
    return status;
}

int64_t wt_metrics_last_step(const char *path) {
    char tail[4 * ROW_MAX + 1];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return -1;
    off_t size = lseek(file, 0, SEEK_END), from = size > 4 * ROW_MAX ? size - 4 * ROW_MAX : 0;
    ssize_t bytes = size < 0 ? -1 : pread(file, tail, 4 * ROW_MAX, from);
    close(file);
    if (bytes <= 0) return -1;
    while (bytes > 0 && tail[bytes - 1] != '\n') bytes--; /* a line cut short */
    if (bytes == 0) return -1;
    tail[bytes - 1] = '\0';
    const char *line = strrchr(tail, '\n');
    return line && isdigit((unsigned char)line[1]) ? strtoll(line + 1, NULL, 10) : -1;
}
