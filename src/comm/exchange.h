/* The exchange: sums over the microbatches of all ranks, and what it is measured against. */
#ifndef WAVETRAIN_EXCHANGE_H
#define WAVETRAIN_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/comm.h"

/* The microbatches first … end−1 of a rank: ⌊rank·microbatches/ranks⌋ … */
void wt_comm_microbatches(int rank, int ranks, int microbatches, int *first, int *end);

/* Adds `count` numbers of each microbatch, this rank's in `mine` [own microbatches, count], over all
 * microbatches in the tree in which gradients are added: `sum` [count], the same bits on all ranks. `all` is
 * memory for [microbatches, count]. No exchange may be under way. Collective. */
void wt_comm_sum_microbatches(wt_comm *comm, int microbatches, const double *mine, int count, double *all,
                              double *sum);

/* --- gradients --- */

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

#endif
