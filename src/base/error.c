/*
 * The one message. It lives in thread-local storage, so that a loader or a writer thread that fails
 * does not overwrite what the main thread is about to say; whoever joins the thread carries it over.
 */
#include "wavetrain/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wavetrain/utf8.h"

static _Thread_local char wt_message[1024];

wt_status wt_error(wt_status status, const char *format, ...) {
    char text[sizeof wt_message]; /* the arguments may point into the old message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wt_text_show(wt_message, sizeof wt_message, text, strlen(text)); /* one line, whatever a file holds */
    return status;
}

const char *wt_error_message(void) {
    return wt_message;
}
