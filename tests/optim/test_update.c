/*
 * The gradient's norm, clipping and the update: values against plain double sums and the optimizers'
 * equations, and the same bits with one thread and with three. Sizes leave a rest in every kind of block.
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
#include "base/random.h"
#include "config/sections.h"
#include "optim/optim.h"

enum { COUNT = 5 * 4 * WT_NORM_BLOCK + WT_NORM_BLOCK + 77, STEPS = 4 };

static const wt_kernels *kernels;

static float draw_update_value(uint64_t array, uint64_t element) {
    return (float)wt_random_normal(3, WT_RANDOM_TEST, array, element);
}

static float *drawn(uint64_t array, size_t count) {
    float *values;
    assert_int_equal(wt_alloc(&values, count, sizeof *values, "a test"), WT_OK);
    for (size_t i = 0; i < count; i++) values[i] = draw_update_value(array, i);
    return values;
}

static double norm_of(const float *gradient, size_t count, double scale, int threads) {
    double *block_sums;
    assert_int_equal(wt_alloc(&block_sums, wt_gradient_norm_blocks(count), sizeof *block_sums, "a test"),
                     WT_OK);
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
    assert_true(wt_gradient_clip_scale(0.5, 1) == 1);
    assert_true(wt_gradient_clip_scale(0, 1) == 1);
    assert_true(fabs(wt_gradient_clip_scale(4, 1) - 1 / 4.000001) < 1e-15);
    assert_true(fabs(wt_gradient_clip_scale(1, 1) - 1 / 1.000001) < 1e-15);
    assert_true(wt_gradient_clip_scale(1e9, 0) == 1); /* no clipping */
}

/* --- the update --- */

typedef struct {
    wt_optimizer optimizer;
    float *parameters;
} trained;

/* Of the configuration, the optimizer alone matters here, and the mean. */
static wt_config adam = {
    .optimizer = {WT_OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .weight_decay = 0.02}};
static wt_config adamw = {
    .optimizer = {WT_OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .weight_decay = 0.02}};
static wt_config sgd = {.optimizer = {WT_OPTIMIZER_SGD, .weight_decay = 0.02}};
static wt_config momentum = {.optimizer = {WT_OPTIMIZER_SGD, .weight_decay = 0.02, .momentum = 0.9},
                             .ema = {0.25}};
static wt_config nesterov = {
    .optimizer = {WT_OPTIMIZER_SGD, .weight_decay = 0.02, .momentum = 0.9, .nesterov = 1}};

static trained train_ranges(const wt_config *config, size_t count, int threads, const wt_update_range *ranges,
                            int range_count) {
    trained t = {.parameters = drawn(10, count)};
    const wt_update update = {1e-2, wt_optimizer_momentum(&config->optimizer), 0.5};
    assert_int_equal(wt_optimizer_init(&t.optimizer, wt_config_update_rule(config), count), WT_OK);
    if (ranges) assert_int_equal(wt_optimizer_set_ranges(&t.optimizer, ranges, range_count), WT_OK);
    wt_optimizer_reset(&t.optimizer, t.parameters);
    omp_set_num_threads(threads);
    for (uint64_t step = 1; step <= STEPS; step++) {
        float *gradient = drawn(10 + step, count);
        wt_optimizer_step(&t.optimizer, kernels, &config->optimizer, &update, gradient, t.parameters);
        wt_free(gradient);
    }
    assert_int_equal(t.optimizer.updates, STEPS);
    return t;
}

static trained train_updates(const wt_config *config, size_t count, int threads) {
    return train_ranges(config, count, threads, NULL, 0);
}

static void free_trained(trained *t) {
    wt_optimizer_dispose(&t->optimizer);
    assert_null(t->optimizer.moments[WT_MOMENT_FIRST]);
    wt_free(t->parameters);
}

/* One element: the parameter, then the moments. */
typedef struct {
    double p, moments[WT_MOMENTS];
} element;

/* Algorithm 1 of Kingma & Ba 2015 in double, with either kind of decay. */
static void adam_element(const wt_optimizer_config *config, int step, double g, element *e) {
    double *m = &e->moments[WT_MOMENT_FIRST], *v = &e->moments[WT_MOMENT_SECOND];
    bool decoupled = config->kind == WT_OPTIMIZER_ADAMW;
    if (decoupled) e->p -= 1e-2 * config->weight_decay * e->p;
    if (!decoupled) g += config->weight_decay * e->p;
    *m = config->beta1 * *m + (1 - config->beta1) * g;
    *v = config->beta2 * *v + (1 - config->beta2) * g * g;
    double m_hat = *m / (1 - pow(config->beta1, step)), v_hat = *v / (1 - pow(config->beta2, step));
    e->p -= 1e-2 * m_hat / (sqrt(v_hat) + config->epsilon);
}

static void sgd_element(const wt_optimizer_config *config, double g, element *e) {
    double *v = &e->moments[WT_MOMENT_FIRST];
    g += config->weight_decay * e->p;
    *v = config->momentum * *v + g;
    e->p -= 1e-2 * (config->nesterov ? g + config->momentum * *v : *v);
}

static element expected_element(const wt_config *config, uint64_t i) {
    element e = {.p = draw_update_value(10, i)};
    e.moments[WT_MOMENT_AVERAGE] = e.p;
    for (int step = 1; step <= STEPS; step++) {
        double g = 0.5 * draw_update_value(10 + (uint64_t)step, i);
        if (config->optimizer.kind == WT_OPTIMIZER_SGD)
            sgd_element(&config->optimizer, g, &e);
        else
            adam_element(&config->optimizer, step, g, &e);
        double decay = fmin(config->ema.decay, (1.0 + step) / (10.0 + step)),
               *mean = &e.moments[WT_MOMENT_AVERAGE];
        *mean = decay * *mean + (1 - decay) * e.p;
    }
    return e;
}

static void assert_update(const wt_config *config) {
    trained t = train_updates(config, COUNT, 1);
    for (size_t i = 0; i < COUNT; i += i < 64 || i > COUNT - 64 ? 1 : 61) {
        const element expected = expected_element(config, i);
        assert_true(fabs(t.parameters[i] - expected.p) < 2e-6 * (1 + fabs(expected.p)));
        for (int m = 0; m < WT_MOMENTS; m++) {
            const float *moment = t.optimizer.moments[m];
            if (moment)
                assert_true(fabs(moment[i] - expected.moments[m]) < 1e-6 * (1 + fabs(expected.moments[m])));
        }
    }
    free_trained(&t);
}

static void test_updates(void **state) {
    (void)state;
    assert_update(&adam);
    assert_update(&adamw);
    assert_update(&sgd);
    assert_update(&momentum); /* the mean: 2/11, 3/12, 0.25, 0.25 */
    assert_update(&nesterov);
}

/* What is kept takes memory, and nothing else does. */
static void test_memory(void **state) {
    (void)state;
    static const struct {
        const wt_config *config;
        bool keeps[WT_MOMENTS];
    } cases[] = {{&adam, {true, true, false}},
                 {&adamw, {true, true, false}},
                 {&sgd, {false, false, false}},
                 {&momentum, {true, false, true}},
                 {&nesterov, {true, false, false}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wt_optimizer optimizer;
        assert_int_equal(wt_optimizer_init(&optimizer, wt_config_update_rule(cases[i].config), 10), WT_OK);
        for (int m = 0; m < WT_MOMENTS; m++)
            assert_int_equal(optimizer.moments[m] != NULL, cases[i].keeps[m]);
        wt_optimizer_dispose(&optimizer);
    }
    static wt_config cycled = {.optimizer = {WT_OPTIMIZER_SGD}, .schedule = {WT_SCHEDULE_ONE_CYCLE}};
    assert_false(wt_optimizer_keeps(wt_config_update_rule(&cycled), WT_MOMENT_FIRST));
    cycled.schedule.cycle_momentum = 1; /* as in PyTorch, the cycle gives it a momentum */
    assert_true(wt_optimizer_keeps(wt_config_update_rule(&cycled), WT_MOMENT_FIRST));
    assert_false(wt_optimizer_keeps(wt_config_update_rule(&cycled), WT_MOMENT_SECOND));
}

/* Ranges without decay are updated as without it, those that are left out not at all, wherever they are
 * cut. */
static void test_update_ranges(void **state) {
    (void)state;
    enum { A = 4 * WT_NORM_BLOCK - 3, B = A + 10, C = B + 1, D = 9 * WT_NORM_BLOCK };
    static const wt_update_range ranges[] = {
        {0, A, true}, {A, B - A, false}, {C, D - C, true}, {D, COUNT - D, false}};
    wt_config *const all[] = {&adam, &adamw, &momentum};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        wt_config bare = *all[i];
        bare.optimizer.weight_decay = 0;
        trained with = train_updates(all[i], COUNT, 1), without = train_updates(&bare, COUNT, 1);
        trained both = train_ranges(all[i], COUNT, 3, ranges, 4);
        for (size_t j = 0; j < COUNT; j++) {
            bool decayed = j < A || (j >= C && j < D);
            float expected = j == B    ? draw_update_value(10, B)
                             : decayed ? with.parameters[j]
                                       : without.parameters[j];
            assert_true(both.parameters[j] == expected);
        }
        assert_true(with.parameters[0] != without.parameters[0]);
        free_trained(&with), free_trained(&without), free_trained(&both);
    }
}

static void test_update_does_not_depend_on_threads(void **state) {
    (void)state;
    static const size_t counts[] = {1, 100, COUNT};
    const wt_config *const configs[] = {&adam, &momentum};
    for (size_t i = 0; i < 6; i++) {
        trained one = train_updates(configs[i % 2], counts[i / 2], 1);
        for (int threads = 2; threads <= 3; threads++) {
            trained more = train_updates(configs[i % 2], counts[i / 2], threads);
            size_t bytes = counts[i / 2] * sizeof(float);
            assert_memory_equal(one.parameters, more.parameters, bytes);
            for (int m = 0; m < WT_MOMENTS; m++) {
                const float *moment = one.optimizer.moments[m];
                if (moment) assert_memory_equal(moment, more.optimizer.moments[m], bytes);
            }
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
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_update_ranges),
        cmocka_unit_test(test_update_does_not_depend_on_threads),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || wt_memory_blocks() != 0;
}
