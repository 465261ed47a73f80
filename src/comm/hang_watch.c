/*
 * The hang watch: a thread in every rank that ends the job when its rank stands still.
 *
 * One rank that hangs makes all others wait for it within MPI, so every rank falls silent at about the same
 * time. A rank that waits for others therefore speaks later than one that stands still by itself: the one to
 * blame is named first, and ends the job. What the others say later is for a rank that can't speak any more
 * (stopped, or its node is gone).
 *
 * The main thread stores one word at a change of phase, and never looks at a clock for it. The thread looks
 * at the word now and then and adds up the time between two looks that saw the same; a look that comes late
 * counts no more than twice the usual, so that a job that was suspended for an hour has not been silent for
 * an hour. The price is that a hang is found up to one look late.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/timer.h"
#include "comm/hang_watch.h"
#include "comm_internal.h"

enum {
    WT_PHASE_BITS = 8, /* of the word; the rest counts changes */
    WT_LINE_MAX = 512,
    WT_ABORT_SECONDS = 5, /* until a process whose MPI can't end the job any more ends itself */
};

_Static_assert(WT_HANG_PHASES <= 1 << WT_PHASE_BITS, "a phase fits its part of the word");

static const double wt_longest_look = 1.0; /* seconds */
static const double wt_least_grace = 3.0;  /* seconds: what a launcher takes to end a job */

struct wt_hang_watch {
    wt_comm *comm;
    wt_hang_limits limits;
    const wt_hang_phase *phases;
    char host[MPI_MAX_PROCESSOR_NAME];
    double look; /* seconds from one look to the next */
    atomic_uint_least64_t word;
    atomic_int_least64_t step;

    wt_thread thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stop; /* under the mutex, as what follows */
    void (*tell)(void *context, const char *line);
    void *context;
};

/* --- the main thread's part --- */

void wt_hang_watch_phase(wt_hang_watch *watch, int phase) {
    if (!watch) return;
    uint_least64_t changes = (atomic_load_explicit(&watch->word, memory_order_relaxed) >> WT_PHASE_BITS) + 1;
    atomic_store_explicit(&watch->word, changes << WT_PHASE_BITS | (unsigned)phase, memory_order_relaxed);
}

void wt_hang_watch_step(wt_hang_watch *watch, int64_t step) {
    if (watch) atomic_store_explicit(&watch->step, step, memory_order_relaxed);
}

void wt_hang_watch_set_report(wt_hang_watch *watch, void (*tell)(void *context, const char *line),
                              void *context) {
    if (!watch) return;
    pthread_mutex_lock(&watch->mutex);
    watch->tell = tell;
    watch->context = context;
    pthread_mutex_unlock(&watch->mutex);
}

void wt_comm_waits(wt_comm *comm, bool waits) {
    atomic_store_explicit(&comm->waits, waits, memory_order_relaxed);
}

/* --- the thread --- */

static double max_double(double a, double b) {
    return a > b ? a : b;
}

static double find_limit(const wt_hang_limits *limits, wt_hang_part part) {
    if (part == WT_HANG_VALIDATION) return limits->validation;
    return part == WT_HANG_DATA ? limits->data : limits->step;
}

/* A rank may wait for another that loads or writes, and then some. Validation is waited for in validation
 * alone. */
static double find_waiting_limit(const wt_hang_limits *limits, wt_hang_part part) {
    double grace = max_double(limits->step / 2, wt_least_grace);
    if (part == WT_HANG_VALIDATION) return limits->validation + grace;
    return max_double(limits->step, limits->data) + grace;
}

static void format_hang_line(const wt_hang_watch *watch, char line[WT_LINE_MAX], const char *phase,
                             bool waits, double silence) {
    const char *what = waits ? "waits for other ranks" : "hangs";
    long long step = (long long)atomic_load_explicit(&watch->step, memory_order_relaxed);
    char printed[WT_LINE_MAX + 32];
    snprintf(line, WT_LINE_MAX, "rank %d on %s %s: no progress for %.0f s in phase %s after step %lld",
             watch->comm->rank, watch->host, what, silence, phase, step);
    int length = snprintf(printed, sizeof printed, "wavetrain: %s\n", line);
    ssize_t written = write(STDERR_FILENO, printed,
                            (size_t)length); /* stdio may be what the main thread hangs in */
    (void)written;
}

/* The file system may be what hangs, and MPI_Abort from a thread may itself wait for what the main thread
 * holds: the alarm ends the process then, and the launcher the job. */
static void end_job(wt_hang_watch *watch, const char *line) {
    signal(SIGALRM, SIG_DFL);
    alarm(WT_ABORT_SECONDS);
    pthread_mutex_lock(&watch->mutex);
    if (watch->tell) watch->tell(watch->context, line);
    MPI_Abort(MPI_COMM_WORLD, WT_FAILED);
    _exit(WT_FAILED);
}

/* Sleeps until the next look; false if the watch ends. */
static bool sleep_until_check(wt_hang_watch *watch) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    long long nanoseconds = until.tv_nsec + (long long)(watch->look * 1e9);
    until.tv_sec += (time_t)(nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    pthread_mutex_lock(&watch->mutex);
    while (!watch->stop && pthread_cond_timedwait(&watch->changed, &watch->mutex, &until) != ETIMEDOUT) {}
    bool go_on = !watch->stop;
    pthread_mutex_unlock(&watch->mutex);
    return go_on;
}

static void *watch_progress(void *argument) {
    wt_hang_watch *watch = argument;
    uint_least64_t seen = atomic_load_explicit(&watch->word, memory_order_relaxed);
    double silence = 0.0, last = wt_time_now();
    while (sleep_until_check(watch)) {
        uint_least64_t word = atomic_load_explicit(&watch->word, memory_order_relaxed);
        double now = wt_time_now(), passed = now - last;
        last = now;
        silence = word != seen ? 0.0 : silence + (passed < 2 * watch->look ? passed : 2 * watch->look);
        seen = word;
        const wt_hang_phase *phase = &watch->phases[word & ((1u << WT_PHASE_BITS) - 1)];
        bool waits = phase->waits || atomic_load_explicit(&watch->comm->waits, memory_order_relaxed);
        double limit = waits ? find_waiting_limit(&watch->limits, phase->part)
                             : find_limit(&watch->limits, phase->part);
        if (silence < limit) continue;
        char line[WT_LINE_MAX];
        format_hang_line(watch, line, phase->name, waits, silence);
        end_job(watch, line);
    }
    return NULL;
}

/* --- start and stop --- */

wt_status wt_hang_watch_start(wt_hang_watch **out, wt_comm *comm, const wt_hang_limits *limits,
                              const wt_hang_phase *phases) {
    wt_hang_watch *watch;
    int length;
    *out = NULL;
    if (limits->step <= 0) return WT_OK;
    WT_TRY(wt_alloc(&watch, 1, sizeof *watch, "the hang watch"));
    watch->comm = comm;
    watch->limits = *limits;
    watch->phases = phases;
    MPI_Get_processor_name(watch->host, &length);
    double least = max_double(limits->step, 0.1) / 8;
    watch->look = least < wt_longest_look ? least : wt_longest_look;
    atomic_init(&watch->word, 0);
    atomic_init(&watch->step, 0);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&watch->mutex, NULL);
    wt_status status = wt_thread_start(&watch->thread, watch_progress, watch, "the hang watch");
    if (status == WT_OK) {
        *out = watch;
    } else {
        wt_hang_watch_stop(watch);
    }
    return status;
}

void wt_hang_watch_stop(wt_hang_watch *watch) {
    if (!watch) return;
    pthread_mutex_lock(&watch->mutex);
    watch->stop = true;
    pthread_cond_broadcast(&watch->changed);
    pthread_mutex_unlock(&watch->mutex);
    wt_thread_join(&watch->thread);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->mutex);
    wt_free(watch);
}
