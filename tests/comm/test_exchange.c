/*
 * The exchange against the tree that its header defines, computed here by recursion: the same bits on every
 * rank, for any number of ranks, microbatches and open microbatches, any buckets, either way of driving
 * messages, and step after step.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "all_ranks.h"
#include "base/random.h"
#include "base/timer.h"
#include "exchange_internal.h"

enum { STEPS = 3 };

static void add_floats(float *sum, const float *other, size_t count) {
    for (size_t i = 0; i < count; i++) sum[i] += other[i];
}

/* A microbatch's gradient: magnitudes from 2⁻¹⁰ to 2¹⁰, so that another order of addition gives other
 * bits. */
static void fill_microbatch(float *out, int microbatch, int step, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        uint32_t words[4];
        wt_random_words(words, (uint64_t)step, WT_RANDOM_TEST, (uint64_t)microbatch, i);
        out[i] = ldexpf((float)(int32_t)words[0], (int)(words[1] % 21) - 41);
    }
}

/* sum over microbatches first … end−1 in `sum`; `room` has place for log₂(microbatches) more buffers. */
static void direct_sum(float *sum, float *room, int first, int end, int step, size_t count) {
    if (end - first == 1) {
        fill_microbatch(sum, first, step, 0, count);
        return;
    }
    int power = 1;
    while (power * 2 < end - first) power *= 2;
    direct_sum(sum, room, first, first + power, step, count);
    direct_sum(room, room + count, first + power, end, step, count);
    add_floats(sum, room, count);
}

typedef struct {
    int microbatches, open_microbatches;
    size_t count, bucket;
    bool thread;
} shape;

/* Hands the wave over in ranges of many lengths, other ones on each rank and step. Elements that are not
 * handed over yet are spoilt until then, in all microbatches: nobody may have read them. */
static void hand_over_ranges(wt_exchange *exchange, float *const *buffers, const shape *s, int wave,
                             int microbatches, int step) {
    uint64_t number = 0;
    for (size_t end = s->count; end > 0;) {
        uint32_t words[4];
        wt_random_words(words, (uint64_t)step, WT_RANDOM_TEST, (uint64_t)wave + 1000, number++);
        size_t part = 1 + (words[0] % 4 == 0 ? words[1] % s->count : words[1] % 40);
        size_t offset = part < end ? end - part : 0;
        for (int i = 0; i < microbatches; i++) fill_microbatch(buffers[i], wave + i, step, offset, end);
        wt_exchange_ready(exchange, offset, end - offset);
        wt_exchange_advance(exchange);
        end = offset;
    }
}

/* Gives all microbatches of this rank in waves. */
static void give_microbatches(wt_exchange *exchange, const shape *s, int step) {
    enum { MICROBATCHES_MAX = 64 };
    int first, end;
    float *buffers[MICROBATCHES_MAX];
    wt_comm_microbatches(wt_comm_rank(comm), wt_comm_size(comm), s->microbatches, &first, &end);
    for (int wave = first; wave < end; wave += s->open_microbatches) {
        int microbatches = s->open_microbatches < end - wave ? s->open_microbatches : end - wave;
        for (int i = 0; i < microbatches; i++) {
            buffers[i] = wt_exchange_microbatch(exchange, wave + i);
            memset(buffers[i], 0x7f, s->count * sizeof(float));
        }
        hand_over_ranges(exchange, buffers, s, wave, microbatches, step);
    }
}

static wt_exchange *create_shaped_exchange(const shape *s) {
    wt_exchange *exchange;
    const wt_exchange_shape full = {.microbatches = s->microbatches,
                                    .open_microbatches = s->open_microbatches,
                                    .count = s->count,
                                    .bucket = s->bucket,
                                    .thread = s->thread,
                                    .add = add_floats};
    assert_all(wt_exchange_create(&exchange, comm, &full) == WT_OK);
    return exchange;
}

static void assert_exchanged(const shape *s) {
    float *expected;
    assert_all(wt_alloc(&expected, 8 * s->count, sizeof *expected, "a test") == WT_OK);
    wt_exchange *exchange = create_shaped_exchange(s);
    for (int step = 0; step < STEPS; step++) {
        double added = -1;
        give_microbatches(exchange, s, step);
        const float *sum = wt_exchange_complete(exchange, step ? &added : NULL);
        direct_sum(expected, expected + s->count, 0, s->microbatches, step, s->count);
        assert_all(step == 0 || added >= 0);
        assert_all(memcmp(sum, expected, s->count * sizeof *sum) == 0);
    }
    wt_exchange_destroy(exchange);
    wt_free(expected);
}

/* One, two and all of a rank's microbatches open at once; a bucket of everything, and by turns an odd one. */
static void assert_waves(int microbatches, size_t count) {
    static const size_t buckets[] = {16, 33, 70};
    int size = wt_comm_size(comm), most = (microbatches + size - 1) / size;
    for (int open = 1; open <= 2 && open <= most; open++) {
        assert_exchanged(
            &(shape){microbatches, open, count, buckets[(microbatches + open) % 3], microbatches % 2 == 0});
    }
    assert_exchanged(&(shape){microbatches, most, count, 4096, microbatches % 2 == 1});
}

/* Ranks whose waves differ: each chooses by itself how many microbatches it opens. */
static void test_waves_of_its_own(void **state) {
    (void)state;
    int rank = wt_comm_rank(comm), size = wt_comm_size(comm);
    for (int thread = 0; thread < 2; thread++) {
        assert_exchanged(&(shape){3 * size + 1, 1 + rank % 3, 161, 48, thread == 1});
    }
}

/* Every bucket size with both drives; more buckets than can be on their way, and slices of nothing. */
static void test_buckets(void **state) {
    (void)state;
    static const size_t buckets[] = {0, 1, 16, 31, 100, 1000, 4999, 5000, 5001, 1 << 30};
    int microbatches = wt_comm_size(comm) + 2;
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
        assert_exchanged(&(shape){microbatches, 2, 5001, buckets[i], false});
        assert_exchanged(&(shape){microbatches, 2, 5001, buckets[i], true});
    }
}

/* One rank comes much later than the others, another one each time. */
static void test_late_ranks(void **state) {
    (void)state;
    int size = wt_comm_size(comm);
    enum { COUNT = 3000 };
    for (int thread = 0; thread < 2; thread++) {
        shape s = {2 * size, 1, COUNT, 128, thread == 1};
        static float expected[8 * COUNT];
        wt_exchange *exchange = create_shaped_exchange(&s);
        for (int step = 0; step < size; step++) {
            if (step == wt_comm_rank(comm)) usleep(20000);
            give_microbatches(exchange, &s, step);
            const float *sum = wt_exchange_complete(exchange, NULL);
            direct_sum(expected, expected + COUNT, 0, s.microbatches, step, COUNT);
            assert_all(memcmp(sum, expected, COUNT * sizeof *sum) == 0);
        }
        wt_exchange_destroy(exchange);
    }
}

enum { OVERLAP_BUCKETS = 6, OVERLAP_BUCKET = 512 };

/* All buckets but the one at the buffer's beginning are ready; moves them along for `seconds` at most. How
 * many of them have gone all the way. */
static int hold_back_the_last(wt_exchange *exchange, double seconds) {
    int done = 0;
    double began = wt_time_now();
    float *microbatch = wt_exchange_microbatch(exchange, exchange->first);
    fill_microbatch(microbatch, exchange->first, 0, 0, OVERLAP_BUCKETS * OVERLAP_BUCKET);
    wt_exchange_ready(exchange, OVERLAP_BUCKET, (OVERLAP_BUCKETS - 1) * OVERLAP_BUCKET);
    while (done < OVERLAP_BUCKETS - 1 && wt_time_now() < began + seconds) {
        usleep(100);
        wt_exchange_advance(exchange);
        wt_exchange_lock(exchange);
        done = exchange->buckets.done;
        wt_exchange_unlock(exchange);
    }
    return done;
}

/* While a rank still computes the last bucket, the others are sent, added and back: not only handed to MPI.
 * With `after`, none is. */
static void test_overlap(void **state) {
    (void)state;
    enum { TEST, THREAD, AFTER, DRIVES };
    if (wt_comm_size(comm) == 1) return;
    for (int drive = 0; drive < DRIVES; drive++) {
        wt_exchange *exchange;
        const wt_exchange_shape full = {.microbatches = wt_comm_size(comm),
                                        .open_microbatches = 1,
                                        .count = OVERLAP_BUCKETS * OVERLAP_BUCKET,
                                        .bucket = OVERLAP_BUCKET,
                                        .thread = drive == THREAD,
                                        .after = drive == AFTER,
                                        .add = add_floats};
        int expected = drive == AFTER ? 0 : OVERLAP_BUCKETS - 1, buckets, early;
        assert_all(wt_exchange_create(&exchange, comm, &full) == WT_OK);
        int done = hold_back_the_last(exchange, drive == AFTER ? 0.05 : 20);
        wt_exchange_ready(exchange, 0, OVERLAP_BUCKET);
        wt_exchange_complete(exchange, NULL);
        wt_exchange_count_buckets(exchange, &buckets, &early);
        assert_all(done == expected && early == expected && buckets == OVERLAP_BUCKETS);
        wt_exchange_destroy(exchange);
    }
}

static void test_every_number_of_microbatches(void **state) {
    (void)state;
    for (int microbatches = wt_comm_size(comm); microbatches <= 17; microbatches++)
        assert_waves(microbatches, 77);
    assert_waves(32, 161);
}

static void test_few_elements(void **state) {
    (void)state;
    size_t ranks = (size_t)wt_comm_size(comm);
    const size_t counts[] = {1, 15, 16, 17, 16 * ranks - 1, 16 * ranks, 16 * ranks + 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_exchanged(&(shape){(int)ranks, 1, counts[i], 16, false});
        assert_exchanged(&(shape){(int)ranks + 3, 2, counts[i], 40, true});
    }
}

static void test_many_elements(void **state) {
    (void)state;
    assert_exchanged(&(shape){9, 2, 50001, 1 << 20, false}); /* more than a thread adds at a time */
    assert_exchanged(&(shape){9, 2, 50001, 20000, true});
}

static void test_order_would_show(void **state) {
    (void)state;
    enum { COUNT = 1000, MICROBATCHES = 5 };
    static float tree[COUNT], room[4 * COUNT], chain[COUNT];
    direct_sum(tree, room, 0, MICROBATCHES, 0, COUNT);
    fill_microbatch(chain, 0, 0, 0, COUNT);
    for (int microbatch = 1; microbatch < MICROBATCHES; microbatch++) {
        fill_microbatch(room, microbatch, 0, 0, COUNT);
        add_floats(chain, room, COUNT);
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
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_order_would_show),
        cmocka_unit_test(test_every_number_of_microbatches),
        cmocka_unit_test(test_few_elements),
        cmocka_unit_test(test_many_elements),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_waves_of_its_own),
        cmocka_unit_test(test_late_ranks),
        cmocka_unit_test(test_destroying_nothing),
    };
    RUN_ALL_RANKS(tests, argc, argv);
}
