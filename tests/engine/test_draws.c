/*
 * Draws from mixtures: their distribution against the analytic one (Kolmogorov and Smirnov) for ten sets of
 * parameters, the temperature, the keys, and rounding to codes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/sections.h"
#include "network/network_model.h"
#include "support.h"
#include "wavetrain/network.h"
#include "wavetrain/stream.h"

enum { DRAWS = 20000, CHANNELS = 2, COMPONENTS_MAX = 10 };

static wt_network *make_drawn_network(wt_head_kind head, int components, bool codes) {
    wt_config config;
    wt_network *network;
    must(wt_config_parse(&config, "test", "", 0, NULL, 0));
    config.model.head = head;
    config.model.components = components;
    config.model.input = WT_INPUT_REAL;
    const wt_network_shape shape = {
        .input_classes = 256, .channels = CHANNELS, .values = CHANNELS, .codes = codes};
    must(wt_network_create_shaped(&network, &config.model, &shape));
    return network;
}

/* One component, or more that overlap, with scales that differ by a factor of ten. */
typedef struct {
    wt_head_kind head;
    int components;
    double spread, scale, temperature; /* of the means; ln s of the first; */
} parameter_set;

static const parameter_set sets[] = {
    {WT_HEAD_LOGISTICS, 1, 0.3, -1, 1},  {WT_HEAD_LOGISTICS, 2, 0.5, -3, 1},
    {WT_HEAD_LOGISTICS, 10, 0.8, -4, 1}, {WT_HEAD_LOGISTICS, 10, 0.2, -9, 1},
    {WT_HEAD_LOGISTICS, 3, 1, -2, 0.7},  {WT_HEAD_GAUSSIAN, 1, 0.3, -1, 1},
    {WT_HEAD_GAUSSIAN, 1, 0.3, -6, 0.5}, {WT_HEAD_GAUSSIAN, 2, 0.5, -3, 1},
    {WT_HEAD_GAUSSIAN, 10, 0.8, -4, 1},  {WT_HEAD_GAUSSIAN, 5, 1, -2, 1.5},
};

/* Of channel c: weights, means and scales that the draws should have, and outputs that say so. */
typedef struct {
    int components;
    double weight[COMPONENTS_MAX], mean[COMPONENTS_MAX], scale[COMPONENTS_MAX];
} distribution;

static distribution describe_distribution(const parameter_set *set, int c, float *outputs) {
    const int K = set->components;
    distribution d = {.components = K};
    float *logit = outputs, *mean = K > 1 ? outputs + K : outputs, *scale = mean + K;
    double sum = 0;
    for (int k = 0; k < K; k++) {
        mean[k] = (float)(set->spread * sin(3.0 * k + c));
        scale[k] = (float)(set->scale + 2.3 * k / K);
        d.mean[k] = (double)mean[k];
        d.scale[k] = exp((double)scale[k]) * set->temperature;
        if (K > 1) logit[k] = (float)cos(2.0 * k + c);
        sum += d.weight[k] = K > 1 ? exp((double)logit[k] / set->temperature) : 1;
    }
    for (int k = 0; k < K; k++) d.weight[k] /= sum;
    return d;
}

static double cdf(const distribution *d, bool gaussian, double x) {
    double sum = 0;
    for (int k = 0; k < d->components; k++) {
        const double z = (x - d->mean[k]) / d->scale[k];
        sum += d->weight[k] * (gaussian ? 0.5 * erfc(-z * sqrt(0.5)) : 1 / (1 + exp(-z)));
    }
    return sum;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* √n·sup|F_n − F|, which passes 1.95 once in a thousand. */
static double kolmogorov(double *x, int n, const distribution *d, bool gaussian) {
    double most = 0;
    qsort(x, (size_t)n, sizeof *x, ascending);
    for (int i = 0; i < n; i++) {
        const double F = cdf(d, gaussian, x[i]);
        most = fmax(most, fmax(fabs(F - (double)i / n), fabs(F - (double)(i + 1) / n)));
    }
    return most * sqrt(n);
}

static void check_drawn_set(const parameter_set *set) {
    static double drawn[CHANNELS][DRAWS];
    wt_network *network = make_drawn_network(set->head, set->components, false);
    const int each = wt_network_get_traits(network)->outputs / CHANNELS;
    float outputs[CHANNELS * 3 * COMPONENTS_MAX], values[CHANNELS];
    distribution d[CHANNELS];
    for (int c = 0; c < CHANNELS; c++) d[c] = describe_distribution(set, c, outputs + c * each);
    for (int64_t i = 0; i < DRAWS; i++) {
        const wt_draw_key key = {set->temperature, 5, 2, i};
        must(wt_engine_draw(wt_network_graph(network), &key, outputs, values));
        for (int c = 0; c < CHANNELS; c++) drawn[c][i] = (double)values[c];
    }
    for (int c = 0; c < CHANNELS; c++) {
        const double statistic = kolmogorov(drawn[c], DRAWS, &d[c], set->head == WT_HEAD_GAUSSIAN);
        if (!(statistic < 1.95))
            fail_msg("head %d, K %d, channel %d: %.2f", (int)set->head, set->components, c, statistic);
    }
    wt_network_destroy(network);
}

static void test_distribution(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) check_drawn_set(&sets[i]);
}

/* Temperature 0 is the mean of the likeliest component; another sample or stream is another draw. */
static void test_draw_keys(void **state) {
    (void)state;
    wt_network *network = make_drawn_network(WT_HEAD_LOGISTICS, 2, false);
    const float outputs[] = {0, 1, 0.25f, 0.5f, -1, -1, 1, 0, 0.75f, 0.125f, -1, -1};
    float values[CHANNELS], other[CHANNELS];
    wt_draw_key key = {0, 1, 1, 7};
    must(wt_engine_draw(wt_network_graph(network), &key, outputs, values));
    assert_true(values[0] == 0.5f && values[1] == 0.75f);
    key.temperature = 1;
    must(wt_engine_draw(wt_network_graph(network), &key, outputs, values));
    must(wt_engine_draw(wt_network_graph(network), &key, outputs, other));
    assert_memory_equal(values, other, sizeof values);
    key.index = 8;
    must(wt_engine_draw(wt_network_graph(network), &key, outputs, other));
    assert_true(values[0] != other[0] && values[1] != other[1] && other[0] != other[1]);
    key.stream = 2;
    must(wt_engine_draw(wt_network_graph(network), &key, outputs, values));
    assert_true(values[0] != other[0] && values[1] != other[1]);
    float broken[12];
    memcpy(broken, outputs, sizeof broken);
    broken[3] = NAN;
    assert_int_equal(wt_engine_draw(wt_network_graph(network), &key, broken, values), WT_FAILED);
    wt_engine_mean(wt_network_graph(network), outputs, values);
    const double share = 1 / (1 + exp(-1.0));
    assert_true(fabs((double)values[0] - (0.25 * (1 - share) + 0.5 * share)) < 1e-6);
    wt_network_destroy(network);
}

static void test_code_rounding(void **state) {
    (void)state;
    wt_network *codes = make_drawn_network(WT_HEAD_GAUSSIAN, 1, true),
               *reals = make_drawn_network(WT_HEAD_GAUSSIAN, 1, false);
    assert_true(wt_engine_round(wt_network_graph(codes), 3) == 32767.0 / 32768);
    assert_true(wt_engine_round(wt_network_graph(codes), -3) == -1);
    assert_true(wt_engine_round(wt_network_graph(codes), 100.4 / 32768) == 100.0 / 32768);
    assert_true(wt_engine_round(wt_network_graph(codes), -100.6 / 32768) == -101.0 / 32768);
    assert_true(wt_engine_round(wt_network_graph(reals), 3.3) == 3.3);
    wt_network_destroy(codes);
    wt_network_destroy(reals);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_draw_keys),
        cmocka_unit_test(test_code_rounding),
        cmocka_unit_test(test_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
