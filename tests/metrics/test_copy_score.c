/*
 * Scores of copies: against numpy's and librosa's (tests/reference/make_copies.py), on sounds whose scores
 * are known from how they were made, and of the controls; and a picture of copies.
 *   test_copy_score FOLDER
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "h5/h5.h"
#include "metrics/copy_score.h"
#include "support.h"
#include "wavetrain/plot.h"
#include "write_wav.h"

enum { RATE = 8000, SAMPLES = 8000, HOP = 128 };

static const char *folder;
static const double pi = 3.14159265358979323846;

/* --- against the reference --- */

static void *read_copy_array(wt_h5 *file, const char *group, const char *name, wt_h5_type type,
                             int64_t *count) {
    char path[64];
    wt_h5_shape shape;
    snprintf(path, sizeof path, "%s/%s", group, name);
    must(wt_h5_inspect(file, path, &shape));
    *count = shape.shape[0];
    void *values = take((size_t)*count, type == WT_H5_DOUBLE ? sizeof(double) : sizeof(float));
    must(wt_h5_read(file, path, type, values));
    return values;
}

static void compare_score(wt_h5 *file, const char *group, const wt_copy_score *score) {
    const struct {
        const char *name;
        double ours, tolerance;
    } numbers[] = {
        {"active", (double)score->active, 0},
        {"voiced", (double)score->voiced, 0},
        {"unvoiced", (double)score->unvoiced, 0},
        {"both", (double)score->both, 0},
        {"in_tune", (double)score->in_tune, 0},
        {"invented", (double)score->invented, 0},
        {"distance", score->distance, 1e-4},
        {"flatness", score->flatness, 1e-6},
        {"original_flatness", score->original_flatness, 1e-6},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double theirs;
        must(wt_h5_read_attribute_real(file, group, numbers[i].name, &theirs));
        if (!(fabs(numbers[i].ours - theirs) <= numbers[i].tolerance))
            fail_msg("%s: %s: got %.9g, expected %.9g", group, numbers[i].name, numbers[i].ours, theirs);
    }
}

static void test_scores_are_the_reference(void **state) {
    static const char *const cases[] = {"tone", "glide", "noise", "silence", "silent", "wide"};
    char path[WT_PATH_MAX];
    wt_h5 *file;
    (void)state;
    must(wt_path_join(path, folder, "copies.h5"));
    must(wt_h5_open(&file, path));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t rate, count, frames;
        wt_copy_score score;
        must(wt_h5_read_attribute_int(file, cases[i], "rate", &rate));
        float *original = read_copy_array(file, cases[i], "original", WT_H5_FLOAT, &count);
        float *copy = read_copy_array(file, cases[i], "copy", WT_H5_FLOAT, &count);
        double *pitch = read_copy_array(file, cases[i], "pitch", WT_H5_DOUBLE, &frames);
        const int hop = wt_copy_frame_size((int)rate) / 4;
        must(wt_copy_score_measure(&score, original, copy, count, (int)rate));
        compare_score(file, cases[i], &score);
        assert_int_equal(score.frames, frames);
        for (int64_t f = 0; f < frames; f++) {
            const double ours = wt_yin_pitch(original, count, f * hop, (int)rate);
            if (!(fabs(ours - pitch[f]) <= 1e-6))
                fail_msg("%s: frame %lld: %g Hz, expected %g", cases[i], (long long)f, ours, pitch[f]);
        }
        wt_free(original);
        wt_free(copy);
        wt_free(pitch);
    }
    (void)wt_h5_close(file);
}

/* --- what is known --- */

static float tone[SAMPLES], hiss[SAMPLES], glide[SAMPLES], copy[SAMPLES];

static double harmonics(double phase) {
    double sum = 0;
    for (int h = 1; h <= 8; h++) sum += 0.3 / h * sin(h * phase);
    return sum;
}

static void make_sounds(void) {
    for (int t = 0; t < SAMPLES; t++) {
        const double seconds = (double)t / RATE;
        tone[t] = (float)(0.5 * sin(2 * pi * 220 * seconds));
        hiss[t] = (float)(0.1 * wt_random_normal(1, WT_RANDOM_TEST, 0, (uint64_t)t));
        glide[t] = (float)harmonics(2 * pi * (90 * seconds + 60 * seconds * seconds)) +
                   hiss[t] / 40; /* 90 to 210 Hz */
    }
}

static void test_pitch(void **state) {
    (void)state;
    for (int64_t centre = 1000; centre < SAMPLES - 1000; centre += 500) {
        const double expected = 90 + 120 * (double)centre / RATE;
        assert_true(fabs(wt_yin_pitch(tone, SAMPLES, centre, RATE) - 220) < 0.5);
        assert_true(fabs(1200 * log2(wt_yin_pitch(glide, SAMPLES, centre, RATE) / expected)) < 20);
        assert_true(wt_yin_pitch(hiss, SAMPLES, centre, RATE) == 0);
        assert_true(wt_yin_pitch(copy, SAMPLES, centre, RATE) == 0); /* zeros */
    }
}

static void test_flatness(void **state) {
    wt_copy_score score;
    (void)state;
    must(wt_copy_score_measure(&score, hiss, tone, SAMPLES, RATE));
    assert_true(fabs(score.original_flatness - exp(-0.57722)) < 0.03);
    assert_true(score.flatness < 1e-4);
}

static void test_levels_do_not_matter(void **state) {
    wt_copy_score score;
    (void)state;
    for (int t = 0; t < SAMPLES; t++) copy[t] = glide[t] / 8;
    must(wt_copy_score_measure(&score, glide, copy, SAMPLES, RATE));
    assert_true(score.distance < 1e-3);
    assert_int_equal(score.in_tune, score.voiced);
}

/* A tenth of a sound 60 dB below the rest is not active, and what a copy does there has no weight. */
static void test_active_frames(void **state) {
    static float quiet[SAMPLES];
    wt_copy_score score;
    (void)state;
    for (int t = 0; t < SAMPLES; t++) {
        quiet[t] = t < SAMPLES - 2000 ? glide[t] : glide[t] / 1000;
        copy[t] = t < SAMPLES - 2000 ? glide[t] : 0;
    }
    must(wt_copy_score_measure(&score, quiet, copy, SAMPLES, RATE));
    assert_true(score.active >= 6000 / HOP && score.active <= 6000 / HOP + 3);
    assert_true(score.distance < 0.2);
}

/* --- controls --- */

static void test_mulaw_is_nearly_the_same(void **state) {
    wt_copy_score score;
    (void)state;
    wt_copy_mulaw(copy, glide, SAMPLES);
    must(wt_copy_score_measure(&score, glide, copy, SAMPLES, RATE));
    print_message("µ-law: %.2f dB\n", score.distance);
    assert_true(score.distance > 0.1 && score.distance < 12);
    assert_int_equal(score.in_tune, score.voiced);
}

static double find_level(const float *x) {
    double sum = 0;
    for (int t = 0; t < SAMPLES; t++) sum += (double)x[t] * (double)x[t];
    return 10 * log10(sum / SAMPLES);
}

static void test_noise_has_the_envelope_and_no_voice(void **state) {
    wt_copy_score noise, other, again;
    float *first = take(SAMPLES, sizeof *first);
    (void)state;
    must(wt_copy_noise(first, glide, SAMPLES, RATE, 1));
    must(wt_copy_score_measure(&noise, glide, first, SAMPLES, RATE));
    must(wt_copy_score_measure(&other, glide, hiss, SAMPLES, RATE));
    print_message("noise: %.2f dB, level %.2f dB of %.2f, flatness %.4f of %.4f; white %.2f dB\n",
                  noise.distance, find_level(first), find_level(glide), noise.flatness,
                  noise.original_flatness, other.distance);
    assert_true(fabs(find_level(first) - find_level(glide)) < 1.5);
    assert_true(noise.distance < 0.8 * other.distance);
    assert_true(noise.flatness > 2 * noise.original_flatness);
    assert_true(noise.both * 10 <= noise.voiced);
    must(wt_copy_noise(copy, glide, SAMPLES, RATE, 1)); /* the same again; another seed is another noise */
    assert_memory_equal(copy, first, sizeof copy);
    must(wt_copy_noise(copy, glide, SAMPLES, RATE, 2));
    must(wt_copy_score_measure(&again, first, copy, SAMPLES, RATE));
    wt_free(first);
    assert_true(again.distance > 2);
}

static void test_other_is_repeated(void **state) {
    (void)state;
    wt_copy_other(copy, SAMPLES, tone, 3000);
    assert_memory_equal(copy, tone, 3000 * sizeof *copy);
    assert_memory_equal(copy + 3000, tone, 3000 * sizeof *copy);
    assert_memory_equal(copy + 6000, tone, 2000 * sizeof *copy);
}

/* --- the picture --- */

static void test_picture(void **state) {
    const wt_copy_sounds pairs[] = {{"a glide", glide, tone, SAMPLES}, {"hiss", hiss, copy, 3000}};
    char path[] = "/tmp/wavetrain-copies-XXXXXX.png";
    const int file = mkstemps(path, 4);
    (void)state;
    assert_true(file >= 0);
    close(file);
    if (wt_plot_can()) {
        char *bytes;
        size_t size;
        must(wt_copy_plot(pairs, 2, RATE, path));
        must(wt_file_read(&bytes, &size, path, 1 << 24));
        assert_true(size > 4000);
        wt_free(bytes);
    } else {
        assert_int_equal(wt_copy_plot(pairs, 2, RATE, path), WT_FAILED);
    }
    unlink(path);
    assert_int_equal(wt_copy_plot(pairs, 0, RATE, path), wt_plot_can() ? WT_USAGE : WT_FAILED);
}

/* The size of a PNG, of which the first row of pixels tells nothing: bytes 16 … 23. */
static void assert_picture(const char *path, uint32_t width, uint32_t height) {
    char *bytes;
    size_t size;
    must(wt_file_read(&bytes, &size, path, 1 << 24));
    assert_true(size > 4000);
    assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
    for (int i = 0; i < 4; i++) {
        assert_int_equal((uint8_t)bytes[16 + i], (width >> (24 - 8 * i)) & 255);
        assert_int_equal((uint8_t)bytes[20 + i], (height >> (24 - 8 * i)) & 255);
    }
    wt_free(bytes);
}

/* Sounds of other lengths, rates and channels; one that has more frames than the picture has pixels;
 * silence. */
static void test_sounds_over_each_other(void **state) {
    const char *files[] = {"glide.wav", "long.wav", "silence.wav", "none.wav"}, *png = "sounds.png";
    char work[] = "/tmp/wavetrain-sounds-XXXXXX";
    enum { LONG = 200 * RATE };
    (void)state;
    if (!wt_plot_can()) {
        assert_int_equal(wt_plot_sounds(files, 1, png), WT_FAILED);
        return;
    }
    float *more = take(LONG, sizeof *more);
    assert_true(mkdtemp(work) && chdir(work) == 0);
    must(write_wav(files[0], glide, (wt_sound_format){SAMPLES, RATE, 1}, WT_SOUND_INT16));
    must(write_wav(files[2], more, (wt_sound_format){1, RATE, 1}, WT_SOUND_INT16));
    for (int i = 0; i < LONG; i++) more[i] = hiss[i % SAMPLES];
    must(write_wav(files[1], more, (wt_sound_format){LONG / 2, 2 * RATE, 2}, WT_SOUND_INT16));
    wt_free(more);
    if (wt_plot_sounds(files, 3, png) == WT_OK) {
        assert_picture(png, 1200, 134 + 3 * 362);
        must(wt_plot_sounds(files + 2, 1, png));
        assert_picture(png, 1200, 134 + 362);
    } else { /* a build that reads no sound says so */
        assert_non_null(strstr(wt_error_message(), "libsndfile"));
    }
    assert_int_equal(wt_plot_sounds(files, 4, png), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "none.wav"));
    assert_int_equal(wt_plot_sounds(files, WT_PLOT_SOUNDS_MAX + 1, png), WT_USAGE);
    for (int i = 0; i < 3; i++) unlink(files[i]);
    unlink(png);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(work), 0); /* nothing half-written is left */
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_are_the_reference),
        cmocka_unit_test(test_pitch),
        cmocka_unit_test(test_flatness),
        cmocka_unit_test(test_levels_do_not_matter),
        cmocka_unit_test(test_active_frames),
        cmocka_unit_test(test_mulaw_is_nearly_the_same),
        cmocka_unit_test(test_noise_has_the_envelope_and_no_voice),
        cmocka_unit_test(test_other_is_repeated),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_sounds_over_each_other),
        cmocka_unit_test(test_memory_is_given_back),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    make_sounds();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
