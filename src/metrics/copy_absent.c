/* In place of copy_spectrum.c, where FFTW is missing. */
#include "copy_internal.h"

wt_status wt_copy_require(void) {
    return wt_error(WT_FAILED, "this build has no FFTW (Debian: libfftw3-dev): scores of copies need it");
}

wt_status wt_copy_flatness(double *flatness, const wt_copy_frames *frames, const float *x, int64_t count) {
    (void)flatness, (void)frames, (void)x, (void)count;
    return wt_copy_require();
}

wt_status wt_copy_noise(float *copy, const float *original, int64_t count, int rate, uint64_t seed) {
    (void)copy, (void)original, (void)count, (void)rate, (void)seed;
    return wt_copy_require();
}

wt_status wt_copy_spectrum(double *decibels, const wt_copy_frames *frames, const float *x, int64_t count) {
    (void)decibels, (void)frames, (void)x, (void)count;
    return wt_copy_require();
}
