/*
 * Resampling by soxr: a cascade of FFT and polyphase filters whose cost hardly depends on the pair of rates,
 * with linear phase and hence no delay. The passband ends at 95 % of the band, where libsamplerate's best
 * interpolator, by which data sets were made before, was 0.3 dB down; from the band's end on everything is
 * 158 dB down, as it was there. The price is that the library chooses its instructions by the CPU, so that a
 * 16-bit sample may differ by one step between machines.
 */
#include <soxr.h>

#include "prepare_internal.h"

static const double passband_end = 0.95; /* of half the lower rate */

static wt_status check_request(int64_t frames, int64_t out_frames, int channels, int from, int to) {
    int most = from > to ? from : to, least = from > to ? to : from;
    WT_CHECK(least > 0 && most / 256 < least, WT_USAGE,
             "a sample rate of %d Hz can't be made from %d Hz (expected a factor of at most 256)", to, from);
    WT_CHECK(frames <= INT64_MAX / 8 / channels && out_frames <= INT64_MAX / 8 / channels, WT_FAILED,
             "a recording of %lld frames is too long to be resampled", (long long)frames);
    return WT_OK;
}

wt_status wt_sound_resample(float **out, const float *samples, int64_t frames, int channels, int from,
                            int to) {
    int64_t wanted = wt_sound_resampled_frames(frames, from, to);
    WT_TRY(check_request(frames, wanted, channels, from, to));
    float *resampled;
    WT_TRY(wt_alloc(&resampled, (size_t)(wanted * channels), sizeof *resampled, "resampled sound"));
    /* What the library leaves unfilled at the end (a frame at most) stays 0. */
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    quality.passband_end = passband_end;
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1); /* threads */
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    size_t read, written;
    soxr_error_t error = soxr_oneshot(from, to, (unsigned)channels, samples, (size_t)frames, &read, resampled,
                                      (size_t)wanted, &written, &io, &quality, &runtime);
    if (error) {
        wt_free(resampled);
        return wt_error(WT_FAILED, "resampling from %d to %d Hz failed (%s)", from, to, soxr_strerror(error));
    }
    *out = resampled;
    return WT_OK;
}
