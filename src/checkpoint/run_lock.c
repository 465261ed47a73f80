/* The lock on a run's folder; see run_lock.h for what it promises. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timer.h"
#include "checkpoint/run_lock.h"

enum { WT_LOCK_TEXT = 512 };

struct wt_run_lock {
    int file;
    char path[WT_PATH_MAX];
    char mine[WT_LOCK_TEXT]; /* what this run wrote */
    double touched;
    time_t seen; /* its owner before */
};

/* "host process job" of this run; job "-" outside SLURM. */
static void describe_process(char text[WT_LOCK_TEXT]) {
    char host[256] = "unknown";
    const char *job = getenv("SLURM_JOB_ID");
    gethostname(host, sizeof host - 1);
    snprintf(text, WT_LOCK_TEXT, "%s %ld %.64s\n", host, (long)getpid(), job && *job ? job : "-");
}

static void read_lock(int file, char text[WT_LOCK_TEXT]) {
    ssize_t length = pread(file, text, WT_LOCK_TEXT - 1, 0);
    text[length > 0 ? length : 0] = '\0';
}

/*
 * Now, by the clock that gives files their times, which may be another host's: a new file's time. A lock
 * can't be newer than that by much, unless a clock was set back or the file was touched; such a lock says
 * nothing of a live owner, who would touch it again and again.
 */
static time_t folder_now(const char *run) {
    char path[WT_PATH_MAX];
    struct stat info;
    if (wt_path_join(path, run, "lock.now") != WT_OK) return time(NULL);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) return time(NULL);
    const bool known = futimens(file, NULL) == 0 && fstat(file, &info) == 0;
    close(file);
    unlink(path);
    return known ? info.st_mtime : time(NULL);
}

/* Whether the lock's text is that of a live run elsewhere. */
static bool is_held(int file, const char *run, const char *text, const char *mine) {
    char host[256], job[65], my_host[256], my_job[65];
    long process, my_process;
    struct stat info;
    if (sscanf(text, "%255s %ld %64s", host, &process, job) != 3) return false;
    if (sscanf(mine, "%255s %ld %64s", my_host, &my_process, my_job) != 3) return false;
    if (strcmp(host, my_host) == 0) return false; /* flock has settled it */
    if (strcmp(job, "-") != 0 && strcmp(job, my_job) == 0) return false;
    return fstat(file, &info) == 0 && fabs(difftime(folder_now(run), info.st_mtime)) < WT_LOCK_STALE;
}

static wt_status refuse_lock(const char *run, const char *text) {
    char host[256] = "?", job[65] = "-";
    long process = 0;
    int found = sscanf(text, "%255s %ld %64s", host, &process, job);
    return wt_error(WT_FAILED, "%s: another run is at work in this folder (host %s, process %ld%s%s)", run,
                    host, process, found == 3 && strcmp(job, "-") != 0 ? ", job " : "",
                    found == 3 && strcmp(job, "-") != 0 ? job : "");
}

wt_status wt_run_lock_take(wt_run_lock **out, const char *run) {
    wt_status status = WT_OK;
    char text[WT_LOCK_TEXT];
    wt_run_lock *lock;
    *out = NULL;
    WT_TRY(wt_alloc(&lock, 1, sizeof *lock, "the lock"));
    lock->file = -1;
    WT_GUARD(wt_path_join(lock->path, run, "lock"));
    describe_process(lock->mine);
    lock->file = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    WT_GUARD_CHECK(lock->file >= 0, WT_FAILED, "%s: can't write (%s)", lock->path, strerror(errno));
    int taken = flock(lock->file, LOCK_EX | LOCK_NB);
    read_lock(lock->file, text);
    bool busy = taken != 0 && errno == EWOULDBLOCK; /* other errors: the file system has no locks */
    if (busy || is_held(lock->file, run, text, lock->mine)) WT_GUARD(refuse_lock(run, text));
    struct stat info;
    if (*text && fstat(lock->file, &info) == 0) {
        const time_t now = time(NULL);
        lock->seen = info.st_mtime < now ? info.st_mtime : now;
    }
    size_t length = strlen(lock->mine);
    bool written = ftruncate(lock->file, 0) == 0 &&
                   pwrite(lock->file, lock->mine, length, 0) == (ssize_t)length;
    WT_GUARD_CHECK(written, WT_FAILED, "%s: can't write (%s)", lock->path, strerror(errno));
    lock->touched = wt_time_now();
    wt_folder_remove_unfinished(run); /* nobody else writes there now */
    *out = lock;
    return WT_OK;
cleanup:
    if (lock->file >= 0) close(lock->file);
    wt_free(lock);
    return status;
}

time_t wt_run_lock_seen(const wt_run_lock *lock) {
    return lock->seen;
}

wt_status wt_run_lock_check(wt_run_lock *lock) {
    char text[WT_LOCK_TEXT];
    /* by its name: the file may have been replaced */
    int file = open(lock->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    WT_CHECK(file >= 0, WT_FAILED, "%s: the run's lock is gone (%s)", lock->path, strerror(errno));
    read_lock(file, text);
    close(file);
    WT_CHECK(strcmp(text, lock->mine) == 0, WT_FAILED, "%s: another run has taken this folder over (%.*s)",
             lock->path, (int)strcspn(text, "\n"), text);
    return WT_OK;
}

wt_status wt_run_lock_beat(wt_run_lock *lock, double now) {
    if (now - lock->touched < WT_LOCK_BEAT) return WT_OK;
    lock->touched = now;
    WT_TRY(wt_run_lock_check(lock));
    futimens(lock->file, NULL);
    return WT_OK;
}

void wt_run_lock_leave(const wt_run_lock *lock) {
    char text[WT_LOCK_TEXT];
    read_lock(lock->file, text);
    if (strcmp(text, lock->mine) == 0 && ftruncate(lock->file, 0) != 0) unlink(lock->path);
}

void wt_run_lock_release(wt_run_lock *lock) {
    if (!lock) return;
    wt_run_lock_leave(lock);
    close(lock->file);
    wt_free(lock);
}
