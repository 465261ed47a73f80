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

/* Starts MPI. A plain run without mpirun is one rank; where a launcher started several processes and MPI does
 * not know of it, it fails (launcher.h). Collective. */
wt_status wt_comm_start(wt_comm **out, int *argc, char ***argv);
/* Ends MPI; collective. Takes NULL. */
void wt_comm_finish(wt_comm *comm);
/* A communicator of this rank alone, while MPI runs; ends with wt_comm_finish. Not collective. */
wt_status wt_comm_alone(wt_comm **out, const wt_comm *comm);
/* Ends all ranks at once, after a failure that can't be agreed on. Does not return. */
void wt_comm_abort(wt_comm *comm, int code) __attribute__((noreturn));

int wt_comm_rank(const wt_comm *comm);
int wt_comm_size(const wt_comm *comm);
/* Ranks that share this rank's node. */
int wt_comm_node_size(const wt_comm *comm);
/* Nodes of all ranks. */
int wt_comm_nodes(const wt_comm *comm);

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

/* Adds `count` numbers of each microbatch, this rank's in `mine` [own microbatches, count], over all
 * microbatches in the tree in which gradients are added: `sum` [count], the same bits on all ranks. `all` is
 * memory for [microbatches, count]. No exchange may be under way. Collective. */
void wt_comm_sum_microbatches(wt_comm *comm, int microbatches, const double *mine, int count, double *all,
                              double *sum);

/* Host names of all ranks, "node1 ×2, node2 ×2", for people; free with wt_free. Collective. */
wt_status wt_comm_hosts(wt_comm *comm, char **text);

/* --- a part of the ranks --- */

/* A communicator of the first `ranks` of them: *out is NULL on the others. Collective over all. */
wt_status wt_comm_first_ranks(wt_comm **out, wt_comm *comm, int ranks);
void wt_comm_end_part(wt_comm *part); /* collective over the part; takes NULL */
/* A barrier in which a rank sleeps as it waits, so that the cores are for the others: at most a millisecond
 * late. Collective. */
void wt_comm_meet(wt_comm *comm);

/* --- microbatches --- */

/* The microbatches first … end−1 of a rank: ⌊rank·microbatches/ranks⌋ … */
void wt_comm_microbatches(int rank, int ranks, int microbatches, int *first, int *end);

/*
 * The exchange adds the gradients of all microbatches of all ranks in one fixed binary tree over the
 * microbatch number (a range splits at the largest power of two below its length). So the bits of the sum
 * depend on the number of microbatches alone, and not on the number of ranks, the microbatches at once, the
 * buckets, or the thread that progresses the messages.
 *
 * In each step a rank computes its microbatches in order, in groups of at most `open_microbatches` at once:
 *   1. It calls wt_exchange_microbatch for each microbatch of the group, and computes into the whole buffer.
 *   2. It calls wt_exchange_ready for ranges that are finished in all microbatches of the group: the first
 *      range ends at the buffer's end, each begins where the next one ends, the last one begins at 0.
 * wt_exchange_complete then gives every rank the sum. In the last group of a rank, each bucket (a part of the
 * buffer, cut from its end) is sent as soon as it is ready, while earlier layers are still computed.
 * MPI moves messages only inside its calls, so that somebody must progress them: the computing thread, which
 * calls wt_exchange_advance often, or a thread of the exchange.
 */
typedef struct wt_exchange wt_exchange;

/* Adds two ranges: sum += other. The kernel table's `add`. */
typedef void (*wt_exchange_add)(float *sum, const float *other, size_t count);

typedef struct {
    int microbatches;      /* of all ranks */
    int open_microbatches; /* max number of this rank's microbatches at once */
    size_t count;          /* elements */
    size_t bucket;         /* elements of a bucket, nearly; the same on all ranks */
    bool thread;           /* a thread progresses messages; not where wt_comm_threads is false */
    bool after;            /* nothing is sent before wt_exchange_complete, to measure the effect of overlap */
    wt_exchange_add add;
} wt_exchange_shape;

/* MiB of a bucket: `mib`, or where it is 0 what was measured to be best on a node, or between nodes. */
double wt_exchange_bucket(const wt_comm *comm, double mib);
/* The same where ranks are on several nodes, or not. */
double wt_exchange_bucket_mib(bool between_nodes, double mib);
/* Max number of buckets in flight. */
int wt_exchange_buckets_in_flight(void);

/* Whether MPI lets a second thread call it. */
bool wt_comm_threads(const wt_comm *comm);

wt_status wt_exchange_create(wt_exchange **out, wt_comm *comm, const wt_exchange_shape *shape);
void wt_exchange_destroy(wt_exchange *exchange);
float *wt_exchange_microbatch(wt_exchange *exchange, int microbatch);
void wt_exchange_ready(wt_exchange *exchange, size_t offset, size_t count);
/* Moves messages along, and adds what has arrived; does nothing where a thread drives. May be called inside a
 * parallel region, by the thread that makes all the other calls. */
void wt_exchange_advance(wt_exchange *exchange);
/* `sum` is the exchange's own, valid until the next wt_exchange_microbatch. *added (may be NULL): the seconds
 * of this call that went into additions; in the rest it only waited. No other MPI call may be made from the
 * rank's last group of microbatches on until this one returns. Collective. */
const float *wt_exchange_complete(wt_exchange *exchange, double *added);

/* Counts the buckets of the last completed step, and those that were sent while this rank still
 * computed. */
void wt_exchange_count_buckets(const wt_exchange *exchange, int *buckets, int *early);

/* --- what the exchange is measured against --- */

/* In place on all ranks, by MPI's own reduction, whose order of additions is anyone's guess. Collective. */
void wt_comm_sum_floats(wt_comm *comm, float *values, size_t count);

/* Rank 0 sends `bytes` to the last rank, which sends them back, `rounds` times: the seconds of the fastest
 * way in one direction, on all ranks. Collective; at least two ranks. */
double wt_comm_ping_pong(wt_comm *comm, void *data, size_t bytes, int rounds);

/* --- the hang watch --- */

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

/* --- signals --- */

/*
 * INT, TERM, HUP, USR1, USR2 and XCPU ask the program to stop; one that was ignored at start stays
 * ignored. A signal that comes within half a second of the first is the same request; a SIGINT that comes
 * later after another SIGINT ends the program at once. SIGPIPE is ignored: output that nobody reads is
 * dropped.
 */
void wt_comm_catch_signals(void);
/* The last signal that this rank has seen, or 0; and how many requests there were. */
int wt_comm_signal(void);
int wt_comm_signal_requests(void);
/* Gets a byte for each request; not blocking; −1: there is none. */
int wt_comm_signal_pipe(void);

#endif
