/*
 * Messages to people, on standard error. Only the root rank speaks; results
 * that a command exists to print go to standard output instead.
 */
#ifndef WAVETRAIN_LOG_H
#define WAVETRAIN_LOG_H

#include <stdbool.h>

typedef enum { WT_LOG_QUIET, WT_LOG_NORMAL, WT_LOG_VERBOSE } wt_log_level;

/* Set once at start-up. `speaks` is true on rank 0 alone. */
void wt_log_setup(wt_log_level level, bool speaks);

/* True on the rank that speaks: ask before you print to standard output. */
bool wt_log_is_verbose(void);

/* A line each; the newline is added. */
void wt_log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void wt_log_detail(const char *format, ...) __attribute__((format(printf, 1, 2))); /* verbose only */
void wt_log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "wavetrain: MESSAGE", even when quiet. */
void wt_log_error(const char *message);

#endif
