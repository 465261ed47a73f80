/*
 * The exchange of gradients, this rank's part. The microbatches of a group are computed at once, from the
 * buffer's end to its beginning. When a group begins, the additions of the tree that it allows are listed;
 * they are made bucket by bucket as ranges are finished, while these are in the cache. What is left are a few
 * maximal nodes of the tree; in the last group exchange_buckets.c sends each finished bucket at once.
 *
 * Advantage: one pattern for all groups, ranks and numbers of microbatches. Disadvantage: communication
 * overlaps only with the last group's computing, so that a rank with many short groups has little overlap.
 */
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/timer.h"
#include "comm/ranks.h"
#include "exchange_internal.h"

void wt_comm_microbatches(int rank, int ranks, int microbatches, int *first, int *end) {
    *first = (int)((int64_t)rank * microbatches / ranks);
    *end = (int)((int64_t)(rank + 1) * microbatches / ranks);
}

static void ignore_join(void *context, int into, int from) {
    (void)context, (void)into, (void)from;
}

/* Buffers in use at the worst moment: nodes on the stack and open microbatches. */
static int count_buffers_needed(const wt_exchange *exchange, int open_microbatches) {
    int height = 0, most = 0;
    for (int microbatch = exchange->first; microbatch < exchange->end; microbatch++) {
        bool wave = (microbatch - exchange->first) % open_microbatches == 0;
        int open = exchange->end - microbatch < open_microbatches ? exchange->end - microbatch
                                                                  : open_microbatches;
        if (wave && height + open > most) most = height + open;
        height = wt_microbatch_tree_push(exchange->microbatches, exchange->own.stack, height, microbatch,
                                         ignore_join, NULL);
    }
    return most;
}

static wt_status create_buffers(wt_exchange *exchange, int open_microbatches) {
    size_t own = (size_t)(exchange->end - exchange->first);
    WT_TRY(wt_alloc(&exchange->own.stack, own + 1, sizeof *exchange->own.stack, "the stack of microbatches"));
    WT_TRY(wt_alloc(&exchange->own.stacked, own + 1, sizeof *exchange->own.stacked,
                    "the stack of microbatches"));
    WT_TRY(wt_alloc(&exchange->own.joins, own, sizeof *exchange->own.joins, "the stack of microbatches"));
    WT_TRY(wt_alloc(&exchange->own.open, own, sizeof *exchange->own.open, "the open microbatches"));
    exchange->own.spares = count_buffers_needed(exchange, open_microbatches);
    WT_TRY(wt_alloc_huge(&exchange->own.memory, (size_t)exchange->own.spares * exchange->count, sizeof(float),
                         "gradients of microbatches"));
    WT_TRY(wt_alloc(&exchange->own.spare, (size_t)exchange->own.spares, sizeof *exchange->own.spare,
                    "gradients of microbatches"));
    for (int i = 0; i < exchange->own.spares; i++)
        exchange->own.spare[i] = exchange->own.memory + (size_t)i * exchange->count;
    return WT_OK;
}

/* Buckets are whole units, one at least. */
static void cut_buckets(wt_exchange *exchange, size_t bucket) {
    size_t units = (exchange->count + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT;
    exchange->buckets.units = bucket < WT_SLICE_UNIT ? 1 : bucket / WT_SLICE_UNIT;
    if (exchange->buckets.units > units) exchange->buckets.units = units;
    exchange->buckets.count = (int)((units + exchange->buckets.units - 1) / exchange->buckets.units);
}

/*
 * Within a node large buckets cost less, up to what the caches hold. Between nodes small ones do: the halves
 * of 64 KiB are messages that TCP and most fabrics send off without asking the receiver first, so that calls
 * between pieces of work need not answer in time (tests/README.md, "Overlap").
 */
double wt_exchange_bucket_mib(bool between_nodes, double mib) {
    enum { LEAST_PER_MIB = 1024 };
    if (mib > 0) return mib * LEAST_PER_MIB > 1 ? mib : 1.0 / LEAST_PER_MIB;
    return between_nodes ? 0.0625 : 1;
}

int wt_exchange_buckets_in_flight(void) {
    return WT_FLIGHTS_MAX;
}

double wt_exchange_bucket(const wt_comm *comm, double mib) {
    return wt_exchange_bucket_mib(wt_comm_node_size(comm) < wt_comm_size(comm), mib);
}

wt_status wt_exchange_create(wt_exchange **out, wt_comm *comm, const wt_exchange_shape *shape) {
    wt_status status = WT_OK;
    wt_exchange *exchange;
    *out = NULL;
    WT_CHECK(shape->count > 0 && shape->count <= INT_MAX, WT_USAGE,
             "the network's parameters can't be exchanged (got %zu, expected 1 … %d)", shape->count, INT_MAX);
    WT_TRY(wt_alloc(&exchange, 1, sizeof *exchange, "the exchange"));
    exchange->comm = comm;
    exchange->add = shape->add;
    exchange->microbatches = shape->microbatches;
    exchange->count = shape->count;
    exchange->after = shape->after;
    wt_comm_microbatches(comm->rank, comm->size, shape->microbatches, &exchange->first, &exchange->end);
    cut_buckets(exchange, shape->bucket);
    WT_GUARD(create_buffers(exchange, shape->open_microbatches));
    if (comm->size > 1) {
        WT_GUARD(wt_buckets_create(exchange));
        if (shape->thread && !shape->after && comm->threads) WT_GUARD(wt_exchange_thread_create(exchange));
    }
    *out = exchange;
    exchange = NULL;
cleanup:
    wt_exchange_destroy(exchange);
    return status;
}

void wt_exchange_destroy(wt_exchange *exchange) {
    if (!exchange) return;
    wt_exchange_thread_destroy(exchange);
    wt_buckets_dispose(exchange);
    wt_free(exchange->own.memory);
    wt_free(exchange->own.spare);
    wt_free(exchange->own.open);
    wt_free(exchange->own.stack);
    wt_free(exchange->own.stacked);
    wt_free(exchange->own.joins);
    wt_free(exchange);
}

/* --- groups of microbatches at once --- */

/* The whole stack is this rank's part of the step before when its first microbatch opens again. */
static void begin_exchange_step(wt_exchange *exchange) {
    while (exchange->own.height)
        exchange->own.spare[exchange->own.spares++] = exchange->own.stacked[--exchange->own.height];
    exchange->own.pushed = exchange->own.opened = exchange->first;
}

float *wt_exchange_microbatch(wt_exchange *exchange, int microbatch) {
    if (microbatch == exchange->first) begin_exchange_step(exchange);
    float *buffer = exchange->own.spare[--exchange->own.spares];
    exchange->own.open[microbatch - exchange->first] = buffer;
    exchange->own.opened = microbatch + 1;
    return buffer;
}

/* A buffer that is added to another is free once its group is finished; no microbatch opens before. */
static void record_join(void *context, int into, int from) {
    wt_exchange *exchange = context;
    exchange->own.joins[exchange->own.join_count++] = (wt_own_join){exchange->own.stacked[into],
                                                                    exchange->own.stacked[from]};
    exchange->own.spare[exchange->own.spares++] = exchange->own.stacked[from];
}

/* All microbatches of the group are open: lists what will be added to what. */
static void begin_microbatches(wt_exchange *exchange) {
    exchange->own.join_count = exchange->own.joined = 0;
    exchange->own.ready = exchange->count;
    for (; exchange->own.pushed < exchange->own.opened; exchange->own.pushed++) {
        exchange->own.stacked[exchange->own.height] =
            exchange->own.open[exchange->own.pushed - exchange->first];
        exchange->own.height = wt_microbatch_tree_push(exchange->microbatches, exchange->own.stack,
                                                       exchange->own.height, exchange->own.pushed,
                                                       record_join, exchange);
    }
    if (exchange->own.pushed < exchange->end || exchange->comm->size == 1) return;
    wt_exchange_lock(exchange);
    wt_buckets_begin(exchange);
    wt_exchange_wake(exchange);
    wt_exchange_unlock(exchange);
}

/* Makes the group's additions over a range, all of them for a block before the next block. */
static void join_range(const wt_exchange *exchange, wt_range span) {
    if (exchange->own.join_count == 0) return;
#pragma omp parallel for schedule(static)
    for (size_t at = span.first; at < span.end; at += WT_ADD_BLOCK) {
        size_t part = span.end - at < WT_ADD_BLOCK ? span.end - at : WT_ADD_BLOCK;
        for (int i = 0; i < exchange->own.join_count; i++) {
            exchange->add(exchange->own.joins[i].into + at, exchange->own.joins[i].from + at, part);
        }
    }
}

/* A caller that breaks the contract would get a wrong sum, or wait for ever. */
static void require_contract(const wt_exchange *exchange, bool holds, const char *otherwise) {
    if (holds) return;
    wt_log_error(otherwise);
    wt_comm_abort(exchange->comm, WT_FAILED);
}

void wt_exchange_ready(wt_exchange *exchange, size_t offset, size_t count) {
    if (exchange->own.pushed < exchange->own.opened) begin_microbatches(exchange);
    exchange->own.ready -= count;
    require_contract(exchange, exchange->own.ready == offset, "ranges of the gradient do not adjoin");
    if (offset == 0) {
        wt_exchange_lock(exchange);
        exchange->early = exchange->buckets.sending;
        wt_exchange_unlock(exchange);
    }
    while (exchange->own.joined < exchange->buckets.count) {
        wt_range span = wt_buckets_span(exchange, exchange->own.joined);
        if (span.first < offset) break;
        join_range(exchange, span);
        wt_exchange_lock(exchange);
        exchange->own.joined++;
        if (exchange->buckets.in_flight && !exchange->after) wt_buckets_move(exchange, WT_MOVE_PROGRESS);
        wt_exchange_unlock(exchange);
    }
}

void wt_exchange_advance(wt_exchange *exchange) {
    if (exchange->thread || exchange->after || !exchange->buckets.in_flight) return;
    double now = wt_time_now();
    if (now - exchange->progressed < 1e-6 * WT_PROGRESS_MICROSECONDS) return;
    exchange->progressed = now;
    wt_buckets_move(exchange, WT_MOVE_PROGRESS);
}

void wt_exchange_count_buckets(const wt_exchange *exchange, int *buckets, int *early) {
    *buckets = exchange->buckets.count;
    *early = exchange->early;
}

const float *wt_exchange_complete(wt_exchange *exchange, double *added) {
    double seconds = 0;
    require_contract(exchange, exchange->own.pushed == exchange->end && exchange->own.ready == 0,
                     "the sum of gradients is asked for before all microbatches are ready");
    if (exchange->comm->size > 1) {
        wt_exchange_lock(exchange); /* the thread rests: this one has nothing else to do */
        double before = exchange->buckets.added;
        while (!wt_buckets_complete(exchange)) wt_buckets_move(exchange, WT_MOVE_WAIT);
        exchange->buckets.in_flight = false;
        seconds = exchange->buckets.added - before;
        wt_exchange_unlock(exchange);
    }
    if (added) *added = seconds;
    return exchange->own.stacked[0];
}
