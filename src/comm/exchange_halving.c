/*
 * The halving pattern of an exchange (vector halving with distance doubling, R. Rabenseifner, "Optimization
 * of collective reduction operations", ICCS 2004), for P ranks with L/P microbatches each, both powers of
 * two: the ranks are then leaves of the tree over microbatches. In round s, partners rank xor 2^s each send
 * the other half of what they still hold of the bucket, and add what they get to the half that they keep;
 * then the same way back, from the last round to the first, with finished halves. a + b = b + a to the bit,
 * so both ways round are the tree.
 *
 * Advantage: 2·log₂ P messages a rank and bucket; and where neighbouring ranks share a node (mpirun's and
 * SLURM's default), most bytes stay in it: with R ranks a node, 1/R of what the owners' pattern sends leaves
 * it. Disadvantage: log₂ P messages each way that wait for one another; powers of two alone.
 */
#include "exchange_internal.h"
#include "wavetrain/timer.h"

bool wt_halving_fits(const wt_exchange *exchange) {
    int ranks = exchange->comm->size, microbatches = exchange->microbatches;
    return (ranks & (ranks - 1)) == 0 && (microbatches & (microbatches - 1)) == 0;
}

/* Requests and tags of a bucket in flight: for each round a half from and to the partner, then a finished half from and
 * to. */
enum { WT_HALF_IN, WT_HALF_OUT, WT_FINISHED_IN, WT_FINISHED_OUT, WT_HALVING_MESSAGES };

static int wt_place(const wt_exchange *exchange, int message, int round) {
    return message * exchange->rounds + round;
}

static wt_status wt_halving_create(wt_exchange *exchange) {
    while (1 << exchange->rounds < exchange->comm->size) exchange->rounds++;
    exchange->each = WT_HALVING_MESSAGES * exchange->rounds;
    exchange->tags = 2 * exchange->rounds;
    exchange->received_each = (exchange->bucket_units + (size_t)exchange->rounds) * WT_SLICE_UNIT;
    return WT_OK;
}

/* --- halves --- */

static int wt_partner(const wt_exchange *exchange, int round) {
    return exchange->comm->rank ^ 1 << round;
}

/* The half of a span that is rank's in a round: the lower one where the rank's bit is not set. */
static wt_span wt_half(wt_span span, int rank, int round) {
    size_t units = (span.end - span.first + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT;
    size_t middle = span.first + units / 2 * WT_SLICE_UNIT;
    return rank >> round & 1 ? (wt_span){middle, span.end} : (wt_span){span.first, middle};
}

/* What this rank holds of a bucket before a round. */
static wt_span wt_held(const wt_exchange *exchange, int bucket, int round) {
    wt_span span = wt_bucket_span(exchange, bucket);
    for (int i = 0; i < round; i++) span = wt_half(span, exchange->comm->rank, i);
    return span;
}

/* What the partner keeps in a round. */
static wt_span wt_others(const wt_exchange *exchange, int bucket, int round) {
    return wt_half(wt_held(exchange, bucket, round), wt_partner(exchange, round), round);
}

static int wt_span_count(wt_span span) {
    return (int)(span.end - span.first);
}

/* Where a round's half arrives: the rounds stand one after the other. */
static float *wt_arrival(const wt_exchange *exchange, int number, int round) {
    float *at = exchange->received + (size_t)number * exchange->received_each;
    for (int i = 0; i < round; i++) {
        wt_span span = wt_held(exchange, exchange->flights[number].bucket, i + 1);
        at += (span.end - span.first + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT * WT_SLICE_UNIT;
    }
    return at;
}

/* --- messages --- */

static void wt_expect_halves(wt_exchange *exchange, int bucket) {
    int number = bucket % exchange->flight_count;
    wt_flight *flight = &exchange->flights[number];
    *flight = (wt_flight){.bucket = bucket};
    for (int round = 0; round < exchange->rounds; round++) {
        int count = wt_span_count(wt_held(exchange, bucket, round + 1));
        flight->left += wt_receive(exchange, number, wt_place(exchange, WT_HALF_IN, round), round,
                                   wt_partner(exchange, round), wt_arrival(exchange, number, round), count);
        if (count == 0) flight->arrived |= 1u << round;
    }
}

/* The half that the partner keeps has gone, so it may come back finished. */
static void wt_expect_back(wt_exchange *exchange, int number, int round) {
    wt_flight *flight = &exchange->flights[number];
    wt_span span = wt_others(exchange, flight->bucket, round);
    flight->left += wt_receive(exchange, number, wt_place(exchange, WT_FINISHED_IN, round),
                               exchange->rounds + round, wt_partner(exchange, round),
                               exchange->stacked[0] + span.first, wt_span_count(span));
    if (wt_span_count(span) == 0) flight->returned |= 1u << round;
}

static void wt_send_half(wt_exchange *exchange, int number, int round) {
    wt_flight *flight = &exchange->flights[number];
    wt_span span = wt_others(exchange, flight->bucket, round);
    flight->left += wt_send(exchange, number, wt_place(exchange, WT_HALF_OUT, round), round,
                            wt_partner(exchange, round), exchange->stacked[0] + span.first,
                            wt_span_count(span));
    if (wt_span_count(span) == 0) wt_expect_back(exchange, number, round);
}

static void wt_send_back(wt_exchange *exchange, int number, int round) {
    wt_flight *flight = &exchange->flights[number];
    wt_span span = wt_held(exchange, flight->bucket, round + 1);
    flight->left += wt_send(exchange, number, wt_place(exchange, WT_FINISHED_OUT, round),
                            exchange->rounds + round, wt_partner(exchange, round),
                            exchange->stacked[0] + span.first, wt_span_count(span));
}

static void wt_set_out_halves(wt_exchange *exchange, int number) {
    wt_send_half(exchange, number, 0);
}

static void wt_note_half(wt_exchange *exchange, int number, int at) {
    wt_flight *flight = &exchange->flights[number];
    int message = at / exchange->rounds, round = at % exchange->rounds;
    if (message == WT_HALF_IN) flight->arrived |= 1u << round;
    if (message == WT_HALF_OUT) wt_expect_back(exchange, number, round);
    if (message == WT_FINISHED_IN) flight->returned |= 1u << round;
    flight->left--;
}

/* --- rounds --- */

static void wt_add_half(wt_exchange *exchange, int number, int round, wt_move how) {
    wt_span span = wt_held(exchange, exchange->flights[number].bucket, round + 1);
    float *sum = exchange->stacked[0] + span.first;
    const float *arrived = wt_arrival(exchange, number, round);
    size_t count = span.end - span.first;
    double began = wt_time_now();
#pragma omp parallel for schedule(static) if (how != WT_MOVE_ALONE)
    for (size_t at = 0; at < count; at += WT_ADD_BLOCK) {
        exchange->add(sum + at, arrived + at, count - at < WT_ADD_BLOCK ? count - at : WT_ADD_BLOCK);
    }
    exchange->added += wt_time_now() - began;
}

/* The round there is done: on to the next one, or back. */
static void wt_after_half(wt_exchange *exchange, int number, wt_move how) {
    int round = exchange->flights[number].round++;
    wt_add_half(exchange, number, round, how);
    if (round + 1 < exchange->rounds) {
        wt_send_half(exchange, number, round + 1);
    } else {
        wt_send_back(exchange, number, round);
    }
}

static bool wt_go_through_rounds(wt_exchange *exchange, int number, wt_move how) {
    wt_flight *flight = &exchange->flights[number];
    int began = flight->round, rounds = exchange->rounds;
    while (flight->round < rounds && flight->arrived >> flight->round & 1) {
        wt_after_half(exchange, number, how);
    }
    /* what came back in a round is part of what goes back in the one before */
    while (flight->round >= rounds && flight->round < 2 * rounds - 1 &&
           flight->returned >> (2 * rounds - 1 - flight->round) & 1) {
        wt_send_back(exchange, number, 2 * rounds - 2 - flight->round);
        flight->round++;
    }
    flight->added = flight->round == 2 * rounds - 1;
    return flight->round > began;
}

const wt_pattern wt_pattern_halving = {
    .create = wt_halving_create,
    .expect = wt_expect_halves,
    .set_out = wt_set_out_halves,
    .note = wt_note_half,
    .go_on = wt_go_through_rounds,
};
