/*
 * The owners' pattern of an exchange, for any number of ranks and microbatches: a bucket is cut into one
 * slice a rank. Every rank sends its nodes' slices to the slices' owners; an owner completes the tree over
 * its slice and sends it to all others, who put it where their own first node stood.
 *
 * Advantage: any tree. Disadvantage: 2·(P−1) messages a rank and bucket, all of them as likely to leave the
 * node as not, and more than one node of a rank travels where P is no power of two.
 */
#include "base/timer.h"
#include "exchange_internal.h"

/* A node of some rank, in the order of microbatches. */
typedef struct {
    int rank;
    int foreign; /* others': the place in the slices received for a bucket in flight */
} node;

typedef struct {
    int node_count, foreign_count; /* of all ranks; of the others */
    int own_first;                 /* this rank's first node */
    node *nodes;
    int (*pairs)[2];
    size_t slice_max;                /* elements; received holds [foreign nodes] of them */
    int slices_left[WT_FLIGHTS_MAX]; /* of a bucket in flight, that have not arrived */
} owners;

static owners *find_owners(const wt_exchange *exchange) {
    return exchange->buckets.state;
}

/* --- slices --- */

/* Slices of whole units, as even as they go; some are empty where units are few. */
static wt_range find_slice(const wt_exchange *exchange, int bucket, int rank) {
    wt_range span = wt_buckets_span(exchange, bucket);
    size_t units = (span.end - span.first + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT,
           ranks = (size_t)exchange->comm->size;
    size_t first = span.first + units * (size_t)rank / ranks * WT_SLICE_UNIT;
    size_t end = span.first + units * ((size_t)rank + 1) / ranks * WT_SLICE_UNIT;
    return (wt_range){first, end < span.end ? end : span.end};
}

static int count_slice(wt_range slice) {
    return (int)(slice.end - slice.first);
}

/* Where node i's part of this rank's slice stands while its bucket is number `number` in flight. */
static float *find_node_slice(const wt_exchange *exchange, int number, int i, size_t slice_first) {
    const owners *o = find_owners(exchange);
    if (o->nodes[i].rank == exchange->comm->rank)
        return exchange->own.stacked[i - o->own_first] + slice_first;
    return exchange->buckets.received + (size_t)number * exchange->buckets.received_each +
           (size_t)o->nodes[i].foreign * o->slice_max;
}

/* --- creation --- */

/*
 * Turns additions round (a + b = b + a, to the bit) so that the sum ends in this rank's first node, where it
 * belongs, without a copy and without a buffer of its own: what is read once less stays in the cache.
 */
static wt_status order_pairs(owners *o) {
    int *place; /* [nodes] where the sum that began in a node stands now */
    WT_TRY(wt_alloc(&place, (size_t)o->node_count, sizeof *place, "nodes of microbatches"));
    for (int i = 0; i < o->node_count; i++) place[i] = i;
    for (int i = 0; i + 1 < o->node_count; i++) {
        int *pair = o->pairs[i], left = pair[0], into = place[pair[0]], from = place[pair[1]];
        bool turn = from == o->own_first;
        pair[0] = turn ? from : into;
        pair[1] = turn ? into : from;
        place[left] = pair[0];
    }
    wt_free(place);
    return WT_OK;
}

/* Every rank's nodes, in order; `all` holds one more than there are microbatches. */
static wt_status number_nodes(const wt_exchange *exchange, owners *o, wt_microbatch_range *all) {
    int ranks = exchange->comm->size, count = 0;
    for (int rank = 0; rank < ranks; rank++) {
        int first, end;
        wt_comm_microbatches(rank, ranks, exchange->microbatches, &first, &end);
        if (rank == exchange->comm->rank) o->own_first = count;
        int more = wt_microbatch_tree_maximal(exchange->microbatches, first, end, all + count);
        for (int i = count; i < count + more; i++) {
            o->nodes[i].rank = rank;
            if (rank != exchange->comm->rank) o->nodes[i].foreign = o->foreign_count++;
        }
        count += more;
    }
    o->node_count = count;
    WT_TRY(wt_alloc(&o->pairs, (size_t)count, sizeof *o->pairs, "nodes of microbatches"));
    wt_microbatch_tree_complete(exchange->microbatches, all, count, o->pairs);
    return order_pairs(o);
}

/* Requests of a bucket in flight: slices and finished slices from others, slices and finished slices to
 * others. Tags: node i's slices, and finished ones with i = node_count. */
static wt_status create_owners(wt_exchange *exchange) {
    wt_status status = WT_OK;
    wt_buckets *buckets = &exchange->buckets;
    owners *o;
    wt_microbatch_range *all;
    size_t microbatches = (size_t)exchange->microbatches, ranks = (size_t)exchange->comm->size;
    WT_TRY(wt_alloc(&o, 1, sizeof *o, "nodes of microbatches"));
    buckets->state = o;
    WT_TRY(wt_alloc(&all, microbatches + 1, sizeof *all, "nodes of microbatches"));
    WT_GUARD(wt_alloc(&o->nodes, microbatches, sizeof *o->nodes, "nodes of microbatches"));
    WT_GUARD(number_nodes(exchange, o, all));
    int own = o->node_count - o->foreign_count;
    buckets->each = o->foreign_count + (own + 2) * exchange->comm->size;
    buckets->tags = o->node_count + 1;
    o->slice_max = (buckets->units + ranks - 1) / ranks * WT_SLICE_UNIT;
    buckets->received_each = (size_t)o->foreign_count * o->slice_max;
cleanup:
    wt_free(all);
    return status;
}

static void destroy_owners(void *state) {
    owners *o = state;
    if (!o) return;
    wt_free(o->nodes);
    wt_free(o->pairs);
    wt_free(o);
}

/* --- messages --- */

/* Bucket `bucket` takes its place in flight: posts the receives of everything that will arrive. */
static void post_slice_receives(wt_exchange *exchange, int bucket) {
    int number = bucket % exchange->buckets.flight_count, me = exchange->comm->rank;
    wt_flight *flight = &exchange->buckets.flights[number];
    wt_range mine = find_slice(exchange, bucket, me);
    owners *o = find_owners(exchange);
    *flight = (wt_flight){.bucket = bucket};
    for (int i = 0; i < o->node_count; i++) {
        const node *n = &o->nodes[i];
        if (n->rank == me) continue;
        flight->left += wt_buckets_receive(exchange, number, n->foreign, i, n->rank,
                                           find_node_slice(exchange, number, i, 0), count_slice(mine));
    }
    o->slices_left[number] = flight->left;
}

/* This rank's first node has gone to the slice's owner, so the finished slice may take its place. */
static void post_finished_receive(wt_exchange *exchange, int number, int owner) {
    const owners *o = find_owners(exchange);
    wt_range slice = find_slice(exchange, exchange->buckets.flights[number].bucket, owner);
    exchange->buckets.flights[number].left += wt_buckets_receive(
        exchange, number, o->foreign_count + owner, o->node_count, owner,
        exchange->own.stacked[0] + slice.first, count_slice(slice));
}

/* Sends the slices of this rank's nodes to their owners, each rank beginning with its neighbour. */
static void send_slices(wt_exchange *exchange, int number) {
    wt_flight *flight = &exchange->buckets.flights[number];
    const owners *o = find_owners(exchange);
    int ranks = exchange->comm->size, own = o->node_count - o->foreign_count;
    int at = o->foreign_count + ranks;
    for (int step = 1; step < ranks; step++) {
        int to = (exchange->comm->rank + step) % ranks;
        wt_range slice = find_slice(exchange, flight->bucket, to);
        for (int i = 0; i < own; i++) {
            flight->left += wt_buckets_send(exchange, number, at++, o->own_first + i, to,
                                            exchange->own.stacked[i] + slice.first, count_slice(slice));
        }
    }
}

static void send_finished(wt_exchange *exchange, int number) {
    wt_flight *flight = &exchange->buckets.flights[number];
    int ranks = exchange->comm->size, at = exchange->buckets.each - ranks;
    wt_range mine = find_slice(exchange, flight->bucket, exchange->comm->rank);
    for (int step = 1; step < ranks; step++) {
        int to = (exchange->comm->rank + step) % ranks;
        flight->left += wt_buckets_send(exchange, number, at++, find_owners(exchange)->node_count, to,
                                        exchange->own.stacked[0] + mine.first, count_slice(mine));
    }
    flight->added = true;
}

/* --- additions --- */

/* The rest of the tree over one block of this rank's slice; it ends in this rank's first node. */
static void add_slice_block(const wt_exchange *exchange, int number, wt_range slice, size_t at) {
    size_t left = slice.end - slice.first - at, part = left < WT_ADD_BLOCK ? left : WT_ADD_BLOCK;
    const owners *o = find_owners(exchange);
    for (int i = 0; i + 1 < o->node_count; i++) {
        const int *pair = o->pairs[i];
        exchange->add(find_node_slice(exchange, number, pair[0], slice.first) + at,
                      find_node_slice(exchange, number, pair[1], slice.first) + at, part);
    }
}

static void add_bucket(wt_exchange *exchange, int number, wt_move how) {
    wt_range slice = find_slice(exchange, exchange->buckets.flights[number].bucket, exchange->comm->rank);
    size_t count = slice.end - slice.first;
    double began = wt_time_now();
#pragma omp parallel for schedule(static) if (how != WT_MOVE_ALONE)
    for (size_t at = 0; at < count; at += WT_ADD_BLOCK) add_slice_block(exchange, number, slice, at);
    exchange->buckets.added += wt_time_now() - began;
}

static bool complete_bucket(wt_exchange *exchange, int number, wt_move how) {
    const wt_flight *flight = &exchange->buckets.flights[number];
    if (flight->added || find_owners(exchange)->slices_left[number] > 0) return false;
    add_bucket(exchange, number, how);
    send_finished(exchange, number);
    return true;
}

/* Message `at` of bucket `number` in flight has arrived or gone. */
static void record_message(wt_exchange *exchange, int number, int at) {
    owners *o = find_owners(exchange);
    int ranks = exchange->comm->size, own = o->node_count - o->foreign_count;
    int sent = at - o->foreign_count - ranks; /* among this rank's slices */
    if (sent >= 0 && sent < (ranks - 1) * own && sent % own == 0) {
        post_finished_receive(exchange, number, (exchange->comm->rank + 1 + sent / own) % ranks);
    }
    if (at < o->foreign_count) o->slices_left[number]--;
    exchange->buckets.flights[number].left--;
}

const wt_pattern wt_pattern_owners = {
    .create = create_owners,
    .destroy = destroy_owners,
    .expect = post_slice_receives,
    .post = send_slices,
    .record = record_message,
    .progress = complete_bucket,
};
