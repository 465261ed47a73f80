/* Where FFTW is missing. */
#include "data/prepare/mel.h"

wt_status wt_mel_compute(float **frames, const wt_mel *mel, const float *samples, int64_t count, int rate) {
    (void)mel, (void)samples, (void)count, (void)rate;
    *frames = NULL;
    return wt_error(WT_FAILED, "--mel: this wavetrain was built without FFTW");
}
