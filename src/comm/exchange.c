/*
 * The exchange of gradients. Each rank adds its own lanes as far as the tree allows (a few maximal nodes are
 * left). Then the flat buffer is cut into one slice a rank; every rank sends each of its nodes' slices to the slice's
 * owner, who completes the tree over it; the finished slices are gathered by all.
 *
 * Advantage: one pattern for every number of ranks; with powers of two each rank has one node, and the traffic is
 * the least there is, 2·(P−1)/P of the buffer. Disadvantage: P−1 messages a rank and step, where vector halving
 * needs log₂ P.
 */
#include <limits.h>
#include <string.h>

#include "comm_internal.h"
#include "lane_tree_internal.h"
#include "wavetrain/memory.h"

enum {
    WT_SLICE_UNIT = 16,   /* slices begin at multiples of so many elements: a cache line */
    WT_ADD_BLOCK = 16384, /* elements that one thread adds at a time */
};

/* A node of some rank, in the order of lanes. */
typedef struct {
    int rank;
    float *data; /* this rank's: the whole buffer; others': this rank's slice */
} wt_node;

struct wt_exchange {
    wt_comm *comm;
    wt_exchange_add add;
    int lanes, first, end;
    size_t count;
    float *memory, **spare; /* `spares` buffers of `count` elements that are free now */
    int spares;
    float **open;         /* [end − first] a lane that is being computed */
    wt_lane_range *stack; /* finished nodes of this rank, and where they are */
    float **stacked;
    int height;
    int node_count; /* of all ranks */
    wt_node *nodes;
    int (*pairs)[2];
    float *received, *sum;
    MPI_Request *requests;
    int *slice_counts, *slice_offsets; /* of every rank, for the last gather */
};

void wt_comm_lanes(int rank, int ranks, int lanes, int *first, int *end) {
    *first = (int)((int64_t)rank * lanes / ranks);
    *end = (int)((int64_t)(rank + 1) * lanes / ranks);
}

static void wt_join_nothing(void *context, int into, int from) {
    (void)context, (void)into, (void)from;
}

/* The maximal nodes of a range of lanes; nodes may be NULL, to count. `stack` is room for end − first + 1. */
static int wt_maximal_nodes(int lanes, int first, int end, wt_lane_range *stack) {
    int height = 0;
    for (int lane = first; lane < end; lane++) {
        height = wt_lane_tree_push(lanes, stack, height, lane, wt_join_nothing, NULL);
    }
    return height;
}

/* Buffers in use at the worst moment: nodes on the stack and open lanes. */
static int wt_buffers_needed(const wt_exchange *exchange, int open_lanes, wt_lane_range *stack) {
    int height = 0, most = 0;
    for (int lane = exchange->first; lane < exchange->end; lane++) {
        bool wave = (lane - exchange->first) % open_lanes == 0;
        int open = exchange->end - lane < open_lanes ? exchange->end - lane : open_lanes;
        if (wave && height + open > most) most = height + open;
        height = wt_lane_tree_push(exchange->lanes, stack, height, lane, wt_join_nothing, NULL);
    }
    return most;
}

static wt_status wt_make_buffers(wt_exchange *exchange, int open_lanes) {
    int own = exchange->end - exchange->first;
    WT_TRY(wt_alloc(&exchange->stack, (size_t)own + 1, sizeof *exchange->stack, "the stack of lanes"));
    WT_TRY(wt_alloc(&exchange->stacked, (size_t)own + 1, sizeof *exchange->stacked, "the stack of lanes"));
    WT_TRY(wt_alloc(&exchange->open, (size_t)own, sizeof *exchange->open, "the open lanes"));
    exchange->spares = wt_buffers_needed(exchange, open_lanes, exchange->stack);
    WT_TRY(wt_alloc(&exchange->memory, (size_t)exchange->spares * exchange->count, sizeof(float),
                    "gradients of lanes"));
    WT_TRY(wt_alloc(&exchange->spare, (size_t)exchange->spares, sizeof *exchange->spare, "gradients of lanes"));
    for (int i = 0; i < exchange->spares; i++) exchange->spare[i] = exchange->memory + (size_t)i * exchange->count;
    return WT_OK;
}

/* Slices of whole units, as even as they go. */
static void wt_cut_slices(wt_exchange *exchange) {
    int64_t units = ((int64_t)exchange->count + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT;
    for (int rank = 0; rank < exchange->comm->size; rank++) {
        int64_t from = units * rank / exchange->comm->size * WT_SLICE_UNIT;
        int64_t to = units * (rank + 1) / exchange->comm->size * WT_SLICE_UNIT;
        if (to > (int64_t)exchange->count) to = (int64_t)exchange->count;
        exchange->slice_offsets[rank] = (int)from;
        exchange->slice_counts[rank] = (int)(to - from);
    }
}

static int wt_own_slice(const wt_exchange *exchange) {
    return exchange->slice_counts[exchange->comm->rank];
}

/* Every rank's nodes, in order, and room for what comes from the others. */
static wt_status wt_make_nodes(wt_exchange *exchange) {
    wt_status status = WT_OK;
    int ranks = exchange->comm->size, lanes = exchange->lanes, count = 0;
    wt_lane_range *all;
    WT_TRY(wt_alloc(&all, (size_t)lanes + 1, sizeof *all, "nodes of lanes"));
    WT_GUARD(wt_alloc(&exchange->nodes, (size_t)lanes, sizeof *exchange->nodes, "nodes of lanes"));
    for (int rank = 0; rank < ranks; rank++) {
        int first, end;
        wt_comm_lanes(rank, ranks, lanes, &first, &end);
        int more = wt_maximal_nodes(lanes, first, end, all + count);
        for (int i = 0; i < more; i++) exchange->nodes[count + i].rank = rank;
        count += more;
    }
    exchange->node_count = count;
    WT_GUARD(wt_alloc(&exchange->pairs, (size_t)count, sizeof *exchange->pairs, "nodes of lanes"));
    wt_lane_tree_complete(lanes, all, count, exchange->pairs);
    size_t slice = (size_t)wt_own_slice(exchange);
    WT_GUARD(wt_alloc(&exchange->received, (size_t)count * slice, sizeof(float), "gradients of other ranks"));
    for (int i = 0; i < count; i++) exchange->nodes[i].data = exchange->received + (size_t)i * slice;
    int most = count + count * ranks;
    WT_GUARD(wt_alloc(&exchange->requests, (size_t)most, sizeof *exchange->requests, "messages"));
cleanup:
    wt_free(all);
    return status;
}

wt_status wt_exchange_create(wt_exchange **out, wt_comm *comm, int lanes, int open_lanes, size_t count,
                             wt_exchange_add add) {
    wt_status status = WT_OK;
    wt_exchange *exchange;
    *out = NULL;
    WT_CHECK(count <= INT_MAX, WT_USAGE, "the network has too many parameters (got %zu, expected at most %d)",
             count, INT_MAX);
    WT_TRY(wt_alloc(&exchange, 1, sizeof *exchange, "the exchange"));
    exchange->comm = comm;
    exchange->add = add;
    exchange->lanes = lanes;
    exchange->count = count;
    wt_comm_lanes(comm->rank, comm->size, lanes, &exchange->first, &exchange->end);
    WT_GUARD(wt_make_buffers(exchange, open_lanes));
    if (comm->size > 1) {
        size_t ranks = (size_t)comm->size;
        WT_GUARD(wt_alloc(&exchange->slice_counts, ranks, sizeof(int), "slices"));
        WT_GUARD(wt_alloc(&exchange->slice_offsets, ranks, sizeof(int), "slices"));
        wt_cut_slices(exchange);
        WT_GUARD(wt_make_nodes(exchange));
        WT_GUARD(wt_alloc(&exchange->sum, count, sizeof(float), "the summed gradient"));
    }
    *out = exchange;
    exchange = NULL;
cleanup:
    wt_exchange_destroy(exchange);
    return status;
}

void wt_exchange_destroy(wt_exchange *exchange) {
    if (!exchange) return;
    wt_free(exchange->memory);
    wt_free(exchange->spare);
    wt_free(exchange->open);
    wt_free(exchange->stack);
    wt_free(exchange->stacked);
    wt_free(exchange->nodes);
    wt_free(exchange->pairs);
    wt_free(exchange->received);
    wt_free(exchange->sum);
    wt_free(exchange->requests);
    wt_free(exchange->slice_counts);
    wt_free(exchange->slice_offsets);
    wt_free(exchange);
}

/* The whole stack is a rank's result of the step before when its first lane opens again. */
static void wt_empty_stack(wt_exchange *exchange) {
    while (exchange->height) exchange->spare[exchange->spares++] = exchange->stacked[--exchange->height];
}

float *wt_exchange_lane(wt_exchange *exchange, int lane) {
    if (lane == exchange->first) wt_empty_stack(exchange);
    float *buffer = exchange->spare[--exchange->spares];
    size_t count = exchange->count;
#pragma omp parallel for schedule(static)
    for (size_t at = 0; at < count; at += WT_ADD_BLOCK) {
        size_t part = count - at < WT_ADD_BLOCK ? count - at : WT_ADD_BLOCK;
        memset(buffer + at, 0, part * sizeof *buffer);
    }
    exchange->open[lane - exchange->first] = buffer;
    return buffer;
}

static void wt_add_ranges(const wt_exchange *exchange, float *sum, const float *other, size_t count) {
#pragma omp parallel for schedule(static)
    for (size_t at = 0; at < count; at += WT_ADD_BLOCK) {
        exchange->add(sum + at, other + at, count - at < WT_ADD_BLOCK ? count - at : WT_ADD_BLOCK);
    }
}

static void wt_join_buffers(void *context, int into, int from) {
    wt_exchange *exchange = context;
    wt_add_ranges(exchange, exchange->stacked[into], exchange->stacked[from], exchange->count);
    exchange->spare[exchange->spares++] = exchange->stacked[from];
}

void wt_exchange_lane_done(wt_exchange *exchange, int lane) {
    exchange->stacked[exchange->height] = exchange->open[lane - exchange->first];
    exchange->height = wt_lane_tree_push(exchange->lanes, exchange->stack, exchange->height, lane,
                                         wt_join_buffers, exchange);
}

/* Every node's slices to their owners; own slices stay where they are. Returns when all have arrived. */
static void wt_trade_slices(wt_exchange *exchange, int own_first) {
    const wt_comm *comm = exchange->comm;
    int requests = 0, slice = wt_own_slice(exchange);
    for (int i = 0; i < exchange->node_count; i++) {
        wt_node *node = &exchange->nodes[i];
        if (node->rank != comm->rank) {
            MPI_Irecv(node->data, slice, MPI_FLOAT, node->rank, i, comm->all, &exchange->requests[requests++]);
        }
    }
    for (int step = 1; step < comm->size; step++) {
        int to = (comm->rank + step) % comm->size;
        for (int i = 0; i < exchange->height; i++) {
            MPI_Isend(exchange->stacked[i] + exchange->slice_offsets[to], exchange->slice_counts[to], MPI_FLOAT,
                      to, own_first + i, comm->all, &exchange->requests[requests++]);
        }
    }
    MPI_Waitall(requests, exchange->requests, MPI_STATUSES_IGNORE);
}

const float *wt_exchange_complete(wt_exchange *exchange) {
    const wt_comm *comm = exchange->comm;
    if (comm->size == 1) return exchange->stacked[0];
    int own_first = 0, offset = exchange->slice_offsets[comm->rank];
    while (exchange->nodes[own_first].rank != comm->rank) own_first++;
    for (int i = 0; i < exchange->height; i++) {
        exchange->nodes[own_first + i].data = exchange->stacked[i] + offset;
    }
    wt_trade_slices(exchange, own_first);
    size_t slice = (size_t)wt_own_slice(exchange);
    for (int i = 0; i + 1 < exchange->node_count; i++) {
        const int *pair = exchange->pairs[i];
        wt_add_ranges(exchange, exchange->nodes[pair[0]].data, exchange->nodes[pair[1]].data, slice);
    }
    if (slice) memcpy(exchange->sum + offset, exchange->nodes[0].data, slice * sizeof(float));
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, exchange->sum, exchange->slice_counts,
                   exchange->slice_offsets, MPI_FLOAT, comm->all);
    return exchange->sum;
}
