/*
 * Writing WAV as it comes: 16-bit integers, or 32-bit floats, or the former without a header. The header
 * stands first and is written once more where the length turns out to be another one; to a pipe it says that
 * nobody knows the length, as programs that write to pipes do. A header is so short that no library is
 * needed.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/output.h"
#include "prepare_internal.h"

enum { HEADER_MAX = 58, SAMPLES_AT_ONCE = 1024, BYTES_MAX = 4 };

static const uint32_t unknown_size = 0xFFFFFFFFu;

/* What a kind of file holds: the format's number in the header, and the size of a sample in bytes. */
typedef struct {
    bool header;
    uint32_t number, format_bytes, bytes;
} sample_kind;

static const sample_kind kinds[] = {
    [WT_SOUND_INT16] = {.header = true, .number = 1, .format_bytes = 16, .bytes = 2},
    [WT_SOUND_FLOAT] = {.header = true, .number = 3, .format_bytes = 18, .bytes = 4},
    [WT_SOUND_RAW] = {.header = false, .bytes = 2},
};

struct wt_sound_writer {
    FILE *file;
    char *path;
    bool pipe;
    const sample_kind *kind;
    wt_sound_format format; /* frames: what the header promises */
    int64_t written;        /* frames */
};

/* --- bytes --- */

static unsigned char *put16(unsigned char *at, uint32_t value) {
    at[0] = value & 255;
    at[1] = value >> 8 & 255;
    return at + 2;
}

static unsigned char *put32(unsigned char *at, uint32_t value) {
    return put16(put16(at, value & 65535), value >> 16);
}

static unsigned char *put_name(unsigned char *at, const char *name) {
    memcpy(at, name, 4);
    return at + 4;
}

static wt_status write_bytes(wt_sound_writer *w, const unsigned char *bytes, size_t count) {
    const bool whole = fwrite(bytes, 1, count, w->file) == count && (!w->pipe || fflush(w->file) == 0);
    WT_CHECK(whole, WT_FAILED, "%s: can't write (%s)", w->pipe ? "standard output" : w->path,
             strerror(errno));
    return WT_OK;
}

/* --- the header --- */

static uint32_t header_bytes(const sample_kind *kind) {
    return 28 + kind->format_bytes + (kind->number == 3 ? 12 : 0);
}

static int64_t frames_max(const wt_sound_writer *w) {
    const int64_t frame = (int64_t)w->kind->bytes * w->format.channels;
    return ((int64_t)unknown_size - header_bytes(w->kind)) / frame;
}

/* Chunks: format, of floats the number of frames as well, data. */
static wt_status write_wav_header(wt_sound_writer *w, int64_t frames) {
    const sample_kind *kind = w->kind;
    const uint32_t frame = kind->bytes * (uint32_t)w->format.channels, rate = (uint32_t)w->format.rate;
    const uint32_t data = frames < 0 ? unknown_size : (uint32_t)frames * frame;
    unsigned char header[HEADER_MAX], *at = header;
    if (!kind->header) return WT_OK;
    at = put_name(at, "RIFF");
    at = put32(at, frames < 0 ? unknown_size : header_bytes(kind) - 8 + data);
    at = put_name(put_name(at, "WAVE"), "fmt ");
    at = put32(at, kind->format_bytes);
    at = put16(put16(at, kind->number), (uint32_t)w->format.channels);
    at = put32(put32(at, rate), rate * frame);
    at = put16(put16(at, frame), 8 * kind->bytes);
    if (kind->number == 3) {
        at = put16(at, 0); /* no extension of the format */
        at = put32(put_name(at, "fact"), 4);
        at = put32(at, frames < 0 ? unknown_size : (uint32_t)frames);
    }
    at = put32(put_name(at, "data"), data);
    return write_bytes(w, header, (size_t)(at - header));
}

static wt_status check_frame_count(const wt_sound_writer *w) {
    const int64_t most = frames_max(w);
    WT_CHECK(!w->kind->header || w->format.frames <= most, WT_USAGE,
             "%s: too long for a WAV file (got %lld frames, expected at most %lld)", w->path,
             (long long)w->format.frames, (long long)most);
    return WT_OK;
}

/* Of a file whose length was unknown, or that ended early. A length that no header holds stays open; what is
 * no file has been read already. */
static wt_status correct_header(wt_sound_writer *w) {
    if (w->pipe || !w->kind->header || w->written == w->format.frames || w->written > frames_max(w))
        return WT_OK;
    const bool sought = fseek(w->file, 0, SEEK_SET) == 0;
    WT_CHECK(sought || errno == ESPIPE, WT_FAILED, "%s: can't write (%s)", w->path, strerror(errno));
    return sought ? write_wav_header(w, w->written) : WT_OK;
}

/* --- samples --- */

static int32_t nearest_code(float sample) {
    const double value = floor((double)sample * 32768 + 0.5);
    return value > 32767 ? 32767 : value < -32767 ? -32767 : (int32_t)value;
}

static wt_status fill_samples(const wt_sound_writer *w, unsigned char *bytes, const float *samples,
                              int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; i++) {
        uint32_t bits;
        WT_CHECK(!isnan(samples[i]), WT_FAILED, "%s: sample %lld is not a number", w->path,
                 (long long)(w->written * w->format.channels + i));
        memcpy(&bits, &samples[i], sizeof bits);
        bytes = w->kind->bytes == 2 ? put16(bytes, (uint32_t)nearest_code(samples[i]) & 65535)
                                    : put32(bytes, bits);
    }
    return WT_OK;
}

wt_status wt_sound_writer_add(wt_sound_writer *w, const float *samples, int frames) {
    unsigned char bytes[BYTES_MAX * SAMPLES_AT_ONCE];
    const int64_t count = (int64_t)frames * w->format.channels;
    for (int64_t i = 0; i < count; i += SAMPLES_AT_ONCE) {
        const int64_t here = count - i < SAMPLES_AT_ONCE ? count - i : SAMPLES_AT_ONCE;
        WT_TRY(fill_samples(w, bytes, samples, i, here));
        WT_TRY(write_bytes(w, bytes, w->kind->bytes * (size_t)here));
    }
    w->written += frames;
    return WT_OK;
}

/* --- the file --- */

wt_status wt_sound_writer_open(wt_sound_writer **out, const char *path, const wt_sound_format *format,
                               wt_sound_kind kind) {
    wt_status status = WT_OK;
    wt_sound_writer *w;
    *out = NULL;
    WT_TRY(wt_sound_check_format(path, format));
    WT_TRY(wt_alloc(&w, 1, sizeof *w, "a WAV file"));
    *w = (wt_sound_writer){.pipe = strcmp(path, "-") == 0, .kind = &kinds[kind], .format = *format};
    WT_GUARD(wt_memory_copy_string(&w->path, path));
    WT_GUARD(check_frame_count(w));
    if (w->pipe) {
        wt_output_is_data();
        w->file = stdout;
    } else {
        WT_GUARD(wt_file_begin(&w->file, path));
    }
    WT_GUARD(write_wav_header(w, format->frames));
    *out = w;
    w = NULL;
cleanup:
    return wt_sound_writer_close(w, NULL, status);
}

wt_status wt_sound_writer_close(wt_sound_writer *w, const char *name, wt_status status) {
    if (!w) return status;
    if (w->file && status == WT_OK) status = correct_header(w);
    if (w->file && !w->pipe) status = wt_file_finish_as(w->file, w->path, name ? name : w->path, status);
    wt_free(w->path);
    wt_free(w);
    return status;
}
