/* Takes the place of sound_file.c and resample.c in a build without libsndfile and soxr. */
#include <strings.h>

#include "prepare_internal.h"

static wt_status absent(const char *what) {
    return wt_error(WT_FAILED,
                    "%s: this build can't read sound (it was made without libsndfile and soxr; "
                    "jobs/setup.sh installs them, then configure and build again)",
                    what);
}

bool wt_sound_reads(const char *ending) {
    return strcasecmp(ending, ".wav") == 0 ||
           strcasecmp(ending, ".flac") == 0; /* to say below that it can't */
}

wt_status wt_sound_inspect(wt_sound_format *format, const char *path) {
    (void)format;
    return absent(path);
}

wt_status wt_sound_read(float **samples, wt_sound_format *format, const char *path, int64_t first,
                        int64_t count) {
    (void)samples, (void)format, (void)first, (void)count;
    return absent(path);
}

wt_status wt_sound_resample(float **out, const float *samples, int64_t frames, int channels, int from,
                            int to) {
    (void)out, (void)samples, (void)frames, (void)channels, (void)from, (void)to;
    return absent("resampling");
}

wt_status wt_sound_reader_open(wt_sound_reader **out, wt_sound_format *format, const char *path) {
    (void)format;
    *out = NULL;
    return absent(path);
}

wt_status wt_sound_reader_next(wt_sound_reader *reader, float *samples, int64_t frames, int64_t *got) {
    (void)reader, (void)samples, (void)frames;
    *got = 0;
    return absent("sound");
}

void wt_sound_reader_close(wt_sound_reader *reader) {
    (void)reader;
}

wt_status wt_sound_resampler_open(wt_sound_resampler **out, int channels, int from, int to) {
    (void)channels, (void)from, (void)to;
    *out = NULL;
    return absent("resampling");
}

wt_status wt_sound_resampler_run(wt_sound_resampler *resampler, const float *in, int64_t frames,
                                 int64_t *taken, float *out, int64_t capacity, int64_t *got) {
    (void)resampler, (void)in, (void)frames, (void)out, (void)capacity;
    *taken = *got = 0;
    return absent("resampling");
}

void wt_sound_resampler_close(wt_sound_resampler *resampler) {
    (void)resampler;
}
