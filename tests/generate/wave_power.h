/* A WAV file read by nothing of wavetrain's own, and where in the spectrum its power lies. */
#ifndef TESTS_WAVE_POWER_H
#define TESTS_WAVE_POWER_H

#include <stddef.h>

typedef struct {
    int rate;
    size_t samples;
    double *values; /* in ±1 (free) */
} sound;

/* NULL, or what is wrong with the file: expected is a plain mono 16-bit PCM WAV, its sizes those of the
 * file. */
const char *read_wav(sound *out, const char *path);

/* The share of all power, the mean's included, that lies within `width` Hz of `frequency`; NaN for
 * silence. */
double band_share(const double *values, size_t samples, int rate, double frequency, double width);

#endif
