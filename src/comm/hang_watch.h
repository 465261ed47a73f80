/* The hang watch. */
#ifndef WAVETRAIN_HANG_WATCH_H
#define WAVETRAIN_HANG_WATCH_H

#include <stdint.h>

#include "base/timer.h"
#include "wavetrain/comm.h"

/* Seconds without progress (a change of phase) after which a rank counts as hanging. */
typedef struct {
    double step; /* in a step; 0: no watch at all */
    double data; /* while data are loaded or a checkpoint is written */
    double validation;
} wt_hang_limits;

/*
 * A thread of this rank that names it on standard error (rank, host, phase, seconds) when it makes no
 * progress, and ends all ranks. Ranks that wait for others, in these calls, in WT_PHASE_EXCHANGE or _WAIT,
 * get half of `step` more (at least 3 seconds), so that the rank that the others wait for is the one that is
 * named. *out is NULL where limits->step is 0. Each rank by itself.
 */
typedef struct wt_hang_watch wt_hang_watch;
wt_status wt_hang_watch_start(wt_hang_watch **out, wt_comm *comm, const wt_hang_limits *limits,
                              wt_phase phase);
void wt_hang_watch_stop(wt_hang_watch *watch); /* takes NULL */
/* `tell` is called with the watch's message, in its thread, before it ends the job; it has a few seconds.
 * Nothing for NULL. */
void wt_hang_watch_set_report(wt_hang_watch *watch, void (*tell)(void *context, const char *line),
                              void *context);
/* Progress, and the last step that is done; one atomic store each, and nothing for NULL. */
void wt_hang_watch_phase(wt_hang_watch *watch, wt_phase phase);
void wt_hang_watch_step(wt_hang_watch *watch, int64_t step);

#endif
