/*
 * The delay between a dry signal and what an amplifier has made of it: for each delay, with blips and
 * without, with noise, inverted, the estimate is the true one or at most two samples before it, or it is
 * refused with what to give. The amplifier is a two-stage clipper that is not symmetric, a tone control and a
 * cabinet of 20 ms.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/prepare/align.h"

enum { RATE = 48000, FRAMES = 12 * RATE, CABINET = 960 };

static const double pi = 3.14159265358979323846;

static float *take_test_samples(int64_t count) {
    float *block;
    if (wt_alloc(&block, (size_t)count, sizeof *block, "a test") != WT_OK) fail_msg("%s", wt_error_message());
    return block;
}

/* In ±1, the same everywhere. */
static double draw_sample(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / 8388608.0 - 1;
}

/* Silence with blips from 1 to 4 s (or none), 2 s of noise, then plucked strings. */
static void make_dry(float *dry, bool blips, bool noise) {
    uint32_t state = 7;
    memset(dry, 0, FRAMES * sizeof *dry);
    for (int b = 0; blips && b < 2; b++)
        for (int i = 0; i < 4; i++) dry[(b + 2) * RATE - RATE / 2 + i] = 0.9f;
    for (int i = 0; noise && i < 2 * RATE; i++) dry[4 * RATE + i] = (float)(0.3 * draw_sample(&state));
    for (int s = 0; s < 40; s++) {
        const double pitch = 80 + 20 * s;
        const int from = 6 * RATE + s * (5 * RATE / 40);
        for (int i = 0; i < RATE / 2 && from + i < FRAMES - RATE; i++)
            dry[from + i] += (float)(0.2 * sin(2 * pi * pitch * i / RATE) * exp(-6.0 * i / RATE));
    }
}

static double clip_sample(double x) {
    const double once = tanh(5 * x + 0.1) - tanh(0.1);
    return tanh(2 * once - 0.2) + tanh(0.2);
}

/* What the amplifier makes of it, at once and without noise: [FRAMES] of float. */
static float *amplify(const float *dry) {
    uint32_t state = 11;
    double cabinet[CABINET], low = 0;
    float *driven = take_test_samples(FRAMES), *made = take_test_samples(FRAMES);
    for (int i = 0; i < CABINET; i++)
        cabinet[i] = (i == 0 ? 0.6 : 0.25 * draw_sample(&state)) * exp(-i / 150.0);
    for (int i = 0; i < FRAMES; i++) {
        const double y = clip_sample((double)dry[i]);
        low += 0.3 * (y - low);
        driven[i] = (float)(0.6 * y + 0.4 * low);
    }
    for (int i = 0; i < FRAMES; i++) {
        double sum = 0;
        for (int k = 0; k < CABINET && k <= i; k++) sum += cabinet[k] * (double)driven[i - k];
        made[i] = (float)(0.3 * sum);
    }
    wt_free(driven);
    return made;
}

/* As it is recorded: late, with noise, maybe inverted. */
static void record(float *wet, const float *made, int delay, double noise, bool inverted) {
    uint32_t state = 13;
    for (int i = 0; i < FRAMES; i++) {
        const int at = i - delay;
        const double y = at >= 0 && at < FRAMES ? (double)made[at] : 0;
        wet[i] = (float)((inverted ? -y : y) + 0.3 * noise * draw_sample(&state));
    }
}

typedef struct {
    int delay;
    bool blips, inverted;
    double noise;
} align_case;

static void check_delay(const float *dry, const float *made, const align_case *c) {
    float *wet = take_test_samples(FRAMES);
    wt_alignment found;
    record(wet, made, c->delay, c->noise, c->inverted);
    const wt_status status = wt_align(&found, "wet.wav", dry, FRAMES, wet, FRAMES);
    if (status != WT_OK) fail_msg("delay %d: %s", c->delay, wt_error_message());
    print_message("delay %d, blips %d, noise %g: found %d\n", c->delay, c->blips, c->noise, found.delay);
    if (found.delay > c->delay || found.delay < c->delay - 2)
        fail_msg("delay %d: found %d (expected %d to %d)", c->delay, found.delay, c->delay - 2, c->delay);
    assert_int_equal(found.inverted, c->inverted);
    assert_int_equal(found.blips > 0, c->blips);
    wt_free(wet);
}

static void test_delays(void **state) {
    (void)state;
    const int delays[] = {-300, -7, 0, 1, 137, 2000};
    for (int blips = 0; blips < 2; blips++) {
        float *dry = take_test_samples(FRAMES);
        make_dry(dry, blips, true);
        float *made = amplify(dry);
        for (size_t i = 0; i < sizeof delays / sizeof *delays; i++)
            check_delay(dry, made, &(align_case){delays[i], blips, (int)i % 2 == blips, 1e-3});
        wt_free(made);
        wt_free(dry);
    }
}

/* Strings alone hold too little to tell one sample from the next; silence nothing. */
static void test_align_refusals(void **state) {
    (void)state;
    float *dry = take_test_samples(FRAMES), *wet = take_test_samples(FRAMES);
    wt_alignment found;
    make_dry(dry, false, false);
    float *made = amplify(dry);
    record(wet, made, 20, 1e-3, false);
    wt_free(made);
    assert_int_equal(wt_align(&found, "wet.wav", dry, FRAMES, wet, FRAMES), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "--align N"));
    memset(wet, 0, FRAMES * sizeof *wet);
    assert_int_equal(wt_align(&found, "wet.wav", dry, FRAMES, wet, FRAMES), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "wet.wav: is silent"));
    make_dry(dry, false, true);
    uint32_t other = 99;
    for (int i = 0; i < FRAMES; i++) wet[i] = (float)(0.3 * draw_sample(&other)); /* another recording */
    assert_int_equal(wt_align(&found, "wet.wav", dry, FRAMES, wet, FRAMES), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "--align N"));
    wt_free(dry);
    wt_free(wet);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_delays), cmocka_unit_test(test_align_refusals)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed ? failed : wt_memory_blocks() != 0;
}
