/*
 * WAV as a container: whether a file is as long as its header says.
 *
 * libsndfile reads a WAV file that was cut short as if it had been meant to be that short, so the sizes are
 * checked here, from the chunk headers alone. Programs that write to a pipe and never learn the length
 * leave 0, 0xFFFFFFFF or (sox) just under 0x7FFFF000: those files are taken as they are. A size of 0 with
 * other chunks behind it is no unknown one, but that of a file without samples.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prepare_internal.h"

enum { WAV_HEADER = 44, WAV_CHUNKS_MAX = 10000 };

static const uint32_t unknown_size = 0xFFFFFFFFu;

static uint32_t get_wav32(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
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
    chunk->size = get_wav32(chunk->bytes + 4);
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

/* Where the next chunk begins. A byte pads an odd one, which some writers leave out; where both places could
 * be a name (without the byte, "data" also reads "ata@"), one that programs use decides. */
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
            wide = (int64_t)(get_wav32(chunk.bytes + 16) |
                             (uint64_t)(get_wav32(chunk.bytes + 20) & 0x7FFFFFFF) << 32);
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

wt_status wt_sound_check_format(const char *path, const wt_sound_format *format) {
    WT_CHECK(format->rate >= WT_SOUND_RATE_MIN && format->rate <= WT_SOUND_RATE_MAX, WT_USAGE,
             "%s: the sample rate is out of range (got %d Hz, expected %d … %d)", path, format->rate,
             WT_SOUND_RATE_MIN, WT_SOUND_RATE_MAX);
    WT_CHECK(format->channels >= 1 && format->channels <= WT_SOUND_CHANNELS_MAX, WT_USAGE,
             "%s: the number of channels is out of range (got %d, expected 1 … %d)", path, format->channels,
             WT_SOUND_CHANNELS_MAX);
    return WT_OK;
}
