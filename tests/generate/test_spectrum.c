/* The measure of the sine test itself: on tones, noise and their sums, whose shares are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/prepare/sound.h"
#include "wave_power.h"
#include "write_wav.h"

enum { RATE = 8000, SAMPLES = 8000 };

/* amplitude·sin + offset + noise·(uniform in ±1) */
static void fill_wave(float *values, double frequency, double amplitude, double offset, double noise) {
    const double pi = 3.14159265358979323846;
    uint32_t state = 12345;
    for (int i = 0; i < SAMPLES; i++) {
        state = state * 1664525u + 1013904223u;
        double uniform = 2.0 * (state >> 8) / 16777216.0 - 1.0;
        values[i] = (float)(amplitude * sin(2 * pi * frequency * i / RATE) + offset + noise * uniform);
    }
}

/* By way of a WAV file as the program writes it. */
static double share_of(double frequency, double amplitude, double offset, double noise) {
    static const char path[] = "test_spectrum.wav";
    float values[SAMPLES];
    sound wave;
    fill_wave(values, frequency, amplitude, offset, noise);
    assert_int_equal(write_wav(path, values, (wt_sound_format){SAMPLES, RATE, 1}, WT_SOUND_INT16), WT_OK);
    const char *wrong = read_wav(&wave, path);
    if (wrong) fail_msg("%s", wrong);
    unlink(path);
    assert_int_equal(wave.rate, RATE);
    assert_int_equal(wave.samples, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) assert_true(fabs(wave.values[i] - values[i]) <= 1.0 / 32768);
    double share = band_share(wave.values, wave.samples, wave.rate, 500, 20);
    free(wave.values);
    return share;
}

static void test_tones(void **state) {
    (void)state;
    assert_true(share_of(500, 0.5, 0, 0) > 0.99999);
    assert_true(share_of(519, 0.5, 0, 0) > 0.99999);
    assert_true(share_of(481, 0.5, 0, 0) > 0.99999);
    assert_true(share_of(522, 0.5, 0, 0) < 0.00001);
    assert_true(share_of(250, 0.5, 0, 0) < 0.00001);
    assert_true(share_of(1000, 0.5, 0, 0) < 0.00001);
}

static void test_noise_spectrum(void **state) {
    (void)state;
    double share = share_of(500, 0, 0, 0.5); /* white: 40 of 4,000 Hz */
    assert_true(share > 0.005 && share < 0.02);
    assert_true(isnan(share_of(500, 0, 0, 0)));
}

static void test_power_sums(void **state) {
    (void)state;
    /* a tone's power is a²/2, an offset's b², uniform noise's c²/3 */
    assert_true(fabs(share_of(500, 0.4, 0.2, 0) - 0.08 / (0.08 + 0.04)) < 0.001);
    assert_true(fabs(share_of(500, 0.4, 0, 0.3) - 0.08 / (0.08 + 0.03)) < 0.02);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tones),
        cmocka_unit_test(test_noise_spectrum),
        cmocka_unit_test(test_power_sums),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + (wt_memory_blocks() != 0);
}
