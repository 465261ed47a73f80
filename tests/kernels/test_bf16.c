/*
 * bf16 products: the arithmetic of bf16.h against the processor's instructions, bit for bit, and every table
 * of bf16 products against every other. Numbers are drawn from all bits, from moderate exponents, from around
 * the least normal number, and from a list of special ones; the thread's denormal modes are both on and off,
 * which the instructions don't heed.
 */
#include "kernel_matrix.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "backend.h"
#include "bf16.h"
#include "kernels_internal.h"

static uint64_t words(uint64_t index) {
    uint32_t out[4];
    wt_random_words(out, 12, WT_RANDOM_TEST, 0, index);
    return (uint64_t)out[1] << 32 | out[0];
}

static bool has_instructions(void) {
    const char *lack = test_cpu_lacks(WT_BACKEND_AVX512, WT_PRECISION_BF16);
    if (lack) print_message("skipped: the instructions need %s, which this CPU lacks\n", lack);
    return !lack;
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vl,avx512bf16"))) static uint32_t round_by_instruction(uint32_t value) {
    const __m128bh rounded = _mm_cvtneps_pbh(_mm_castsi128_ps(_mm_set1_epi32((int)value)));
    return (uint32_t)_mm_cvtsi128_si32((__m128i)rounded) & 0xffffu;
}

__attribute__((target("avx512f,avx512vl,avx512bf16"))) static uint32_t add_by_instruction(uint32_t sum,
                                                                                          uint32_t x,
                                                                                          uint32_t w) {
    const __m128bh pairs = (__m128bh)_mm_set1_epi32((int)x), weights = (__m128bh)_mm_set1_epi32((int)w);
    const __m128 result = _mm_dpbf16_ps(_mm_castsi128_ps(_mm_set1_epi32((int)sum)), pairs, weights);
    return (uint32_t)_mm_cvtsi128_si32(_mm_castps_si128(result));
}
#else
static uint32_t round_by_instruction(uint32_t value) {
    return value;
}

static uint32_t add_by_instruction(uint32_t sum, uint32_t x, uint32_t w) {
    return sum + x + w;
}
#endif

/* --- rounding --- */

static void check_rounding(uint32_t bits) {
    const uint32_t got = wt_bf16_round(wt_bf16_bits_float(bits)), want = round_by_instruction(bits);
    if (got != want) fail_msg("rounding of %08x: got %04x, expected %04x", bits, got, want);
}

/* Every 251st of all floats, and those beside each number of bf16 and halfway between two. */
static void test_bf16_rounding(void **state) {
    (void)state;
    if (!has_instructions()) skip();
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 251) check_rounding((uint32_t)bits);
    for (uint32_t high = 0; high < 65536; high++) {
        static const uint32_t low[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
        for (int i = 0; i < 6; i++) check_rounding(high << 16 | low[i]);
    }
}

/* What needs no instruction: ties go to even, denormals to zero, the largest to infinity, a NaN stays one. */
static void test_known_roundings(void **state) {
    (void)state;
    static const uint32_t known[][2] = {
        {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81},
        {0x807fffff, 0x8000}, {0x00800000, 0x0080}, {0x7f7fffff, 0x7f80},
        {0xff7f7fff, 0xff7f}, {0x7f800001, 0x7fc0}, {0xff800000, 0xff80},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(wt_bf16_round(wt_bf16_bits_float(known[i][0])), known[i][1]);
    }
}

/* --- a pair --- */

static const uint32_t specials[] = {
    0x0000, 0x8000, 0x0001, 0x8001, 0x007f, 0x807f, 0x0080, 0x8080, 0x7f80, 0xff80, 0x7fc0, 0xffc1,
    0x7f81, 0xff82, 0x3f80, 0xbf80, 0x7f7f, 0xff7f, 0x0100, 0x7e80, 0x2000, 0x9fff, 0x5f80, 0xdfff,
};
enum { SPECIALS = sizeof specials / sizeof *specials, KINDS = 4 };

/* `bits` with an exponent from `least` on, of `count`, that `choice` chooses. */
static uint32_t with_exponent(uint32_t bits, uint32_t least, uint32_t count, uint32_t choice) {
    return (bits & 0x807fu) | (least + choice % count) << 7;
}

/* One of the four factors. */
static uint32_t draw_factor(int kind, uint32_t bits, uint32_t choice) {
    switch (kind) {
    case 0: return bits & 0xffffu;
    case 1: return with_exponent(bits, 112, 30, choice);
    case 2: return with_exponent(bits, 55, 18, choice); /* products around 2^-126 */
    default: return specials[choice % SPECIALS];
    }
}

static uint32_t draw_sum(int kind, uint32_t bits, uint32_t choice) {
    switch (kind) {
    case 0: return bits;
    case 1: return with_exponent(bits >> 16, 100, 50, choice) << 16 | (bits & 0xffffu);
    case 2: return with_exponent(bits >> 16, 0, 24, choice) << 16 | (bits & 0xffffu);
    default: return specials[choice % SPECIALS] << 16 | (choice & 64 ? 0x1234u : 0);
    }
}

static void check_pair(uint32_t sum, uint32_t x, uint32_t w) {
    const uint32_t got = wt_bf16_add_pair(sum, x, w), want = add_by_instruction(sum, x, w);
    if (got != want) fail_msg("%08x + %08x·%08x: got %08x, expected %08x", sum, x, w, got, want);
}

static void check_pairs(void) {
    for (int kind = 0; kind < KINDS; kind++) {
        for (uint64_t i = 0; i < 200000; i++) {
            const uint64_t index = 3 * (i * KINDS + (uint64_t)kind), a = words(index), b = words(index + 1);
            const uint64_t c = words(index + 2);
            uint32_t factor[4];
            for (int k = 0; k < 4; k++) {
                factor[k] = draw_factor(kind, (uint32_t)(a >> 16 * k), (uint32_t)(b >> 16 * k) & 0xffffu);
            }
            check_pair(draw_sum(kind, (uint32_t)c, (uint32_t)(c >> 32)), factor[0] | factor[1] << 16,
                       factor[2] | factor[3] << 16);
        }
    }
}

/* Sums just below the least normal number, where it depends on when one rounds whether they are zero. */
static void check_least_normals(void) {
    for (int e = -156; e <= -140; e++) {
        for (uint32_t mantissa = 0; mantissa < 128; mantissa++) {
            const uint32_t a = (uint32_t)(127 + e / 2) << 7 | mantissa,
                           b = (uint32_t)(127 + e - e / 2) << 7 | 0x8000;
            for (uint32_t sum = 0x00800000; sum < 0x00800004; sum++) {
                check_pair(sum, a, b);
                check_pair(sum, a << 16, b << 16);
                check_pair(sum ^ 0x80000000u, a, b ^ 0x8000u);
            }
        }
    }
}

static void test_pairs(void **state) {
    (void)state;
    if (!has_instructions()) skip();
    check_pairs();
    check_least_normals();
}

/* Also where denormals are flushed by every other instruction. */
static void test_pairs_in_a_thread_of_kernels(void **state) {
    wt_kernels_setup_thread();
    test_pairs(state);
}

/* --- tables against each other --- */

/* Values of a kind: random, moderate, tiny, or with a special one now and then. */
static void fill_matrix(matrix *m, int kind, uint64_t key) {
    for (int t = 0; t < m->rows; t++) {
        for (int c = 0; c < m->columns; c++) {
            const uint64_t word = words((key << 32) + (uint64_t)t * (uint64_t)m->columns + (uint64_t)c);
            const uint32_t choice = (uint32_t)(word >> 32), low = (uint32_t)word;
            float *value = matrix_at(m, t, c);
            if (kind == 1) *value *= 0x1p-60f;
            if (kind == 2)
                *value = wt_bf16_bits_float(with_exponent(low >> 16, 50, 30, choice) << 16 | (low & 0xffffu));
            if (kind == 3 && choice % 97 == 0) *value = wt_bf16_bits_float(specials[low % SPECIALS] << 16);
        }
    }
}

typedef struct {
    matrix packed, y, dw;
} results;

typedef struct {
    int rows, in, out, kind;
    bool turned;
} shape;

static matrix make_matrix(int rows, int columns, int padding, int kind, uint64_t key) {
    matrix m = matrix_create(rows, columns, padding, 0, key);
    fill_matrix(&m, kind, key);
    return m;
}

/* Everything that a table does with a shape; two operands, the second without its last channel. */
static results run_products(const wt_kernels *k, const shape *s) {
    matrix x = make_matrix(s->rows, s->in, 3, s->kind, 1), dy = make_matrix(s->rows, s->out, 1, s->kind, 2);
    matrix w = make_matrix(s->turned ? s->out : s->in, s->turned ? s->in : s->out, 0, s->kind, 3),
           add = make_matrix(s->rows, s->out, 2, 0, 4);
    matrix bias = make_matrix(1, s->out, 0, 0, 5);
    results r = {matrix_create(1, (int)k->packed_count(s->in, s->out), 0, 0, 6),
                 matrix_create(s->rows, s->out, 5, 0, 7), make_matrix(s->in, s->out, 4, s->kind, 8)};
    k->pack(r.packed.values, w.values, s->in, s->out, s->turned, 0.75f);
    const wt_operand operands[2] = {{x.values, r.packed.values, x.stride, s->in, NULL},
                                    {x.values, r.packed.values, x.stride, s->in, NULL}};
    k->multiply(r.y.values, r.y.stride, s->rows, s->out, operands, 1 + s->rows % 2,
                &(wt_finish){bias.values, add.values, add.stride, 0.5f});
    k->convolve_weights(r.dw.values, r.dw.stride, x.values, x.stride, dy.values, dy.stride, s->rows, s->in,
                        s->out);
    matrix_destroy(&x), matrix_destroy(&dy), matrix_destroy(&w), matrix_destroy(&add), matrix_destroy(&bias);
    return r;
}

/* Which NaN comes out of two is the tables' own affair. */
static void check_equal(const matrix *a, const matrix *b, const char *name, const char *what,
                        const shape *s) {
    for (int t = 0; t < a->rows; t++) {
        for (int c = 0; c < a->columns; c++) {
            const uint32_t got = wt_bf16_float_bits(*matrix_at(a, t, c)),
                           want = wt_bf16_float_bits(*matrix_at(b, t, c));
            if (got == want || (wt_bf16_is_nan(got) && wt_bf16_is_nan(want))) continue;
            fail_msg("%s, %s, %d × %d × %d, kind %d, [%d, %d]: got %08x, expected %08x", name, what, s->rows,
                     s->in, s->out, s->kind, t, c, got, want);
        }
    }
}

static void compare_tables(const shape *s) {
    const wt_kernels *tables[WT_KERNEL_TABLES];
    const int count = wt_kernels_tables(tables, WT_PRECISION_BF16);
    results want = run_products(tables[0], s);
    for (int k = 1; k < count; k++) {
        results got = run_products(tables[k], s);
        assert_int_equal(got.packed.columns, want.packed.columns);
        matrix_check_same(&got.packed, &want.packed);
        check_equal(&got.y, &want.y, tables[k]->name, "a product", s);
        check_equal(&got.dw, &want.dw, tables[k]->name, "a gradient", s);
        matrix_check_padding(&got.packed), matrix_check_padding(&got.y), matrix_check_padding(&got.dw);
        matrix_destroy(&got.packed), matrix_destroy(&got.y), matrix_destroy(&got.dw);
    }
    matrix_destroy(&want.packed), matrix_destroy(&want.y), matrix_destroy(&want.dw);
}

static void test_tables_agree(void **state) {
    (void)state;
    static const int sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 37, 63, 65};
    wt_kernels_setup_thread();
    for (int i = 0; i < 14; i++) {
        for (int o = 0; o < 14; o++) {
            const int rows = sizes[(3 * i + o) % 14], kind = (i + o) % KINDS;
            compare_tables(&(shape){rows, sizes[i], sizes[o], kind, (i + o / 2) % 2 == 1});
        }
    }
}

/* Beyond the sizes at which the instructions' table takes its work in pieces: rows of a call, channels of a
 * row. */
static void test_tables_agree_on_large_shapes(void **state) {
    (void)state;
    static const shape shapes[] = {
        {193, 24, 40, 0, false}, {385, 13, 33, 1, true},  {25, 700, 35, 2, false},  {13, 1031, 17, 3, false},
        {14, 2500, 34, 0, true}, {11, 2049, 33, 3, true}, {201, 260, 19, 1, false},
    };
    wt_kernels_setup_thread();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) compare_tables(&shapes[i]);
}

static void test_choice(void **state) {
    (void)state;
    const wt_kernels *table, *tables[WT_KERNEL_TABLES];
    const int count = wt_kernels_tables(tables, WT_PRECISION_BF16);
    assert_int_equal(wt_kernels_select(&table, WT_BACKEND_AUTO, WT_PRECISION_BF16), WT_OK);
    assert_ptr_equal(table, tables[count - 1]);
    assert_int_equal(wt_kernels_select(&table, WT_BACKEND_REFERENCE, WT_PRECISION_BF16), WT_OK);
    assert_string_equal(table->name, "bf16_baseline");
    assert_int_equal(wt_kernels_select(&table, WT_BACKEND_OPENBLAS, WT_PRECISION_BF16), WT_USAGE);
    assert_int_equal(wt_kernels_select(&table, WT_BACKEND_AUTO, WT_PRECISION_FP32), WT_OK);
    assert_null(strstr(table->name, "bf16"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_roundings), cmocka_unit_test(test_bf16_rounding),
        cmocka_unit_test(test_pairs),           cmocka_unit_test(test_pairs_in_a_thread_of_kernels),
        cmocka_unit_test(test_tables_agree),    cmocka_unit_test(test_tables_agree_on_large_shapes),
        cmocka_unit_test(test_choice),          cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests_name("bf16", tests, NULL, NULL);
}
