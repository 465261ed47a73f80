/*
 * WAV as a container: whether a file is as long as its header says, and writing 16-bit PCM.
 *
 * libsndfile reads a WAV file that was cut short as if it had been meant to be that short, so the sizes are
 * checked here, from the chunk headers alone. Programs that write to a pipe and never learn the length
 * leave 0, 0xFFFFFFFF or (sox) just under 0x7FFFF000: those files are taken as they are. A size of 0 with other chunks
 * behind it is no unknown one, but that of a file without samples. Writing needs no library: the header is 44 bytes.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prepare_internal.h"
#include "wavetrain/memory.h"
#include "wavetrain/output.h"

enum { WAV_HEADER = 44, WAV_CHUNKS_MAX = 10000 };

static const uint32_t unknown_size = 0xFFFFFFFFu;

static uint32_t get32(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void put16(unsigned char *bytes, uint32_t value) {
    bytes[0] = value & 255;
    bytes[1] = value >> 8 & 255;
}

static void put32(unsigned char *bytes, uint32_t value) {
    put16(bytes, value & 65535);
    put16(bytes + 2, value >> 16);
}

static uint32_t get16(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

/* --- chunks --- */

typedef struct {
    int64_t at; /* of its name; the body begins 8 bytes further */
    uint32_t size;
    size_t got; /* bytes of `bytes` */
    unsigned char bytes[8 + 16];
} wav_chunk;

static bool read_chunk(FILE *file, int64_t at, wav_chunk *chunk) {
    chunk->at = at;
    if (fseeko(file, at, SEEK_SET) != 0) return false;
    chunk->got = fread(chunk->bytes, 1, sizeof chunk->bytes, file);
    if (chunk->got < 8) return false;
    chunk->size = get32(chunk->bytes + 4);
    return true;
}

static bool is_chunk(const wav_chunk *chunk, const char *name) {
    return memcmp(chunk->bytes, name, 4) == 0;
}

/* Names are four printable letters. */
static bool has_name(const wav_chunk *chunk) {
    for (int i = 0; i < 4; i++)
        if (chunk->bytes[i] < 0x20 || chunk->bytes[i] > 0x7E) return false;
    return true;
}

static bool has_known_name(const wav_chunk *chunk) {
    static const char *const names[] = {"fmt ", "data", "fact", "LIST", "bext",
                                        "JUNK", "PEAK", "smpl", "cue "};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_chunk(chunk, names[i])) return true;
    return false;
}

/* Where the next chunk begins. A byte pads an odd one, which some writers leave out; where both places could be a
 * name (without the byte, "data" also reads "ata@"), one that programs use decides. */
static int64_t next_chunk(FILE *file, const wav_chunk *chunk) {
    const int64_t end = chunk->at + 8 + (int64_t)chunk->size;
    wav_chunk padded, bare;
    if (chunk->size % 2 == 0) return end;
    const bool is_padded = read_chunk(file, end + 1, &padded) && has_name(&padded);
    const bool is_bare = read_chunk(file, end, &bare) && has_name(&bare);
    if (!is_bare) return end + 1;
    return is_padded && (has_known_name(&padded) || !has_known_name(&bare)) ? end + 1 : end;
}

/* Whether chunks follow each other from `at` to the file's end, or to a pad byte that would be its last. */
static bool chunks_follow(FILE *file, int64_t at, int64_t bytes) {
    wav_chunk chunk;
    for (int i = 0; i < WAV_CHUNKS_MAX && at < bytes; i++) {
        if (!read_chunk(file, at, &chunk) || !has_name(&chunk)) return false;
        at = next_chunk(file, &chunk);
    }
    return at == bytes || at == bytes + 1;
}

/* Whether samples follow in another data chunk, too. */
static bool is_divided(FILE *file, const wav_chunk *data, int64_t bytes) {
    wav_chunk chunk = *data;
    for (int i = 0; i < WAV_CHUNKS_MAX; i++) {
        const int64_t next = next_chunk(file, &chunk);
        if (next >= bytes || !read_chunk(file, next, &chunk) || !has_name(&chunk)) return false;
        if (is_chunk(&chunk, "data")) return true;
    }
    return false;
}

/* What `size` of the data chunk says; sox rounds its own of an unknown one down to whole frames. */
static bool is_unknown(FILE *file, const wav_chunk *data, int64_t bytes) {
    const uint32_t size = data->size;
    if (size == 0) return data->at + 8 < bytes && !chunks_follow(file, data->at + 8, bytes);
    return size == unknown_size || (size > 0x7FFFF000u - 256 && size <= 0x7FFFF000u);
}

/* Notes the format, and the data chunk as promised; `samples_at` stays 0 if there is none. */
static void find_chunks(FILE *file, int64_t bytes, wt_wav_layout *layout, int64_t *frame) {
    wav_chunk chunk;
    int64_t wide = -1; /* the size in a ds64 chunk */
    for (int64_t i = 0, at = 12; i < WAV_CHUNKS_MAX && at <= bytes - 8; i++) {
        if (!read_chunk(file, at, &chunk)) return;
        if (is_chunk(&chunk, "ds64") && chunk.got == sizeof chunk.bytes)
            wide = (int64_t)(get32(chunk.bytes + 16) | (uint64_t)(get32(chunk.bytes + 20) & 0x7FFFFFFF)
                                                           << 32);
        if (is_chunk(&chunk, "fmt ") && chunk.got >= 8 + 14) {
            layout->format_at = at + 8;
            layout->format_bytes = chunk.size;
            *frame = get16(chunk.bytes + 8 + 12);
        }
        if (is_chunk(&chunk, "data")) {
            layout->samples_at = at + 8;
            layout->samples_bytes = chunk.size == unknown_size && wide >= 0 ? wide : (int64_t)chunk.size;
            layout->unsized = (chunk.size != unknown_size || wide < 0) && is_unknown(file, &chunk, bytes);
            layout->divided = !layout->unsized && is_divided(file, &chunk, bytes);
            return;
        }
        at = next_chunk(file, &chunk);
    }
}

wt_status wt_wav_find(FILE *file, const char *path, wt_wav_layout *layout) {
    unsigned char head[12];
    struct stat info;
    int64_t frame = 1;
    memset(layout, 0, sizeof *layout);
    rewind(file);
    if (fstat(fileno(file), &info) != 0 || fread(head, 1, sizeof head, file) != sizeof head) return WT_OK;
    layout->found = (memcmp(head, "RIFF", 4) == 0 || memcmp(head, "RF64", 4) == 0) &&
                    memcmp(head + 8, "WAVE", 4) == 0;
    if (!layout->found) return WT_OK;
    const int64_t bytes = info.st_size;
    find_chunks(file, bytes, layout, &frame);
    const int64_t left = bytes - layout->samples_at;
    WT_CHECK(layout->samples_at > 0, WT_USAGE,
             "%s: the WAV file is truncated (got %lld bytes, which end before the samples)", path,
             (long long)bytes);
    WT_CHECK(layout->unsized || layout->samples_bytes > 0, WT_USAGE,
             "%s: holds no samples (its data chunk is empty)", path);
    WT_CHECK(!layout->divided, WT_USAGE, "%s: holds its samples in several data chunks (expected one)", path);
    if (layout->unsized) layout->samples_bytes = left;
    if (frame < 1) frame = 1;
    WT_CHECK(layout->samples_bytes - layout->samples_bytes % frame <= left, WT_USAGE,
             "%s: the WAV file is truncated (got %lld bytes of samples, expected %lld)", path,
             (long long)left, (long long)layout->samples_bytes);
    if (layout->samples_bytes > left) layout->samples_bytes = left;
    return WT_OK;
}

/* --- writing --- */

static void fill_header(unsigned char header[WAV_HEADER], uint32_t data_bytes, int rate, int channels) {
    memcpy(header, "RIFF....WAVEfmt ", 16);
    put32(header + 4, WAV_HEADER - 8 + data_bytes);
    put32(header + 16, 16); /* bytes of the format */
    put16(header + 20, 1);  /* PCM */
    put16(header + 22, (uint32_t)channels);
    put32(header + 24, (uint32_t)rate);
    put32(header + 28, (uint32_t)rate * (uint32_t)channels * 2);
    put16(header + 32, (uint32_t)channels * 2);
    put16(header + 34, 16);
    memcpy(header + 36, "data", 4);
    put32(header + 40, data_bytes);
}

static wt_status fill_samples(unsigned char *bytes, const float *samples, int64_t count, const char *path) {
    for (int64_t i = 0; i < count; i++) {
        WT_CHECK(!isnan(samples[i]), WT_FAILED, "%s: sample %lld is not a number", path, (long long)i);
        double value = floor((double)samples[i] * 32768 + 0.5);
        int32_t stored = value > 32767 ? 32767 : value < -32767 ? -32767 : (int32_t)value;
        put16(bytes + 2 * i, (uint32_t)stored & 65535);
    }
    return WT_OK;
}

wt_status wt_sound_write_wav(const char *path, const float *samples, int64_t frames, int rate, int channels) {
    wt_sound_format format = {.frames = frames, .rate = rate, .channels = channels};
    WT_TRY(wt_sound_check_format(path, &format));
    int64_t most = ((int64_t)unknown_size - WAV_HEADER) / (2 * channels);
    WT_CHECK(frames >= 0 && frames <= most, WT_FAILED,
             "%s: too long for a WAV file (got %lld frames, expected at most %lld)", path, (long long)frames,
             (long long)most);
    int64_t count = frames * channels;
    unsigned char header[WAV_HEADER], *bytes = NULL;
    fill_header(header, (uint32_t)(2 * count), rate, channels);
    WT_TRY(wt_alloc(&bytes, (size_t)(2 * count), 1, "samples of a WAV file"));
    wt_status status = fill_samples(bytes, samples, count, path);
    if (status == WT_OK)
        status = wt_file_write_atomically(path, header, sizeof header, bytes, (size_t)(2 * count));
    wt_free(bytes);
    return status;
}

wt_status wt_sound_check_format(const char *path, const wt_sound_format *format) {
    WT_CHECK(format->rate >= WT_SOUND_RATE_MIN && format->rate <= WT_SOUND_RATE_MAX, WT_USAGE,
             "%s: the sample rate is out of range (got %d Hz, expected %d … %d)", path, format->rate,
             WT_SOUND_RATE_MIN, WT_SOUND_RATE_MAX);
    WT_CHECK(format->channels >= 1 && format->channels <= WT_SOUND_CHANNELS_MAX, WT_USAGE,
             "%s: the number of channels is out of range (got %d, expected 1 … %d)", path, format->channels,
             WT_SOUND_CHANNELS_MAX);
    return WT_OK;
}

/* --- writing as it comes --- */

struct wt_sound_writer {
    FILE *file;
    char *path;
    bool raw, pipe;
    wt_sound_format format; /* frames: what the header promises */
    int64_t written;        /* frames */
};

static wt_status write_bytes(wt_sound_writer *writer, const unsigned char *bytes, size_t count) {
    const bool whole = fwrite(bytes, 1, count, writer->file) == count &&
                       (!writer->pipe || fflush(writer->file) == 0);
    WT_CHECK(whole, WT_FAILED, "%s: can't write (%s)", writer->pipe ? "standard output" : writer->path,
             strerror(errno));
    return WT_OK;
}

static wt_status write_header(wt_sound_writer *writer, int64_t frames) {
    const int channels = writer->format.channels;
    const int64_t most = ((int64_t)unknown_size - WAV_HEADER) / (2 * channels);
    unsigned char header[WAV_HEADER];
    if (writer->raw) return WT_OK;
    WT_CHECK(frames <= most, WT_USAGE, "%s: too long for a WAV file (got %lld frames, expected at most %lld)",
             writer->path, (long long)frames, (long long)most);
    fill_header(header, frames < 0 ? unknown_size : (uint32_t)(2 * channels * frames), writer->format.rate,
                channels);
    if (frames < 0) put32(header + 4, unknown_size); /* of RIFF too */
    return write_bytes(writer, header, sizeof header);
}

wt_status wt_sound_writer_open(wt_sound_writer **out, const char *path, const wt_sound_format *format,
                               bool raw) {
    wt_status status = WT_OK;
    wt_sound_writer *writer;
    *out = NULL;
    WT_TRY(wt_sound_check_format(path, format));
    WT_TRY(wt_alloc(&writer, 1, sizeof *writer, "a WAV file"));
    *writer = (wt_sound_writer){.raw = raw, .pipe = strcmp(path, "-") == 0, .format = *format};
    WT_GUARD(wt_copy_string(&writer->path, path));
    if (writer->pipe) {
        wt_output_is_data();
        writer->file = stdout;
    } else {
        WT_GUARD(wt_file_begin(&writer->file, path));
    }
    WT_GUARD(write_header(writer, format->frames));
    *out = writer;
    writer = NULL;
cleanup:
    return wt_sound_writer_close(writer, NULL, status);
}

wt_status wt_sound_writer_add(wt_sound_writer *writer, const float *samples, int frames) {
    enum { AT_ONCE = 1024 };
    unsigned char bytes[2 * AT_ONCE];
    const int64_t count = (int64_t)frames * writer->format.channels;
    for (int64_t i = 0; i < count; i += AT_ONCE) {
        const int64_t here = count - i < AT_ONCE ? count - i : AT_ONCE;
        WT_TRY(fill_samples(bytes, samples + i, here, writer->path));
        WT_TRY(write_bytes(writer, bytes, 2 * (size_t)here));
    }
    writer->written += frames;
    return WT_OK;
}

/* Of a file that ended early; what is no file has been read already. */
static wt_status correct_header(wt_sound_writer *writer) {
    if (writer->pipe || writer->written == writer->format.frames) return WT_OK;
    const bool sought = fseek(writer->file, 0, SEEK_SET) == 0;
    WT_CHECK(sought || errno == ESPIPE, WT_FAILED, "%s: can't write (%s)", writer->path, strerror(errno));
    return sought ? write_header(writer, writer->written) : WT_OK;
}

wt_status wt_sound_writer_close(wt_sound_writer *writer, const char *name, wt_status status) {
    if (!writer) return status;
    if (writer->file && status == WT_OK) status = correct_header(writer);
    if (writer->file && !writer->pipe)
        status = wt_file_finish_as(writer->file, writer->path, name ? name : writer->path, status);
    wt_free(writer->path);
    wt_free(writer);
    return status;
}
