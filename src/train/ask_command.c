/*
 * What a command of SLURM prints. A busy controller may answer late or never, so the command has a group of
 * processes of its own, which is killed when the patience is over.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "train_internal.h"

extern char **environ;

enum { POLL_MILLISECONDS = 100 };

/* Starts the command with its output in `out`, and the signals of a program that has just begun; 0 if it
 * can't. */
static pid_t spawn_command(char *const arguments[], int out) {
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
    if (posix_spawnp(&process, arguments[0], &files, &attributes, arguments, environ) != 0) process = 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return process;
}

/* What comes through the pipe until it closes; false if that takes too long, is too much, or nobody waits for
 * it. */
static bool read_answer(char *text, size_t capacity, int in, const wt_patience *patience) {
    size_t used = 0;
    const double until = wt_time_now() + patience->seconds;
    while (wt_time_now() < until && !(patience->stopped && patience->stopped(patience->context))) {
        struct pollfd wait = {.fd = in, .events = POLLIN};
        if (poll(&wait, 1, POLL_MILLISECONDS) <= 0) continue;
        ssize_t got = read(in, text + used, capacity - 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || used + (size_t)got == capacity - 1) {
            text[used] = '\0';
            return got == 0;
        }
        used += (size_t)got;
    }
    return false;
}

bool wt_train_ask_command(char *text, size_t capacity, char *const arguments[], const wt_patience *patience) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    const pid_t process = spawn_command(arguments, ends[1]);
    close(ends[1]);
    const bool answered = process > 0 && read_answer(text, capacity, ends[0], patience);
    close(ends[0]);
    if (process <= 0) return false;
    if (!answered) kill(-process, SIGKILL);
    while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {}
    return answered;
}
