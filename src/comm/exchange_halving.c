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
#include "base/timer.h"
#include "exchange_internal.h"

bool wt_halving_fits(const wt_exchange *exchange) {
    int ranks = exchange->comm->size, microbatches = exchange->microbatches;
    return (ranks & (ranks - 1)) == 0 && (microbatches & (microbatches - 1)) == 0;
}

/* Requests and tags of a bucket in flight: for each round a half from and to the partner, then a finished
 * half from and to. */
enum { WT_HALF_IN, WT_HALF_OUT, WT_FINISHED_IN, WT_FINISHED_OUT, WT_HALVING_MESSAGES };

/* What there is to remember of a bucket in flight. */
typedef struct {
    int round;                  /* rounds that are done */
    unsigned arrived, returned; /* of which rounds, by bit; the second time finished */
} half_flight;

typedef struct {
    int rounds;
    half_flight flights[WT_FLIGHTS_MAX];
} halving;

static int count_rounds(const wt_exchange *exchange) {
    return ((const halving *)exchange->buckets.state)->rounds;
}

static half_flight *find_half_flight(const wt_exchange *exchange, int number) {
    return &((halving *)exchange->buckets.state)->flights[number];
}

static int message_index(const wt_exchange *exchange, int message, int round) {
    return message * count_rounds(exchange) + round;
}

static wt_status create_halving(wt_exchange *exchange) {
    wt_buckets *buckets = &exchange->buckets;
    halving *state;
    WT_TRY(wt_alloc(&state, 1, sizeof *state, "rounds of the exchange"));
    buckets->state = state;
    while (1 << state->rounds < exchange->comm->size) state->rounds++;
    buckets->each = WT_HALVING_MESSAGES * state->rounds;
    buckets->tags = 2 * state->rounds;
    buckets->received_each = (buckets->units + (size_t)state->rounds) * WT_SLICE_UNIT;
    return WT_OK;
}

static void destroy_halving(void *state) {
    wt_free(state);
}

/* --- halves --- */

static int find_partner(const wt_exchange *exchange, int round) {
    return exchange->comm->rank ^ 1 << round;
}

/* The half of a span that is rank's in a round: the lower one where the rank's bit is not set. */
static wt_range find_half(wt_range span, int rank, int round) {
    size_t units = (span.end - span.first + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT;
    size_t middle = span.first + units / 2 * WT_SLICE_UNIT;
    return rank >> round & 1 ? (wt_range){middle, span.end} : (wt_range){span.first, middle};
}

/* What this rank holds of a bucket before a round. */
static wt_range find_held_span(const wt_exchange *exchange, int bucket, int round) {
    wt_range span = wt_buckets_span(exchange, bucket);
    for (int i = 0; i < round; i++) span = find_half(span, exchange->comm->rank, i);
    return span;
}

/* What the partner keeps in a round. */
static wt_range find_partner_span(const wt_exchange *exchange, int bucket, int round) {
    return find_half(find_held_span(exchange, bucket, round), find_partner(exchange, round), round);
}

static int count_span(wt_range span) {
    return (int)(span.end - span.first);
}

/* Where a round's half arrives: the rounds stand one after the other. */
static float *find_receive_buffer(const wt_exchange *exchange, int number, int round) {
    float *at = exchange->buckets.received + (size_t)number * exchange->buckets.received_each;
    for (int i = 0; i < round; i++) {
        wt_range span = find_held_span(exchange, exchange->buckets.flights[number].bucket, i + 1);
        at += (span.end - span.first + WT_SLICE_UNIT - 1) / WT_SLICE_UNIT * WT_SLICE_UNIT;
    }
    return at;
}

/* --- messages --- */

static void post_half_receives(wt_exchange *exchange, int bucket) {
    int number = bucket % exchange->buckets.flight_count;
    wt_flight *flight = &exchange->buckets.flights[number];
    half_flight *half = find_half_flight(exchange, number);
    *flight = (wt_flight){.bucket = bucket};
    *half = (half_flight){0};
    for (int round = 0; round < count_rounds(exchange); round++) {
        int count = count_span(find_held_span(exchange, bucket, round + 1));
        flight->left += wt_buckets_receive(exchange, number, message_index(exchange, WT_HALF_IN, round),
                                           round, find_partner(exchange, round),
                                           find_receive_buffer(exchange, number, round), count);
        if (count == 0) half->arrived |= 1u << round;
    }
}

/* The half that the partner keeps has gone, so it may come back finished. */
static void post_return_receive(wt_exchange *exchange, int number, int round) {
    wt_flight *flight = &exchange->buckets.flights[number];
    wt_range span = find_partner_span(exchange, flight->bucket, round);
    flight->left += wt_buckets_receive(exchange, number, message_index(exchange, WT_FINISHED_IN, round),
                                       count_rounds(exchange) + round, find_partner(exchange, round),
                                       exchange->own.stacked[0] + span.first, count_span(span));
    if (count_span(span) == 0) find_half_flight(exchange, number)->returned |= 1u << round;
}

static void send_half(wt_exchange *exchange, int number, int round) {
    wt_flight *flight = &exchange->buckets.flights[number];
    wt_range span = find_partner_span(exchange, flight->bucket, round);
    flight->left += wt_buckets_send(exchange, number, message_index(exchange, WT_HALF_OUT, round), round,
                                    find_partner(exchange, round), exchange->own.stacked[0] + span.first,
                                    count_span(span));
    if (count_span(span) == 0) post_return_receive(exchange, number, round);
}

static void return_half(wt_exchange *exchange, int number, int round) {
    wt_flight *flight = &exchange->buckets.flights[number];
    wt_range span = find_held_span(exchange, flight->bucket, round + 1);
    flight->left += wt_buckets_send(exchange, number, message_index(exchange, WT_FINISHED_OUT, round),
                                    count_rounds(exchange) + round, find_partner(exchange, round),
                                    exchange->own.stacked[0] + span.first, count_span(span));
}

static void post_halves(wt_exchange *exchange, int number) {
    send_half(exchange, number, 0);
}

static void record_half(wt_exchange *exchange, int number, int at) {
    half_flight *half = find_half_flight(exchange, number);
    int message = at / count_rounds(exchange), round = at % count_rounds(exchange);
    if (message == WT_HALF_IN) half->arrived |= 1u << round;
    if (message == WT_HALF_OUT) post_return_receive(exchange, number, round);
    if (message == WT_FINISHED_IN) half->returned |= 1u << round;
    exchange->buckets.flights[number].left--;
}

/* --- rounds --- */

static void add_half(wt_exchange *exchange, int number, int round, wt_move how) {
    wt_range span = find_held_span(exchange, exchange->buckets.flights[number].bucket, round + 1);
    float *sum = exchange->own.stacked[0] + span.first;
    const float *arrived = find_receive_buffer(exchange, number, round);
    size_t count = span.end - span.first;
    double began = wt_time_now();
#pragma omp parallel for schedule(static) if (how != WT_MOVE_ALONE)
    for (size_t at = 0; at < count; at += WT_ADD_BLOCK) {
        exchange->add(sum + at, arrived + at, count - at < WT_ADD_BLOCK ? count - at : WT_ADD_BLOCK);
    }
    exchange->buckets.added += wt_time_now() - began;
}

/* The round there is done: on to the next one, or back. */
static void finish_round(wt_exchange *exchange, int number, wt_move how) {
    int round = find_half_flight(exchange, number)->round++;
    add_half(exchange, number, round, how);
    if (round + 1 < count_rounds(exchange)) {
        send_half(exchange, number, round + 1);
    } else {
        return_half(exchange, number, round);
    }
}

static bool progress_rounds(wt_exchange *exchange, int number, wt_move how) {
    half_flight *half = find_half_flight(exchange, number);
    int began = half->round, rounds = count_rounds(exchange);
    while (half->round < rounds && half->arrived >> half->round & 1) {
        finish_round(exchange, number, how);
    }
    /* what came back in a round is part of what goes back in the one before */
    while (half->round >= rounds && half->round < 2 * rounds - 1 &&
           half->returned >> (2 * rounds - 1 - half->round) & 1) {
        return_half(exchange, number, 2 * rounds - 2 - half->round);
        half->round++;
    }
    exchange->buckets.flights[number].added = half->round == 2 * rounds - 1;
    return half->round > began;
}

const wt_pattern wt_pattern_halving = {
    .create = create_halving,
    .destroy = destroy_halving,
    .expect = post_half_receives,
    .post = post_halves,
    .record = record_half,
    .progress = progress_rounds,
};
