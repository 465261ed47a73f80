/*
 * The gradient's norm, clipping and the update: values against plain double sums and Adam's equations, and
 * the same bits with one thread and with three. Sizes leave a rest in every kind of block.
 *   test_update BACKEND
 */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend.h"
#include "wavetrain/memory.h"
#include "wavetrain/optim.h"
#include "wavetrain/random.h"

enum { COUNT = 5 * 4 * WT_NORM_BLOCK + WT_NORM_BLOCK + 77, STEPS = 4 };

static const wt_kernels *kernels;

static float draw(uint64_t array, uint64_t element) {
    return (float)wt_random_normal(3, WT_RANDOM_TEST, array, element);
}

static float *drawn(uint64_t array, size_t count) {
    float *values;
    assert_int_equal(wt_alloc(&values, count, sizeof *values, "a test"), WT_OK);
    for (size_t i = 0; i < count; i++) values[i] = draw(array, i);
    return values;
}

static double norm_of(const float *gradient, size_t count, double scale, int threads) {
    double *block_sums;
    assert_int_equal(wt_alloc(&block_sums, wt_norm_blocks(count), sizeof *block_sums, "a test"), WT_OK);
    omp_set_num_threads(threads);
    double norm = wt_gradient_norm(kernels, gradient, count, scale, block_sums);
    wt_free(block_sums);
    return norm;
}

/* --- norm and clipping --- */

static void test_norm_is_euclidean(void **state) {
    (void)state;
    static const size_t counts[] = {1, 3, 77, WT_NORM_BLOCK, WT_NORM_BLOCK + 1, COUNT};
    float *gradient = drawn(1, COUNT);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        double sum = 0;
        for (size_t j = 0; j < counts[i]; j++) sum += (double)gradient[j] * gradient[j];
        assert_true(fabs(norm_of(gradient, counts[i], 0.25, 1) / (0.25 * sqrt(sum)) - 1) < 1e-6);
    }
    assert_true(norm_of(gradient, 0, 1, 1) == 0);
    assert_true(norm_of((float[]){3, -4}, 2, 1, 1) == 5);
    wt_free(gradient);
}

static void test_norm_does_not_depend_on_threads(void **state) {
    (void)state;
    float *gradient = drawn(2, COUNT);
    double one = norm_of(gradient, COUNT, 1e-3, 1);
    for (int threads = 2; threads <= 4; threads++) {
        double more = norm_of(gradient, COUNT, 1e-3, threads);
        assert_memory_equal(&one, &more, sizeof one);
    }
    wt_free(gradient);
}

static void test_norm_shows_what_is_not_finite(void **state) {
    (void)state;
    float *gradient = drawn(3, COUNT);
    gradient[COUNT - 1] = NAN;
    assert_true(isnan(norm_of(gradient, COUNT, 1, 3)));
    gradient[COUNT - 1] = INFINITY;
    assert_true(isinf(norm_of(gradient, COUNT, 1, 3)));
    for (size_t i = 0; i < COUNT; i++) gradient[i] = 1e30f; /* whose square is no float */
    assert_true(fabs(norm_of(gradient, COUNT, 1, 3) / (1e30 * sqrt(COUNT)) - 1) < 1e-6);
    wt_free(gradient);
}

/* torch.nn.utils.clip_grad_norm_ */
static void test_clip(void **state) {
    (void)state;
    assert_true(wt_clip_scale(0.5, 1) == 1);
    assert_true(wt_clip_scale(0, 1) == 1);
    assert_true(fabs(wt_clip_scale(4, 1) - 1 / 4.000001) < 1e-15);
    assert_true(fabs(wt_clip_scale(1, 1) - 1 / 1.000001) < 1e-15);
    assert_true(wt_clip_scale(1e9, 0) == 1); /* no clipping */
}

/* --- the update --- */

typedef struct {
    wt_optimizer optimizer;
    float *parameters;
} trained;

static const wt_optimizer_config adam = {WT_OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8,
                                         .weight_decay = 0.02};
static const wt_optimizer_config adamw = {WT_OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8,
                                          .weight_decay = 0.02};

static trained train(const wt_optimizer_config *config, size_t count, int threads) {
    trained t = {.parameters = drawn(10, count)};
    assert_int_equal(wt_optimizer_init(&t.optimizer, count), WT_OK);
    omp_set_num_threads(threads);
    for (uint64_t step = 1; step <= STEPS; step++) {
        float *gradient = drawn(10 + step, count);
        wt_optimizer_step(&t.optimizer, kernels, config, 1e-2, 0.5, gradient, t.parameters);
        wt_free(gradient);
    }
    assert_int_equal(t.optimizer.updates, STEPS);
    return t;
}

static void free_trained(trained *t) {
    wt_optimizer_dispose(&t->optimizer);
    assert_null(t->optimizer.first);
    wt_free(t->parameters);
}

/* Algorithm 1 of Kingma & Ba 2015 for one element, in double, with either kind of decay. */
static void adam_element(const wt_optimizer_config *config, uint64_t i, double out[3]) {
    double p = draw(10, i), m = 0, v = 0;
    bool decoupled = config->kind == WT_OPTIMIZER_ADAMW;
    for (int step = 1; step <= STEPS; step++) {
        double g = 0.5 * draw(10 + (uint64_t)step, i);
        if (decoupled) p -= 1e-2 * config->weight_decay * p;
        if (!decoupled) g += config->weight_decay * p;
        m = config->beta1 * m + (1 - config->beta1) * g;
        v = config->beta2 * v + (1 - config->beta2) * g * g;
        double m_hat = m / (1 - pow(config->beta1, step)), v_hat = v / (1 - pow(config->beta2, step));
        p -= 1e-2 * m_hat / (sqrt(v_hat) + config->epsilon);
    }
    out[0] = p, out[1] = m, out[2] = v;
}

static void assert_adam(const wt_optimizer_config *config) {
    trained t = train(config, COUNT, 1);
    for (size_t i = 0; i < COUNT; i += i < 64 || i > COUNT - 64 ? 1 : 61) {
        double expected[3];
        adam_element(config, i, expected);
        assert_true(fabs(t.parameters[i] - expected[0]) < 2e-6 * (1 + fabs(expected[0])));
        assert_true(fabs(t.optimizer.first[i] - expected[1]) < 1e-6);
        assert_true(fabs(t.optimizer.second[i] - expected[2]) < 1e-6);
    }
    free_trained(&t);
}

static void test_adam(void **state) {
    (void)state;
    assert_adam(&adam);
}

static void test_adamw(void **state) {
    (void)state;
    assert_adam(&adamw);
}

static void test_update_does_not_depend_on_threads(void **state) {
    (void)state;
    static const size_t counts[] = {1, 100, COUNT};
    for (size_t i = 0; i < 3; i++) {
        trained one = train(&adam, counts[i], 1);
        for (int threads = 2; threads <= 3; threads++) {
            trained more = train(&adam, counts[i], threads);
            size_t bytes = counts[i] * sizeof(float);
            assert_memory_equal(one.parameters, more.parameters, bytes);
            assert_memory_equal(one.optimizer.first, more.optimizer.first, bytes);
            assert_memory_equal(one.optimizer.second, more.optimizer.second, bytes);
            free_trained(&more);
        }
        free_trained(&one);
    }
}

int main(int argc, char **argv) {
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm_is_euclidean),
        cmocka_unit_test(test_norm_does_not_depend_on_threads),
        cmocka_unit_test(test_norm_shows_what_is_not_finite),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_adamw),
        cmocka_unit_test(test_update_does_not_depend_on_threads),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || wt_memory_blocks() != 0;
}
