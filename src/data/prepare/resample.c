/*
 * Resampling by libsamplerate's best sinc interpolator: band-limited (97 % of the band, 145 dB signal to
 * noise) and without delay. Slow beside polyphase filters of fixed ratio, but it takes any pair of rates
 * and is done once per data set.
 */
#include <samplerate.h>
#include <string.h>

#include "prepare_internal.h"
#include "wavetrain/memory.h"

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
    SRC_DATA job = {.data_in = samples,
                    .data_out = resampled,
                    .input_frames = (long)frames,
                    .output_frames = (long)wanted,
                    .src_ratio = (double)to / from};
    int code = src_simple(&job, SRC_SINC_BEST_QUALITY, channels);
    if (code != 0) {
        wt_free(resampled);
        return wt_error(WT_FAILED, "resampling from %d to %d Hz failed (%s)", from, to, src_strerror(code));
    }
    *out = resampled;
    return WT_OK;
}
