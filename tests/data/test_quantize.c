/* Quantisation against the formula written out, at known points, and back and forth through every class. */
#include <math.h>

#include "shard_samples.h"

static const int levels[] = {2, 3, 16, 255, 256, 1024, 65536};
enum { LEVELS = sizeof levels / sizeof *levels };

static wt_quantization mulaw(int n) {
    return (wt_quantization){.kind = WT_QUANTIZATION_MULAW, .levels = n};
}
static wt_quantization linear(int n) {
    return (wt_quantization){.kind = WT_QUANTIZATION_LINEAR, .levels = n};
}

static void test_known_points(void **state) {
    (void)state;
    assert_int_equal(wt_quantize(mulaw(256), 0.0), 128);
    assert_int_equal(wt_quantize(mulaw(256), -0.0), 128);
    assert_int_equal(wt_quantize(mulaw(256), -1.0), 0);
    assert_int_equal(wt_quantize(mulaw(256), 1.0), 255);
    assert_int_equal(wt_quantize(mulaw(256), -17.0), 0);
    assert_int_equal(wt_quantize(mulaw(256), INFINITY), 255);
    assert_int_equal(wt_quantize(mulaw(256), NAN), 0);
    assert_int_equal(wt_quantize(mulaw(256), 0.5), 239);  /* (0.8757 + 1)/2 · 255 + ½ = 239.7 */
    assert_int_equal(wt_quantize(mulaw(256), -0.01), 98); /* (1 − 0.2285)/2 · 255 + ½ = 98.9 */
    assert_int_equal(wt_quantize(linear(256), 0.5), 191); /* 1.5/2 · 255 + ½ = 191.75 */
    assert_int_equal(wt_quantize_silence(mulaw(256)), 128);
    assert_true(wt_dequantize(mulaw(256), 128) == 0.0);
    assert_true(fabs(wt_dequantize(mulaw(256), 0) + 1.0) < 1e-15);
    assert_true(fabs(wt_dequantize(mulaw(256), 255) - 1.0) < 1e-15);
    assert_true(fabs(wt_dequantize(mulaw(256), 192) - (pow(256.0, 129.0 / 255.0) - 1.0) / 255.0) < 1e-15);
    assert_true(fabs(wt_dequantize(linear(256), 192) - 129.0 / 255.0) < 1e-15);
}

/* Away from the boundaries between classes, where rounding decides. */
static void test_formula(void **state) {
    (void)state;
    for (int k = 0; k < LEVELS; k++) {
        double mu = levels[k] - 1;
        for (int i = -1200; i <= 1200; i++) {
            double x = i / 1000.0, clipped = fmin(fmax(x, -1.0), 1.0), sign = x < 0 ? -1.0 : 1.0;
            double f = sign * log(1.0 + mu * fabs(clipped)) / log(1.0 + mu);
            double at = (f + 1.0) / 2.0 * mu + 0.5, at_linear = (clipped + 1.0) / 2.0 * mu + 0.5;
            if (fabs(at - round(at)) > 1e-6)
                assert_int_equal(wt_quantize(mulaw(levels[k]), x), (int)floor(at));
            if (fabs(at_linear - round(at_linear)) > 1e-6) {
                assert_int_equal(wt_quantize(linear(levels[k]), x), (int)floor(at_linear));
            }
        }
    }
}

static void test_every_class_comes_back(void **state) {
    (void)state;
    for (int k = 0; k < LEVELS; k++) {
        double before[2] = {-2.0, -2.0};
        for (int32_t class = 0; class < levels[k]; class ++) {
            for (int kind = 0; kind < 2; kind++) {
                wt_quantization q = kind == 0 ? mulaw(levels[k]) : linear(levels[k]);
                double x = wt_dequantize(q, class);
                assert_true(x > before[kind] && x >= -1.0 && x <= 1.0);
                assert_int_equal(wt_quantize(q, x), class);
                assert_int_equal(wt_quantize(q, (float)x), class);
                before[kind] = x;
            }
        }
    }
}

static void test_silence(void **state) {
    (void)state;
    for (int k = 0; k < LEVELS; k++) {
        for (int kind = 0; kind < 2; kind++) {
            wt_quantization q = kind == 0 ? mulaw(levels[k]) : linear(levels[k]);
            assert_int_equal(wt_quantize(q, 0.0), wt_quantize_silence(q));
            assert_true(wt_dequantize(q, wt_quantize_silence(q)) == 0.0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_points),
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_every_class_comes_back),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
