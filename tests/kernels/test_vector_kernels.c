/*
 * The vectorised kernels: accuracy of their functions over the whole range, and the same bits from each
 * instruction set's build, at each length (so in a vector or in a loop's tail) and alignment.
 */
#include "kernel_matrix.h"
#include "support.h"

#include <math.h>
#include <stdio.h>

#include "kernels_internal.h"
#include "vector_math.h"

/* --- accuracy --- */

typedef struct {
    double worst;
    float where;
} worst_error;

static void note_error(worst_error *error, float x, double got, double want) {
    if (fabs(want) < 1.8e-38 && fabs(got) < 1.8e-38) return; /* flushed */
    const double relative = fabs(got - want) / fabs(want);
    if (relative <= error->worst) return;
    *error = (worst_error){relative, x};
}

/* Every 4,099th of all floats. */
static void test_accuracy(void **state) {
    (void)state;
    worst_error e_tanh = {0}, e_gate = {0}, e_sigmoid = {0}, e_exp = {0};
    for (uint64_t bits = 0; bits < UINT32_MAX; bits += 4099) {
        const uint32_t word = (uint32_t)bits;
        float x;
        memcpy(&x, &word, sizeof x);
        if (isnan(x)) continue;
        note_error(&e_tanh, x, wt_vector_tanh(x), tanh(x));
        const wt_gate_values gate = wt_vector_gate(-x, x);
        note_error(&e_gate, x, gate.filter, tanh(-x));
        note_error(&e_sigmoid, x, gate.gate, 1 / (1 + exp(-(double)x)));
        if (x <= 0) note_error(&e_exp, x, wt_vector_exp_negative(x), exp(x));
    }
    print_message("largest relative errors: tanh %.2e at %g, sigmoid %.2e at %g, exp %.2e at %g\n",
                  e_tanh.worst, (double)e_tanh.where, e_sigmoid.worst, (double)e_sigmoid.where, e_exp.worst,
                  (double)e_exp.where);
    assert_true(e_tanh.worst < 2.5e-7);
    assert_true(e_gate.worst < 4e-7);
    assert_true(e_sigmoid.worst < 4e-7);
    assert_true(e_exp.worst < 1.5e-7);
}

static void test_logarithm(void **state) {
    (void)state;
    assert_true(wt_vector_log(1) == 0);
    assert_true(isnan(wt_vector_log(NAN)) && isinf(wt_vector_log(INFINITY)));
    for (int i = 0; i < 100000; i++) {
        const double x = exp(30 * test_random((uint64_t)i)), want = log(x);
        assert_true(fabs(wt_vector_log(x) - want) <= 4e-16 * fmax(fabs(want), 0.1));
    }
}

static void test_signs_and_limits(void **state) {
    (void)state;
    assert_true(signbit(wt_vector_tanh(-0.0f)) && !signbit(wt_vector_tanh(0.0f)));
    assert_true(wt_vector_tanh(INFINITY) == 1 && wt_vector_tanh(-INFINITY) == -1);
    const wt_gate_values high = wt_vector_gate(INFINITY, INFINITY),
                         low = wt_vector_gate(-INFINITY, -INFINITY);
    assert_true(high.filter == 1 && high.gate == 1 && low.filter == -1 && low.gate < 2e-38f && low.gate >= 0);
    assert_true(wt_vector_gate(0, 0).filter == 0 && wt_vector_gate(0, 0).gate == 0.5f);
    assert_true(wt_vector_exp_negative(0) == 1 && wt_vector_exp_negative(-INFINITY) == 0);
    assert_true(isnan(wt_vector_tanh(NAN)) && isnan(wt_vector_gate(NAN, 0).filter) &&
                isnan(wt_vector_gate(0, NAN).gate) && isnan(wt_vector_exp_negative(NAN)));
}

/* --- the same bits --- */

enum { ROWS = 3, RESULTS = 32 };

/* What one build makes of random input of one width at one alignment: all results, to be compared. */
typedef struct {
    matrix result[RESULTS];
    double loss, squares;
    int count;
} outcome;

static matrix *outcome_add(outcome *all, int rows, int columns, int shift) {
    assert_true(all->count < RESULTS);
    matrix *m = &all->result[all->count];
    *m = matrix_create(rows, columns, shift, shift, (uint64_t)(100 + all->count));
    all->count++;
    for (int t = 0; t < rows; t++) {
        for (int c = 0; c < columns; c++) *matrix_at(m, t, c) *= 8;
    }
    return m;
}

static void run_activations(outcome *all, const wt_kernels *k, int width, int shift) {
    static const wt_activation kinds[] = {WT_ACTIVATION_GATE, WT_ACTIVATION_TANH, WT_ACTIVATION_RELU};
    for (int i = 0; i < 3; i++) {
        matrix *a = outcome_add(all, ROWS, 2 * width, shift), *z = outcome_add(all, ROWS, width, shift);
        matrix *da = outcome_add(all, ROWS, 2 * width, shift), *again = outcome_add(all, ROWS, width, shift);
        k->activate(z->values, z->stride, a->values, a->stride, ROWS, width, kinds[i]);
        k->activate_back(da->values, da->stride, again->values, again->stride, a->values, a->stride,
                         z->values, z->stride, ROWS, width, kinds[i]);
        matrix_check_same(again, z);
        k->activate_back(a->values, a->stride, NULL, 0, a->values, a->stride, z->values, z->stride, ROWS,
                         width, kinds[i]);
    }
}

static void run_flat(outcome *all, const wt_kernels *k, int width, int shift) {
    const wt_adam_step step = {1e-2, 0.9, 0.99, 1e-8, 0.05, false, 0.25, 3};
    matrix *flat[4];
    for (int i = 0; i < 4; i++) flat[i] = outcome_add(all, 1, width, shift);
    for (int c = 0; c < width; c++) flat[2]->values[c] *= flat[2]->values[c];
    k->flat.adam(flat[0]->values, flat[1]->values, flat[2]->values, flat[3]->values, (size_t)width, &step);
    const wt_sgd_step sgd = {1e-2, 0.9, 0.05, true, 0.25}, plain = {1e-2, 0, 0.05, false, 0.25};
    k->flat.sgd(flat[0]->values, flat[1]->values, flat[3]->values, (size_t)width, &sgd);
    k->flat.sgd(flat[0]->values, NULL, flat[3]->values, (size_t)width, &plain);
    k->flat.average(flat[2]->values, flat[0]->values, (size_t)width, 0.3);
    all->squares = k->flat.squares(flat[0]->values, (size_t)width, 0.7);
    k->flat.add(flat[3]->values, flat[0]->values, (size_t)width);
}

static void run_norms(outcome *all, const wt_kernels *k, int width, int shift) {
    matrix *x[2], *y[2], *vectors = outcome_add(all, 4, width, 0);
    const float *mean = vectors->values, *rate = matrix_at(vectors, 1, 0), *weight = matrix_at(vectors, 2, 0),
                *bias = matrix_at(vectors, 3, 0);
    float rates[ROWS];
    for (int i = 0; i < 2; i++)
        x[i] = outcome_add(all, ROWS, width, shift), y[i] = outcome_add(all, ROWS, width, shift);
    k->norms.standardise(y[0]->values, y[0]->stride, x[0]->values, x[0]->stride, mean, rate, weight, bias,
                         ROWS, width);
    k->norms.standardise_back(y[0]->values, y[0]->stride, y[0]->values, y[0]->stride, x[0]->values,
                              x[0]->stride, weight, mean, rate, ROWS, width);
    k->norms.normalise(y[1]->values, y[1]->stride, x[1]->values, x[1]->stride, rates, weight, bias, ROWS,
                       width);
    k->norms.normalise_back(y[1]->values, y[1]->stride, y[1]->values, y[1]->stride, x[1]->values,
                            x[1]->stride, rates, weight, ROWS, width);
}

static double run_mixtures(outcome *all, const wt_kernels *k, int width, int shift) {
    const wt_mixture mixture = {1 + width % WT_COMPONENTS_MAX, 2, width % 3 ? 1.0 / 65536 : 0, 0.1,
                                width % 2 == 0};
    const int32_t targets[ROWS] = {0, -1, WT_EDGE_HIGH << 2 | WT_EDGE_LOW};
    matrix *values = outcome_add(all, 1, 2 * ROWS, 0), *y[2];
    double loss = 0;
    for (int i = 0; i < 2; i++) {
        y[i] = outcome_add(all, ROWS, wt_kernels_mixture_outputs(&mixture), shift);
        loss += (i ? k->losses.gaussians : k->losses.logistics)(y[i]->values, y[i]->stride, values->values,
                                                                targets, ROWS, &mixture, true);
    }
    return loss;
}

static double run_spectra(outcome *all, const wt_kernels *k, int width, int shift) {
    matrix *target = outcome_add(all, 1, 2 * width, shift), *output = outcome_add(all, 1, 2 * width, shift);
    double sums[3] = {0, 0, 0};
    k->losses.spectrum(target->values, output->values, width, sums);
    k->losses.spectrum_back(target->values, output->values, width, 0.3f, 0.7f);
    return sums[0] + sums[1] + sums[2];
}

static outcome run_all(const wt_kernels *k, int width, int shift) {
    outcome all = {.count = 0};
    run_activations(&all, k, width, shift);
    run_flat(&all, k, width, shift);
    run_norms(&all, k, width, shift);
    const int32_t targets[ROWS] = {width - 1, -1, 0}, classes[ROWS] = {2, 0, 2};
    matrix *y = outcome_add(&all, ROWS, width, shift);
    all.loss = k->losses.cross_entropy(y->values, y->stride, targets, ROWS, width, true);
    all.loss += run_mixtures(&all, k, width, shift) + run_spectra(&all, k, width, shift);
    matrix *sums = outcome_add(&all, 1, width, shift), *table = outcome_add(&all, 3, width, 0);
    matrix *rows = outcome_add(&all, ROWS, width, shift);
    k->embed(rows->values, rows->stride, classes, table->values, sums->values, ROWS, 3, width, 1);
    k->embed_weights(table->values, table->stride, classes, y->values, y->stride, ROWS, 3, width, 1);
    k->column_sums(sums->values, rows->values, rows->stride, ROWS, width);
    return all;
}

static void outcome_dispose(outcome *all) {
    for (int i = 0; i < all->count; i++) matrix_destroy(&all->result[i]);
}

/* The builds with fused multiply-adds have the same bits; the baseline, which has none, those of its own. */
static void test_same_bits(void **state) {
    (void)state;
    const wt_kernels *tables[WT_KERNEL_TABLES];
    const int count = wt_kernels_tables(tables, WT_PRECISION_FP32);
    assert_true(count >= 2);
    for (int width = 1; width <= 150; width += width < 70 ? 1 : 13) {
        for (int k = 1; k < count; k++) {
            outcome want = run_all(tables[k < 2 ? 1 : 2], width, 0);
            for (int shift = 0; shift < 6; shift += 1 + shift) {
                outcome got = run_all(tables[k], width, shift);
                for (int i = 0; i < want.count; i++) matrix_check_same(&got.result[i], &want.result[i]);
                assert_memory_equal(&got.loss, &want.loss, sizeof got.loss);
                assert_memory_equal(&got.squares, &want.squares, sizeof got.squares);
                outcome_dispose(&got);
            }
            outcome_dispose(&want);
        }
    }
}

/* What own products make of one shape: y = (Σ x·w + bias)·scale and dw += xᵀ·dy. */
static void run_vector_products(const wt_kernels *k, int rows, int in, int out, matrix *y, matrix *dw) {
    matrix x = matrix_create(rows, in, 1, 0, 300), w = matrix_create(in, out, 0, 0, 301);
    matrix bias = matrix_create(1, out, 0, 0, 302);
    matrix packed = matrix_create(1, (int)k->packed_count(in, out), 0, 0, 303);
    *y = matrix_create(rows, out, 2, 0, 304), *dw = matrix_create(in, out, 1, 0, 305);
    k->pack(packed.values, w.values, in, out, false, 0.7f);
    const wt_operand twice[] = {{x.values, packed.values, x.stride, in, NULL},
                                {x.values, packed.values, x.stride, in, NULL}};
    k->multiply(y->values, y->stride, rows, out, twice, 2, &(wt_finish){bias.values, NULL, 0, 0.3f});
    k->convolve_weights(dw->values, dw->stride, x.values, x.stride, y->values, y->stride, rows, in, out);
    matrix_destroy(&x), matrix_destroy(&w), matrix_destroy(&bias), matrix_destroy(&packed);
}

/* Products of our own have the same bits with vectors of any length: avx2 like avx512. */
static void test_same_products(void **state) {
    (void)state;
    const wt_kernels *tables[WT_KERNEL_TABLES], *own[WT_KERNEL_TABLES];
    const int count = wt_kernels_tables(tables, WT_PRECISION_FP32);
    int owns = 0;
    for (int k = 1; k < count; k++) {
        if (strncmp(tables[k]->name, "openblas", strlen("openblas")) != 0) own[owns++] = tables[k];
    }
    if (owns < 2) {
        print_message("this CPU has %d table(s) of own products: nothing to compare\n", owns);
        skip();
    }
    for (int out = 1; out <= 70; out++) {
        const int rows = 1 + (7 * out) % 37, in = 1 + (5 * out) % 23;
        matrix want[2], got[2];
        run_vector_products(own[0], rows, in, out, &want[0], &want[1]);
        for (int k = 1; k < owns; k++) {
            run_vector_products(own[k], rows, in, out, &got[0], &got[1]);
            for (int i = 0; i < 2; i++) {
                matrix_check_same(&got[i], &want[i]);
                matrix_destroy(&got[i]);
            }
        }
        for (int i = 0; i < 2; i++) matrix_destroy(&want[i]);
    }
}

/* An element's bits don't depend on where it stands in a row. */
static void test_same_bits_anywhere(void **state) {
    (void)state;
    const wt_kernels *k;
    assert_int_equal(wt_kernels_select(&k, WT_BACKEND_AUTO, WT_PRECISION_FP32), WT_OK);
    enum { N = 53 };
    matrix in = matrix_create(1, 2 * N, 0, 0, 200), a = matrix_create(1, 2 * N, 0, 0, 200);
    float z[N];
    k->activate(z, N, a.values, 2 * N, 1, N, WT_ACTIVATION_GATE);
    for (int c = 0; c < N; c++) {
        float pair[2] = {in.values[c], in.values[N + c]}, alone;
        k->activate(&alone, 1, pair, 2, 1, 1, WT_ACTIVATION_GATE);
        assert_memory_equal(&alone, &z[c], sizeof alone);
    }
    matrix_destroy(&in), matrix_destroy(&a);
}

int main(void) {
    wt_kernels_setup_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_logarithm),
        cmocka_unit_test(test_signs_and_limits),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_same_products),
        cmocka_unit_test(test_same_bits_anywhere),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
