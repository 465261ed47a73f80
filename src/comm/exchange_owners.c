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

/* --- slices --- */

/* Slices of whole units, as even as they go; some are empty where units are few. */
static wt_span find_slice(const wt_exchange *exchange, int bucket, int rank) {
    wt_span span = wt_buckets_span(exchange, bucket);
    size_t units = (span.end - span.first + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT,
           ranks = (size_t)exchange->comm->size;
    size_t first = span.first + units * (size_t)rank / ranks * WT_SLICE_UNIT;
    size_t end = span.first + units * ((size_t)rank + 1) / ranks * WT_SLICE_UNIT;
    return (wt_span){first, end < span.end ? end : span.end};
}

static int count_slice(wt_span slice) {
    return (int)(slice.end - slice.first);
}

/* Where node i's part of this rank's slice stands while its bucket is number `number` in flight. */
static float *find_node_slice(const wt_exchange *exchange, int number, int i, size_t slice_first) {
    const wt_node *node = &exchange->nodes[i];
    if (node->rank == exchange->comm->rank) return exchange->stacked[i - exchange->own_first] + slice_first;
    return exchange->received + (size_t)number * exchange->received_each +
           (size_t)node->foreign * exchange->slice_most;
}

/* --- creation --- */

/*
 * Turns additions round (a + b = b + a, to the bit) so that the sum ends in this rank's first node, where it
 * belongs, without a copy and without a buffer of its own: what is read once less stays in the cache.
 */
static wt_status order_pairs(wt_exchange *exchange) {
    int *place; /* [nodes] where the sum that began in a node stands now */
    WT_TRY(wt_alloc(&place, (size_t)exchange->node_count, sizeof *place, "nodes of microbatches"));
    for (int i = 0; i < exchange->node_count; i++) place[i] = i;
    for (int i = 0; i + 1 < exchange->node_count; i++) {
        int *pair = exchange->pairs[i], left = pair[0], into = place[pair[0]], from = place[pair[1]];
        bool turn = from == exchange->own_first;
        pair[0] = turn ? from : into;
        pair[1] = turn ? into : from;
        place[left] = pair[0];
    }
    wt_free(place);
    return WT_OK;
}

/* Every rank's nodes, in order; `all` holds one more than there are microbatches. */
static wt_status number_nodes(wt_exchange *exchange, wt_microbatch_range *all) {
    int ranks = exchange->comm->size, count = 0;
    for (int rank = 0; rank < ranks; rank++) {
        int first, end;
        wt_comm_microbatches(rank, ranks, exchange->microbatches, &first, &end);
        if (rank == exchange->comm->rank) exchange->own_first = count;
        int more = wt_microbatch_tree_maximal(exchange->microbatches, first, end, all + count);
        for (int i = count; i < count + more; i++) {
            exchange->nodes[i].rank = rank;
            if (rank != exchange->comm->rank) exchange->nodes[i].foreign = exchange->foreign_count++;
        }
        count += more;
    }
    exchange->node_count = count;
    WT_TRY(wt_alloc(&exchange->pairs, (size_t)count, sizeof *exchange->pairs, "nodes of microbatches"));
    wt_microbatch_tree_complete(exchange->microbatches, all, count, exchange->pairs);
    return order_pairs(exchange);
}

/* Requests of a bucket in flight: slices and finished slices from others, slices and finished slices to
 * others. Tags: node i's slices, and finished ones with i = node_count. */
static wt_status create_owners(wt_exchange *exchange) {
    wt_status status = WT_OK;
    wt_microbatch_range *all;
    size_t microbatches = (size_t)exchange->microbatches, ranks = (size_t)exchange->comm->size;
    WT_TRY(wt_alloc(&all, microbatches + 1, sizeof *all, "nodes of microbatches"));
    WT_GUARD(wt_alloc(&exchange->nodes, microbatches, sizeof *exchange->nodes, "nodes of microbatches"));
    WT_GUARD(number_nodes(exchange, all));
    int own = exchange->node_count - exchange->foreign_count;
    exchange->each = exchange->foreign_count + (own + 2) * exchange->comm->size;
    exchange->tags = exchange->node_count + 1;
    exchange->slice_most = (exchange->bucket_units + ranks - 1) / ranks * WT_SLICE_UNIT;
    exchange->received_each = (size_t)exchange->foreign_count * exchange->slice_most;
cleanup:
    wt_free(all);
    return status;
}

/* --- messages --- */

/* Bucket `bucket` takes its place in flight: posts the receives of everything that will arrive. */
static void post_slice_receives(wt_exchange *exchange, int bucket) {
    int number = bucket % exchange->flight_count, me = exchange->comm->rank;
    wt_flight *flight = &exchange->flights[number];
    wt_span mine = find_slice(exchange, bucket, me);
    *flight = (wt_flight){.bucket = bucket};
    for (int i = 0; i < exchange->node_count; i++) {
        const wt_node *node = &exchange->nodes[i];
        if (node->rank == me) continue;
        flight->slices_left += wt_buckets_receive(exchange, number, node->foreign, i, node->rank,
                                                  find_node_slice(exchange, number, i, 0), count_slice(mine));
    }
    flight->left = flight->slices_left;
}

/* This rank's first node has gone to the slice's owner, so the finished slice may take its place. */
static void post_finished_receive(wt_exchange *exchange, int number, int owner) {
    wt_span slice = find_slice(exchange, exchange->flights[number].bucket, owner);
    exchange->flights[number].left += wt_buckets_receive(
        exchange, number, exchange->foreign_count + owner, exchange->node_count, owner,
        exchange->stacked[0] + slice.first, count_slice(slice));
}

/* Sends the slices of this rank's nodes to their owners, each rank beginning with its neighbour. */
static void send_slices(wt_exchange *exchange, int number) {
    wt_flight *flight = &exchange->flights[number];
    int ranks = exchange->comm->size, own = exchange->node_count - exchange->foreign_count;
    int at = exchange->foreign_count + ranks;
    for (int step = 1; step < ranks; step++) {
        int to = (exchange->comm->rank + step) % ranks;
        wt_span slice = find_slice(exchange, flight->bucket, to);
        for (int i = 0; i < own; i++) {
            flight->left += wt_buckets_send(exchange, number, at++, exchange->own_first + i, to,
                                            exchange->stacked[i] + slice.first, count_slice(slice));
        }
    }
}

static void send_finished(wt_exchange *exchange, int number) {
    wt_flight *flight = &exchange->flights[number];
    int ranks = exchange->comm->size, at = exchange->each - ranks;
    wt_span mine = find_slice(exchange, flight->bucket, exchange->comm->rank);
    for (int step = 1; step < ranks; step++) {
        int to = (exchange->comm->rank + step) % ranks;
        flight->left += wt_buckets_send(exchange, number, at++, exchange->node_count, to,
                                        exchange->stacked[0] + mine.first, count_slice(mine));
    }
    flight->added = true;
}

/* --- additions --- */

/* The rest of the tree over one block of this rank's slice; it ends in this rank's first node. */
static void add_slice_block(const wt_exchange *exchange, int number, wt_span slice, size_t at) {
    size_t left = slice.end - slice.first - at, part = left < WT_ADD_BLOCK ? left : WT_ADD_BLOCK;
    for (int i = 0; i + 1 < exchange->node_count; i++) {
        const int *pair = exchange->pairs[i];
        exchange->add(find_node_slice(exchange, number, pair[0], slice.first) + at,
                      find_node_slice(exchange, number, pair[1], slice.first) + at, part);
    }
}

static void add_bucket(wt_exchange *exchange, int number, wt_move how) {
    wt_span slice = find_slice(exchange, exchange->flights[number].bucket, exchange->comm->rank);
    size_t count = slice.end - slice.first;
    double began = wt_time_now();
#pragma omp parallel for schedule(static) if (how != WT_MOVE_ALONE)
    for (size_t at = 0; at < count; at += WT_ADD_BLOCK) add_slice_block(exchange, number, slice, at);
    exchange->added += wt_time_now() - began;
}

static bool complete_bucket(wt_exchange *exchange, int number, wt_move how) {
    const wt_flight *flight = &exchange->flights[number];
    if (flight->added || flight->slices_left > 0) return false;
    add_bucket(exchange, number, how);
    send_finished(exchange, number);
    return true;
}

/* Message `at` of bucket `number` in flight has arrived or gone. */
static void record_message(wt_exchange *exchange, int number, int at) {
    int ranks = exchange->comm->size, own = exchange->node_count - exchange->foreign_count;
    wt_flight *flight = &exchange->flights[number];
    int sent = at - exchange->foreign_count - ranks; /* among this rank's slices */
    if (sent >= 0 && sent < (ranks - 1) * own && sent % own == 0) {
        post_finished_receive(exchange, number, (exchange->comm->rank + 1 + sent / own) % ranks);
    }
    if (at < exchange->foreign_count) flight->slices_left--;
    flight->left--;
}

const wt_pattern wt_pattern_owners = {
    .create = create_owners,
    .expect = post_slice_receives,
    .set_out = send_slices,
    .note = record_message,
    .go_on = complete_bucket,
};
