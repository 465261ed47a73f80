/*
 * The exchange against the tree that its header defines, computed here by recursion: the same bits on every
 * rank, for any number of ranks, lanes and open lanes, and step after step.
 */
#include <math.h>
#include <string.h>

#include "all_ranks.h"
#include "wavetrain/random.h"

enum { STEPS = 3 };

static void add(float *sum, const float *other, size_t count) {
    for (size_t i = 0; i < count; i++) sum[i] += other[i];
}

/* A lane's gradient: magnitudes from 2⁻¹⁰ to 2¹⁰, so that another order of addition gives other bits. */
static void fill_lane(float *out, int lane, int step, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t words[4];
        wt_random_words(words, (uint64_t)step, WT_RANDOM_TEST, (uint64_t)lane, i);
        out[i] = ldexpf((float)(int32_t)words[0], (int)(words[1] % 21) - 41);
    }
}

/* sum over lanes first … end−1 in `sum`; `room` has place for log₂(lanes) more buffers. */
static void direct_sum(float *sum, float *room, int first, int end, int step, size_t count) {
    if (end - first == 1) {
        fill_lane(sum, first, step, count);
        return;
    }
    int power = 1;
    while (power * 2 < end - first) power *= 2;
    direct_sum(sum, room, first, first + power, step, count);
    direct_sum(room, room + count, first + power, end, step, count);
    add(sum, room, count);
}

typedef struct {
    int lanes, open_lanes;
    size_t count;
} shape;

static bool all_zero(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (values[i] != 0 || signbit(values[i])) return false;
    }
    return true;
}

/* Gives all lanes of this rank in waves; whether every buffer came zeroed. */
static bool give_lanes(wt_exchange *exchange, const shape *s, int step) {
    int first, end;
    bool zeroed = true;
    wt_comm_lanes(wt_comm_rank(comm), wt_comm_size(comm), s->lanes, &first, &end);
    for (int wave = first; wave < end; wave += s->open_lanes) {
        int stop = wave + s->open_lanes < end ? wave + s->open_lanes : end;
        for (int lane = wave; lane < stop; lane++) {
            float *buffer = wt_exchange_lane(exchange, lane);
            zeroed = zeroed && all_zero(buffer, s->count);
            fill_lane(buffer, lane, step, s->count);
        }
        for (int lane = wave; lane < stop; lane++) wt_exchange_lane_done(exchange, lane);
    }
    return zeroed;
}

static void assert_exchanged(const shape *s) {
    wt_exchange *exchange;
    float *expected;
    assert_all(wt_alloc(&expected, 8 * s->count, sizeof *expected, "a test") == WT_OK);
    assert_all(wt_exchange_create(&exchange, comm, s->lanes, s->open_lanes, s->count, add) == WT_OK);
    for (int step = 0; step < STEPS; step++) {
        bool zeroed = give_lanes(exchange, s, step);
        const float *sum = wt_exchange_complete(exchange);
        direct_sum(expected, expected + s->count, 0, s->lanes, step, s->count);
        assert_all(zeroed);
        assert_all(memcmp(sum, expected, s->count * sizeof *sum) == 0);
    }
    wt_exchange_destroy(exchange);
    wt_free(expected);
}

/* One, two and all of a rank's lanes open at once. */
static void assert_waves(int lanes, size_t count) {
    int size = wt_comm_size(comm), most = (lanes + size - 1) / size;
    for (int open = 1; open <= 2 && open <= most; open++) assert_exchanged(&(shape){lanes, open, count});
    assert_exchanged(&(shape){lanes, most, count});
}

static void test_every_number_of_lanes(void **state) {
    (void)state;
    for (int lanes = wt_comm_size(comm); lanes <= 17; lanes++) assert_waves(lanes, 77);
    assert_waves(32, 161);
}

static void test_few_elements(void **state) {
    (void)state;
    size_t ranks = (size_t)wt_comm_size(comm);
    const size_t counts[] = {1, 15, 16, 17, 16 * ranks - 1, 16 * ranks, 16 * ranks + 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_exchanged(&(shape){(int)ranks, 1, counts[i]});
        assert_exchanged(&(shape){(int)ranks + 3, 2, counts[i]});
    }
}

static void test_many_elements(void **state) {
    (void)state;
    assert_exchanged(&(shape){9, 2, 50001}); /* more than a thread adds at a time */
}

static void test_order_would_show(void **state) {
    (void)state;
    enum { COUNT = 1000, LANES = 5 };
    static float tree[COUNT], room[4 * COUNT], chain[COUNT];
    direct_sum(tree, room, 0, LANES, 0, COUNT);
    fill_lane(chain, 0, 0, COUNT);
    for (int lane = 1; lane < LANES; lane++) {
        fill_lane(room, lane, 0, COUNT);
        add(chain, room, COUNT);
    }
    int differences = 0;
    for (int i = 0; i < COUNT; i++) differences += tree[i] != chain[i];
    assert_all(differences > COUNT / 20);
}

static void test_destroying_nothing(void **state) {
    (void)state;
    wt_exchange_destroy(NULL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_would_show),   cmocka_unit_test(test_every_number_of_lanes),
        cmocka_unit_test(test_few_elements),       cmocka_unit_test(test_many_elements),
        cmocka_unit_test(test_destroying_nothing),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
