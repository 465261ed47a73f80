/* From logits to a class: the most likely, the k most likely, frequencies, keys, and what is not finite. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend.h"
#include "wavetrain/generate.h"

enum { CLASSES = 8, DRAWS = 20000 };

static const wt_real logits[CLASSES] = {0.5f, -1.0f, 2.0f, 0.0f, 1.5f, -3.0f, 2.0f, 1.0f};

static const wt_kernels *kernels;
static wt_real weights[CLASSES];

static int32_t choose(const wt_choice *like, const wt_real *from, int classes, int64_t index) {
    int32_t class = -1;
    wt_choice choice = *like;
    choice.kernels = kernels;
    choice.weights = weights;
    if (wt_choose(&choice, from, classes, index, &class) != WT_OK) fail_msg("%s", wt_error_message());
    assert_in_range(class, 0, classes - 1);
    return class;
}

static void count_draws(const wt_choice *choice, int counts[CLASSES]) {
    memset(counts, 0, CLASSES * sizeof *counts);
    for (int64_t i = 0; i < DRAWS; i++) counts[choose(choice, logits, CLASSES, i)]++;
}

static void test_no_temperature_takes_the_most_likely(void **state) {
    (void)state;
    wt_choice choice = {.temperature = 0, .seed = 1};
    for (int64_t i = 0; i < 50; i++)
        assert_int_equal(choose(&choice, logits, CLASSES, i), 2); /* the lower of two */
    assert_int_equal(choose(&choice, (wt_real[]){-5, -4}, 2, 0), 1);
    assert_int_equal(choose(&choice, (wt_real[]){-7, -7, -7}, 3, 0), 0);
    assert_int_equal(choose(&choice, (wt_real[]){3}, 1, 0), 0);
}

/* Within five standard deviations of softmax(logits/temperature) over the classes that are allowed. */
static void assert_frequencies(const wt_choice *choice, const char *allowed) {
    int counts[CLASSES];
    double sum = 0;
    for (int i = 0; i < CLASSES; i++)
        sum += allowed[i] == 'x' ? exp((double)logits[i] / choice->temperature) : 0;
    count_draws(choice, counts);
    for (int i = 0; i < CLASSES; i++) {
        double p = allowed[i] == 'x' ? exp((double)logits[i] / choice->temperature) / sum : 0;
        double expected = p * DRAWS, error = fabs(counts[i] - expected);
        if (!(error <= 5 * sqrt(expected * (1 - p)))) {
            fail_msg("class %d at temperature %g: got %d, expected %g", i, choice->temperature, counts[i],
                     expected);
        }
    }
}

static void test_frequencies_are_softmax(void **state) {
    (void)state;
    static const double temperatures[] = {0.3, 1, 2.5};
    for (size_t t = 0; t < 3; t++) {
        assert_frequencies(&(wt_choice){.temperature = temperatures[t], .seed = 9}, "xxxxxxxx");
    }
}

static void test_top_k_draws_from_the_k_most_likely(void **state) {
    (void)state;
    wt_choice choice = {.temperature = 1, .seed = 4};
    choice.top_k = 2;
    assert_frequencies(&choice, "..x...x.");
    choice.top_k = 4;
    assert_frequencies(&choice, "..x.x.xx");
    choice.top_k = CLASSES;
    assert_frequencies(&choice, "xxxxxxxx");
    choice.top_k = 1000;
    assert_frequencies(&choice, "xxxxxxxx");
}

static void test_the_key_decides(void **state) {
    (void)state;
    const wt_choice keys[] = {{.temperature = 1, .seed = 1, .stream = 0},
                              {.temperature = 1, .seed = 2, .stream = 0},
                              {.temperature = 1, .seed = 1, .stream = 1}};
    for (int64_t i = 200; i-- > 0;) { /* backwards: nothing is remembered */
        assert_int_equal(choose(&keys[0], logits, CLASSES, i), choose(&keys[0], logits, CLASSES, i));
    }
    for (int other = 1; other < 3; other++) {
        int same = 0;
        for (int64_t i = 0; i < 1000; i++) {
            same += choose(&keys[0], logits, CLASSES, i) == choose(&keys[other], logits, CLASSES, i);
        }
        assert_in_range(same, 100, 400); /* Σp² is 0.22 */
    }
}

static void test_a_low_temperature_is_safe(void **state) {
    (void)state;
    wt_choice choice = {.temperature = 1e-6, .seed = 3};
    const wt_real wide[] = {-1e30f, 1e30f, 0};
    for (int64_t i = 0; i < 100; i++) {
        int32_t class = choose(&choice, logits, CLASSES, i);
        assert_true(class == 2 || class == 6);
        assert_int_equal(choose(&choice, wide, 3, i), 1);
    }
}

static void test_what_is_not_finite_is_an_error(void **state) {
    (void)state;
    static const wt_real bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < 3; b++) {
        for (int at = 0; at < CLASSES; at++) {
            wt_real spoilt[CLASSES];
            memcpy(spoilt, logits, sizeof spoilt);
            spoilt[at] = bad[b];
            for (int temperature = 0; temperature < 2; temperature++) {
                int32_t class;
                wt_choice choice = {
                    .temperature = temperature, .top_k = at % 3, .kernels = kernels, .weights = weights};
                assert_int_equal(wt_choose(&choice, spoilt, CLASSES, 42, &class), WT_FAILED);
                assert_string_equal(wt_error_message(), "the network's output is not finite at sample 42");
            }
        }
    }
}

int main(int argc, char **argv) {
    const int unfit = test_select_backend(&kernels, argc > 1 ? argv[1] : "reference");
    if (unfit) return unfit;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_temperature_takes_the_most_likely),
        cmocka_unit_test(test_frequencies_are_softmax),
        cmocka_unit_test(test_top_k_draws_from_the_k_most_likely),
        cmocka_unit_test(test_the_key_decides),
        cmocka_unit_test(test_a_low_temperature_is_safe),
        cmocka_unit_test(test_what_is_not_finite_is_an_error),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || wt_memory_blocks() != 0;
}
