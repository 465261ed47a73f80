/*
 * Simulated ion channels: shares and dwell times against the process that they are, noise, hum and drift
 * against their levels; and the smoother that networks are measured against (tests/reference/ion_hmm.c)
 * against summing over all paths.
 */
#include <math.h>

#include "../reference/ion_hmm.h"
#include "base/random.h"
#include "h5/h5_folder.h"

enum { FRAMES = 200000 };

static const wt_ion plain = {.count = 3,
                             .opening = 200,
                             .closing = 300,
                             .amplitude = 2,
                             .noise = 0,
                             .rate = 10000,
                             .frames = FRAMES,
                             .utterances = 10,
                             .seed = 5};

static wt_utterance load_channels(const wt_ion *ion, size_t item) {
    wt_utterance utterance = {.samples = NULL};
    assert_ok(wt_ion_load(ion, item, &utterance));
    assert_int_equal(utterance.count, ion->frames);
    return utterance;
}

static void unload(wt_utterance *utterance) {
    wt_free(utterance->samples);
    wt_free(utterance->labels);
}

/* Binomial shares and transition counts; independent samples are some ten thousand, so three per cent is
 * far. */
static void test_chain(void **state) {
    (void)state;
    wt_ion_chain chain;
    double shares[4] = {0}, steps[4][4] = {{0}};
    wt_utterance u = load_channels(&plain, 0);
    wt_ion_chain_make(&chain, &plain);
    for (int64_t t = 0; t < FRAMES; t++) {
        const int open = (int)u.labels[t];
        assert_in_range(open, 0, 3);
        assert_true(u.samples[t] == 2 * u.labels[t]);
        shares[open] += 1.0 / FRAMES;
        if (t > 0) steps[(int)u.labels[t - 1]][open] += 1;
    }
    for (int s = 0; s < 4; s++) {
        assert_true(fabs(shares[s] - chain.start[s]) < 0.03);
        for (int to = 0; to < 4; to++) {
            const double expected = shares[s] * FRAMES * chain.step[s][to];
            assert_true(fabs(steps[s][to] - expected) < 5 * sqrt(expected) + 5);
        }
    }
    unload(&u);
}

/* Twice the rate is the same process: a channel changes within two samples as often as within one of half the
 * rate. */
static void test_rate(void **state) {
    (void)state;
    wt_ion faster = plain;
    double opens, closes, opens2, closes2;
    faster.rate *= 2;
    wt_ion_transitions(&plain, &opens, &closes);
    wt_ion_transitions(&faster, &opens2, &closes2);
    assert_true(fabs((1 - opens2) * opens2 + opens2 * (1 - closes2) - opens) < 1e-12);
    assert_true(fabs((1 - closes2) * closes2 + closes2 * (1 - opens2) - closes) < 1e-12);
}

static void test_current_levels(void **state) {
    (void)state;
    wt_ion noisy = plain, humming = plain, drifting = plain;
    double noise = 0, products[2] = {0}, hum = 0, drift = 0;
    noisy.noise = 0.4;
    humming.hum = 0.3;
    drifting.drift = 0.5;
    wt_utterance a = load_channels(&noisy, 1), b = load_channels(&humming, 1);
    for (int64_t t = 0; t < FRAMES; t++) {
        const double n = (double)a.samples[t] - 2 * (double)a.labels[t];
        const double turns = 50.0 * (double)t / humming.rate,
                     h = (double)b.samples[t] - 2 * (double)b.labels[t];
        noise += n * n / FRAMES;
        products[0] += 2 * h * sin(2 * 3.14159265358979323846 * turns) / FRAMES;
        products[1] += 2 * h * cos(2 * 3.14159265358979323846 * turns) / FRAMES;
        hum += h * h / FRAMES;
        assert_true(fabs(h - wt_ion_baseline(&humming, 1, t)) < 1e-6);
        assert_true(a.labels[t] == b.labels[t]); /* what is added changes no draw of the channels */
    }
    assert_true(fabs(sqrt(noise) - 0.4) < 0.005);
    assert_true(fabs(hypot(products[0], products[1]) - 0.3) < 1e-3); /* all of it is at 50 Hz */
    assert_true(fabs(hum - 0.3 * 0.3 / 2) < 1e-4);
    unload(&a);
    unload(&b);
    for (size_t item = 0; item < 400; item++) {
        for (int64_t t = 0; t < FRAMES; t += 20000) {
            const double d = wt_ion_baseline(&drifting, item, t),
                         next = wt_ion_baseline(&drifting, item, t + 1);
            drift += d * d / 4000;
            assert_true(fabs(next - d) <
                        0.5 * sqrt(12.0) * 2 * 3.15 / 10000); /* slow: no wave is above 1 Hz */
        }
    }
    assert_true(fabs(sqrt(drift) - 0.5) < 0.03);
}

static void test_channel_keys(void **state) {
    (void)state;
    wt_ion other = plain;
    wt_utterance a = load_channels(&plain, 2), b = load_channels(&plain, 2), c = load_channels(&plain, 3);
    assert_memory_equal(a.labels, b.labels, FRAMES * sizeof(float));
    assert_memory_not_equal(a.labels, c.labels, FRAMES * sizeof(float));
    unload(&b);
    other.seed++;
    b = load_channels(&other, 2);
    assert_memory_not_equal(a.labels, b.labels, FRAMES * sizeof(float));
    unload(&a);
    unload(&b);
    unload(&c);
}

static void test_option_ranges(void **state) {
    (void)state;
    wt_prepare_plan plan;
    wt_ion wrong = plain;
    wrong.count = 0;
    assert_error(wt_ion_plan(&plan, &wrong, 1 << 20), "--channels: out of range (got 0");
    wrong = plain;
    wrong.closing = 0;
    assert_error(wt_ion_plan(&plan, &wrong, 1 << 20), "--closing: out of range");
    wrong = plain;
    wrong.hum = NAN;
    assert_error(wt_ion_plan(&plan, &wrong, 1 << 20), "--hum: out of range");
}

/* p(path, samples) of one path, and all paths in turn. */
static double path_weight(const wt_ion_chain *chain, const wt_ion *ion, const int *path, const double *x,
                          int count) {
    double weight = chain->start[path[0]];
    for (int t = 0; t < count; t++) {
        const double d = (x[t] - ion->amplitude * path[t]) / ion->noise;
        weight *= exp(-0.5 * d * d) * (t ? chain->step[path[t - 1]][path[t]] : 1);
    }
    return weight;
}

static void sum_paths(double *sums, const wt_ion_chain *chain, const wt_ion *ion, const double *x, int at,
                      int count) {
    int path[8] = {0};
    memset(sums, 0, (size_t)chain->states * sizeof *sums);
    for (;;) {
        int t = 0;
        sums[path[at]] += path_weight(chain, ion, path, x, count);
        while (t < count && ++path[t] == chain->states) path[t++] = 0;
        if (t == count) return;
    }
}

static void test_smoother(void **state) {
    (void)state;
    enum { COUNT = 6 };
    wt_ion ion = plain;
    wt_ion_chain chain;
    double x[COUNT], posterior[COUNT * 4], sums[4];
    ion.noise = 0.9;
    ion.rate = 1000;
    wt_ion_chain_make(&chain, &ion);
    for (int t = 0; t < COUNT; t++) x[t] = 6 * wt_random_uniform(1, WT_RANDOM_TEST, 7, (uint64_t)t);
    for (int lag = 0; lag <= COUNT; lag++) {
        wt_ion_smooth(posterior, &chain, &ion, x, COUNT, lag);
        for (int t = 0; t < COUNT; t++) {
            const int known = t + lag + 1 < COUNT ? t + lag + 1 : COUNT;
            double all = 0;
            sum_paths(sums, &chain, &ion, x, t, known);
            for (int s = 0; s < 4; s++) all += sums[s];
            for (int s = 0; s < 4; s++) assert_true(fabs(posterior[4 * t + s] - sums[s] / all) < 1e-12);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),          cmocka_unit_test(test_rate),
        cmocka_unit_test(test_current_levels), cmocka_unit_test(test_channel_keys),
        cmocka_unit_test(test_option_ranges),  cmocka_unit_test(test_smoother),
    };
    return cmocka_run_group_tests_name("ion channels", tests, NULL, NULL);
}
