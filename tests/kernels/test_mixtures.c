/*
 * Mixtures of logistics and of Gaussians: probabilities of all 65,536 codes add up to 1, losses and gradients
 * are the reference's, rows that are no targets cost nothing, and what is not a number stays so.
 *   test_mixtures BACKEND
 */
#include "kernel_matrix.h"
#include "support.h"

#include <math.h>
#include <stdio.h>

#include "backend.h"

static const wt_kernels *kernels, *reference;

typedef double (*loss_function)(wt_real *, int, const wt_real *, const int32_t *, int, const wt_mixture *,
                                bool);

enum { CODES = 65536, KINDS = 2 };
#define HALF (1.0 / 65536)

static loss_function find_loss_function(const wt_kernels *table, int kind) {
    return kind == 0 ? table->losses.logistics : table->losses.gaussians;
}

static int find_edge(int code) {
    return code == 0 ? WT_EDGE_LOW : code == CODES - 1 ? WT_EDGE_HIGH : 0;
}

/* Σ p over all codes, of outputs that stay the same. */
static double sum_of_codes(int kind, const wt_mixture *mixture, const float *outputs) {
    float row[3 * WT_COMPONENTS_MAX];
    const int count = wt_kernels_mixture_outputs(mixture);
    double sum = 0;
    for (int k = 0; k < CODES; k++) {
        const float value = (float)(k - 32768) / 32768;
        const int32_t target = find_edge(k);
        memcpy(row, outputs, (size_t)count * sizeof *row);
        sum += exp(-find_loss_function(kernels, kind)(row, count, &value, &target, 1, mixture, false));
    }
    return sum;
}

/* One component inside, at the edges and beyond them, scales e⁻¹⁵ … e¹. */
static void test_codes_sum_to_one(void **state) {
    (void)state;
    static const float means[] = {0.1f, 1.0f, -1.0f, 0.99998f, 1.25f, -3.0f};
    static const float scales[] = {-15, -13, -12, -10.9f, -8, -4, -1, 1};
    const wt_mixture mixture = {1, 1, HALF, 1, false};
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
            for (size_t j = 0; j < sizeof scales / sizeof *scales; j++) {
                const float outputs[] = {means[i], scales[j]};
                const double sum = sum_of_codes(kind, &mixture, outputs),
                             within = scales[j] < -12 ? 1e-5 : 1e-6;
                if (!(fabs(sum - 1) <= within))
                    fail_msg("kind %d, mean %g, ln s %g: sum %.9f", kind, (double)means[i], (double)scales[j],
                             sum);
            }
        }
    }
}

static void test_codes_of_a_mixture_sum_to_one(void **state) {
    (void)state;
    const wt_mixture mixture = {10, 1, HALF, 0.25, true};
    float outputs[30];
    for (int i = 0; i < 10; i++) {
        outputs[i] = (float)(2 * test_random((uint64_t)i));
        outputs[10 + i] = (float)(1.5 * test_random((uint64_t)i + 10));
        outputs[20 + i] = (float)(-7 + 8 * test_random((uint64_t)i + 20));
    }
    for (int kind = 0; kind < KINDS; kind++) {
        const double sum = sum_of_codes(kind, &mixture, outputs);
        if (!(fabs(sum - 1) <= 1e-6)) fail_msg("kind %d: sum %.9f", kind, sum);
    }
}

/* --- against the reference --- */

enum { ROWS = 60, CHANNELS_MAX = 3 };

typedef struct {
    wt_mixture mixture;
    float values[ROWS * CHANNELS_MAX];
    int32_t targets[ROWS];
    matrix y;
} bed;

/* Some values are codes in the middle, some at the edges, some rows no targets; scales reach beyond the
 * floors. */
static void set_up_bed(bed *b, int components, int channels, double half) {
    b->mixture = (wt_mixture){components, channels, half, components % 2 ? 1 : 0.25, components % 4 == 1};
    const int outputs = wt_kernels_mixture_outputs(&b->mixture), each = outputs / channels;
    b->y = matrix_create(ROWS, outputs, 3, 1, 77);
    for (int t = 0; t < ROWS; t++) {
        b->targets[t] = t % 7 == 3 ? -1 : 0;
        for (int c = 0; c < channels; c++) {
            const int at = t * channels + c;
            const double draw = test_random((uint64_t)at + 900);
            int code = half > 0 && t % 9 == 5   ? 0
                       : half > 0 && t % 9 == 7 ? CODES - 1
                                                : (int)(32768 * (draw + 1));
            b->values[at] = (float)(code - 32768) / 32768;
            if (b->targets[t] >= 0 && half > 0) b->targets[t] |= find_edge(code) << 2 * c;
            for (int k = 0; k < components; k++) {
                float *scale = matrix_at(&b->y, t, c * each + each - components + k);
                *scale = *scale * 11 - 7;
                float *mean = scale - components;
                if (t % 2) *mean = (b->values[at] + *mean * 1e-3f) / (float)b->mixture.unit;
                if (t % 2 && b->mixture.curved) *mean = asinhf(*mean);
                if (t % 11 == 2) *mean *= 30; /* beyond the ceiling */
            }
        }
    }
}

static void compare_once(int kind, int components, int channels, double half) {
    bed got, want;
    set_up_bed(&got, components, channels, half), set_up_bed(&want, components, channels, half);
    const int outputs = wt_kernels_mixture_outputs(&got.mixture);
    const double alone = find_loss_function(kernels, kind)(got.y.values, got.y.stride, got.values,
                                                           got.targets, ROWS, &got.mixture, false);
    const double loss = find_loss_function(kernels, kind)(got.y.values, got.y.stride, got.values, got.targets,
                                                          ROWS, &got.mixture, true);
    const double wanted = find_loss_function(reference, kind)(want.y.values, want.y.stride, want.values,
                                                              want.targets, ROWS, &want.mixture, true);
    assert_true(loss == alone);
    if (!(fabs(loss - wanted) <= 1e-9 * fabs(wanted)))
        fail_msg("kind %d, K %d: loss %.12g, expected %.12g", kind, components, loss, wanted);
    for (int t = 0; t < ROWS; t++) {
        for (int o = 0; o < outputs; o++) {
            const double a = (double)*matrix_at(&got.y, t, o), b = (double)*matrix_at(&want.y, t, o);
            if (!(fabs(a - b) <= 1e-6 * (fabs(b) + 1e-3)))
                fail_msg("kind %d, K %d: gradient [%d, %d] %.9g, expected %.9g", kind, components, t, o, a,
                         b);
            if (got.targets[t] < 0) assert_true(a == 0);
        }
    }
    matrix_check_padding(&got.y);
    matrix_destroy(&got.y), matrix_destroy(&want.y);
}

static void test_reference(void **state) {
    (void)state;
    static const int components[] = {1, 2, 8, 10, 17, 64};
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < sizeof components / sizeof *components; i++) {
            compare_once(kind, components[i], 1, HALF);
            compare_once(kind, components[i], 3, HALF);
            compare_once(kind, components[i], 2, 0);
        }
    }
}

/* Every output that is not a number makes the loss not finite, so that the step's check finds it. */
static void test_not_a_number(void **state) {
    (void)state;
    const wt_mixture mixture = {3, 1, HALF, 1, false};
    const float value = 0.25f;
    const int32_t target = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        for (int o = 0; o < 9; o++) {
            float y[9] = {0};
            y[o] = NAN;
            assert_true(isnan(find_loss_function(kernels, kind)(y, 9, &value, &target, 1, &mixture, true)));
        }
    }
    float y[9] = {0};
    assert_true(kernels->losses.logistics(y, 9, &value, &target, 0, &mixture, true) == 0);
}

int main(int argc, char **argv) {
    wt_kernels_setup_thread();
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    if (wt_kernels_select(&reference, WT_BACKEND_REFERENCE, WT_PRECISION_FP32) != WT_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_sum_to_one),
        cmocka_unit_test(test_codes_of_a_mixture_sum_to_one),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests_name(kernels->name, tests, NULL, NULL);
}
