/*
 * When this start must be over: after run.time_limit minutes, or else when its SLURM job ends.
 * SLURM_JOB_END_TIME says when that is, but older versions do not set it: then squeue is asked, by a thread,
 * since an answer may take seconds and a busy controller may give none; and again every minute, since limits
 * are changed while jobs run. Without an answer the last one stands. The trainer itself only compares two
 * numbers once a step.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/thread.h"
#include "train_internal.h"

enum {
    WT_ASK_SECONDS = 60,   /* from one question to the next */
    WT_ANSWER_SECONDS = 8, /* that an answer may take */
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

static void set_end(wt_time_limit *limit, time_t end) {
    atomic_store(&limit->end, wt_time_now() + difftime(end, time(NULL)));
}

/* "2026-11-22T06:00:00", local time, as squeue prints it; false for N/A and the like. */
static bool parse_time(time_t *out, const char *text) {
    struct tm parts;
    memset(&parts, 0, sizeof parts);
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!end || (*end && !isspace((unsigned char)*end))) return false;
    parts.tm_isdst = -1;
    *out = mktime(&parts);
    return *out != (time_t)-1;
}

/* --- asking squeue --- */

static bool is_stopped(void *context) {
    wt_time_limit *limit = context;
    pthread_mutex_lock(&limit->mutex);
    bool stop = limit->stop;
    pthread_mutex_unlock(&limit->mutex);
    return stop;
}

static void ask_squeue(wt_time_limit *limit) {
    char text[128], format[] = "SLURM_TIME_FORMAT=standard";
    char *arguments[] = {"env", format, "squeue", "-h", "-j", limit->job, "-o", "%e", NULL};
    const wt_patience patience = {WT_ANSWER_SECONDS, is_stopped, limit};
    time_t end;
    if (wt_train_ask_command(text, sizeof text, arguments, &patience) && parse_time(&end, text))
        set_end(limit, end);
}

/* False if the run ends. */
static bool wait_to_ask(wt_time_limit *limit) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WT_ASK_SECONDS;
    pthread_mutex_lock(&limit->mutex);
    while (!limit->stop && pthread_cond_timedwait(&limit->changed, &limit->mutex, &until) != ETIMEDOUT) {}
    bool go_on = !limit->stop;
    pthread_mutex_unlock(&limit->mutex);
    return go_on;
}

static void *follow_job(void *argument) {
    wt_time_limit *limit = argument;
    do {
        ask_squeue(limit);
    } while (wait_to_ask(limit));
    return NULL;
}

/* --- start, question, stop --- */

/* From the environment: the end itself, or the job to ask for. */
static wt_status follow_slurm(wt_time_limit *limit) {
    const char *end = getenv("SLURM_JOB_END_TIME"), *job = getenv("SLURM_JOB_ID");
    const char *array = getenv("SLURM_ARRAY_JOB_ID"), *element = getenv("SLURM_ARRAY_TASK_ID");
    char *rest;
    errno = 0;
    long long seconds = end ? strtoll(end, &rest, 10) : 0;
    if (seconds > 0 && errno == 0 && *rest == '\0') {
        set_end(limit, (time_t)seconds);
        return WT_OK;
    }
    if (!job || !*job) return WT_OK;
    int length = array && element /* one element's own number is that of the whole array */
                     ? snprintf(limit->job, sizeof limit->job, "%s_%s", array, element)
                     : snprintf(limit->job, sizeof limit->job, "%s", job);
    if (length >= WT_JOB_MAX || limit->job[strspn(limit->job, "0123456789_")] != '\0') return WT_OK;
    return wt_thread_start(&limit->thread, follow_job, limit, "the time limit");
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
    wt_status status = minutes > 0 ? WT_OK : follow_slurm(limit);
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
