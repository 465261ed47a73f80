/*
 * The kernels of batch and layer norm against their formulas, computed here in double; in place and out of
 * place, and activations without a gate in place. (Their gradients as such: test_gradients and test_hierarchy
 * of src/engine.)
 *   test_norms BACKEND
 */
#include "kernel_matrix.h"
#include "support.h"

#include <math.h>
#include <stdio.h>

#include "backend.h"

static const wt_kernels *kernels;

enum { ROWS = 13, WIDTH_MOST = 150 };
static const int widths[] = {1, 2, 7, 16, 17, 33, 68, 150};
enum { WIDTHS = sizeof widths / sizeof *widths };

static void check_near(double got, double want, double scale) {
    if (!(fabs(got - want) <= 2e-6 * (fabs(want) + scale))) fail_msg("got %.9g, expected %.9g", got, want);
}

static void copy(matrix *to, const matrix *from) {
    for (int t = 0; t < from->rows; t++) {
        memcpy(matrix_at(to, t, 0), matrix_at(from, t, 0), (size_t)from->columns * sizeof *to->values);
    }
}

/* --- sums --- */

static void test_norm_sums(void **state) {
    (void)state;
    for (int i = 0; i < WIDTHS; i++) {
        const int n = widths[i];
        matrix x = matrix_create(ROWS, n, 3, 1, 1), dy = matrix_create(ROWS, n, 1, 2, 2);
        double moments[2 * WIDTH_MOST], products[2 * WIDTH_MOST];
        for (int c = 0; c < 2 * n; c++) moments[c] = products[c] = 0.5;
        kernels->norms.column_moments(moments, x.values, x.stride, ROWS, n);
        kernels->norms.column_products(products, dy.values, dy.stride, x.values, x.stride, ROWS, n);
        for (int c = 0; c < n; c++) {
            double want[4] = {0.5, 0.5, 0.5, 0.5};
            for (int t = 0; t < ROWS; t++) {
                const double value = *matrix_at(&x, t, c), d = *matrix_at(&dy, t, c);
                want[0] += value, want[1] += value * value, want[2] += d, want[3] += d * value;
            }
            /* one order, one type: these are exact */
            assert_true(moments[c] == want[0] && moments[n + c] == want[1]);
            assert_true(products[c] == want[2] && products[n + c] == want[3]);
        }
        matrix_destroy(&x), matrix_destroy(&dy);
    }
}

/* --- batch norm --- */

static void standardise_once(int n) {
    matrix x = matrix_create(ROWS, n, 3, 1, 3), old = matrix_create(ROWS, n, 0, 0, 3);
    matrix y = matrix_create(ROWS, n, 2, 2, 4), vectors = matrix_create(4, n, 0, 0, 5);
    const float *mean = matrix_at(&vectors, 0, 0), *rate = matrix_at(&vectors, 1, 0);
    const float *weight = matrix_at(&vectors, 2, 0), *bias = matrix_at(&vectors, 3, 0);
    kernels->norms.standardise(y.values, y.stride, x.values, x.stride, mean, rate, weight, bias, ROWS, n);
    for (int t = 0; t < ROWS; t++) {
        for (int c = 0; c < n; c++) {
            const double hat = ((double)*matrix_at(&old, t, c) - mean[c]) * rate[c];
            check_near(*matrix_at(&x, t, c), hat, 0.1);
            check_near(*matrix_at(&y, t, c), hat * weight[c] + bias[c], 0.1);
        }
    }
    matrix_check_padding(&x), matrix_check_padding(&y);
    matrix dy = matrix_create(ROWS, n, 1, 3, 6), dx = matrix_create(ROWS, n, 4, 1, 7);
    kernels->norms.standardise_back(dx.values, dx.stride, dy.values, dy.stride, x.values, x.stride, weight,
                                    mean, rate, ROWS, n);
    for (int t = 0; t < ROWS; t++) {
        for (int c = 0; c < n; c++) {
            const double hat = *matrix_at(&x, t, c), d = *matrix_at(&dy, t, c);
            check_near(*matrix_at(&dx, t, c), weight[c] * (d - mean[c] - hat * rate[c]), 0.1);
        }
    }
    kernels->norms.standardise_back(dy.values, dy.stride, dy.values, dy.stride, x.values, x.stride, weight,
                                    mean, rate, ROWS, n);
    matrix_check_same(&dy, &dx);
    matrix_check_padding(&dx), matrix_check_padding(&dy);
    matrix_destroy(&x), matrix_destroy(&old), matrix_destroy(&y), matrix_destroy(&vectors);
    matrix_destroy(&dy), matrix_destroy(&dx);
}

static void test_standardise(void **state) {
    (void)state;
    for (int i = 0; i < WIDTHS; i++) standardise_once(widths[i]);
}

/* --- layer norm --- */

/* A row that is constant has no direction: all its x̂ are 0. */
static void put_rows(matrix *x) {
    for (int c = 0; c < x->columns; c++) {
        *matrix_at(x, 0, c) = 3;
        *matrix_at(x, 1, c) = 1000 + *matrix_at(x, 1, c);
        *matrix_at(x, 2, c) *= 1e-4f;
    }
}

static void check_row(const matrix *x, const matrix *y, const matrix *old, int t, double got_rate,
                      const float *weight, const float *bias) {
    const int n = x->columns;
    double mean = 0, variance = 0;
    for (int c = 0; c < n; c++) mean += (double)*matrix_at(old, t, c) / n;
    for (int c = 0; c < n; c++) variance += pow((double)*matrix_at(old, t, c) - mean, 2) / n;
    const double rate = 1 / sqrt(variance + WT_NORM_EPSILON);
    check_near(got_rate, rate, 0);
    const double rounded = 1 +
                           (t == 1 ? 50 : 0.1) * rate; /* digits that x − mean has lost grow with the rate */
    for (int c = 0; c < n; c++) {
        const double hat = ((double)*matrix_at(old, t, c) - mean) * rate;
        check_near(*matrix_at(x, t, c), hat, rounded);
        check_near(*matrix_at(y, t, c), hat * weight[c] + bias[c], rounded);
    }
}

static void check_row_back(const matrix *dx, const matrix *dy, const matrix *x, int t, double rate,
                           const float *weight) {
    const int n = x->columns;
    double mean = 0, share = 0;
    for (int c = 0; c < n; c++) {
        const double g = (double)*matrix_at(dy, t, c) * weight[c];
        mean += g / n, share += g * *matrix_at(x, t, c) / n;
    }
    for (int c = 0; c < n; c++) {
        const double g = (double)*matrix_at(dy, t, c) * weight[c];
        check_near(*matrix_at(dx, t, c), rate * (g - mean - *matrix_at(x, t, c) * share), 0.3 * rate);
    }
}

static void normalise_once(int n) {
    matrix x = matrix_create(ROWS, n, 3, 1, 8), old = matrix_create(ROWS, n, 0, 0, 8);
    matrix y = matrix_create(ROWS, n, 2, 2, 9), vectors = matrix_create(2, n, 0, 0, 10);
    const float *weight = matrix_at(&vectors, 0, 0), *bias = matrix_at(&vectors, 1, 0);
    float rate[ROWS];
    put_rows(&x), put_rows(&old);
    kernels->norms.normalise(y.values, y.stride, x.values, x.stride, rate, weight, bias, ROWS, n);
    for (int t = 0; t < ROWS; t++) check_row(&x, &y, &old, t, rate[t], weight, bias);
    matrix_check_padding(&x), matrix_check_padding(&y);
    matrix dy = matrix_create(ROWS, n, 1, 3, 11), dx = matrix_create(ROWS, n, 4, 1, 12);
    kernels->norms.normalise_back(dx.values, dx.stride, dy.values, dy.stride, x.values, x.stride, rate,
                                  weight, ROWS, n);
    for (int t = 0; t < ROWS; t++) check_row_back(&dx, &dy, &x, t, rate[t], weight);
    kernels->norms.normalise_back(dy.values, dy.stride, dy.values, dy.stride, x.values, x.stride, rate,
                                  weight, ROWS, n);
    matrix_check_same(&dy, &dx);
    matrix_check_padding(&dx), matrix_check_padding(&dy);
    matrix_destroy(&x), matrix_destroy(&old), matrix_destroy(&y), matrix_destroy(&vectors);
    matrix_destroy(&dy), matrix_destroy(&dx);
}

static void test_normalise(void **state) {
    (void)state;
    for (int i = 0; i < WIDTHS; i++) normalise_once(widths[i]);
}

/* --- in place --- */

static void test_activations_in_place(void **state) {
    (void)state;
    static const wt_activation kinds[] = {WT_ACTIVATION_TANH, WT_ACTIVATION_RELU};
    for (int i = 0; i < 2 * WIDTHS; i++) {
        const int n = widths[i / 2];
        const wt_activation kind = kinds[i % 2];
        matrix a = matrix_create(ROWS, n, 1, 0, 13), z = matrix_create(ROWS, n, 2, 1, 14);
        matrix same = matrix_create(ROWS, n, 3, 2, 15), d = matrix_create(ROWS, n, 0, 1, 16);
        copy(&same, &a);
        kernels->activate(z.values, z.stride, a.values, a.stride, ROWS, n, kind);
        kernels->activate(same.values, same.stride, same.values, same.stride, ROWS, n, kind);
        matrix_check_same(&same, &z);
        matrix_check_padding(&same);
        kernels->activate_back(z.values, z.stride, NULL, 0, a.values, a.stride, d.values, d.stride, ROWS, n,
                               kind);
        kernels->activate_back(d.values, d.stride, NULL, 0, a.values, a.stride, d.values, d.stride, ROWS, n,
                               kind);
        matrix_check_same(&d, &z);
        matrix_destroy(&a), matrix_destroy(&z), matrix_destroy(&same), matrix_destroy(&d);
    }
}

int main(int argc, char **argv) {
    wt_kernels_setup_thread();
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm_sums),
        cmocka_unit_test(test_standardise),
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_activations_in_place),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests_name(kernels->name, tests, NULL, NULL);
}
