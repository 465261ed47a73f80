/*
 * WAV as a container: whether a file is as long as its header says, and writing 16-bit PCM.
 *
 * libsndfile reads a WAV file that was cut short as if it had been meant to be that short, so the sizes are
 * checked here, from the chunk headers alone. Programs that write to a pipe and never learn the length
 * leave 0, 0xFFFFFFFF or (sox) just under 0x7FFFF000: those files are taken as they are. Writing needs no
 * library: the header is 44 bytes.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prepare_internal.h"
#include "wavetrain/memory.h"

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

/* A size that says nothing; sox rounds its own down to whole frames. */
static bool says_nothing(uint32_t size) {
    return size == 0 || size == unknown_size || (size > 0x7FFFF000u - 256 && size <= 0x7FFFF000u);
}

/* The data chunk of an open WAV file: its size as promised (−1: not known) and where it begins (−1: there
 * is none before the end of the file). */
static void find_data(FILE *file, long long bytes, long long *begin, long long *promised) {
    long long at = 12, wide = -1;
    *begin = *promised = -1;
    for (int i = 0; i < WAV_CHUNKS_MAX && at <= bytes - 8; i++) {
        unsigned char chunk[8 + 16];
        if (fseeko(file, at, SEEK_SET) != 0) return;
        size_t got = fread(chunk, 1, sizeof chunk, file);
        if (got < 8) return;
        uint32_t size = get32(chunk + 4);
        if (memcmp(chunk, "ds64", 4) == 0 && got == sizeof chunk)
            wide = (long long)(get32(chunk + 16) | (uint64_t)(get32(chunk + 20) & 0x7FFFFFFF) << 32);
        if (memcmp(chunk, "data", 4) == 0) {
            *begin = at + 8;
            *promised = size == unknown_size ? wide : says_nothing(size) ? -1 : (long long)size;
            return;
        }
        at += 8 + (long long)size + (size & 1);
    }
}

static wt_status check_size(FILE *file, const char *path, int64_t *unsized) {
    unsigned char head[12];
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || fread(head, 1, sizeof head, file) != sizeof head) return WT_OK;
    bool wav = (memcmp(head, "RIFF", 4) == 0 || memcmp(head, "RF64", 4) == 0) &&
               memcmp(head + 8, "WAVE", 4) == 0;
    if (!wav) return WT_OK;
    long long begin, promised, bytes = (long long)info.st_size;
    find_data(file, bytes, &begin, &promised);
    WT_CHECK(begin >= 0, WT_USAGE,
             "%s: the WAV file is truncated (got %lld bytes, which end before the samples)", path, bytes);
    WT_CHECK(promised <= bytes - begin, WT_USAGE,
             "%s: the WAV file is truncated (got %lld bytes of samples, expected %lld)", path, bytes - begin,
             promised);
    if (promised < 0 && bytes > begin) *unsized = begin;
    return WT_OK;
}

wt_status wt_wav_check_size(const char *path, int64_t *unsized) {
    *unsized = -1;
    FILE *file = fopen(path, "rb");
    WT_CHECK(file, errno == ENOENT ? WT_USAGE : WT_FAILED, "%s: can't be read (%s)", path, strerror(errno));
    wt_status status = check_size(file, path, unsized);
    fclose(file);
    return status;
}

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
