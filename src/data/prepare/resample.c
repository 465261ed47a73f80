/*
 * Resampling by soxr: a cascade of FFT and polyphase filters whose cost hardly depends on the pair of rates,
 * with linear phase and hence no delay. The passband ends at 95 % of the band, where libsamplerate's best
 * interpolator, by which data sets were made before, was 0.3 dB down; from the band's end on everything is
 * 158 dB down, as it was there. The price is that the library chooses its instructions by the CPU, so that a
 * 16-bit sample may differ by one step between machines.
 */
#include <soxr.h>

#include "base/memory.h"
#include "prepare_internal.h"

static const double passband_end = 0.95; /* of half the lower rate */

typedef struct {
    soxr_io_spec_t io;
    soxr_quality_spec_t quality;
    soxr_runtime_spec_t runtime;
} soxr_specs;

static soxr_specs find_soxr_specs(void) {
    enum { THREADS = 1 };
    soxr_specs specs = {soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I), soxr_quality_spec(SOXR_VHQ, 0),
                        soxr_runtime_spec(THREADS)};
    specs.quality.passband_end = passband_end;
    return specs;
}

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
    const soxr_specs specs = find_soxr_specs();
    size_t read, written;
    soxr_error_t error = soxr_oneshot(from, to, (unsigned)channels, samples, (size_t)frames, &read, resampled,
                                      (size_t)wanted, &written, &specs.io, &specs.quality, &specs.runtime);
    if (error) {
        wt_free(resampled);
        return wt_error(WT_FAILED, "resampling from %d to %d Hz failed (%s)", from, to, soxr_strerror(error));
    }
    *out = resampled;
    return WT_OK;
}

/* --- piece by piece --- */

struct wt_sound_resampler {
    soxr_t soxr;
};

wt_status wt_sound_resampler_open(wt_sound_resampler **out, int channels, int from, int to) {
    soxr_error_t error;
    *out = NULL;
    WT_TRY(check_request(1, 1, channels, from, to));
    const soxr_specs specs = find_soxr_specs();
    WT_TRY(wt_alloc(out, 1, sizeof **out, "resampling"));
    (*out)->soxr = soxr_create(from, to, (unsigned)channels, &error, &specs.io, &specs.quality,
                               &specs.runtime);
    if (!error) return WT_OK;
    wt_free(*out);
    *out = NULL;
    return wt_error(WT_FAILED, "resampling from %d to %d Hz failed (%s)", from, to, soxr_strerror(error));
}

wt_status wt_sound_resampler_run(wt_sound_resampler *resampler, const float *in, int64_t frames,
                                 int64_t *taken, float *out, int64_t capacity, int64_t *got) {
    size_t read = 0, written = 0;
    const soxr_error_t error = soxr_process(resampler->soxr, in, in ? (size_t)frames : 0, &read, out,
                                            (size_t)capacity, &written);
    WT_CHECK(!error, WT_FAILED, "resampling failed (%s)", soxr_strerror(error));
    *taken = (int64_t)read;
    *got = (int64_t)written;
    return WT_OK;
}

void wt_sound_resampler_close(wt_sound_resampler *resampler) {
    if (!resampler) return;
    soxr_delete(resampler->soxr);
    wt_free(resampler);
}
