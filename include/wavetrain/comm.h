/*
 * Ranks: the only way to MPI. "Collective" means that every rank must call, in the
 * same order. All calls are for the main thread.
 */
#ifndef WAVETRAIN_COMM_H
#define WAVETRAIN_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/error.h"
#include "wavetrain/timer.h"

typedef struct wt_comm wt_comm;

/* Starts MPI. A plain run without mpirun is one rank. Collective. */
wt_status wt_comm_start(wt_comm **out, int *argc, char ***argv);
/* Ends MPI; collective. Takes NULL. */
void wt_comm_finish(wt_comm *comm);
/* Ends all ranks at once, for failures that the others can't be told of. Does not return. */
void wt_comm_abort(wt_comm *comm, int code) __attribute__((noreturn));

int wt_comm_rank(const wt_comm *comm);
int wt_comm_size(const wt_comm *comm);
/* Ranks that share this rank's node. */
int wt_comm_node_size(const wt_comm *comm);

/* Every rank gives its status; every rank gets that of the lowest rank that failed, and its
 * message. Call it after work that may fail on one rank alone, before the next collective call. Collective. */
wt_status wt_comm_agree(wt_comm *comm, wt_status mine);

void wt_comm_barrier(wt_comm *comm);                                    /* collective */
void wt_comm_broadcast(wt_comm *comm, void *data, size_t bytes);        /* from rank 0; collective */
void wt_comm_sum_int64(wt_comm *comm, int64_t *values, int count);      /* in place on all ranks; collective */
void wt_comm_max_int64(wt_comm *comm, int64_t *values, int count);      /* in place on all ranks; collective */

/* Rank 0 gets every rank's `bytes` (the ranks' counts may differ), end to end in rank order, in `all`;
 * `all` is read on rank 0 only and must be large enough. Collective. */
void wt_comm_gather(wt_comm *comm, const void *mine, size_t bytes, void *all);

/* Host names of all ranks, "node1 ×2, node2 ×2", for people; free with wt_free. Collective. */
wt_status wt_comm_hosts(wt_comm *comm, char **text);

/* --- lanes --- */

/* The lanes first … end−1 of a rank: ⌊rank·lanes/ranks⌋ … */
void wt_comm_lanes(int rank, int ranks, int lanes, int *first, int *end);

/*
 * The exchange: adds the gradients of all lanes of all ranks in one fixed binary tree over the lane
 * number (a range splits at the largest power of two below its length), so that the bits of the sum depend on
 * the number of lanes alone. Per step and rank: for each of its lanes in order, wt_exchange_lane gives a
 * zeroed buffer to compute into, wt_exchange_lane_done adds it to the tree; several may be open at once,
 * at most `open_lanes`. wt_exchange_complete then gives every rank the sum.
 */
typedef struct wt_exchange wt_exchange;

/* Adds two ranges: sum += other. The kernel table's `add`. */
typedef void (*wt_exchange_add)(float *sum, const float *other, size_t count);

wt_status wt_exchange_create(wt_exchange **out, wt_comm *comm, int lanes, int open_lanes, size_t count,
                             wt_exchange_add add);
void wt_exchange_destroy(wt_exchange *exchange);
float *wt_exchange_lane(wt_exchange *exchange, int lane);
void wt_exchange_lane_done(wt_exchange *exchange, int lane);
/* `sum` is the exchange's own, valid until the next wt_exchange_lane. Collective. */
const float *wt_exchange_complete(wt_exchange *exchange);

/* --- the hang watch --- */

/* Seconds without progress (a change of phase) after which a rank counts as hanging. */
typedef struct {
    double step;       /* in a step; 0: no watch at all */
    double data;       /* while data are loaded or a checkpoint is written */
    double validation;
} wt_hang_limits;

/*
 * A thread of this rank that names it on standard error (rank, host, phase, seconds) when it makes no progress, and
 * ends all ranks. Ranks that wait for others, in these calls or in WT_PHASE_EXCHANGE, get half of `step` more (at least 3 seconds), so that
 * the rank that the others wait for is the one that is named. *out is NULL where limits->step is 0. Each rank by itself.
 */
typedef struct wt_hang_watch wt_hang_watch;
wt_status wt_hang_watch_start(wt_hang_watch **out, wt_comm *comm, const wt_hang_limits *limits, wt_phase phase);
void wt_hang_watch_stop(wt_hang_watch *watch); /* takes NULL */
/* Progress, and the last step that is done; one atomic store each, and nothing for NULL. */
void wt_hang_watch_phase(wt_hang_watch *watch, wt_phase phase);
void wt_hang_watch_step(wt_hang_watch *watch, int64_t step);

/* --- signals --- */

/* SIGUSR1, SIGTERM and SIGINT set a flag, nothing else; a second SIGINT ends the program. */
void wt_comm_catch_signals(void);
/* The signal that this rank has seen, or 0. */
int wt_comm_signal(void);

#endif
