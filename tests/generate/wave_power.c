/*
 * The power of each frequency from one FFT over the whole signal without a window: by Parseval's theorem the
 * bins add up to the signal's power exactly, so a share is a share. A tone between two bins leaks, some
 * tenths of a per cent past 20 bins; the tests' tones lie on bins.
 */
#include "wave_power.h"

#include <complex.h>
#include <fftw3.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 44 };

static uint32_t little(const unsigned char *bytes, int count) {
    uint32_t value = 0;
    for (int i = count - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

static const char *check_wave_header(const unsigned char *header, size_t bytes) {
    uint32_t rate = little(header + 24, 4);
    if (bytes < HEADER) return "shorter than a header";
    if (memcmp(header, "RIFF", 4) != 0 || memcmp(header + 8, "WAVE", 4) != 0) return "no RIFF WAVE file";
    if (little(header + 4, 4) != bytes - 8) return "the RIFF chunk is not as long as the file";
    if (memcmp(header + 12, "fmt ", 4) != 0 || little(header + 16, 4) != 16) return "no plain format chunk";
    if (little(header + 20, 2) != 1) return "not PCM";
    if (little(header + 22, 2) != 1) return "not mono";
    if (rate < 1000 || rate > 768000) return "an odd sample rate";
    if (little(header + 28, 4) != 2 * rate || little(header + 32, 2) != 2) return "bytes a second or a frame";
    if (little(header + 34, 2) != 16) return "not 16 bits";
    if (memcmp(header + 36, "data", 4) != 0) return "no data chunk";
    if (little(header + 40, 4) != bytes - HEADER) return "the data chunk is not as long as the file";
    return NULL;
}

/* The whole file (free), or NULL. */
static unsigned char *read_wave_file(size_t *bytes, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    size_t room = (size_t)1 << 26;
    unsigned char *data = calloc(1, room);
    *bytes = data ? fread(data, 1, room, file) : 0;
    fclose(file);
    return data;
}

const char *read_wav(sound *out, const char *path) {
    size_t bytes;
    unsigned char *data = read_wave_file(&bytes, path);
    if (!data) return "can't be read";
    const char *wrong = check_wave_header(data, bytes);
    if (!wrong) {
        out->rate = (int)little(data + 24, 4);
        out->samples = (bytes - HEADER) / 2;
        out->values = malloc((out->samples + 1) * sizeof *out->values);
        for (size_t i = 0; i < out->samples; i++) {
            out->values[i] = (int16_t)little(data + HEADER + 2 * i, 2) / 32768.0;
        }
    }
    free(data);
    return wrong;
}

double band_share(const double *values, size_t samples, int rate, double frequency, double width) {
    size_t bins = samples / 2 + 1;
    double *signal = fftw_alloc_real(samples);
    fftw_complex *spectrum = fftw_alloc_complex(bins);
    fftw_plan plan = fftw_plan_dft_r2c_1d((int)samples, signal, spectrum, FFTW_ESTIMATE);
    memcpy(signal, values, samples * sizeof *signal);
    fftw_execute(plan);
    double all = 0.0, within = 0.0;
    for (size_t bin = 0; bin < bins; bin++) {
        bool alone = bin == 0 || 2 * bin == samples; /* the others stand for two */
        double power = (alone ? 1.0 : 2.0) * creal(spectrum[bin] * conj(spectrum[bin]));
        all += power;
        if (fabs((double)bin * rate / (double)samples - frequency) <= width) within += power;
    }
    fftw_destroy_plan(plan);
    fftw_free(spectrum);
    fftw_free(signal);
    return within / all;
}
