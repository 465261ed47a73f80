/*
 * Signals that ask a run to stop. The handler notes which one it was and writes a byte into a pipe: the
 * trainer looks at the note once per step, and a thread that waits on the pipe can act at once (stop_writer.c
 * in src/train).
 *
 * Launchers and terminals often send a signal twice (Ctrl-C reaches mpirun and what it has started), so one
 * that comes within REPEAT_SECONDS of the first is the same request.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "comm/ranks.h"
#include "comm_internal.h"

#define REPEAT_SECONDS 0.5

/* INT: a person; TERM, HUP: a system, or a terminal that closes; USR1, USR2, XCPU: batch systems before their
 * limit. */
static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};

/* A handler has access to globals alone. */
static atomic_int seen, requests, interrupted;
static struct timespec first_request, first_interrupt;
static int pipe_ends[2] = {-1, -1};

static double seconds_since(const struct timespec *then) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + 1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

static void note_signal(int number) {
    const int before = errno;
    const char byte = (char)number;
    if (number == SIGINT) {
        if (interrupted && seconds_since(&first_interrupt) >= REPEAT_SECONDS) _exit(128 + SIGINT);
        if (!interrupted) clock_gettime(CLOCK_MONOTONIC, &first_interrupt);
        interrupted = 1;
    }
    if (requests == 0) clock_gettime(CLOCK_MONOTONIC, &first_request);
    if (requests == 0 || seconds_since(&first_request) >= REPEAT_SECONDS) {
        requests++;
        const ssize_t written = pipe_ends[1] >= 0 ? write(pipe_ends[1], &byte, 1) : 0;
        (void)written; /* a full pipe has wakened its reader */
    }
    seen = number;
    errno = before;
}

void wt_comm_catch_signals(void) {
    struct sigaction action, before;
    if (pipe_ends[0] < 0 && pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0) pipe_ends[0] = pipe_ends[1] = -1;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++) {
        if (sigaction(stop_signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(stop_signals[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

int wt_comm_signal(void) {
    return seen;
}

int wt_comm_signal_requests(void) {
    return requests;
}

int wt_comm_signal_pipe(void) {
    return pipe_ends[0];
}
