/*
 * Reading sound through libsndfile. A file is decoded whole or in one range, in one pass, into memory that
 * grows with what arrives: a header may promise anything. That costs up to a copy of the samples while a
 * long file grows, and keeps a forged length from taking the machine's memory.
 */
#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prepare_internal.h"
#include "wavetrain/memory.h"

static const int64_t frames_max = (int64_t)1 << 40; /* 265 days at 48 kHz */
static const int64_t first_block = 1 << 20;         /* frames */

/* An open file. One whose header gives no length is read through `input`, which shows libsndfile the true
 * one. */
typedef struct {
    SNDFILE *file;
    SF_INFO info;
    FILE *input; /* or NULL */
    int64_t bytes, at, samples_at;
} sound;

static wt_status check_file(const char *path, int64_t *unsized) {
    struct stat info;
    WT_CHECK(stat(path, &info) == 0, errno == ENOENT || errno == ENOTDIR ? WT_USAGE : WT_FAILED,
             "%s: can't be read (%s)", path, strerror(errno));
    WT_CHECK(S_ISREG(info.st_mode), WT_USAGE, "%s: is no file", path);
    WT_CHECK(info.st_size > 0, WT_USAGE, "%s: is empty (got 0 bytes, expected sound)", path);
    return wt_wav_check_size(path, unsized);
}

/* libsndfile's reason, without the line's end. */
static wt_status refuse(const char *path, SNDFILE *file) {
    wt_status status = sf_error(file) == SF_ERR_SYSTEM ? WT_FAILED : WT_USAGE;
    char reason[200];
    snprintf(reason, sizeof reason, "%s", sf_strerror(file));
    reason[strcspn(reason, "\r\n")] = '\0';
    return wt_error(status, "%s: can't be read as sound (%s)", path, reason);
}

static wt_status check_info(const char *path, const SF_INFO *info) {
    wt_sound_format format = {.frames = info->frames, .rate = info->samplerate, .channels = info->channels};
    WT_TRY(wt_sound_check_format(path, &format));
    WT_CHECK(info->frames > 0, WT_USAGE, "%s: holds no samples (got 0 frames, expected at least 1)", path);
    WT_CHECK(info->frames <= frames_max, WT_USAGE,
             "%s: the length is not credible (got %lld frames, expected at most %lld)", path,
             (long long)info->frames, (long long)frames_max);
    return WT_OK;
}

static sf_count_t input_length(void *opaque) {
    return ((sound *)opaque)->bytes;
}

static sf_count_t input_tell(void *opaque) {
    return ((sound *)opaque)->at;
}

static sf_count_t input_seek(sf_count_t offset, int whence, void *opaque) {
    sound *s = opaque;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->at : s->bytes;
    return s->at = from + offset;
}

static sf_count_t input_read(void *bytes, sf_count_t count, void *opaque) {
    sound *s = opaque;
    if (s->at < 0 || fseeko(s->input, s->at, SEEK_SET) != 0) return 0;
    sf_count_t got = (sf_count_t)fread(bytes, 1, (size_t)count, s->input);
    uint64_t length = (uint64_t)(s->bytes - s->samples_at);
    if (length > 0xFFFFFFFEu) length = 0xFFFFFFFFu;
    for (int i = 0; i < 4; i++) { /* the four bytes before the samples are their length */
        int64_t place = s->samples_at - 4 + i - s->at;
        if (place >= 0 && place < got) ((unsigned char *)bytes)[place] = length >> (8 * i) & 255;
    }
    s->at += got;
    return got;
}

static void open_unsized(sound *s, const char *path) {
    static SF_VIRTUAL_IO calls = {
        .get_filelen = input_length, .seek = input_seek, .read = input_read, .tell = input_tell};
    struct stat info;
    s->input = fopen(path, "rb");
    if (!s->input || fstat(fileno(s->input), &info) != 0) return;
    s->bytes = info.st_size;
    s->file = sf_open_virtual(&calls, SFM_READ, &s->info, s);
}

static void close_sound(sound *s) {
    if (s->file) sf_close(s->file);
    if (s->input) fclose(s->input);
}

static wt_status open_sound(sound *s, const char *path) {
    memset(s, 0, sizeof *s);
    WT_TRY(check_file(path, &s->samples_at));
    if (s->samples_at >= 0)
        open_unsized(s, path);
    else
        s->file = sf_open(path, SFM_READ, &s->info);
    wt_status status = s->file ? check_info(path, &s->info) : refuse(path, NULL);
    if (status != WT_OK) close_sound(s);
    return status;
}

wt_status wt_sound_inspect(wt_sound_format *format, const char *path) {
    sound s;
    WT_TRY(open_sound(&s, path));
    close_sound(&s);
    *format = (wt_sound_format){
        .frames = s.info.frames, .rate = s.info.samplerate, .channels = s.info.channels};
    return WT_OK;
}

/* Moves what has been read into a block twice as large, but no larger than needed. */
static wt_status grow(float **samples, int64_t *room, int64_t got, int64_t wanted, int channels) {
    if (got < *room) return WT_OK;
    int64_t larger = *room ? 2 * *room : first_block;
    if (larger > wanted) larger = wanted;
    float *moved;
    WT_TRY(wt_alloc(&moved, (size_t)(larger * channels), sizeof *moved, "samples of a sound file"));
    if (got > 0) memcpy(moved, *samples, (size_t)(got * channels) * sizeof *moved);
    wt_free(*samples);
    *samples = moved;
    *room = larger;
    return WT_OK;
}

static wt_status decode(SNDFILE *file, float **samples, int64_t *got, int64_t wanted, int channels) {
    int64_t room = 0;
    *got = 0;
    while (*got < wanted) {
        WT_TRY(grow(samples, &room, *got, wanted, channels));
        sf_count_t more = sf_readf_float(file, *samples + *got * channels, room - *got);
        if (more <= 0) break;
        *got += more;
    }
    return WT_OK;
}

static bool is_lossy(int format) {
    int major = format & SF_FORMAT_TYPEMASK;
#ifdef SF_FORMAT_MPEG
    if (major == SF_FORMAT_MPEG) return true;
#endif
    return major == SF_FORMAT_OGG;
}

static wt_status check_length(const sound *s, const char *path, int64_t got, int64_t wanted) {
    bool lossy = is_lossy(s->info.format);
    if (got < wanted && sf_error(s->file) == SF_ERR_SYSTEM) return refuse(path, s->file);
    WT_CHECK(got == wanted || (lossy && got > 0), WT_USAGE,
             "%s: the file is truncated or damaged (got %lld frames, expected %lld)", path, (long long)got,
             (long long)wanted);
    return WT_OK;
}

static wt_status check_finite(const char *path, const float *samples, int64_t frames, int channels,
                              int64_t first) {
    for (int64_t i = 0; i < frames * channels; i++)
        WT_CHECK(isfinite(samples[i]), WT_USAGE, "%s: frame %lld is not a finite number (got %f)", path,
                 (long long)(first + i / channels), samples[i]);
    return WT_OK;
}

wt_status wt_sound_read(float **out, wt_sound_format *format, const char *path, int64_t first,
                        int64_t count) {
    sound s;
    float *samples = NULL;
    WT_TRY(open_sound(&s, path));
    wt_status status = WT_OK;
    int64_t got, frames = s.info.frames, wanted = count < 0 ? frames - first : count;
    WT_GUARD_CHECK(first >= 0 && first < frames && wanted <= frames - first && wanted > 0, WT_USAGE,
                   "%s: the file is shorter than asked for (got %lld frames, expected frames %lld … %lld)",
                   path, (long long)frames, (long long)first,
                   (long long)(first + (wanted > 0 ? wanted - 1 : 0)));
    if (first > 0 && sf_seek(s.file, first, SEEK_SET) != first) {
        status = refuse(path, s.file);
        goto cleanup;
    }
    WT_GUARD(decode(s.file, &samples, &got, wanted, s.info.channels));
    WT_GUARD(check_length(&s, path, got, wanted));
    WT_GUARD(check_finite(path, samples, got, s.info.channels, first));
    *format = (wt_sound_format){.frames = got, .rate = s.info.samplerate, .channels = s.info.channels};
    *out = samples;
    samples = NULL;
cleanup:
    wt_free(samples);
    close_sound(&s);
    return status;
}
