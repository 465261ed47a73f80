/*
 * The one message. It lives in thread-local storage, so that a loader or a writer thread that fails
 * does not overwrite what the main thread is about to say; whoever joins the thread carries it over.
 */
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static _Thread_local char wt_message[1024];

static _Thread_local bool transient;

static void set_message(const char *format, va_list arguments) {
    char text[sizeof wt_message]; /* the arguments may point into the old message */
    vsnprintf(text, sizeof text, format, arguments);
    wt_utf8_show(wt_message, sizeof wt_message, text, strlen(text)); /* one line, whatever a file holds */
}

wt_status wt_error(wt_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_message(format, arguments);
    va_end(arguments);
    transient = false;
    return status;
}

wt_status wt_error_transient(wt_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_message(format, arguments);
    va_end(arguments);
    transient = true;
    return status;
}

bool wt_error_is_transient(void) {
    return transient;
}

const char *wt_error_message(void) {
    return wt_message;
}

/* --- trying again --- */

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A signal's handler sets a flag and lets the pause go on. */
static void pause_for(double seconds) {
    struct timespec left = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

wt_status wt_error_try_again(wt_attempt *attempt, void *context) {
    static const double pauses[] = {1.0, 3.0};
    enum { PAUSES = sizeof pauses / sizeof *pauses };
    const double limit = 8.0, began = seconds_now();
    wt_status status = attempt(context);
    int tries = 1;
    for (; status != WT_OK && transient && tries <= PAUSES; tries++) {
        if (seconds_now() - began + pauses[tries - 1] > limit) break;
        pause_for(pauses[tries - 1]);
        status = attempt(context);
    }
    if (status == WT_OK || !transient) return status;
    return wt_error_transient(WT_FAILED, "%s, tried %d times", wt_message, tries);
}
