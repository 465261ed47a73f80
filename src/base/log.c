/* Lines on standard error. Level and speaker are set once at start-up. */
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static wt_log_level wt_level = WT_LOG_NORMAL;
static bool wt_speaks = true;

void wt_log_setup(wt_log_level level, bool speaks) {
    wt_level = level;
    wt_speaks = speaks;
}

bool wt_log_is_verbose(void) {
    return wt_speaks;
}

/* One write a line, so that lines of several processes do not mix. */
static void print_log_line(const char *prefix, const char *format, va_list arguments) {
    char text[2048];
    int used = snprintf(text, sizeof text, "%s", prefix);
    vsnprintf(text + used, sizeof text - (size_t)used - 1, format, arguments);
    wt_utf8_show(text, sizeof text, text, strlen(text));
    fprintf(stderr, "%s\n", text);
}

#define WT_LOG_AT(least, prefix)                      \
    do {                                              \
        if (!wt_speaks || wt_level < (least)) return; \
        va_list arguments;                            \
        va_start(arguments, format);                  \
        print_log_line((prefix), format, arguments);  \
        va_end(arguments);                            \
    } while (0)

void wt_log_info(const char *format, ...) {
    WT_LOG_AT(WT_LOG_NORMAL, "");
}

void wt_log_detail(const char *format, ...) {
    WT_LOG_AT(WT_LOG_VERBOSE, "");
}

void wt_log_warning(const char *format, ...) {
    WT_LOG_AT(WT_LOG_QUIET, "warning: ");
}

void wt_log_error(const char *message) {
    if (wt_speaks) fprintf(stderr, "wavetrain: %s\n", message);
}
