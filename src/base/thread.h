/*
 * Helper threads: the loader's, the checkpoint writer's. Signals stay with the main thread. With
 * OMP_PROC_BIND the main thread is bound to one core, which a new thread would inherit and then fight over;
 * helpers may run on all cores of the process instead.
 */
#ifndef WAVETRAIN_THREAD_H
#define WAVETRAIN_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "wavetrain/base.h"

/* Zeroed before the first start. */
typedef struct {
    pthread_t id;
    bool running; /* there is a thread to join */
} wt_thread;

/* `what` names it in the error. */
wt_status wt_thread_start(wt_thread *thread, void *(*work)(void *), void *context, const char *what);

/* The calling thread takes a few hundredths of a core from threads that compute, and all of an idle one. It
 * can't be undone. */
void wt_thread_step_back(void);

/* All other threads of the process step back for the calling one. It can't be undone. */
void wt_thread_take_precedence(void);

/* Waits for its end; nothing if it does not run. */
void wt_thread_join(wt_thread *thread);

#endif
