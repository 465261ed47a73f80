/*
 * A product and its gate in one call (generation), of one backend, named on the command line: the bits of
 * multiply followed by activate, for few rows and many, fp32 and bf16 weights, and gates around the length of
 * every vector, also where the sums of some operands have begun before and where conditions are added, which
 * are those of convolve_weights and add; what is fetched for a later call changes nothing.
 */
#include "kernel_matrix.h"
#include "support.h"

#include "backend.h"

enum { OPERANDS = 3, TAPS = 3, CONDITIONS = 2 };
static const wt_kernels *kernels;

typedef struct {
    int rows, gate, count;
    const int *in;
    wt_weights weights;
    matrix x[OPERANDS], w[OPERANDS]; /* w: [in][filters, gates] */
} gate_product;

static gate_product gate_product_create(int rows, int gate, int count, const int *in, wt_weights weights) {
    gate_product p = {rows, gate, count, in, weights, {{0}}, {{0}}};
    for (int n = 0; n < count; n++) {
        p.x[n] = matrix_create(rows, in[n], n, 0, 10 + (uint64_t)n);
        p.w[n] = matrix_create(in[n], 2 * gate, 0, 0, 20 + (uint64_t)n);
    }
    return p;
}

static void gate_product_dispose(gate_product *p) {
    for (int n = 0; n < p->count; n++) matrix_destroy(&p->x[n]), matrix_destroy(&p->w[n]);
}

/* Filters and gates by turns, zeros behind the last ones. */
static matrix take_turns(const matrix *w, int gate, int turn) {
    const int turns = (gate + turn - 1) / turn;
    matrix to = matrix_create(w->rows, 2 * turn * turns, 0, 0, 1);
    for (int r = 0; r < w->rows; r++) {
        for (int c = 0; c < turn * turns; c++) {
            float *at = matrix_at(&to, r, c / turn * 2 * turn + c % turn);
            at[0] = c < gate ? *matrix_at(w, r, c) : 0;
            at[turn] = c < gate ? *matrix_at(w, r, gate + c) : 0;
        }
    }
    return to;
}

/* Each second operand fetches its own rows and weights once more. */
static void pack_operands(const wt_kernels *k, const gate_product *p, wt_operand *operands, matrix *packed,
                          int turn) {
    static wt_later later[OPERANDS];
    for (int n = 0; n < p->count; n++) {
        matrix w = take_turns(&p->w[n], p->gate, turn);
        packed[n] = matrix_create(1, (int)k->packed_count(p->in[n], w.columns), 0, 0, 1);
        k->pack(packed[n].values, w.values, p->in[n], w.columns, false, 1);
        operands[n] = (wt_operand){p->x[n].values, packed[n].values, p->x[n].stride, p->in[n],
                                   n % 2 ? &later[n] : NULL};
        later[n] = (wt_later){p->x[n].values, packed[n].values};
        matrix_destroy(&w);
    }
}

/* Each row's own weights of the same frames, and a row of its own as it is. */
typedef struct {
    matrix k, frames, own; /* [TAPS, rows], [TAPS, 2·gate], [rows, 2·gate] */
    wt_gate_condition *terms;
} gate_conditions;

static gate_conditions gate_conditions_create(const gate_product *p) {
    gate_conditions c = {.k = matrix_create(TAPS, p->rows, 1, 0, 7),
                         .frames = matrix_create(TAPS, 2 * p->gate, 3, 0, 8),
                         .own = matrix_create(p->rows, 2 * p->gate, 2, 0, 9)};
    assert_int_equal(wt_alloc(&c.terms, CONDITIONS * (size_t)p->rows, sizeof *c.terms, "conditions"), WT_OK);
    for (int r = 0; r < p->rows; r++) {
        wt_gate_condition *whole = &c.terms[p->rows + r];
        c.terms[r] = (wt_gate_condition){.x = c.frames.values,
                                         .k = matrix_at(&c.k, 0, r),
                                         .count = TAPS,
                                         .ldx = c.frames.stride,
                                         .ldk = c.k.stride,
                                         .apart = p->gate};
        *whole = (wt_gate_condition){
            .x = matrix_at(&c.own, r, 0), .own = {1}, .count = 1, .ldk = 1, .apart = p->gate};
        whole->k = whole->own;
    }
    return c;
}

static void add_gate_conditions(const wt_kernels *k, const gate_conditions *c, matrix *sums) {
    for (int r = 0; r < sums->rows; r++) {
        k->convolve_weights(matrix_at(sums, r, 0), sums->stride, matrix_at(&c->k, 0, r), c->k.stride,
                            c->frames.values, c->frames.stride, TAPS, 1, sums->columns);
        k->flat.add(matrix_at(sums, r, 0), matrix_at(&c->own, r, 0), (size_t)sums->columns);
    }
}

static void gate_conditions_dispose(gate_conditions *c) {
    matrix_destroy(&c->k), matrix_destroy(&c->frames), matrix_destroy(&c->own);
    wt_free(c->terms);
}

/* The sums of the first `begun` operands are made by a call of their own. */
static void check_gate_product(const gate_product *p, bool biased, bool conditioned, int begun) {
    const wt_kernels k = wt_kernels_for_rows(kernels, p->rows, p->weights);
    wt_operand operands[OPERANDS];
    matrix packed[OPERANDS], bias = matrix_create(1, 2 * p->gate, 0, 0, 3);
    matrix sums = matrix_create(p->rows, 2 * p->gate, 1, 0, 4),
           want = matrix_create(p->rows, p->gate, 2, 0, 5), got = matrix_create(p->rows, p->gate, 2, 0, 5);
    pack_operands(&k, p, operands, packed, p->gate);
    const wt_finish finish = {biased ? bias.values : NULL, NULL, 0, 1};
    k.multiply(sums.values, sums.stride, p->rows, 2 * p->gate, operands, p->count, &finish);
    gate_conditions conditions = gate_conditions_create(p);
    if (conditioned) add_gate_conditions(kernels, &conditions, &sums);
    k.activate(want.values, want.stride, sums.values, sums.stride, p->rows, p->gate, WT_ACTIVATION_GATE);
    for (int n = 0; n < p->count; n++) matrix_destroy(&packed[n]);

    pack_operands(&k, p, operands, packed, k.gate_turn);
    matrix turned = take_turns(&bias, p->gate, k.gate_turn);
    matrix first = matrix_create(p->rows, turned.columns, 0, 0, 6);
    const wt_gate_sums begin = {begun ? first.values : NULL, biased ? turned.values : NULL, conditions.terms,
                                conditioned ? CONDITIONS : 0};
    if (begun)
        k.multiply(first.values, first.stride, p->rows, first.columns, operands, begun,
                   &(wt_finish){NULL, NULL, 0, 1});
    k.multiply_gate(got.values, got.stride, p->rows, p->gate, operands + begun, p->count - begun, &begin);
    matrix_check_same(&got, &want);
    matrix_check_padding(&got);
    for (int n = 0; n < p->count; n++) matrix_destroy(&packed[n]);
    gate_conditions_dispose(&conditions);
    matrix_destroy(&bias), matrix_destroy(&turned), matrix_destroy(&first);
    matrix_destroy(&sums), matrix_destroy(&want), matrix_destroy(&got);
}

static void test_gate_bits(void **state) {
    (void)state;
    static const int rows[] = {1, 2, 3, 4, 5, 7, 8, 12, 13, 24, 33, 64},
                     gates[] = {1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 40, 64, 65, 100},
                     in[OPERANDS] = {5, 32, 17};
    const bool blas = strncmp(kernels->name, "openblas", strlen("openblas")) == 0; /* has bits of its own */
    int turn = 0;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (size_t g = 0; g < sizeof gates / sizeof *gates; g++, turn++) {
            for (int w = 0; w < WT_WEIGHTS; w++) {
                gate_product p = gate_product_create(rows[r], gates[g], 1 + turn % OPERANDS, in,
                                                     (wt_weights)w);
                check_gate_product(&p, turn % 5 > 0, turn % 2 > 0 && !blas, turn / OPERANDS % p.count);
                gate_product_dispose(&p);
            }
        }
    }
}

/* Plain loops have no such kernel. */
static void test_no_gate_kernel(void **state) {
    (void)state;
    const wt_kernels k = wt_kernels_for_rows(kernels, 1, WT_WEIGHTS_FP32);
    assert_null(k.multiply_gate);
}

int main(int argc, char **argv) {
    wt_kernels_setup_thread();
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    const bool plain = strcmp(kernels->name, "reference") == 0;
    const struct CMUnitTest tests[] = {
        plain ? (struct CMUnitTest)cmocka_unit_test(test_no_gate_kernel)
              : (struct CMUnitTest)cmocka_unit_test(test_gate_bits),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests_name(kernels->name, tests, NULL, NULL);
}
