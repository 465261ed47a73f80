/*
 * WAV of 32-bit floats, written as it comes. The header stands first and is written once more when the length
 * is known; to a pipe it says that nobody knows it, as programs that write to pipes do.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "prepare_internal.h"
#include "wavetrain/file.h"
#include "wavetrain/memory.h"
#include "wavetrain/output.h"

enum { FLOAT_HEADER = 58, BYTES = 4 }; /* of a sample */

struct wt_float_writer {
    FILE *file;
    const char *path;
    bool piped;
    int rate, channels;
    int64_t frames;
};

static const uint32_t open_length = 0xFFFFFFFFu;

/* Chunks: format (18 bytes, kind 3: IEEE float), fact (frames), data. */
static wt_status write_float_header(wt_float_writer *w, bool known) {
    const int64_t bytes = w->frames * w->channels * BYTES;
    struct __attribute__((packed)) {
        char riff[4];
        uint32_t size;
        char wave[8];
        uint32_t format_size;
        uint16_t kind, channels;
        uint32_t rate, bytes_per_second;
        uint16_t frame, bits, extension;
        char fact[4];
        uint32_t fact_size, frames;
        char data[4];
        uint32_t data_size;
    } h = {.size = htole32(known ? (uint32_t)(FLOAT_HEADER - 8 + bytes) : open_length),
           .format_size = htole32(18),
           .kind = htole16(3),
           .channels = htole16((uint16_t)w->channels),
           .rate = htole32((uint32_t)w->rate),
           .bytes_per_second = htole32((uint32_t)(w->rate * w->channels * BYTES)),
           .frame = htole16((uint16_t)(w->channels * BYTES)),
           .bits = htole16(8 * BYTES),
           .fact_size = htole32(4),
           .frames = htole32(known ? (uint32_t)w->frames : open_length),
           .data_size = htole32(known ? (uint32_t)bytes : open_length)};
    _Static_assert(sizeof h == FLOAT_HEADER, "no padding");
    memcpy(h.riff, "RIFF", 4);
    memcpy(h.wave, "WAVEfmt ", 8);
    memcpy(h.fact, "fact", 4);
    memcpy(h.data, "data", 4);
    WT_CHECK(fwrite(&h, sizeof h, 1, w->file) == 1, WT_FAILED, "%s: can't write", w->path);
    return WT_OK;
}

wt_status wt_float_writer_open(wt_float_writer **out, const char *path, int rate, int channels) {
    const wt_sound_format format = {.rate = rate, .channels = channels};
    wt_float_writer *w;
    *out = NULL;
    WT_TRY(wt_sound_check_format(path, &format));
    WT_TRY(wt_alloc(&w, 1, sizeof *w, "a sound file"));
    *w = (wt_float_writer){.path = path, .piped = strcmp(path, "-") == 0, .rate = rate, .channels = channels};
    wt_status status = WT_OK;
    if (w->piped) {
        w->path = "standard output";
        w->file = stdout;
        wt_output_is_data();
    } else {
        status = wt_file_begin(&w->file, path);
    }
    if (status != WT_OK) {
        wt_free(w);
        return status;
    }
    *out = w;
    status = write_float_header(w, false);
    if (status == WT_OK) return WT_OK;
    *out = NULL;
    return wt_float_writer_finish(w, status);
}

wt_status wt_float_writer_next(wt_float_writer *w, const float *samples, int64_t frames) {
    const size_t count = (size_t)(frames * w->channels);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof bits);
        bits = htole32(bits);
        WT_CHECK(fwrite(&bits, sizeof bits, 1, w->file) == 1, WT_FAILED, "%s: can't write", w->path);
    }
    w->frames += frames;
    if (w->piped) WT_CHECK(fflush(w->file) == 0, WT_FAILED, "%s: can't write", w->path);
    return WT_OK;
}

/* Lengths that the header can't hold stay open. */
static wt_status complete(wt_float_writer *w) {
    const bool fits = w->frames * w->channels * BYTES <= (int64_t)open_length - FLOAT_HEADER;
    if (!fits) return WT_OK;
    WT_CHECK(fseeko(w->file, 0, SEEK_SET) == 0, WT_FAILED, "%s: can't write", w->path);
    return write_float_header(w, true);
}

wt_status wt_float_writer_finish(wt_float_writer *w, wt_status status) {
    if (!w) return status;
    if (!w->piped) {
        if (status == WT_OK) status = complete(w);
        status = wt_file_finish(w->file, w->path, status);
    }
    wt_free(w);
    return status;
}
