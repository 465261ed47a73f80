/*
 * Status values and the one error message.
 *
 * A function that can fail returns a wt_status. The value is the exit code that
 * the program ends with if nobody deals with the failure, so 0 is success.
 * The message belongs to the calling thread: one line, without the program's
 * name, "FILE: what is wrong (got X, expected Y)". A library function never
 * prints it and never exits; main does both, once, on rank 0.
 */
#ifndef WAVETRAIN_ERROR_H
#define WAVETRAIN_ERROR_H

#include <stdbool.h>

typedef enum {
    WT_OK = 0,
    WT_FAILED = 1,    /* the work could not be done */
    WT_USAGE = 2,     /* wrong usage, configuration or input */
    WT_CONTINUE = 75, /* checkpointed, to be continued (EX_TEMPFAIL) */
} wt_status;

/* Sets this thread's message (cut at 1,023 bytes) and returns `status`. */
wt_status wt_error(wt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same of a failure that says nothing about a file's contents, and may be over when it is tried again: an
 * error of the system while a file was looked for, opened or read, or no memory. */
wt_status wt_error_transient(wt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether this thread's last failure was of that kind. */
bool wt_error_is_transient(void);

/* Calls `attempt` until it succeeds or fails in another way: at most three times within 8 s, about 1 s and 3
 * s apart. A failure that lasts is WT_FAILED, whatever `attempt` has returned. */
typedef wt_status wt_attempt(void *context);
wt_status wt_error_try_again(wt_attempt *attempt, void *context);

/* This thread's message; "" if none was set. Valid until the next wt_error. */
const char *wt_error_message(void);

/* Passes a failure up. Only where nothing is held. */
#define WT_TRY(expression)                                  \
    do {                                                    \
        wt_status wt_try_status_ = (expression);            \
        if (wt_try_status_ != WT_OK) return wt_try_status_; \
    } while (0)

/* Passes a failure to the function's `cleanup:` label through its `status`. */
#define WT_GUARD(expression)               \
    do {                                   \
        status = (expression);             \
        if (status != WT_OK) goto cleanup; \
    } while (0)

/* Fails with a message unless the condition holds. */
#define WT_CHECK(condition, status_, ...)                          \
    do {                                                           \
        if (!(condition)) return wt_error((status_), __VA_ARGS__); \
    } while (0)

/* As WT_CHECK, by way of `cleanup:`. */
#define WT_GUARD_CHECK(condition, status_, ...)        \
    do {                                               \
        if (!(condition)) {                            \
            status = wt_error((status_), __VA_ARGS__); \
            goto cleanup;                              \
        }                                              \
    } while (0)

#endif
