/* The hang watch. */
#ifndef WAVETRAIN_HANG_WATCH_H
#define WAVETRAIN_HANG_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/comm.h"

/* Seconds without progress (a change of phase) after which a rank counts as hanging. */
typedef struct {
    double step; /* in a step; 0: no watch at all */
    double data; /* while data are loaded or a checkpoint is written */
    double validation;
} wt_hang_limits;

/* The limit that a phase has. */
typedef enum { WT_HANG_STEP, WT_HANG_DATA, WT_HANG_VALIDATION } wt_hang_part;

typedef struct {
    const char *name; /* in the message */
    wt_hang_part part;
    bool waits; /* for other ranks */
} wt_hang_phase;

/*
 * A thread of this rank that names it on standard error (rank, host, phase, seconds) when it makes no
 * progress, and ends all ranks. Ranks that wait for others, in these calls or in a phase that says so, get
 * half of `step` more (at least 3 seconds), so that the rank that the others wait for is the one that is
 * named. It begins with phase 0 of the caller's `phases`, of which there are at most WT_HANG_PHASES. *out is
 * NULL where limits->step is 0. Each rank by itself.
 */
enum { WT_HANG_PHASES = 256 };
typedef struct wt_hang_watch wt_hang_watch;
wt_status wt_hang_watch_start(wt_hang_watch **out, wt_comm *comm, const wt_hang_limits *limits,
                              const wt_hang_phase *phases);
void wt_hang_watch_stop(wt_hang_watch *watch); /* takes NULL */
/* `tell` is called with the watch's message, in its thread, before it ends the job; it has a few seconds.
 * Nothing for NULL. */
void wt_hang_watch_set_report(wt_hang_watch *watch, void (*tell)(void *context, const char *line),
                              void *context);
/* Progress, and the last step that is done; one atomic store each, and nothing for NULL. */
void wt_hang_watch_phase(wt_hang_watch *watch, int phase);
void wt_hang_watch_step(wt_hang_watch *watch, int64_t step);

#endif
