/* Signals that ask a run to stop. The handler sets a flag; the trainer looks at it once a step. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "comm_internal.h"

static volatile sig_atomic_t wt_seen, wt_interrupted; /* a handler can reach nothing but globals */

static void wt_note_signal(int number) {
    if (number == SIGINT && wt_interrupted) _exit(128 + SIGINT);
    if (number == SIGINT) wt_interrupted = 1;
    wt_seen = number;
}

void wt_comm_catch_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = wt_note_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

int wt_comm_signal(void) {
    return wt_seen;
}
