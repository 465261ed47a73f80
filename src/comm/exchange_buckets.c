/*
 * The exchange of gradients, from rank to rank. The buffer is cut into buckets, of which a few are in flight.
 * One of two patterns defines the messages of a bucket: halving where the tree is that of a power of two of
 * ranks, else owners. All ranks send buckets in the same order, and reuse the places of those in flight in
 * that order, so that a tag means the same on both sides.
 */
#include "base/memory.h"
#include "exchange_internal.h"

/* --- buckets and slices --- */

wt_span wt_buckets_span(const wt_exchange *exchange, int number) {
    size_t units = (exchange->count + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT;
    size_t end = units - (size_t)number * exchange->bucket_units;
    size_t first = end > exchange->bucket_units ? end - exchange->bucket_units : 0;
    end *= WT_SLICE_UNIT;
    return (wt_span){first * WT_SLICE_UNIT, end < exchange->count ? end : exchange->count};
}

/* --- creation --- */

static wt_status create_flights(wt_exchange *exchange) {
    exchange->flight_count = exchange->bucket_count < WT_FLYING_MOST ? exchange->bucket_count
                                                                     : WT_FLYING_MOST;
    size_t flights = (size_t)exchange->flight_count, requests = flights * (size_t)exchange->each;
    WT_TRY(wt_alloc(&exchange->flights, flights, sizeof *exchange->flights, "messages"));
    WT_TRY(wt_alloc(&exchange->requests, requests, sizeof *exchange->requests, "messages"));
    WT_TRY(wt_alloc(&exchange->indices, requests, sizeof *exchange->indices, "messages"));
    for (size_t i = 0; i < requests; i++) exchange->requests[i] = MPI_REQUEST_NULL;
    return wt_alloc_huge(&exchange->received, flights * exchange->received_each, sizeof(float),
                         "gradients of other ranks");
}

wt_status wt_buckets_create(wt_exchange *exchange) {
    exchange->pattern = wt_halving_fits(exchange) ? &wt_pattern_halving : &wt_pattern_owners;
    WT_TRY(exchange->pattern->create(exchange));
    return create_flights(exchange);
}

void wt_buckets_dispose(wt_exchange *exchange) {
    wt_free(exchange->nodes);
    wt_free(exchange->pairs);
    wt_free(exchange->received);
    wt_free(exchange->flights);
    wt_free(exchange->requests);
    wt_free(exchange->indices);
}

/* --- messages --- */

int wt_buckets_send(wt_exchange *exchange, int number, int at, int tag, int to, const float *data,
                    int count) {
    if (count == 0) return 0;
    MPI_Isend(data, count, MPI_FLOAT, to, number * exchange->tags + tag, exchange->comm->exchange,
              &exchange->requests[number * exchange->each + at]);
    return 1;
}

int wt_buckets_receive(wt_exchange *exchange, int number, int at, int tag, int from, float *data, int count) {
    if (count == 0) return 0;
    MPI_Irecv(data, count, MPI_FLOAT, from, number * exchange->tags + tag, exchange->comm->exchange,
              &exchange->requests[number * exchange->each + at]);
    return 1;
}

/* --- the state machine --- */

static void post_receives(wt_exchange *exchange) {
    while (exchange->posted < exchange->bucket_count &&
           exchange->posted < exchange->done + exchange->flight_count) {
        exchange->pattern->expect(exchange, exchange->posted++);
    }
}

void wt_buckets_begin(wt_exchange *exchange) {
    exchange->posted = exchange->sending = exchange->done = 0;
    exchange->flying = true;
    post_receives(exchange);
}

bool wt_buckets_complete(const wt_exchange *exchange) {
    return exchange->done == exchange->bucket_count;
}

/* Waits for, or looks at, the messages on their way; whether one has arrived or gone. */
static bool collect_messages(wt_exchange *exchange, wt_move how) {
    int all = exchange->flight_count * exchange->each, count = 0;
    if (how == WT_MOVE_WAIT) {
        MPI_Waitsome(all, exchange->requests, &count, exchange->indices, MPI_STATUSES_IGNORE);
    } else {
        MPI_Testsome(all, exchange->requests, &count, exchange->indices, MPI_STATUSES_IGNORE);
    }
    if (count == MPI_UNDEFINED) return false; /* none was on its way */
    for (int i = 0; i < count; i++) {
        exchange->pattern->note(exchange, exchange->indices[i] / exchange->each,
                                exchange->indices[i] % exchange->each);
    }
    return count > 0;
}

/* Sends the buckets that are joined on this rank, as far as receives are posted. */
static bool post_buckets(wt_exchange *exchange) {
    bool moved = false;
    for (; exchange->sending < exchange->joined && exchange->sending < exchange->posted;
         exchange->sending++) {
        exchange->pattern->set_out(exchange, exchange->sending % exchange->flight_count);
        moved = true;
    }
    return moved;
}

/* Progresses the buckets in flight as far as what has arrived allows, and frees those that are done, in
 * order. */
static bool progress_buckets(wt_exchange *exchange, wt_move how) {
    bool moved = false;
    for (int bucket = exchange->done; bucket < exchange->sending; bucket++) {
        moved = exchange->pattern->go_on(exchange, bucket % exchange->flight_count, how) || moved;
    }
    while (exchange->done < exchange->sending) {
        const wt_flight *flight = &exchange->flights[exchange->done % exchange->flight_count];
        if (!flight->added || flight->left > 0) break;
        exchange->done++;
        moved = true;
    }
    post_receives(exchange);
    return moved;
}

bool wt_buckets_move(wt_exchange *exchange, wt_move how) {
    bool moved = post_buckets(exchange);
    if (!(how == WT_MOVE_WAIT && moved)) moved = collect_messages(exchange, how) || moved;
    return progress_buckets(exchange, how) || moved;
}
