/*
 * Mel spectra against librosa's (tests/reference/make_mels.py, whose file names the version): within 1e-5 of
 * a spectrum's range where the value before the logarithm exceeds 1e-9 of the largest, within 1e-3 elsewhere.
 * And frames' alignment: an impulse is loudest in the frame whose centre it is at.
 *   test_mel FOLDER
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/prepare/mel.h"
#include "h5/h5.h"
#include "support.h"

static const char *folder;

static void *read_mel_array(wt_h5 *file, const char *group, const char *name, wt_h5_type type,
                            wt_h5_shape *shape) {
    char path[64];
    void *values;
    size_t count = 1;
    snprintf(path, sizeof path, "%s/%s", group, name);
    must(wt_h5_inspect(file, path, shape));
    for (int i = 0; i < shape->rank; i++) count *= (size_t)shape->shape[i];
    must(wt_alloc(&values, count, type == WT_H5_DOUBLE ? sizeof(double) : sizeof(float), "a test"));
    must(wt_h5_read(file, path, type, values));
    return values;
}

static void compare_with_reference(const char *name, const float *ours, const double *theirs,
                                   const double *power, size_t count) {
    double low = INFINITY, high = -INFINITY, largest = 0, worst[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, theirs[i]);
        high = fmax(high, theirs[i]);
        largest = fmax(largest, power[i]);
    }
    const double range = high > low ? high - low : 1;
    for (size_t i = 0; i < count; i++) {
        const bool loud = power[i] > 1e-9 * largest;
        const double d = fabs((double)ours[i] - theirs[i]) / range;
        if (!(d <= worst[!loud])) worst[!loud] = d;
    }
    print_message("%s: to %.1e of the range, where it is quiet %.1e\n", name, worst[0], worst[1]);
    if (!(worst[0] <= 1e-5) || !(worst[1] <= 1e-3)) fail_msg("%s: differs", name);
}

static void test_librosa(void **state) {
    static const char *const cases[] = {"espnet", "tacotron2", "hifigan", "8k",  "silence", "tone",
                                        "short",  "window",    "zeros",   "htk", "decibels"};
    char path[WT_PATH_MAX];
    wt_h5 *file;
    (void)state;
    must(wt_path_join(path, folder, "mels.h5"));
    must(wt_h5_open(&file, path));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wt_h5_shape x_shape, y_shape, power_shape;
        char text[WT_MEL_TEXT];
        int64_t rate;
        wt_mel mel;
        float *frames, *x = read_mel_array(file, cases[i], "x", WT_H5_FLOAT, &x_shape);
        double *y = read_mel_array(file, cases[i], "y", WT_H5_DOUBLE, &y_shape);
        double *power = read_mel_array(file, cases[i], "power", WT_H5_DOUBLE, &power_shape);
        must(wt_h5_read_attribute_text(file, cases[i], "mel", text, sizeof text));
        must(wt_h5_read_attribute_int(file, cases[i], "rate", &rate));
        must(wt_mel_parse(&mel, text, (int)rate));
        assert_int_equal(wt_mel_count(&mel, x_shape.shape[0]), y_shape.shape[0]);
        assert_int_equal(mel.bands, y_shape.shape[1]);
        wt_mel_print(text, &mel); /* and back */
        must(wt_mel_parse(&mel, text, (int)rate));
        must(wt_mel_compute(&frames, &mel, x, x_shape.shape[0], (int)rate));
        compare_with_reference(cases[i], frames, y, power, (size_t)(y_shape.shape[0] * y_shape.shape[1]));
        wt_free(frames);
        wt_free(power);
        wt_free(y);
        wt_free(x);
    }
    (void)wt_h5_close(file);
}

static double energy(const float *frame, int bands) {
    double sum = 0;
    for (int b = 0; b < bands; b++) sum += (double)frame[b];
    return sum;
}

static void test_impulses(void **state) {
    enum { RATE = 22050, SAMPLES = 4096 };
    static const char *const texts[] = {"tacotron2", "tacotron2,fft=256,window=256,hop=64", "hifigan",
                                        "hifigan,fft=512,window=512,hop=128"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        static float x[SAMPLES];
        wt_mel mel;
        must(wt_mel_parse(&mel, texts[i], RATE));
        const int64_t count = wt_mel_count(&mel, SAMPLES);
        for (int64_t frame = 2; frame < count - 2; frame += count - 5) { /* near either end */
            float *frames;
            int64_t loudest = 0;
            memset(x, 0, sizeof x);
            x[wt_mel_centre(&mel) + frame * mel.hop] = 1;
            must(wt_mel_compute(&frames, &mel, x, SAMPLES, RATE));
            for (int64_t f = 1; f < count; f++)
                if (energy(frames + f * mel.bands, mel.bands) >
                    energy(frames + loudest * mel.bands, mel.bands))
                    loudest = f;
            assert_int_equal(loudest, frame);
            wt_free(frames);
        }
    }
}

static void test_refusals(void **state) {
    static const struct {
        const char *text, *message;
        int rate;
    } cases[] = {
        {"espnet",
         "--mel: high is above half the sample rate (got 7600 Hz, expected at most 4000; --mel 8k is for "
         "sound of 8 kHz)",
         8000},
        {"espnett", "--mel: got espnett, expected espnet, tacotron2, hifigan or 8k", 22050},
        {"8k,hop=0", "--mel: hop: got 0, expected a whole number 1 … 65536", 8000},
        {"8k,log=lg", "--mel: log: got lg, expected one of ln, log10, db, none", 8000},
        {"8k,window=512", "--mel: window is longer than fft (got 512, expected at most 256)", 8000},
    };
    wt_mel mel;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(wt_mel_parse(&mel, cases[i].text, cases[i].rate), WT_USAGE);
        assert_string_equal(wt_error_message(), cases[i].message);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_librosa),
        cmocka_unit_test(test_impulses),
        cmocka_unit_test(test_refusals),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (wt_memory_blocks() == 0) return failed;
    fprintf(stderr, "%lld blocks of memory are still held\n", (long long)wt_memory_blocks());
    return 1;
}
