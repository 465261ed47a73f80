/*
 * Sound files. Samples are float in ±1, interleaved, [frames, channels]; a 16-bit sample v is v/32768.
 * Reading needs libsndfile (WAV, FLAC, Ogg and what else it knows), resampling soxr; a build
 * without them has all functions, and those that need the libraries fail with a message that says so.
 * Writing WAV needs neither.
 */
#ifndef WAVETRAIN_SOUND_H
#define WAVETRAIN_SOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/base.h"

enum {
    WT_SOUND_RATE_MIN = 1000,
    WT_SOUND_RATE_MAX = 768000,
    WT_SOUND_CHANNELS_MAX = 64,
};

typedef struct {
    int64_t frames;
    int rate, channels;
} wt_sound_format;

/* Whether a file of that ending (".wav", in any case) may be sound that this build reads. */
bool wt_sound_reads(const char *ending);

/* The header alone, checked: no sound, no samples, a rate or a number of channels out of range, a WAV file
 * whose header promises more than the file holds, and an Ogg file that is not whole are errors (WT_USAGE). */
wt_status wt_sound_inspect(wt_sound_format *format, const char *path);

/*
 * Frames first … first+count−1, or from `first` to the end with count −1, in *samples (wt_free).
 * format->frames becomes the number of frames read. Fewer frames than the header promises, and samples
 * that are not finite, are errors, and so is an Ogg file with a page that is damaged or missing. The
 * memory taken grows with what is decoded, not with what is promised. MP3 files know their length roughly:
 * what can be decoded counts.
 */
wt_status wt_sound_read(float **samples, wt_sound_format *format, const char *path, int64_t first,
                        int64_t count);

/* Makes samples [frames, channels] samples [frames], in place: of channel `choice` from 1 on, or with 0 their
 * mean, added in double. */
void wt_sound_choose(float *samples, int64_t frames, int channels, int choice);

/*
 * WAV as it comes, of samples [frames, channels]: `path` is a file, written under a temporary name until it
 * is closed (an older file at `path` is replaced then), or "-", standard output, where each call's samples
 * are written at once. format->frames is what the header promises (−1: unknown, which players take as no
 * end); a file that turns out to be of another length gets a header that is right. NaN is an error. close
 * takes the caller's status, which it returns (a failure leaves nothing behind), and another name in the same
 * folder for a file that is not whole (NULL: `path`); it takes NULL.
 */
typedef enum {
    WT_SOUND_INT16, /* ⌊x·32768 + ½⌋ cut to ±32767 */
    WT_SOUND_FLOAT, /* 32 bits */
    WT_SOUND_RAW,   /* as WT_SOUND_INT16, without a header */
} wt_sound_kind;

typedef struct wt_sound_writer wt_sound_writer;
wt_status wt_sound_writer_open(wt_sound_writer **out, const char *path, const wt_sound_format *format,
                               wt_sound_kind kind);
wt_status wt_sound_writer_add(wt_sound_writer *writer, const float *samples, int frames);
wt_status wt_sound_writer_close(wt_sound_writer *writer, const char *name, wt_status status);

/* --- piece by piece, by one thread --- */

/* Sound as it comes: of a file, or of standard input where `path` is "-" (a kind that is read without
 * seeking, such as WAV). The format is checked; its number of frames is 0 where nobody knows it yet. */
typedef struct wt_sound_reader wt_sound_reader;
wt_status wt_sound_reader_open(wt_sound_reader **out, wt_sound_format *format, const char *path);
/* Up to `frames` frames, [frames, channels]; fewer at the end alone, where *got becomes 0 in the end. Fails
 * as wt_sound_read does. */
wt_status wt_sound_reader_next(wt_sound_reader *reader, float *samples, int64_t frames, int64_t *got);
void wt_sound_reader_close(wt_sound_reader *reader); /* takes NULL */

/* Resampling as wt_sound_resample does, piece by piece. */
typedef struct wt_sound_resampler wt_sound_resampler;
wt_status wt_sound_resampler_open(wt_sound_resampler **out, int channels, int from, int to);
/* Up to `capacity` frames of `out` from `frames` of `in`, of which *taken are used (in NULL: the end); *got 0
 * after the end: there are no more. */
wt_status wt_sound_resampler_run(wt_sound_resampler *resampler, const float *in, int64_t frames,
                                 int64_t *taken, float *out, int64_t capacity, int64_t *got);
void wt_sound_resampler_close(wt_sound_resampler *resampler); /* takes NULL */

/* Frames that `frames` at rate `from` become at rate `to`: ⌊frames·to/from + ½⌋, at least 1. */
int64_t wt_sound_resampled_frames(int64_t frames, int from, int to);

/* Band-limited resampling (soxr; no delay) into *out (wt_free),
 * [wt_sound_resampled_frames, channels]. The rates may differ by a factor of at most 256. */
wt_status wt_sound_resample(float **out, const float *samples, int64_t frames, int channels, int from,
                            int to);

#endif
