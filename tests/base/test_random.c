/* Random numbers: Philox's known answers through the documented layout, distributions, and permutations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "wavetrain/base.h"

/* The vectors for philox4x32-10 that Random123 publishes (kat_vectors). */
static const struct {
    uint32_t counter[4], key[2], answer[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static uint64_t join(uint32_t low, uint32_t high) {
    return (uint64_t)high << 32 | low;
}

static void test_known_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t *c = known[i].counter;
        uint32_t words[4];
        /* the purpose is the counter's top byte; b has the 56 bits below it */
        wt_random_words(words, join(known[i].key[0], known[i].key[1]), (wt_random_purpose)(c[3] >> 24),
                        join(c[0], c[1]), join(c[2], c[3] & 0xffffff));
        assert_memory_equal(words, known[i].answer, sizeof words);
    }
}

/* χ² of 64 bins with 63 degrees of freedom: 63 ± 11.2; the draws are fixed, so the test is, too. */
static void assert_uniform(const int bins[64], int draws) {
    double expected = draws / 64.0, sum = 0;
    for (int i = 0; i < 64; i++) sum += (bins[i] - expected) * (bins[i] - expected) / expected;
    assert_true(sum > 20 && sum < 120);
}

static void test_uniform(void **state) {
    (void)state;
    enum { DRAWS = 64000 };
    /* along each part of the key and the counter alone */
    for (int along = 0; along < 3; along++) {
        int bins[64] = {0};
        for (uint64_t i = 0; i < DRAWS; i++) {
            double u = wt_random_uniform(along == 0 ? i : 7, WT_RANDOM_TEST, along == 1 ? i : 5,
                                         along == 2 ? i : 3);
            assert_true(u >= 0.0 && u < 1.0);
            bins[(int)(u * 64)]++;
        }
        assert_uniform(bins, DRAWS);
    }
}

static void test_normal(void **state) {
    (void)state;
    enum { DRAWS = 40000 };
    double sum = 0, squares = 0, fourth = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x = wt_random_normal(1, WT_RANDOM_TEST, 0, i);
        assert_true(isfinite(x) && fabs(x) < 8.6); /* 1 − 2⁻⁵³ gives no more */
        sum += x, squares += x * x, fourth += x * x * x * x;
    }
    assert_true(fabs(sum / DRAWS) < 0.02);
    assert_true(fabs(squares / DRAWS - 1) < 0.03);
    assert_true(fabs(fourth / DRAWS - 3) < 0.2);
}

static void test_purposes_are_unrelated(void **state) {
    (void)state;
    uint32_t words[WT_RANDOM_TEST + 1][4];
    for (int p = WT_RANDOM_INITIAL; p <= WT_RANDOM_TEST; p++) {
        wt_random_words(words[p], 1, (wt_random_purpose)p, 2, 3);
        for (int q = WT_RANDOM_INITIAL; q < p; q++)
            assert_memory_not_equal(words[p], words[q], sizeof words[p]);
    }
}

static uint64_t *permutation(uint64_t count, uint64_t seed, wt_random_purpose purpose, uint64_t a) {
    uint64_t *places;
    assert_int_equal(wt_alloc(&places, count, sizeof *places, "a permutation"), WT_OK);
    for (uint64_t i = 0; i < count; i++) places[i] = wt_random_permute(i, count, seed, purpose, a);
    return places;
}

static void assert_permutation(const uint64_t *places, uint64_t count) {
    char *seen;
    assert_int_equal(wt_alloc(&seen, count, 1, "a permutation"), WT_OK);
    for (uint64_t i = 0; i < count; i++) {
        assert_true(places[i] < count);
        assert_int_equal(seen[places[i]], 0);
        seen[places[i]] = 1;
    }
    wt_free(seen);
}

static void test_permute_is_a_permutation(void **state) {
    (void)state;
    static const uint64_t more[] = {127, 128, 129, 1000, 4095, 4096, 4097, 65536, 65537};
    for (uint64_t n = 1; n <= 70 + sizeof more / sizeof *more; n++) {
        uint64_t count = n <= 70 ? n : more[n - 71];
        uint64_t *places = permutation(count, 9, WT_RANDOM_ORDER, n);
        assert_permutation(places, count);
        wt_free(places);
    }
}

static int same_places(const uint64_t *a, const uint64_t *b, int count) {
    int same = 0;
    for (int i = 0; i < count; i++) same += a[i] == b[i];
    return same;
}

/* Two unrelated permutations agree in one place on average, and hardly ever in ten. */
static void test_permute_differs_by_key(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    uint64_t identity[COUNT], *orders[5];
    for (uint64_t i = 0; i < COUNT; i++) identity[i] = i;
    orders[0] = permutation(COUNT, 1, WT_RANDOM_ORDER, 0);
    orders[1] = permutation(COUNT, 2, WT_RANDOM_ORDER, 0);
    orders[2] = permutation(COUNT, 1, WT_RANDOM_VALIDATION, 0);
    orders[3] = permutation(COUNT, 1, WT_RANDOM_ORDER, 1);
    orders[4] = permutation(COUNT, UINT64_C(1) << 63, WT_RANDOM_ORDER, 0);
    for (int i = 0; i < 5; i++) {
        assert_true(same_places(orders[i], identity, COUNT) < 10);
        for (int j = 0; j < i; j++) assert_true(same_places(orders[i], orders[j], COUNT) < 10);
    }
    for (int i = 0; i < 5; i++) wt_free(orders[i]);
}

static void test_permute_reaches_every_order(void **state) {
    (void)state;
    int counts[6] = {0};
    for (uint64_t a = 0; a < 6000; a++) {
        uint64_t p[3];
        for (uint64_t i = 0; i < 3; i++) p[i] = wt_random_permute(i, 3, 4, WT_RANDOM_ORDER, a);
        counts[p[0] * 2 + (p[1] > p[2])]++;
    }
    for (int i = 0; i < 6; i++) assert_in_range(counts[i], 850, 1150);
}

static void test_permute_of_large_counts(void **state) {
    (void)state;
    static const uint64_t counts[] = {(UINT64_C(1) << 32) + 1, UINT64_C(1) << 62, UINT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        for (uint64_t j = 0; j < 100; j++) {
            assert_true(wt_random_permute(counts[i] - 1 - j, counts[i], 1, WT_RANDOM_ORDER, 2) < counts[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_words),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_purposes_are_unrelated),
        cmocka_unit_test(test_permute_is_a_permutation),
        cmocka_unit_test(test_permute_differs_by_key),
        cmocka_unit_test(test_permute_reaches_every_order),
        cmocka_unit_test(test_permute_of_large_counts),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || wt_memory_blocks() != 0;
}
