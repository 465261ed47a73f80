/*
 * Faults on demand, for tests: a library to be loaded with LD_PRELOAD, so that the program itself holds no
 * code for them. WT_FAULT says what fails:
 *
 *   KIND:PATTERN:FIRST[:COUNT]  calls on files whose path has PATTERN in it, from the FIRST on (from 1),
 *                               COUNT times (else always). KIND is enospc, eio (write fails so), short (write
 *                               takes half), torn (write takes half, and the next one fails as on a full
 *                               disk), fsync, rename (these fail with EIO), slow (write waits 20 ms first),
 *                               hold (fsync never returns), open (open and opendir fail), read (so does read;
 *                               both with EIO, or the number in WT_FAULT_ERRNO)
 *   memory:BYTES:FIRST[:COUNT]  aligned_alloc of at least BYTES gives NULL
 *   exit:sgemm:FIRST            the process ends at the FIRST matrix product of BLAS, without a word
 *   sleep:sgemm:FIRST           that call never returns
 *   late:MICROSECONDS:EVERY     every so many of these calls, one begins so much later
 *   nan:gradient:FIRST[:COUNT]  after the FIRST broadcast (each step ends with one), and COUNT − 1 more, the
 *                               next number of its gradient that the rank sends is not a number, for itself
 *                               neither
 *   flip:BYTES:FIRST            with the FIRST broadcast, one bit changes in what the first broadcast of at
 *                               least BYTES has shared: a parameter, if BYTES is more than the other things
 *                               that a start shares
 *
 * WT_FAULT_RANK, if it is set, is the one rank (of mpirun) that it happens on.
 */
#define _GNU_SOURCE
#include <cblas.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char kind[16], pattern[64];
    long first, count;
} fault;

static fault wanted;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_long calls;

static void read_environment(void) {
    const char *text = getenv("WT_FAULT"), *only = getenv("WT_FAULT_RANK"),
               *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!text || (only && strcmp(only, rank ? rank : "0") != 0)) return;
    wanted.count = LONG_MAX;
    if (sscanf(text, "%15[^:]:%63[^:]:%ld:%ld", wanted.kind, wanted.pattern, &wanted.first, &wanted.count) <
        3) {
        fprintf(stderr, "WT_FAULT: can't be understood (got %s)\n", text);
        _exit(99);
    }
}

static bool is_kind(const char *kind) {
    pthread_once(&once, read_environment);
    return strcmp(wanted.kind, kind) == 0;
}

/* Counts a call that matches; true if it is to fail. */
static bool strikes(void) {
    long call = atomic_fetch_add(&calls, 1) + 1;
    return call >= wanted.first && call - wanted.first < wanted.count;
}

/* What the next library would have done. */
#define NEXT(type, name) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))

/* --- files --- */

static bool has_pattern(int file) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return strstr(path, wanted.pattern) != NULL;
}

static int fail_with(int reason) {
    errno = reason;
    return -1;
}

typedef ssize_t (*write_call)(int, const void *, size_t);

ssize_t write(int file, const void *data, size_t bytes) {
    write_call next = NEXT(write_call, "write");
    bool full = is_kind("enospc"), broken = is_kind("eio"), half = is_kind("short"), torn = is_kind("torn");
    bool slow = is_kind("slow");
    if (!(full || broken || half || torn || slow) || !has_pattern(file) || !strikes())
        return next(file, data, bytes);
    if (slow) usleep(20000);
    if (full) return fail_with(ENOSPC);
    if (broken) return fail_with(EIO);
    if (torn && (atomic_load(&calls) - wanted.first) % 2 == 1) return fail_with(ENOSPC);
    return next(file, data, bytes > 1 && !slow ? bytes / 2 : bytes);
}

typedef int (*sync_call)(int);

int fsync(int file) {
    while (is_kind("hold") && has_pattern(file)) pause();
    if (is_kind("fsync") && has_pattern(file) && strikes()) return fail_with(EIO);
    return NEXT(sync_call, "fsync")(file);
}

typedef int (*rename_call)(const char *, const char *);

int rename(const char *from, const char *to) {
    if (is_kind("rename") && strstr(to, wanted.pattern) && strikes()) return fail_with(EIO);
    return NEXT(rename_call, "rename")(from, to);
}

/* --- reading --- */

static int chosen_reason(void) {
    const char *number = getenv("WT_FAULT_ERRNO");
    return number ? atoi(number) : EIO;
}

static bool fails_to_open(const char *path) {
    return is_kind("open") && strstr(path, wanted.pattern) && strikes();
}

typedef int (*open_call)(const char *, int, ...);

static int open_next(const char *name, const char *path, int flags, mode_t mode) {
    if (fails_to_open(path)) return fail_with(chosen_reason());
    return NEXT(open_call, name)(path, flags, mode);
}

#define MODE_AFTER(last)                         \
    ({                                           \
        va_list list;                            \
        va_start(list, last);                    \
        mode_t mode = (mode_t)va_arg(list, int); \
        va_end(list);                            \
        mode;                                    \
    })

int open(const char *path, int flags, ...) {
    return open_next("open", path, flags, flags & O_CREAT ? MODE_AFTER(flags) : 0);
}

int open64(const char *path, int flags, ...) {
    return open_next("open64", path, flags, flags & O_CREAT ? MODE_AFTER(flags) : 0);
}

typedef DIR *(*opendir_call)(const char *);

DIR *opendir(const char *path) {
    if (!fails_to_open(path)) return NEXT(opendir_call, "opendir")(path);
    errno = chosen_reason();
    return NULL;
}

typedef ssize_t (*read_call)(int, void *, size_t);

ssize_t read(int file, void *data, size_t bytes) {
    if (is_kind("read") && has_pattern(file) && strikes()) return fail_with(chosen_reason());
    return NEXT(read_call, "read")(file, data, bytes);
}

/* --- memory --- */

typedef void *(*aligned_call)(size_t, size_t);

void *aligned_alloc(size_t alignment, size_t bytes) {
    bool fails = is_kind("memory") && bytes >= strtoul(wanted.pattern, NULL, 10) && strikes();
    return fails ? NULL : NEXT(aligned_call, "aligned_alloc")(alignment, bytes);
}

/* --- in the middle of a step --- */

typedef void (*sgemm_call)(CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, float,
                           const float *, blasint, const float *, blasint, float, float *, blasint);

void cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, blasint m,
                 blasint n, blasint k, float alpha, const float *a, blasint lda, const float *b, blasint ldb,
                 float beta, float *c, blasint ldc) {
    bool ends = is_kind("exit"), sleeps = is_kind("sleep");
    if ((ends || sleeps) && strikes()) {
        while (sleeps) pause();
        _exit(3);
    }
    if (is_kind("late") && atomic_fetch_add(&calls, 1) % wanted.first == 0)
        usleep((useconds_t)strtoul(wanted.pattern, NULL, 10));
    NEXT(sgemm_call, "cblas_sgemm")
    (order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

/* --- numbers --- */

static atomic_bool poisoned;  /* the next number to leave */
static unsigned char *shared; /* the buffer that was broadcast first */
static size_t shared_bytes;

/* Bit 20 of a float, of its mantissa: no rounding hides it. */
static void flip_bit(void) {
    shared[shared_bytes / 8 * 4 + 2] ^= 0x10;
}

int MPI_Bcast(void *data, int count, MPI_Datatype type, int root, MPI_Comm comm) {
    int bytes, failed = PMPI_Bcast(data, count, type, root, comm);
    PMPI_Type_size(type, &bytes);
    size_t all = (size_t)count * (size_t)bytes;
    if (is_kind("nan") && strikes()) atomic_store(&poisoned, true);
    if (!is_kind("flip")) return failed;
    if (!shared && all >= strtoul(wanted.pattern, NULL, 10)) {
        shared = data;
        shared_bytes = all;
    }
    if (atomic_fetch_add(&calls, 1) + 1 == wanted.first && shared) flip_bit();
    return failed;
}

/* The exchange's messages, and the first of a step are the rank's own sums: they lie in the rank's memory. */
int MPI_Isend(const void *data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request *request) {
    if (type == MPI_FLOAT && count > 0 && atomic_exchange(&poisoned, false)) *(float *)(uintptr_t)data = NAN;
    return PMPI_Isend(data, count, type, to, tag, comm, request);
}
