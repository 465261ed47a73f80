/*
 * The runs of a sweep as child processes. All signals are blocked and taken one by one with sigwaitinfo, so
 * there is no handler and no race between a child's end and a wait for it. Children are in process groups of
 * their own: Ctrl-C reaches this process alone, which passes it on once (a second one, like any other, too),
 * and no new run begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <omp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "sweep/sweep.h"
#include "wavetrain/train.h"

extern char **environ;

static const int signal_numbers[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1};
enum { WT_SIGNALS = sizeof signal_numbers / sizeof *signal_numbers };

typedef struct {
    pid_t process; /* 0: none */
    int point;
} wt_child;

typedef struct {
    const wt_sweep *sweep;
    const char *program; /* that trains */
    int jobs, next;      /* the next point to look at */
    wt_child *children;  /* [jobs] */
    int running;
    bool stopping;
    int before, done, stopped, failed; /* points: done before this start, done now, to be continued, failed */
    sigset_t signals, mask;            /* taken here; the mask that was */
} wt_runner;

/* --- one child --- */

/* What the child's environment has instead: cores are shared out, and none is bound to those of another. */
static void share_cores(int jobs) {
    char threads[16];
    if (jobs == 1) return;
    int each = omp_get_num_procs() / jobs;
    snprintf(threads, sizeof threads, "%d", each < 1 ? 1 : each);
    setenv("OMP_NUM_THREADS", threads, 0);
    setenv("OMP_PROC_BIND", "false", 1);
}

/* Everything that the child says goes behind what earlier starts have said. */
static int prepare_files(posix_spawn_file_actions_t *actions, const char *log) {
    int failed = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    return failed ? failed : posix_spawn_file_actions_adddup2(actions, 1, 2);
}

static int prepare_signals(posix_spawnattr_t *attributes, const wt_runner *runner) {
    posix_spawnattr_setflags(attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &runner->mask);
    return posix_spawnattr_setsigdefault(attributes, &runner->signals);
}

static wt_status spawn(const wt_runner *runner, pid_t *process, const char *log, char **arguments) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    WT_CHECK(!failed, WT_FAILED, "no memory for a process");
    failed = posix_spawnattr_init(&attributes);
    if (!failed) {
        failed = prepare_files(&actions, log);
        if (!failed) failed = prepare_signals(&attributes, runner);
        if (!failed)
            failed = posix_spawn(process, runner->program, &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    WT_CHECK(!failed, WT_FAILED, "%s: can't start a run (%s)", log, strerror(failed));
    return WT_OK;
}

static wt_status log_of(char log[WT_PATH_MAX], const wt_sweep *sweep, int point) {
    char name[16];
    snprintf(name, sizeof name, "%04d.log", point);
    return wt_path_join(log, wt_sweep_runs(sweep), name);
}

static wt_status start_point(wt_runner *runner, int point) {
    char log[WT_PATH_MAX], label[256], **arguments;
    wt_child *child = runner->children;
    while (child->process) child++;
    WT_TRY(log_of(log, runner->sweep, point));
    WT_TRY(wt_sweep_label(label, sizeof label, runner->sweep, point));
    WT_TRY(wt_sweep_arguments(&arguments, runner->sweep, point));
    wt_status status = spawn(runner, &child->process, log, arguments);
    wt_sweep_free_arguments(arguments);
    if (status != WT_OK) {
        child->process = 0;
        return status;
    }
    child->point = point;
    runner->running++;
    wt_log_info("%04d begins: %s", point, label);
    return WT_OK;
}

/* --- a child's end --- */

/* The last line that it said. */
static void last_words(char *words, size_t capacity, const char *log) {
    char *text;
    size_t bytes;
    words[0] = '\0';
    if (wt_file_read(&text, &bytes, log, (size_t)64 << 20) != WT_OK) return;
    while (bytes > 0 && text[bytes - 1] == '\n') text[--bytes] = '\0';
    const char *line = strrchr(text, '\n');
    snprintf(words, capacity, "%s", line ? line + 1 : text);
    wt_free(text);
}

static void note_failure(wt_runner *runner, int point, int state) {
    char log[WT_PATH_MAX] = "", words[512] = "", how[64];
    if (WIFSIGNALED(state)) {
        snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(state));
    } else {
        snprintf(how, sizeof how, "failed with code %d", WEXITSTATUS(state));
    }
    if (log_of(log, runner->sweep, point) == WT_OK && WIFEXITED(state)) last_words(words, sizeof words, log);
    wt_log_warning("%04d %s%s%s (%s)", point, how, *words ? ": " : "", words, log);
    runner->failed++;
}

static void note_end(wt_runner *runner, int point, int state) {
    char run[WT_PATH_MAX];
    if (WIFEXITED(state) && WEXITSTATUS(state) == WT_CONTINUE) {
        wt_log_info("%04d stopped, to be continued", point);
        runner->stopped++;
        runner->stopping = true; /* what ends its time ends that of the others */
    } else if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        note_failure(runner, point, state);
    } else if (wt_sweep_run_path(run, runner->sweep, point) == WT_OK) {
        wt_log_info("%04d is done: %s", point, wt_run_read_verdict(run).why);
        runner->done++;
    }
}

static void reap(wt_runner *runner) {
    int state;
    for (pid_t process; (process = waitpid(-1, &state, WNOHANG)) > 0;) {
        for (int i = 0; i < runner->jobs; i++) {
            if (runner->children[i].process != process) continue;
            runner->children[i].process = 0;
            runner->running--;
            note_end(runner, runner->children[i].point, state);
        }
    }
}

/* --- all of them --- */

/* Starts runs until all places are taken or no point is left. One that can't be started is that point's
 * failure. */
static wt_status fill_places(wt_runner *runner) {
    int points = wt_sweep_points(runner->sweep);
    while (!runner->stopping && runner->running < runner->jobs && runner->next <= points) {
        int point = runner->next++;
        bool done;
        WT_TRY(wt_sweep_is_done(&done, runner->sweep, point));
        if (done) continue; /* by another process since this one began */
        if (start_point(runner, point) == WT_OK) continue;
        wt_log_warning("%04d: %s", point, wt_error_message());
        runner->failed++;
    }
    return WT_OK;
}

static void pass_on(wt_runner *runner, int number) {
    if (!runner->stopping)
        wt_log_info("stopping: %d %s a checkpoint", runner->running,
                    runner->running == 1 ? "run writes" : "runs write");
    runner->stopping = true;
    for (int i = 0; i < runner->jobs; i++) {
        /* train knows no SIGHUP */
        if (runner->children[i].process)
            kill(runner->children[i].process, number == SIGHUP ? SIGTERM : number);
    }
}

/* A thread of a library that does not block SIGCHLD may take it: ends are looked for twice a second too. */
static wt_status run_children(wt_runner *runner) {
    const struct timespec look = {.tv_nsec = 500000000};
    wt_status status = fill_places(runner);
    while (runner->running > 0) {
        const int number = sigtimedwait(&runner->signals, NULL, &look);
        if (number == SIGCHLD || number < 0) {
            reap(runner);
        } else {
            pass_on(runner, number);
        }
        if (status == WT_OK) status = fill_places(runner);
    }
    return status;
}

/* Before anything runs: every point is a configuration, and no folder holds another point's run. */
static wt_status check_points(wt_runner *runner) {
    for (int point = 1; point <= wt_sweep_points(runner->sweep); point++) {
        bool done;
        WT_TRY(wt_sweep_is_done(&done, runner->sweep, point));
        runner->before += done;
    }
    return WT_OK;
}

static wt_status conclude(const wt_runner *runner) {
    int points = wt_sweep_points(runner->sweep), done = runner->before + runner->done;
    int left = points - done - runner->failed - runner->stopped;
    wt_log_info("%d points: %d done (%d of them before), %d failed, %d to be continued, %d not begun", points,
                done, runner->before, runner->failed, runner->stopped, left);
    if (runner->stopped || left) return WT_CONTINUE;
    WT_CHECK(runner->failed == 0, WT_FAILED,
             "%s: %d of %d points failed (%s/*.log; the same command tries them again)",
             wt_sweep_path(runner->sweep), runner->failed, points, wt_sweep_runs(runner->sweep));
    return WT_OK;
}

/* `given`, or this process's own file. */
static wt_status find_program(char path[WT_PATH_MAX], const char *given) {
    if (given) {
        snprintf(path, WT_PATH_MAX, "%s", given);
        return WT_OK;
    }
    ssize_t length = readlink("/proc/self/exe", path, WT_PATH_MAX - 1);
    WT_CHECK(length > 0, WT_FAILED, "/proc/self/exe: can't be read (%s)", strerror(errno));
    path[length] = '\0';
    return WT_OK;
}

wt_status wt_sweep_become_run(const wt_sweep *sweep, const char *program, int point) {
    bool done;
    char path[WT_PATH_MAX], **arguments;
    WT_TRY(wt_sweep_is_done(&done, sweep, point));
    if (done) {
        wt_log_info("point %d of %d is done already", point, wt_sweep_points(sweep));
        return WT_OK;
    }
    WT_TRY(find_program(path, program));
    WT_TRY(wt_sweep_arguments(&arguments, sweep, point));
    fflush(NULL);
    execv(path, arguments);
    wt_status status = wt_error(WT_FAILED, "%s: can't be started (%s)", path, strerror(errno));
    wt_sweep_free_arguments(arguments);
    return status;
}

wt_status wt_sweep_run_all(const wt_sweep *sweep, const char *program, int jobs) {
    char path[WT_PATH_MAX];
    wt_runner runner = {.sweep = sweep, .program = path, .jobs = jobs, .next = 1};
    WT_TRY(find_program(path, program));
    WT_TRY(check_points(&runner));
    WT_TRY(wt_folder_make(wt_sweep_runs(sweep)));
    WT_TRY(wt_alloc(&runner.children, (size_t)jobs, sizeof *runner.children, "children"));
    share_cores(jobs);
    sigemptyset(&runner.signals);
    for (int i = 0; i < WT_SIGNALS; i++) sigaddset(&runner.signals, signal_numbers[i]);
    sigprocmask(SIG_BLOCK, &runner.signals, &runner.mask);
    wt_status status = run_children(&runner);
    sigprocmask(SIG_SETMASK, &runner.mask, NULL);
    wt_free(runner.children);
    return status == WT_OK ? conclude(&runner) : status;
}
