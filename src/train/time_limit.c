/*
 * When this start must be over: after run.time_limit minutes, or else when its SLURM job ends.
 * SLURM_JOB_END_TIME says when that is, but older versions do not set it: then squeue is asked, by a thread,
 * since an answer may take seconds and a busy controller may give none; and again every minute, since limits
 * are changed while jobs run. Without an answer the last one stands. The trainer itself only compares two
 * numbers once a step.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "train_internal.h"
#include "wavetrain/memory.h"
#include "wavetrain/thread.h"

extern char **environ;

enum {
    WT_ASK_SECONDS = 60,   /* from one question to the next */
    WT_ANSWER_SECONDS = 8, /* that an answer may take */
    WT_POLL_MILLISECONDS = 100,
    WT_JOB_MAX = 32,
};

struct wt_time_limit {
    double margin, began;
    _Atomic double end; /* on wt_time_now's clock; infinite: not known, or never */

    char job[WT_JOB_MAX];
    wt_thread thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stop; /* under the mutex */
};

/* --- a point of time --- */

static void wt_set_end(wt_time_limit *limit, time_t end) {
    atomic_store(&limit->end, wt_time_now() + difftime(end, time(NULL)));
}

/* "2026-11-22T06:00:00", local time, as squeue prints it; false for N/A and the like. */
static bool wt_parse_time(time_t *out, const char *text) {
    struct tm parts;
    memset(&parts, 0, sizeof parts);
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!end || (*end && !isspace((unsigned char)*end))) return false;
    parts.tm_isdst = -1;
    *out = mktime(&parts);
    return *out != (time_t)-1;
}

/* --- asking squeue --- */

static bool wt_is_stopped(wt_time_limit *limit) {
    pthread_mutex_lock(&limit->mutex);
    bool stop = limit->stop;
    pthread_mutex_unlock(&limit->mutex);
    return stop;
}

/* Starts squeue with its output in `out`, and the signals of a program that has just begun; 0 if it can't. */
static pid_t wt_spawn_squeue(const char *job, int out) {
    char format[] = "SLURM_TIME_FORMAT=standard";
    char *arguments[] = {"env", format, "squeue", "-h", "-j", (char *)job, "-o", "%e", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t process = 0;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0); /* so that it can be ended with what it has started */
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if (posix_spawnp(&process, "env", &files, &attributes, arguments, environ) != 0) process = 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return process;
}

/* What comes through the pipe until it closes; false if that takes too long or the run ends. */
static bool wt_read_answer(wt_time_limit *limit, int in, char *text, size_t room) {
    size_t used = 0;
    double patience = wt_time_now() + WT_ANSWER_SECONDS;
    while (wt_time_now() < patience && !wt_is_stopped(limit)) {
        struct pollfd wait = {.fd = in, .events = POLLIN};
        if (poll(&wait, 1, WT_POLL_MILLISECONDS) <= 0) continue;
        ssize_t got = read(in, text + used, room - 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || used + (size_t)got == room - 1) {
            text[used] = '\0';
            return got == 0;
        }
        used += (size_t)got;
    }
    return false;
}

static void wt_ask_squeue(wt_time_limit *limit) {
    char text[128];
    int ends[2];
    time_t end;
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    pid_t process = wt_spawn_squeue(limit->job, ends[1]);
    close(ends[1]);
    bool answered = process > 0 && wt_read_answer(limit, ends[0], text, sizeof text);
    close(ends[0]);
    if (process <= 0) return;
    if (!answered) kill(-process, SIGKILL);
    while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {}
    if (answered && wt_parse_time(&end, text)) wt_set_end(limit, end);
}

/* False if the run ends. */
static bool wt_wait_to_ask(wt_time_limit *limit) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WT_ASK_SECONDS;
    pthread_mutex_lock(&limit->mutex);
    while (!limit->stop && pthread_cond_timedwait(&limit->changed, &limit->mutex, &until) != ETIMEDOUT) {}
    bool go_on = !limit->stop;
    pthread_mutex_unlock(&limit->mutex);
    return go_on;
}

static void *wt_follow_job(void *argument) {
    wt_time_limit *limit = argument;
    do {
        wt_ask_squeue(limit);
    } while (wt_wait_to_ask(limit));
    return NULL;
}

/* --- start, question, stop --- */

/* From the environment: the end itself, or the job to ask for. */
static wt_status wt_follow_slurm(wt_time_limit *limit) {
    const char *end = getenv("SLURM_JOB_END_TIME"), *job = getenv("SLURM_JOB_ID");
    const char *array = getenv("SLURM_ARRAY_JOB_ID"), *element = getenv("SLURM_ARRAY_TASK_ID");
    char *rest;
    errno = 0;
    long long seconds = end ? strtoll(end, &rest, 10) : 0;
    if (seconds > 0 && errno == 0 && *rest == '\0') {
        wt_set_end(limit, (time_t)seconds);
        return WT_OK;
    }
    if (!job || !*job) return WT_OK;
    int length = array && element /* one element's own number is that of the whole array */
                     ? snprintf(limit->job, sizeof limit->job, "%s_%s", array, element)
                     : snprintf(limit->job, sizeof limit->job, "%s", job);
    if (length >= WT_JOB_MAX || limit->job[strspn(limit->job, "0123456789_")] != '\0') return WT_OK;
    return wt_thread_start(&limit->thread, wt_follow_job, limit, "the time limit");
}

wt_status wt_time_limit_start(wt_time_limit **out, double minutes, double margin) {
    wt_time_limit *limit;
    *out = NULL;
    WT_TRY(wt_alloc(&limit, 1, sizeof *limit, "the time limit"));
    limit->margin = margin;
    limit->began = wt_time_now();
    atomic_init(&limit->end, minutes > 0 ? limit->began + 60.0 * minutes : INFINITY);
    pthread_mutex_init(&limit->mutex, NULL);
    pthread_cond_init(&limit->changed, NULL);
    wt_status status = minutes > 0 ? WT_OK : wt_follow_slurm(limit);
    if (status == WT_OK) {
        *out = limit;
    } else {
        wt_time_limit_stop(limit);
    }
    return status;
}

/* Where the whole time is short against the margin, half of it is still for training: a start that does
 * nothing but stop would be started for ever. */
bool wt_time_limit_near(const wt_time_limit *limit, double needed) {
    double end = atomic_load(&limit->end), half = (end - limit->began) / 2;
    return end - wt_time_now() < (limit->margin < half ? limit->margin : half) + needed;
}

void wt_time_limit_stop(wt_time_limit *limit) {
    if (!limit) return;
    pthread_mutex_lock(&limit->mutex);
    limit->stop = true;
    pthread_cond_broadcast(&limit->changed);
    pthread_mutex_unlock(&limit->mutex);
    wt_thread_join(&limit->thread);
    pthread_cond_destroy(&limit->changed);
    pthread_mutex_destroy(&limit->mutex);
    wt_free(limit);
}
