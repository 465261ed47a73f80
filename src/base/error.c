/*
 * The one message. It lives in thread-local storage, so that a loader or a writer thread that fails
 * does not overwrite what the main thread is about to say; whoever joins the thread carries it over.
 */
#include "wavetrain/error.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char wt_message[1024];

wt_status wt_error(wt_status status, const char *format, ...) {
    char text[sizeof wt_message]; /* the arguments may point into the old message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *c = text; *c; c++) {
        if (*c == '\n' || *c == '\r') *c = ' '; /* one line, whatever a file's name holds */
    }
    snprintf(wt_message, sizeof wt_message, "%s", text);
    return status;
}

const char *wt_error_message(void) {
    return wt_message;
}
