/* A run's folder: where it is by default, and who keeps it: old checkpoints, and the lock. */
#ifndef WAVETRAIN_RUN_LOCK_H
#define WAVETRAIN_RUN_LOCK_H

#include <stdint.h>
#include <time.h>

#include "wavetrain/base.h"

/* "configs/sine.yaml" → "runs/sine" */
wt_status wt_run_default_folder(char out[WT_PATH_MAX], const char *config);

/* What removes old checkpoints, and remembers which files it has read and found good or damaged. One thread
 * calls; the caller holds the run's lock, and `run` stays. Its creation removes what a killed write has
 * left. */
typedef struct wt_pruner wt_pruner;
wt_status wt_pruner_create(wt_pruner **out, const char *run);
void wt_pruner_destroy(wt_pruner *pruner); /* takes NULL */
/* The caller has just written the checkpoint of that step: it need not be read to be known as good. */
wt_status wt_pruner_note(wt_pruner *pruner, int64_t step, int rollbacks);
/* Removes all but the last `keep` steps of files that verify, and the best and the planned step's (state).
 * Steps are those that the files hold; those of before the run has gone back count as older. A file that
 * can't be read stays, and so does a damaged one until there are `keep` newer good ones. */
wt_status wt_pruner_prune(wt_pruner *pruner, int keep, int64_t best_step, int64_t planned_step);

/*
 * RUN/lock: a second run in the same folder is refused. The file is locked (flock) for as long as the process
 * lives, which settles it on one host and where the file system carries locks between hosts; it also holds
 * host, process and job, and its time is the heartbeat, which settles it elsewhere: another host's lock
 * counts until it has not been touched for WT_LOCK_STALE seconds, unless it belongs to an earlier start of
 * the same SLURM job. Times are compared with that of a file made now (lock.now), so no two clocks are; a
 * time that lies further than WT_LOCK_STALE in the future counts as no heartbeat.
 */
enum { WT_LOCK_STALE = 120, WT_LOCK_BEAT = 10 };

typedef struct wt_run_lock wt_run_lock;
wt_status wt_run_lock_take(wt_run_lock **out, const char *run);
/* When the owner before was last seen, if it left without releasing the lock; else 0. */
time_t wt_run_lock_seen(const wt_run_lock *lock);
/* The heartbeat, every WT_LOCK_BEAT seconds however often it is called; `now` as wt_time_now has it. Fails if
 * the lock is no longer this run's. */
wt_status wt_run_lock_beat(wt_run_lock *lock, double now);
/* Before a commit: fails if another run has taken the folder over. */
wt_status wt_run_lock_check(wt_run_lock *lock);
void wt_run_lock_release(wt_run_lock *lock); /* takes NULL */
/* Gives the folder free just before the process ends, while other threads may still use the lock. */
void wt_run_lock_leave(const wt_run_lock *lock);

#endif
