/*
 * The exchange of gradients, from rank to rank. The buffer is cut into buckets, of which a few are in flight.
 * One of two patterns defines the messages of a bucket: halving where the tree is that of a power of two of
 * ranks, else owners. All ranks send buckets in the same order, and reuse the places of those in flight in
 * that order, so that a tag means the same on both sides.
 */
#include "base/memory.h"
#include "exchange_internal.h"

/* --- buckets and slices --- */

wt_range wt_buckets_span(const wt_exchange *exchange, int number) {
    size_t units = (exchange->count + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT;
    size_t end = units - (size_t)number * exchange->buckets.units;
    size_t first = end > exchange->buckets.units ? end - exchange->buckets.units : 0;
    end *= WT_SLICE_UNIT;
    return (wt_range){first * WT_SLICE_UNIT, end < exchange->count ? end : exchange->count};
}

/* --- creation --- */

static wt_status create_flights(wt_exchange *exchange) {
    size_t flights = (size_t)exchange->buckets.flight_count,
           requests = flights * (size_t)exchange->buckets.each;
    WT_TRY(wt_alloc(&exchange->buckets.flights, flights, sizeof *exchange->buckets.flights, "messages"));
    WT_TRY(wt_alloc(&exchange->buckets.requests, requests, sizeof *exchange->buckets.requests, "messages"));
    WT_TRY(wt_alloc(&exchange->buckets.indices, requests, sizeof *exchange->buckets.indices, "messages"));
    for (size_t i = 0; i < requests; i++) exchange->buckets.requests[i] = MPI_REQUEST_NULL;
    return wt_alloc_huge(&exchange->buckets.received, flights * exchange->buckets.received_each,
                         sizeof(float), "gradients of other ranks");
}

wt_status wt_buckets_create(wt_exchange *exchange) {
    wt_buckets *buckets = &exchange->buckets;
    buckets->flight_count = buckets->count < WT_FLIGHTS_MAX ? buckets->count : WT_FLIGHTS_MAX;
    buckets->pattern = wt_halving_fits(exchange) ? &wt_pattern_halving : &wt_pattern_owners;
    WT_TRY(buckets->pattern->create(exchange));
    return create_flights(exchange);
}

void wt_buckets_dispose(wt_exchange *exchange) {
    if (exchange->buckets.pattern) exchange->buckets.pattern->destroy(exchange->buckets.state);
    wt_free(exchange->buckets.received);
    wt_free(exchange->buckets.flights);
    wt_free(exchange->buckets.requests);
    wt_free(exchange->buckets.indices);
}

/* --- messages --- */

int wt_buckets_send(wt_exchange *exchange, int number, int at, int tag, int to, const float *data,
                    int count) {
    if (count == 0) return 0;
    MPI_Isend(data, count, MPI_FLOAT, to, number * exchange->buckets.tags + tag, exchange->comm->exchange,
              &exchange->buckets.requests[number * exchange->buckets.each + at]);
    return 1;
}

int wt_buckets_receive(wt_exchange *exchange, int number, int at, int tag, int from, float *data, int count) {
    if (count == 0) return 0;
    MPI_Irecv(data, count, MPI_FLOAT, from, number * exchange->buckets.tags + tag, exchange->comm->exchange,
              &exchange->buckets.requests[number * exchange->buckets.each + at]);
    return 1;
}

/* --- the state machine --- */

static void post_receives(wt_exchange *exchange) {
    while (exchange->buckets.posted < exchange->buckets.count &&
           exchange->buckets.posted < exchange->buckets.done + exchange->buckets.flight_count) {
        exchange->buckets.pattern->expect(exchange, exchange->buckets.posted++);
    }
}

void wt_buckets_begin(wt_exchange *exchange) {
    exchange->buckets.posted = exchange->buckets.sending = exchange->buckets.done = 0;
    exchange->buckets.in_flight = true;
    post_receives(exchange);
}

bool wt_buckets_complete(const wt_exchange *exchange) {
    return exchange->buckets.done == exchange->buckets.count;
}

/* Waits for, or looks at, the messages on their way; whether one has arrived or gone. */
static bool collect_messages(wt_exchange *exchange, wt_move how) {
    int all = exchange->buckets.flight_count * exchange->buckets.each, count = 0;
    if (how == WT_MOVE_WAIT) {
        MPI_Waitsome(all, exchange->buckets.requests, &count, exchange->buckets.indices, MPI_STATUSES_IGNORE);
    } else {
        MPI_Testsome(all, exchange->buckets.requests, &count, exchange->buckets.indices, MPI_STATUSES_IGNORE);
    }
    if (count == MPI_UNDEFINED) return false; /* none was on its way */
    for (int i = 0; i < count; i++) {
        exchange->buckets.pattern->record(exchange, exchange->buckets.indices[i] / exchange->buckets.each,
                                          exchange->buckets.indices[i] % exchange->buckets.each);
    }
    return count > 0;
}

/* Sends the buckets that are joined on this rank, as far as receives are posted. */
static bool post_buckets(wt_exchange *exchange) {
    bool moved = false;
    for (; exchange->buckets.sending < exchange->own.joined &&
           exchange->buckets.sending < exchange->buckets.posted;
         exchange->buckets.sending++) {
        exchange->buckets.pattern->post(exchange, exchange->buckets.sending % exchange->buckets.flight_count);
        moved = true;
    }
    return moved;
}

/* Progresses the buckets in flight as far as what has arrived allows, and frees those that are done, in
 * order. */
static bool progress_buckets(wt_exchange *exchange, wt_move how) {
    bool moved = false;
    for (int bucket = exchange->buckets.done; bucket < exchange->buckets.sending; bucket++) {
        moved = exchange->buckets.pattern->progress(exchange, bucket % exchange->buckets.flight_count, how) ||
                moved;
    }
    while (exchange->buckets.done < exchange->buckets.sending) {
        const wt_flight *flight =
            &exchange->buckets.flights[exchange->buckets.done % exchange->buckets.flight_count];
        if (!flight->added || flight->left > 0) break;
        exchange->buckets.done++;
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
