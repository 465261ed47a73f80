/*
 * The packed products of one backend, named on the command line: y = (Σ x·w + bias + add)·scale and dw +=
 * xᵀ·dy, against sums in double, over shapes around every size at which a backend changes its way (rows of
 * 6, 12, 192, 384, columns of 8, 16, 32, and the primes beside them). What a backend promises of bits is
 * tested as bits: own products are one chain of fused multiply-adds, computed here with fmaf (bf16: of
 * pairs, by bf16.h; AMX: two chains per group of 16 pairs); all but OpenBLAS give a row the same bits
 * wherever it stands. Arrays end at a page that can't be read, so that nothing beyond them is.
 */
#include "kernel_matrix.h"
#include "support.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "bf16.h"

static const wt_kernels *kernels;

static bool is_openblas(void) {
    return strncmp(kernels->name, "openblas", strlen("openblas")) == 0;
}

static bool is_bf16(void) {
    return strstr(kernels->name, "bf16") != NULL;
}

static bool is_own(void) {
    return is_bf16() || strncmp(kernels->name, "avx", strlen("avx")) == 0;
}

/* An own product's sum so far; AMX: without the pairs of a group that is not full, which are two chains. */
typedef struct {
    float sum, group[2];
    int pairs;
} own_chain;

static void end_group(own_chain *c) {
    if (c->pairs > 0) c->sum += c->group[0] + c->group[1];
    c->group[0] = c->group[1] = 0;
    c->pairs = 0;
}

static float round_to_bf16(float value) {
    return wt_bf16_bits_float(wt_bf16_round(value) << 16);
}

/* Adds two terms, of which an odd last one's second is zeros. */
static void add_two(own_chain *c, const float x[2], const float w[2]) {
    if (strcmp(kernels->name, "amx_bf16") == 0) {
        for (int k = 0; k < 2; k++) c->group[k] = fmaf(round_to_bf16(x[k]), round_to_bf16(w[k]), c->group[k]);
        if (++c->pairs == 16) end_group(c);
    } else if (is_bf16()) {
        c->sum = wt_bf16_bits_float(
            wt_bf16_add_pair(wt_bf16_float_bits(c->sum), wt_bf16_pair(x[0], x[1]), wt_bf16_pair(w[0], w[1])));
    } else {
        c->sum = fmaf(x[1], w[1], fmaf(x[0], w[0], c->sum));
    }
}

/* |got − want| against the sum of the magnitudes that were added; a number rounded to bf16 is off by up to
 * 2^-8 of it. */
static void check_product_sum(double got, double want, double magnitude, const char *what) {
    if (fabs(got - want) <= (is_bf16() ? 2.01 / 256 : 4e-6) * magnitude + 1e-30) return;
    fail_msg("%s: got %.9g, expected %.9g (magnitude %.3g)", what, got, want, magnitude);
}

/* --- a product and all that goes into it --- */

enum { OPERANDS = 4 };
enum { WITH_BIAS = 1, WITH_ADD = 2, ADD_IS_Y = 4, WITH_SCALE = 8, TURNED = 16, VARIANTS = 32 };

typedef struct {
    int rows, out, count, in[OPERANDS], variant;
    matrix x[OPERANDS], w[OPERANDS], packed[OPERANDS], bias, add, y, old;
    float pack_scale;
} product;

static matrix pack_matrix(const matrix *w, int in, int out, bool turned, float scale, int shift) {
    const size_t count = kernels->packed_count(in, out);
    assert_true(count >= (size_t)in * (size_t)out / (is_bf16() ? 2 : 1));
    matrix packed = matrix_create(1, (int)count, 0, shift, 1);
    for (size_t i = 0; i < count; i++) packed.values[i] = NAN; /* all of it is written, or never read */
    kernels->pack(packed.values, w->values, in, out, turned, scale);
    matrix_check_padding(&packed);
    return packed;
}

static product product_create(int rows, int out, int count, const int *in, int variant, int shift) {
    product p = {.rows = rows, .out = out, .count = count, .variant = variant, .pack_scale = 0.8125f};
    const bool turned = variant & TURNED;
    for (int n = 0; n < count; n++) {
        const uint64_t key = 10 + (uint64_t)n;
        p.in[n] = in[n];
        p.x[n] = matrix_create(rows, in[n], n + 1, shift, key);
        p.w[n] = turned ? matrix_create(out, in[n], 0, shift, key + 10)
                        : matrix_create(in[n], out, 0, shift, key + 10);
        p.packed[n] = pack_matrix(&p.w[n], in[n], out, turned, p.pack_scale, shift);
    }
    p.bias = matrix_create(1, out, 0, shift, 2), p.add = matrix_create(rows, out, 3, shift, 3);
    p.y = matrix_create(rows, out, 5, shift, 4), p.old = matrix_create(rows, out, 5, 0, 4);
    return p;
}

static void product_dispose(product *p) {
    for (int n = 0; n < p->count; n++) {
        matrix_destroy(&p->x[n]), matrix_destroy(&p->w[n]), matrix_destroy(&p->packed[n]);
    }
    matrix_destroy(&p->bias), matrix_destroy(&p->add), matrix_destroy(&p->y), matrix_destroy(&p->old);
}

static float product_scale(const product *p) {
    return p->variant & WITH_SCALE ? 0.37f : 1.0f;
}

/* What is added, or NULL; `content` stands for what y held. */
static const matrix *product_add(const product *p, const matrix *content) {
    return !(p->variant & WITH_ADD) ? NULL : p->variant & ADD_IS_Y ? content : &p->add;
}

/* Rows first … first+rows−1 of the product into those of y. */
static void product_run(const product *p, matrix *y, int first, int rows) {
    wt_operand operands[OPERANDS];
    for (int n = 0; n < p->count; n++) {
        operands[n] = (wt_operand){matrix_at(&p->x[n], first, 0), p->packed[n].values, p->x[n].stride,
                                   p->in[n], NULL};
    }
    const matrix *add = product_add(p, y);
    const wt_finish finish = {p->variant & WITH_BIAS ? p->bias.values : NULL,
                              add ? matrix_at(add, first, 0) : NULL, add ? add->stride : 0, product_scale(p)};
    kernels->multiply(matrix_at(y, first, 0), y->stride, rows, p->out, operands, p->count, &finish);
}

static float find_weight(const product *p, int n, int i, int o) {
    const matrix *w = &p->w[n];
    return p->pack_scale * (p->variant & TURNED ? *matrix_at(w, o, i) : *matrix_at(w, i, o));
}

static void check_element(const product *p, int t, int o) {
    const matrix *add = product_add(p, &p->old);
    double want = 0, magnitude = 0;
    own_chain chain = {0};
    for (int n = 0; n < p->count; n++) {
        for (int i = 0; i < p->in[n]; i += 2) {
            float x[2] = {0}, w[2] = {0};
            for (int k = 0; k < 2 && i + k < p->in[n]; k++) {
                x[k] = *matrix_at(&p->x[n], t, i + k), w[k] = find_weight(p, n, i + k, o);
                want += (double)x[k] * w[k];
                magnitude += fabs((double)x[k] * w[k]);
            }
            add_two(&chain, x, w);
        }
        end_group(&chain);
    }
    const float bias = p->variant & WITH_BIAS ? *matrix_at(&p->bias, 0, o) : 0;
    const float added = add ? *matrix_at(add, t, o) : 0;
    const float scale = product_scale(p), got = *matrix_at(&p->y, t, o);
    want = (want + bias + added) * scale;
    check_product_sum(got, want, (magnitude + fabsf(bias) + fabsf(added)) * scale, "a product");
    if (!is_own()) return;
    chain.sum = (chain.sum + bias + added) * scale;
    if (got != chain.sum) fail_msg("own product: got %a, expected %a", (double)got, (double)chain.sum);
}

static void product_check(const product *p) {
    for (int t = 0; t < p->rows; t++) {
        for (int o = 0; o < p->out; o++) check_element(p, t, o);
    }
    matrix_check_padding(&p->y);
}

static void multiply_once(int rows, int out, int count, const int *in, int variant) {
    product p = product_create(rows, out, count, in, variant, 0);
    product shifted = product_create(rows, out, count, in, variant, 3);
    product_run(&p, &p.y, 0, rows);
    product_run(&shifted, &shifted.y, 0, rows);
    product_check(&p);
    matrix_check_same(&p.y, &shifted.y);
    matrix_check_padding(&shifted.y);
    product_dispose(&p);
    product_dispose(&shifted);
}

static const int odd_rows[] = {1, 2, 5, 6, 7, 11, 12, 13, 17, 18, 23, 24, 32, 47, 97};
static const int odd_columns[] = {1,  2,  3,  4,  5,  7,  8,  9,  11, 12, 15, 16, 17, 19, 20, 23, 24, 25,
                                  29, 31, 32, 33, 36, 37, 40, 41, 47, 48, 49, 61, 63, 64, 65, 67, 97, 128};
enum {
    ODD_ROWS = sizeof odd_rows / sizeof *odd_rows,
    ODD_COLUMNS = sizeof odd_columns / sizeof *odd_columns
};

/* Each number of rows with each of columns; the terms, and what else a product has, go round. */
static void test_multiply(void **state) {
    (void)state;
    static const int terms[] = {1, 3, 16, 7, 2, 33, 5, 13};
    int turn = 0;
    for (int r = 0; r < ODD_ROWS; r++) {
        for (int c = 0; c < ODD_COLUMNS; c++, turn++) {
            const int in[OPERANDS] = {terms[turn % 8], terms[(turn + 3) % 8], terms[(turn / 5) % 8], 1};
            multiply_once(odd_rows[r], odd_columns[c], 1 + turn % OPERANDS, in, turn * 7 % VARIANTS);
        }
    }
}

/* All that a product can have, and sizes of a network. */
static void test_multiply_variants(void **state) {
    (void)state;
    static const int in[OPERANDS] = {5, 1, 17, 64}, wide[OPERANDS] = {64, 64, 128, 32};
    for (int variant = 0; variant < VARIANTS; variant++) {
        for (int count = 0; count <= OPERANDS; count++) {
            multiply_once(13, 37, count, in, variant);
            multiply_once(1, 1, count, in, variant);
        }
        multiply_once(193, 64, 2, wide, variant);
    }
    static const int many_terms[OPERANDS] = {1100, 401, 5, 64};
    multiply_once(45, 40, 4, many_terms, WITH_BIAS | WITH_ADD);
    multiply_once(13, 17, 2, many_terms, WITH_SCALE);
    multiply_once(197, 128, 4, wide, WITH_BIAS);
    multiply_once(401, 16, 3, wide, WITH_ADD | ADD_IS_Y);
}

/* A row's bits don't depend on its place in the call. OpenBLAS gives no such promise. */
static void test_rows_anywhere(void **state) {
    (void)state;
    if (is_openblas()) skip();
    static const int in[OPERANDS] = {7, 16, 3, 1}, pieces[] = {1, 5, 6, 7, 12, 13};
    for (int c = 0; c < ODD_COLUMNS; c++) {
        product p = product_create(43, odd_columns[c], 3, in, WITH_BIAS | WITH_ADD | WITH_SCALE, 0);
        matrix whole = matrix_create(43, odd_columns[c], 5, 0, 5);
        product_run(&p, &whole, 0, 43);
        for (int k = 0; k < 6; k++) {
            for (int first = 0; first < 43; first += pieces[k]) {
                product_run(&p, &p.y, first, 43 - first < pieces[k] ? 43 - first : pieces[k]);
            }
            matrix_check_same(&p.y, &whole);
        }
        matrix_destroy(&whole);
        product_dispose(&p);
    }
}

/* --- a dilated convolution: a tap for an operand --- */

typedef struct {
    int rows, in, out, taps, dilation;
} shape;

static void convolve_once(shape s) {
    matrix x = matrix_create(s.rows + (s.taps - 1) * s.dilation, s.in, 2, 0, 6);
    matrix w = matrix_create(s.taps * s.in, s.out, 0, 0, 7), bias = matrix_create(1, s.out, 0, 0, 8);
    matrix y = matrix_create(s.rows, s.out, 1, 0, 9), packed[8];
    wt_operand taps[8];
    for (int j = 0; j < s.taps; j++) {
        const matrix tap = {.values = matrix_at(&w, j * s.in, 0)};
        packed[j] = pack_matrix(&tap, s.in, s.out, false, 1, 0);
        taps[j] = (wt_operand){matrix_at(&x, j * s.dilation, 0), packed[j].values, x.stride, s.in, NULL};
    }
    kernels->multiply(y.values, y.stride, s.rows, s.out, taps, s.taps, &(wt_finish){bias.values, NULL, 0, 1});
    for (int t = 0; t < s.rows; t++) {
        for (int o = 0; o < s.out; o++) {
            double want = *matrix_at(&bias, 0, o);
            for (int k = 0; k < s.taps * s.in; k++)
                want += (double)*matrix_at(&x, t + k / s.in * s.dilation, k % s.in) * *matrix_at(&w, k, o);
            check_product_sum(*matrix_at(&y, t, o), want, 1 + s.in * s.taps / 4.0, "a convolution");
        }
    }
    matrix_check_padding(&y);
    for (int j = 0; j < s.taps; j++) matrix_destroy(&packed[j]);
    matrix_destroy(&x), matrix_destroy(&w), matrix_destroy(&bias), matrix_destroy(&y);
}

/* Rows beyond the dilation and dilations beyond the rows. */
static void test_dilated(void **state) {
    (void)state;
    static const shape shapes[] = {
        {1, 1, 1, 2, 1},      {1, 3, 5, 2, 7},    {7, 13, 17, 3, 11},  {5, 2, 3, 5, 100},
        {37, 37, 65, 2, 1},   {97, 16, 32, 2, 4}, {200, 33, 31, 3, 2}, {193, 5, 1, 2, 193},
        {3, 64, 128, 2, 512}, {13, 8, 12, 8, 14},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) convolve_once(shapes[i]);
}

/* --- the gradient by the weights --- */

static void check_weights(const matrix *dw, const matrix *old, const matrix *x, const matrix *dy, int rows) {
    for (int i = 0; i < dw->rows; i++) {
        for (int o = 0; o < dw->columns; o++) {
            own_chain chain = {*matrix_at(old, i, o), {0}, 0};
            const float got = *matrix_at(dw, i, o);
            double want = chain.sum, magnitude = fabsf(chain.sum);
            for (int t = 0; t < rows; t += 2) {
                float a[2] = {0}, b[2] = {0};
                for (int k = 0; k < 2 && t + k < rows; k++) {
                    a[k] = *matrix_at(x, t + k, i), b[k] = *matrix_at(dy, t + k, o);
                    want += (double)a[k] * b[k];
                    magnitude += fabs((double)a[k] * b[k]);
                }
                add_two(&chain, a, b);
            }
            end_group(&chain);
            check_product_sum(got, want, magnitude, "a weight's gradient");
            if (is_own() && got != chain.sum)
                fail_msg("own sum: got %a, expected %a", (double)got, (double)chain.sum);
        }
    }
    matrix_check_padding(dw);
}

static void weights_once(int rows, int in, int out) {
    matrix x = matrix_create(rows, in, 3, 0, 31), dy = matrix_create(rows, out, 1, 0, 32);
    matrix other_x = matrix_create(rows, in, 0, 7, 31), other_dy = matrix_create(rows, out, 2, 5, 32);
    matrix dw = matrix_create(in, out, 6, 0, 33), shifted = matrix_create(in, out, 2, 3, 33);
    matrix old = matrix_create(in, out, 6, 0, 33);
    kernels->convolve_weights(dw.values, dw.stride, x.values, x.stride, dy.values, dy.stride, rows, in, out);
    kernels->convolve_weights(shifted.values, shifted.stride, other_x.values, other_x.stride, other_dy.values,
                              other_dy.stride, rows, in, out);
    check_weights(&dw, &old, &x, &dy, rows);
    matrix_check_same(&dw, &shifted);
    matrix_check_padding(&shifted);
    matrix_destroy(&x), matrix_destroy(&dy), matrix_destroy(&other_x), matrix_destroy(&other_dy);
    matrix_destroy(&dw), matrix_destroy(&shifted), matrix_destroy(&old);
}

static void test_weights(void **state) {
    (void)state;
    static const int rows[] = {0, 1, 2, 7, 41}, in[] = {1, 2, 5, 6, 7, 8, 9, 13, 16, 17, 23, 37, 40, 64};
    for (int r = 0; r < 5; r++) {
        for (int i = 0; i < 14; i++) {
            for (int c = r + i % 2; c < ODD_COLUMNS; c += 2) weights_once(rows[r], in[i], odd_columns[c]);
        }
    }
}

static void test_weights_over_many_rows(void **state) {
    (void)state;
    static const int rows[] = {95, 96, 97, 191, 192, 193, 384, 385, 769};
    for (int r = 0; r < 9; r++) {
        weights_once(rows[r], 11, 37);
        weights_once(rows[r], 1, 1);
        weights_once(rows[r], 33, 64);
        weights_once(rows[r], 40, 36);
    }
}

/* --- nothing beyond the arrays --- */

typedef struct {
    void *block;
    size_t bytes;
    float *values;
} fenced;

/* `count` values that end where a page begins that can't be read. */
static fenced fence(size_t count, float value) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE),
                 room = (count * sizeof(float) + page - 1) / page * page;
    fenced f = {.bytes = room + page};
    f.block = mmap(NULL, f.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(f.block != MAP_FAILED);
    assert_int_equal(mprotect((char *)f.block + room, page, PROT_NONE), 0);
    f.values = (float *)(void *)((char *)f.block + room) - count;
    for (size_t i = 0; i < count; i++) f.values[i] = value;
    return f;
}

static void fenced_once(int rows, int in, int out) {
    const size_t r = (size_t)rows, i = (size_t)in, o = (size_t)out;
    fenced x = fence(r * i, 2), w = fence(i * o, 0.5f), packed = fence(kernels->packed_count(in, out), 0);
    fenced bias = fence(o, 1), add = fence(r * o, 3), y = fence(r * o, 0), dw = fence(i * o, 1);
    kernels->pack(packed.values, w.values, in, out, false, 1);
    kernels->pack(packed.values, w.values, in, out, true, 1);
    const wt_operand operand = {x.values, packed.values, in, in, NULL};
    kernels->multiply(y.values, out, rows, out, &operand, 1, &(wt_finish){bias.values, add.values, out, 1});
    kernels->convolve_weights(dw.values, out, x.values, in, y.values, out, rows, in, out);
    for (size_t n = 0; n < r * o; n++) assert_true(y.values[n] == (float)in + 4);
    for (size_t n = 0; n < i * o; n++) assert_true(dw.values[n] == 1 + 2 * (float)rows * ((float)in + 4));
    fenced all[] = {x, w, packed, bias, add, y, dw};
    for (size_t n = 0; n < sizeof all / sizeof *all; n++) munmap(all[n].block, all[n].bytes);
}

static void test_nothing_beyond(void **state) {
    (void)state;
    for (int c = 0; c < ODD_COLUMNS; c++) {
        for (int rows = 1; rows <= 14; rows += 1 + rows / 7)
            fenced_once(rows, 1 + (c + rows) % 19, odd_columns[c]);
        fenced_once(33 + c, 29 + c % 12, odd_columns[c]);
    }
}

int main(int argc, char **argv) {
    wt_kernels_setup_thread();
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiply),       cmocka_unit_test(test_multiply_variants),
        cmocka_unit_test(test_rows_anywhere),  cmocka_unit_test(test_dilated),
        cmocka_unit_test(test_weights),        cmocka_unit_test(test_weights_over_many_rows),
        cmocka_unit_test(test_nothing_beyond), cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests_name(kernels->name, tests, NULL, NULL);
}
