/*
 * Reading sound through libsndfile. A file is decoded whole or in one range, in one pass, into memory that
 * grows with what arrives: a header may promise anything. That costs up to a copy of the samples while a
 * long file grows, and keeps a forged length from taking the machine's memory.
 */
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "prepare_internal.h"

enum { HEADER_MAX = 128 }; /* bytes of a WAV file's */

static const int64_t frames_max = (int64_t)1 << 40; /* 265 days at 48 kHz */
static const int64_t first_block = 1 << 20;         /* frames */

/* An open file. One that libsndfile would not read as it is, is shown to it through `input`: a WAV file as a
 * header and the samples, with their true length; an Ogg file without what stands behind it. */
typedef struct {
    SNDFILE *file;
    SF_INFO info;
    FILE *input;
    wt_wav_layout wav;
    unsigned char header[HEADER_MAX];
    int64_t header_bytes, body_at, body_bytes; /* what is shown; body_bytes 0: the file as it is */
    int64_t at;                                /* of what is shown */
} sound;

/* libsndfile's reason, without the line's end. */
static wt_status refuse_sound(const char *path, SNDFILE *file) {
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
    const sound *s = opaque;
    return s->header_bytes + s->body_bytes;
}

static sf_count_t input_tell(void *opaque) {
    return ((sound *)opaque)->at;
}

static sf_count_t input_seek(sf_count_t offset, int whence, void *opaque) {
    sound *s = opaque;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->at : input_length(s);
    return s->at = from + offset;
}

static sf_count_t input_read(void *bytes, sf_count_t count, void *opaque) {
    sound *s = opaque;
    if (s->at < 0 || count <= 0) return 0;
    sf_count_t got = 0;
    for (; got < count && s->at < s->header_bytes; s->at++)
        ((unsigned char *)bytes)[got++] = s->header[s->at];
    const int64_t place = s->at - s->header_bytes, left = s->body_bytes - place;
    if (got == count || left <= 0 || fseeko(s->input, s->body_at + place, SEEK_SET) != 0) return got;
    const sf_count_t wanted = count - got < left ? count - got : left;
    const sf_count_t more = (sf_count_t)fread((char *)bytes + got, 1, (size_t)wanted, s->input);
    s->at += more;
    return got + more;
}

static void put_shown32(unsigned char *bytes, int64_t value) {
    const uint64_t shown = value < 0xFFFFFFFF ? (uint64_t)value : 0xFFFFFFFF;
    for (int i = 0; i < 4; i++) bytes[i] = shown >> (8 * i) & 255;
}

/* Formats of which nothing but the format's chunk is needed: PCM, float, A-law, µ-law, and those of the
 * extended chunk. */
static bool make_header(sound *s) {
    const int64_t size = s->wav.format_bytes, padded = size + size % 2;
    unsigned char *header = s->header;
    if (size < 16 || padded > HEADER_MAX - 28 || fseeko(s->input, s->wav.format_at, SEEK_SET) != 0)
        return false;
    memcpy(header, "RIFF....WAVEfmt ", 16);
    if (fread(header + 20, 1, (size_t)size, s->input) != (size_t)size) return false;
    const int tag = header[20] | header[21] << 8;
    put_shown32(header + 4, 20 + padded + s->wav.samples_bytes);
    put_shown32(header + 16, size);
    memcpy(header + 20 + padded, "data", 4);
    put_shown32(header + 24 + padded, s->wav.samples_bytes);
    s->header_bytes = 28 + padded;
    return tag == 1 || tag == 3 || tag == 6 || tag == 7 || tag == 0xFFFE;
}

static void open_through(sound *s) {
    static SF_VIRTUAL_IO calls = {
        .get_filelen = input_length, .seek = input_seek, .read = input_read, .tell = input_tell};
    memset(&s->info, 0, sizeof s->info);
    s->file = sf_open_virtual(&calls, SFM_READ, &s->info, s);
}

static void open_wav(sound *s) {
    s->body_at = s->wav.samples_at;
    s->body_bytes = s->wav.samples_bytes;
    if (make_header(s)) open_through(s);
}

static void close_sound(sound *s) {
    if (s->file) sf_close(s->file);
    if (s->input) fclose(s->input);
}

/* What libsndfile does not find wrong, or takes for something else. */
static wt_status check_container(sound *s, const char *path) {
    WT_TRY(wt_file_open(&s->input, path));
    WT_CHECK(getc(s->input) != EOF, WT_USAGE, "%s: is empty (got 0 bytes, expected sound)", path);
    WT_TRY(wt_ogg_check(s->input, path, &s->body_bytes));
    return wt_wav_find(s->input, path, &s->wav);
}

static wt_status open_sound(sound *s, const char *path) {
    memset(s, 0, sizeof *s);
    wt_status status = check_container(s, path);
    if (status == WT_OK && s->body_bytes > 0) {
        open_through(s);
    } else if (status == WT_OK) {
        if (!s->wav.unsized) s->file = sf_open(path, SFM_READ, &s->info);
        if (!s->file && s->wav.found) open_wav(s);
    }
    if (status == WT_OK) status = s->file ? check_info(path, &s->info) : refuse_sound(path, NULL);
    if (status != WT_OK) close_sound(s);
    return status;
}

/* Newer libraries read MP3, if they were built to. */
static bool reads_mp3(void) {
    int count = 0;
    sf_command(NULL, SFC_GET_FORMAT_MAJOR_COUNT, &count, sizeof count);
    for (int i = 0; i < count; i++) {
        SF_FORMAT_INFO info = {.format = i};
        if (sf_command(NULL, SFC_GET_FORMAT_MAJOR, &info, sizeof info) != 0) continue;
        if (info.extension && strcmp(info.extension, "mp3") == 0) return true;
        if (info.name && strncmp(info.name, "MPEG", 4) == 0) return true;
    }
    return false;
}

bool wt_sound_reads(const char *ending) {
    static const char *const endings[] = {".wav", ".flac", ".ogg", ".oga", ".opus"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(ending, endings[i]) == 0) return true;
    return strcasecmp(ending, ".mp3") == 0 && reads_mp3();
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
static wt_status grow_samples(float **samples, int64_t *room, int64_t got, int64_t wanted, int channels) {
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
        WT_TRY(grow_samples(samples, &room, *got, wanted, channels));
        sf_count_t more = sf_readf_float(file, *samples + *got * channels, room - *got);
        if (more <= 0) break;
        *got += more;
    }
    return WT_OK;
}

/* Whose length is an estimate. */
static bool is_roughly_long(int format) {
#ifdef SF_FORMAT_MPEG
    if ((format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG) return true;
#endif
    (void)format;
    return false;
}

static wt_status check_length(const sound *s, const char *path, int64_t got, int64_t wanted) {
    bool rough = is_roughly_long(s->info.format);
    if (got < wanted && sf_error(s->file) == SF_ERR_SYSTEM) return refuse_sound(path, s->file);
    WT_CHECK(got == wanted || (rough && got > 0), WT_USAGE,
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
        status = refuse_sound(path, s.file);
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

/* --- piece by piece --- */

struct wt_sound_reader {
    sound sound;
    const char *path;
    int64_t got;
    bool counted; /* the number of frames is known */
};

/* libsndfile reads a pipe in one pass; its length, where the header says one, is not to be relied upon. */
static wt_status open_input(wt_sound_reader *reader) {
    reader->sound.file = sf_open_fd(STDIN_FILENO, SFM_READ, &reader->sound.info, 0);
    if (!reader->sound.file) return refuse_sound(reader->path, NULL);
    reader->sound.info.frames = 0;
    const SF_INFO *info = &reader->sound.info;
    const wt_sound_format format = {.rate = info->samplerate, .channels = info->channels};
    return wt_sound_check_format(reader->path, &format);
}

wt_status wt_sound_reader_open(wt_sound_reader **out, wt_sound_format *format, const char *path) {
    wt_sound_reader *reader;
    *out = NULL;
    WT_TRY(wt_alloc(&reader, 1, sizeof *reader, "a sound file"));
    reader->counted = strcmp(path, "-") != 0;
    reader->path = reader->counted ? path : "standard input";
    wt_status status = reader->counted ? open_sound(&reader->sound, path) : open_input(reader);
    if (status != WT_OK) {
        if (reader->counted) memset(&reader->sound, 0, sizeof reader->sound); /* is closed */
        wt_sound_reader_close(reader);
        return status;
    }
    const SF_INFO *info = &reader->sound.info;
    *format = (wt_sound_format){.frames = info->frames, .rate = info->samplerate, .channels = info->channels};
    *out = reader;
    return WT_OK;
}

wt_status wt_sound_reader_next(wt_sound_reader *reader, float *samples, int64_t frames, int64_t *got) {
    sound *s = &reader->sound;
    *got = sf_readf_float(s->file, samples, frames);
    if (*got < 0) *got = 0;
    WT_TRY(check_finite(reader->path, samples, *got, s->info.channels, reader->got));
    reader->got += *got;
    if (*got == frames) return WT_OK;
    if (reader->counted) return check_length(s, reader->path, reader->got, s->info.frames);
    return sf_error(s->file) == SF_ERR_NO_ERROR ? WT_OK : refuse_sound(reader->path, s->file);
}

void wt_sound_reader_close(wt_sound_reader *reader) {
    if (!reader) return;
    close_sound(&reader->sound);
    wt_free(reader);
}
