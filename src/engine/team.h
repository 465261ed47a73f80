/*
 * Threads that work on the same thing in lockstep, some microseconds between one barrier and the next:
 * they wait by spinning. Those that have had nothing to do for a while sleep, and give their cores up.
 */
#ifndef WAVETRAIN_ENGINE_TEAM_H
#define WAVETRAIN_ENGINE_TEAM_H

#include "wavetrain/base.h"

typedef struct wt_team wt_team;

/* `threads` of them, the caller among them. */
wt_status wt_team_create(wt_team **out, int threads, void (*work)(void *context, int thread), void *context);
/* Takes NULL. */
void wt_team_destroy(wt_team *team);

/* `work` in all threads, the caller as thread 0; returns when all are done. Allocates nothing; calls the
 * system only where a thread sleeps, or waits for one that has no core. */
void wt_team_run(wt_team *team);
/* Within `work`: a thread has come so far; and waits for all to have done so as often as it has itself. */
void wt_team_arrive(wt_team *team, int thread);
void wt_team_wait(wt_team *team, int thread);

#endif
