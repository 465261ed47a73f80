/*
 * What every other header stands on: status values and the one error message, messages to people, memory,
 * names of files, hashes, and the type of every number in a network.
 */
#ifndef WAVETRAIN_BASE_H
#define WAVETRAIN_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- status values and the error message --- */

/*
 * A function that can fail returns a wt_status. The value is the exit code that
 * the program ends with if nobody deals with the failure, so 0 is success.
 * The message belongs to the calling thread: one line, without the program's
 * name, "FILE: what is wrong (got X, expected Y)". A library function never
 * prints it and never exits; main does both, once, on rank 0.
 */

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

/* --- messages to people --- */

/*
 * Messages to people, on standard error. Only the root rank speaks; results
 * that a command exists to print go to standard output instead.
 */

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

/* --- memory --- */

/*
 * Memory that is aligned to 64 bytes (a cache line, an AVX-512 vector), zeroed
 * and counted. The count must be back at zero when a program ends; tests check it.
 * Thread-safe.
 */

/* Zeroed array of `count` elements in *out (any pointer's address; NULL when count is 0).
 * Fails with a message that names `what` and the size. Free with wt_free. */
wt_status wt_alloc(void *out, size_t count, size_t element_bytes, const char *what);

/* Takes NULL. */
void wt_free(void *pointer);

/* Bytes and blocks held now, and the largest number of bytes ever held. */
int64_t wt_memory_bytes(void);
int64_t wt_memory_blocks(void);
int64_t wt_memory_peak_bytes(void);

/* --- names of files --- */

enum { WT_PATH_MAX = 4096 };

/* "folder/name" in out; fails if it does not fit. */
wt_status wt_path_join(char out[WT_PATH_MAX], const char *folder, const char *name);

/* `path` from the root on, without looking at it: links stay what they are. */
wt_status wt_path_from_root(char out[WT_PATH_MAX], const char *path);

/* The part after the last slash (trailing slashes of `path` are not its business). */
const char *wt_path_base(const char *path);

/* False only where there certainly is nothing: what may not be looked at may exist, and whoever opens it next
 * learns why not. */
bool wt_path_exists(const char *path);

bool wt_path_is_folder(const char *path);

/* Makes the folder and its parents; it may exist already. */
wt_status wt_folder_make(const char *path);

/* Removes a folder and all below it; a missing one is no error. Does not follow links. */
wt_status wt_folder_remove(const char *path);

/* --- hashes --- */

/* 128-bit hashes of bytes (XXH3): digests of data sets, checkpoints, parameters. */

typedef struct {
    uint64_t low, high;
} wt_hash;

enum { WT_HASH_TEXT = 33 }; /* 32 hexadecimal digits and the terminator */

wt_hash wt_hash_bytes(const void *data, size_t bytes, uint64_t key);
wt_hash wt_hash_string(const char *text, uint64_t key);

/* The hash of a sequence: start with {0, 0}, fold the parts in order. */
wt_hash wt_hash_fold(wt_hash so_far, wt_hash part);

int wt_hash_equal(wt_hash a, wt_hash b);
void wt_hash_print(char out[WT_HASH_TEXT], wt_hash hash);

/* --- numbers --- */

/* The type of every number in the network. */

/* float in the program. The tests build the reference kernels and the model a second time in double
 * (-DWT_REAL_DOUBLE), so that gradients can be checked by finite differences. */
#ifdef WT_REAL_DOUBLE
typedef double wt_real;
#else
typedef float wt_real;
#endif

#endif
