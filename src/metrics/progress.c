/*
 * Progress on standard error: on a terminal one line redrawn in place, elsewhere a line now and then.
 *
 * The line is made in one piece for the width that the terminal has at that moment and written in one call,
 * so that it neither wraps nor flickers; plain ASCII, for it may end up in any log. Time left is the mean
 * speed since the start carried on: steadier than the last step's, at the price of noticing a change of pace
 * late.
 */
#include "base/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/timer.h"
#include "metrics/metrics.h"

enum { LINE_MAX_BYTES = 512, BAR_MAX = 40, BAR_LEAST = 8 };

static const double redraw_seconds = 0.2;

struct wt_progress {
    char *label, *unit;
    int64_t begin, total, done, shown; /* shown: `done` of the last line; -1: none yet */
    double seconds, started, last, rate;
    bool speaks, terminal;
    double loss; /* NaN: none */
};

static bool on_terminal(void) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
}

wt_status wt_progress_create(wt_progress **out, const char *label, const char *unit, int64_t begin,
                             int64_t total, double seconds) {
    *out = NULL;
    wt_progress *p;
    WT_TRY(wt_alloc(&p, 1, sizeof *p, "progress"));
    wt_status status;
    WT_GUARD(wt_memory_copy_string(&p->label, label));
    WT_GUARD(wt_memory_copy_string(&p->unit, unit));
    p->begin = p->done = begin;
    p->total = total;
    p->shown = -1;
    p->loss = NAN;
    p->seconds = seconds;
    p->started = wt_time_now();
    p->speaks = wt_log_is_verbose();
    p->terminal = p->speaks && on_terminal();
    p->last = p->terminal ? -INFINITY : p->started;
    *out = p;
    return WT_OK;
cleanup:
    wt_free(p->label);
    wt_free(p);
    return status;
}

/* --- the parts of a line --- */

static void format_rate(char out[48], double rate, const char *unit) {
    if (rate >= 1e6)
        snprintf(out, 48, "%.3g M %s/s", rate / 1e6, unit);
    else if (rate >= 1e3)
        snprintf(out, 48, "%.3g k %s/s", rate / 1e3, unit);
    else
        snprintf(out, 48, "%.3g %s/s", rate, unit);
}

/* 0:42, 12:03, 3:05:10, 2 d 03:05 */
static void format_duration(char out[32], double seconds) {
    long long s = seconds < 1e9 ? (long long)(seconds + 0.5) : 1000000000;
    if (s < 3600)
        snprintf(out, 32, "%lld:%02lld", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, 32, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 32, "%lld d %02lld:%02lld", s / 86400, s / 3600 % 24, s / 60 % 60);
}

static double share_done(const wt_progress *p) {
    if (p->total <= 0) return 1;
    double share = (double)p->done / (double)p->total;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* Seconds to the end; -1 while nothing is known. */
static double seconds_left(const wt_progress *p) {
    double spent = wt_time_now() - p->started;
    if (p->done <= p->begin || p->done > p->total) return -1;
    return spent / (double)(p->done - p->begin) * (double)(p->total - p->done);
}

static void put_part(char *line, size_t *used, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put_part(char *line, size_t *used, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int n = vsnprintf(line + *used, LINE_MAX_BYTES - *used, format, values);
    va_end(values);
    if (n > 0) *used += (size_t)n;
    if (*used >= LINE_MAX_BYTES) *used = LINE_MAX_BYTES - 1;
}

/* What follows the percentage: loss, rate, time left (or, at the end, taken). */
static void put_details(const wt_progress *p, char *line, size_t *used, const char *separator) {
    if (!isnan(p->loss)) put_part(line, used, "%sloss %.4f", separator, p->loss);
    if (p->rate > 0) {
        char rate[48];
        format_rate(rate, p->rate, p->unit);
        put_part(line, used, "%s%s", separator, rate);
    }
    bool finished = p->done >= p->total;
    double seconds = finished ? wt_time_now() - p->started : seconds_left(p);
    if (seconds >= 0) {
        char duration[32];
        format_duration(duration, seconds);
        put_part(line, used, "%s%s%s", separator, duration, finished ? "" : " left");
    }
}

/* --- on a terminal --- */

static size_t terminal_width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

static void put_bar(const wt_progress *p, char *line, size_t *used, size_t width) {
    size_t full = (size_t)(share_done(p) * (double)width);
    put_part(line, used, " [");
    for (size_t i = 0; i < width; i++) put_part(line, used, "%c", i < full ? '#' : '.');
    put_part(line, used, "]");
}

/* The bar takes what the text leaves; on a narrow terminal it goes first, then the line's end. The last
 * column stays free: some terminals wrap once it is written. */
static void redraw_line(wt_progress *p) {
    char details[LINE_MAX_BYTES] = "", line[LINE_MAX_BYTES] = "", output[LINE_MAX_BYTES + 16];
    size_t details_length = 0, used = 0, room = terminal_width() - 1;
    put_part(details, &details_length, " %3d %%", (int)(share_done(p) * 100));
    put_details(p, details, &details_length, "  ");
    put_part(line, &used, "%s", p->label);
    size_t text = used + details_length + 3;
    if (room >= text + BAR_LEAST) put_bar(p, line, &used, room - text < BAR_MAX ? room - text : BAR_MAX);
    put_part(line, &used, "%s", details);
    int n = snprintf(output, sizeof output, "\r%.*s\033[K", (int)(room < used ? room : used), line);
    fwrite(output, 1, (size_t)n, stderr);
    fflush(stderr);
    p->shown = p->done;
}

/* --- in a file --- */

static void print_line(wt_progress *p) {
    char line[LINE_MAX_BYTES] = "";
    size_t used = 0;
    put_part(line, &used, "%s %lld/%lld (%d %%)", p->label, (long long)p->done, (long long)p->total,
             (int)(share_done(p) * 100));
    put_details(p, line, &used, ", ");
    wt_log_info("%s", line);
    p->shown = p->done;
}

/* --- calls --- */

void wt_progress_update(wt_progress *p, int64_t done, double rate, double loss) {
    p->done = done;
    p->rate = rate;
    p->loss = loss;
    if (!p->speaks) return;
    double now = wt_time_now();
    if (now - p->last < (p->terminal ? redraw_seconds : p->seconds)) return;
    p->last = now;
    if (p->terminal)
        redraw_line(p);
    else
        print_line(p);
}

void wt_progress_print(wt_progress *p, const char *format, ...) {
    if (!p->speaks) return;
    char text[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    bool drawn = p->terminal && p->shown >= 0;
    if (drawn) fputs("\r\033[K", stderr);
    wt_log_info("%s", text);
    if (drawn) redraw_line(p);
}

void wt_progress_destroy(wt_progress *p) {
    if (p == NULL) return;
    if (p->terminal) {
        if (p->done != p->shown && p->done > p->begin) redraw_line(p);
        if (p->shown >= 0) fputc('\n', stderr);
    } else if (p->speaks && p->done != p->shown && p->done > p->begin) {
        print_line(p);
    }
    wt_free(p->label);
    wt_free(p->unit);
    wt_free(p);
}
