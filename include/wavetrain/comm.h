/*
 * Ranks: the only way to MPI. "Collective" means that every rank must call, in the
 * same order. All calls are for the main thread.
 */
#ifndef WAVETRAIN_COMM_H
#define WAVETRAIN_COMM_H

#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

typedef struct wt_comm wt_comm;

/* Starts MPI. A plain run without mpirun is one rank; where a launcher started several processes and MPI does
 * not know of it, it fails. Collective. */
wt_status wt_comm_start(wt_comm **out, int *argc, char ***argv);
/* Ends MPI; collective. Takes NULL. */
void wt_comm_finish(wt_comm *comm);

/* Ends all ranks at once, after a failure that can't be agreed on. Does not return. */
void wt_comm_abort(wt_comm *comm, int code) __attribute__((noreturn));

int wt_comm_rank(const wt_comm *comm);
int wt_comm_size(const wt_comm *comm);

/* Every rank gives its status; every rank gets that of the lowest rank that failed, and its message. Call it
 * after work that may fail on one rank alone, before the next collective call. Collective. */
wt_status wt_comm_agree(wt_comm *comm, wt_status mine);

void wt_comm_barrier(wt_comm *comm);                               /* collective */
void wt_comm_broadcast(wt_comm *comm, void *data, size_t bytes);   /* from rank 0; collective */
void wt_comm_sum_int64(wt_comm *comm, int64_t *values, int count); /* in place on all ranks; collective */
void wt_comm_max_int64(wt_comm *comm, int64_t *values, int count); /* in place on all ranks; collective */

/* Rank 0 gets every rank's `bytes` (the ranks' counts may differ), end to end in rank order, in `all`;
 * `all` is read on rank 0 only and must be large enough. Collective. */
void wt_comm_gather(wt_comm *comm, const void *mine, size_t bytes, void *all);

/* Host names of all ranks, "node1 ×2, node2 ×2", for people; free with wt_free. Collective. */
wt_status wt_comm_hosts(wt_comm *comm, char **text);

/* --- signals --- */

/*
 * INT, TERM, HUP, USR1, USR2 and XCPU ask the program to stop; one that was ignored at start stays
 * ignored. A signal that comes within half a second of the first is the same request; a SIGINT that comes
 * later after another SIGINT ends the program at once. SIGPIPE is ignored: output that nobody reads is
 * dropped.
 */
void wt_comm_catch_signals(void);

/* The last signal that this rank has seen, or 0. */
int wt_comm_signal(void);

#endif
