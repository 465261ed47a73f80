/* Reading, writing, resampling and trimming of sound. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sndfile.h>

#include "base/file.h"
#include "data/prepare/prepare.h"
#include "data/prepare/sound.h"
#include "support.h"
#include "write_wav.h"

static const double pi = 3.14159265358979323846;

static char folder[] = "prepare-sound-XXXXXX";

static const char *sound_path(const char *name) {
    static char path[WT_PATH_MAX];
    assert_int_equal(wt_path_join(path, folder, name), WT_OK);
    return path;
}

/* A file made by libsndfile itself. */
static void make_wav(const char *name, int format, int rate, int channels, const float *samples,
                     int64_t frames) {
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    SNDFILE *file = sf_open(sound_path(name), SFM_WRITE, &info);
    assert_non_null(file);
    if (frames > 0) assert_int_equal(sf_writef_float(file, samples, frames), frames);
    assert_int_equal(sf_close(file), 0);
}

static float *make_tone(double frequency, int rate, double amplitude, int64_t frames) {
    float *samples;
    assert_int_equal(wt_alloc(&samples, (size_t)frames, sizeof *samples, "tone"), WT_OK);
    for (int64_t i = 0; i < frames; i++)
        samples[i] = (float)(amplitude * sin(2 * pi * frequency * (double)i / rate));
    return samples;
}

static void write_sound_bytes(const char *name, const void *bytes, size_t count) {
    FILE *file = fopen(sound_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* Changes `count` bytes at `at` of a file. */
static void patch(const char *name, long at, const void *bytes, size_t count) {
    FILE *file = fopen(sound_path(name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void expect_sound_error(const char *name, wt_status expected, const char *words) {
    float *samples = NULL;
    wt_sound_format format;
    const char *path = sound_path(name);
    assert_int_equal(wt_sound_read(&samples, &format, path, 0, -1), expected);
    assert_non_null(strstr(wt_error_message(), words));
    assert_ptr_equal(strstr(wt_error_message(), path), wt_error_message());
    assert_null(strchr(wt_error_message(), '\n'));
    assert_null(samples);
}

static void test_sixteen_bits_are_exact(void **state) {
    (void)state;
    static short written[65536], back[65536];
    for (int i = 0; i < 65536; i++) written[i] = (short)(i - 32768);
    SF_INFO info = {.samplerate = 8000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(sound_path("all.wav"), SFM_WRITE, &info);
    assert_int_equal(sf_writef_short(file, written, 65536), 65536);
    sf_close(file);
    float *samples;
    wt_sound_format format;
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("all.wav"), 0, -1), WT_OK);
    assert_int_equal(format.frames, 65536);
    assert_int_equal(format.rate, 8000);
    assert_int_equal(format.channels, 1);
    for (int i = 0; i < 65536; i++) assert_true(samples[i] == (float)written[i] / 32768);
    assert_int_equal(
        write_wav(sound_path("again.wav"), samples, (wt_sound_format){65536, 8000, 1}, WT_SOUND_INT16),
        WT_OK);
    wt_free(samples);
    memset(&info, 0, sizeof info);
    file = sf_open(sound_path("again.wav"), SFM_READ, &info);
    assert_int_equal(info.frames, 65536);
    assert_int_equal(info.samplerate, 8000);
    assert_int_equal(sf_readf_short(file, back, 65536), 65536);
    sf_close(file);
    assert_int_equal(back[0], -32767);
    assert_memory_equal(back + 1, written + 1, 65535 * sizeof *back);
}

static void test_writing_clips_and_replaces(void **state) {
    (void)state;
    const float values[] = {2, -2, INFINITY, 0.25f, 0, -0.5f};
    write_sound_bytes("clip.wav", "old", 3);
    assert_int_equal(
        write_wav(sound_path("clip.wav"), values, (wt_sound_format){3, 44100, 2}, WT_SOUND_INT16), WT_OK);
    float *samples;
    wt_sound_format format;
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("clip.wav"), 0, -1), WT_OK);
    assert_int_equal(format.channels, 2);
    assert_int_equal(format.frames, 3);
    const float expected[] = {32767.0f / 32768, -32767.0f / 32768, 32767.0f / 32768, 0.25f, 0, -0.5f};
    assert_memory_equal(samples, expected, sizeof expected);
    wt_free(samples);
    const float bad[] = {0, NAN};
    assert_int_equal(write_wav(sound_path("nan-out.wav"), bad, (wt_sound_format){2, 8000, 1}, WT_SOUND_INT16),
                     WT_FAILED);
    assert_false(wt_path_exists(sound_path("nan-out.wav")));
    char **names;
    size_t count;
    assert_int_equal(wt_folder_list(&names, &count, folder, "nan-out", ""), WT_OK);
    assert_int_equal(count, 0);
    wt_folder_list_free(names, count);
}

static void test_sample_ranges(void **state) {
    (void)state;
    float values[200], *samples;
    for (int i = 0; i < 200; i++) values[i] = (float)i / 256;
    make_wav("range.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 2, values, 100);
    wt_sound_format format;
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("range.flac"), 40, 10), WT_OK);
    assert_int_equal(format.frames, 10);
    assert_memory_equal(samples, values + 80, 20 * sizeof *samples);
    wt_free(samples);
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("range.flac"), 95, -1), WT_OK);
    assert_int_equal(format.frames, 5);
    wt_free(samples);
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("range.flac"), 95, 6), WT_USAGE);
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("range.flac"), 100, -1), WT_USAGE);
}

/* Longer than the block that reading begins with, so that it must grow. */
static void test_long_files(void **state) {
    (void)state;
    int64_t frames = 2500000;
    float *tone = make_tone(440, 48000, 0.5, frames), *samples;
    make_wav("long.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 48000, 1, tone, frames);
    wt_sound_format format;
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("long.wav"), 0, -1), WT_OK);
    assert_int_equal(format.frames, frames);
    assert_memory_equal(samples, tone, (size_t)frames * sizeof *tone);
    wt_free(samples);
    wt_free(tone);
    unlink(sound_path("long.wav"));
}

static void test_ogg(void **state) {
    (void)state;
    float *tone = make_tone(440, 16000, 0.5, 16000), *samples;
    make_wav("tone.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000, 1, tone, 16000);
    wt_sound_format format;
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("tone.ogg"), 0, -1), WT_OK);
    assert_int_equal(format.frames, 16000);
    double error = 0;
    for (int i = 0; i < 16000; i++) error += (samples[i] - tone[i]) * (samples[i] - tone[i]);
    assert_true(sqrt(error / 16000) < 0.02);
    wt_free(samples);
    wt_free(tone);
}

static void test_truncated_files(void **state) {
    (void)state;
    float *tone = make_tone(440, 16000, 0.5, 16000);
    make_wav("cut.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, tone, 16000);
    assert_int_equal(truncate(sound_path("cut.wav"), 20000), 0);
    expect_sound_error("cut.wav", WT_USAGE, "truncated");
    wt_sound_format format;
    assert_int_equal(wt_sound_inspect(&format, sound_path("cut.wav")), WT_USAGE);
    assert_int_equal(truncate(sound_path("cut.wav"), 40), 0);
    expect_sound_error("cut.wav", WT_USAGE, "truncated");
    make_wav("cut.rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 16000, 1, tone, 16000);
    assert_int_equal(wt_sound_inspect(&format, sound_path("cut.rf64")), WT_OK);
    assert_int_equal(truncate(sound_path("cut.rf64"), 20000), 0);
    expect_sound_error("cut.rf64", WT_USAGE, "truncated");
    make_wav("cut.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, tone, 16000);
    assert_int_equal(truncate(sound_path("cut.flac"), 4000), 0);
    expect_sound_error("cut.flac", WT_USAGE, "truncated");
    wt_free(tone);
}

/* Floats are what they were, and a file whose length was unknown has a header that says it in the end. */
static void test_writing_floats(void **state) {
    (void)state;
    const float values[] = {2, -1e-30f, INFINITY, 0.1f, -0.0f, 1.0f / 3}, bad[] = {0, NAN};
    const wt_sound_format open = {-1, 48000, 2};
    wt_sound_format format;
    wt_sound_writer *writer;
    float *samples;
    assert_int_equal(wt_sound_writer_open(&writer, sound_path("floats.wav"), &open, WT_SOUND_FLOAT), WT_OK);
    for (int t = 0; t < 3; t++)
        assert_int_equal(wt_sound_writer_add(writer, values + (ptrdiff_t)2 * t, 1), WT_OK);
    assert_int_equal(wt_sound_writer_close(writer, NULL, WT_OK), WT_OK);
    SF_INFO info = {0};
    SNDFILE *file = sf_open(sound_path("floats.wav"), SFM_READ, &info);
    float back[6];
    assert_int_equal(info.format, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
    assert_int_equal(info.frames, 3);
    assert_int_equal(info.samplerate, 48000);
    assert_int_equal(sf_readf_float(file, back, 3), 3);
    sf_close(file);
    assert_memory_equal(back, values, sizeof values);
    assert_int_equal(
        write_wav(sound_path("floats.wav"), values + 3, (wt_sound_format){3, 8000, 1}, WT_SOUND_FLOAT),
        WT_OK);
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("floats.wav"), 0, -1), WT_OK);
    assert_int_equal(format.frames, 3);
    assert_memory_equal(samples, values + 3, 3 * sizeof *samples);
    wt_free(samples);
    assert_int_equal(write_wav(sound_path("nan-out.wav"), bad, (wt_sound_format){2, 8000, 1}, WT_SOUND_FLOAT),
                     WT_FAILED);
    assert_false(wt_path_exists(sound_path("nan-out.wav")));
}

/* Programs that write to a pipe leave 0 or all ones where the sizes stand. */
static void test_streamed_wav(void **state) {
    (void)state;
    const uint32_t sizes[] = {0, 0xFFFFFFFFu, 0x7FFFF000u};
    float *tone = make_tone(440, 16000, 0.5, 1000), *samples;
    for (int i = 0; i < 3; i++) {
        wt_sound_format format;
        assert_int_equal(
            write_wav(sound_path("pipe.wav"), tone, (wt_sound_format){1000, 16000, 1}, WT_SOUND_INT16),
            WT_OK);
        patch("pipe.wav", 4, &sizes[i], 4);
        patch("pipe.wav", 40, &sizes[i], 4);
        assert_int_equal(wt_sound_read(&samples, &format, sound_path("pipe.wav"), 0, -1), WT_OK);
        assert_int_equal(format.frames, 1000);
        for (int n = 0; n < 1000; n++) assert_true(fabsf(samples[n] - tone[n]) <= 0.5f / 32768);
        wt_free(samples);
    }
    wt_free(tone);
}

/* --- WAV files as recorders and cutters leave them --- */

typedef struct {
    unsigned char bytes[4096];
    size_t used;
} wav_bytes;

static void put_bytes(wav_bytes *w, const void *bytes, size_t count) {
    memcpy(w->bytes + w->used, bytes, count);
    w->used += count;
}

static void put_chunk(wav_bytes *w, const char *name, const void *body, uint32_t size, bool pad) {
    put_bytes(w, name, 4);
    put_bytes(w, &size, 4);
    put_bytes(w, body, size);
    if (pad && size % 2) put_bytes(w, "", 1);
}

/* Mono, 16 bits, 16 kHz; `odd` adds a chunk of 23 bytes before the samples, with its pad byte or without. */
static void begin_wav(wav_bytes *w, int odd) {
    const unsigned char format[16] = {1, 0, 1, 0, 0x80, 0x3E, 0, 0, 0, 0x7D, 0, 0, 2, 0, 16, 0};
    w->used = 0;
    put_bytes(w, "RIFF\0\0\0\0WAVE", 12);
    put_chunk(w, "fmt ", format, 16, true);
    if (odd) put_chunk(w, "LIST", "INFOIART\3\0\0\0me\0\0xyzuvwt", 23, odd == 1);
}

static void end_wav(wav_bytes *w, const char *name) {
    const uint32_t size = (uint32_t)w->used - 8;
    memcpy(w->bytes + 4, &size, 4);
    write_sound_bytes(name, w->bytes, w->used);
}

static void expect_samples(const char *name, const int16_t *expected, int64_t count) {
    float *samples;
    wt_sound_format format;
    wt_status status = wt_sound_read(&samples, &format, sound_path(name), 0, -1);
    if (status != WT_OK) fail_msg("%s", wt_error_message());
    assert_int_equal(format.frames, count);
    for (int64_t i = 0; i < count; i++) assert_true(samples[i] == (float)expected[i] / 32768);
    wt_free(samples);
}

/* No samples, and metadata behind them: not the metadata as samples. */
static void test_empty_data(void **state) {
    (void)state;
    wav_bytes w;
    for (int odd = 0; odd < 3; odd++) {
        begin_wav(&w, odd);
        put_chunk(&w, "data", "", 0, true);
        end_wav(&w, "empty.wav");
        expect_sound_error("empty.wav", WT_USAGE, "holds no samples");
        put_chunk(&w, "LIST", "INFOINAM\4\0\0\0take", 16, true);
        end_wav(&w, "empty.wav");
        expect_sound_error("empty.wav", WT_USAGE, "holds no samples (its data chunk is empty)");
        put_chunk(&w, "id3 ", "ID3\3\0", 5, odd == 1);
        end_wav(&w, "empty.wav");
        expect_sound_error("empty.wav", WT_USAGE, "holds no samples (its data chunk is empty)");
    }
}

/* Not a part of the samples as if it were all. */
static void test_divided_data(void **state) {
    (void)state;
    const int16_t samples[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    wav_bytes w;
    begin_wav(&w, 0);
    put_chunk(&w, "data", samples, 8, true);
    put_chunk(&w, "LIST", "INFO", 4, true);
    put_chunk(&w, "data", samples + 4, 8, true);
    end_wav(&w, "divided.wav");
    expect_sound_error("divided.wav", WT_USAGE, "holds its samples in several data chunks");
}

/* The byte that pads an odd chunk is there or not, before the samples or behind; a size that counts it with
 * them. */
static void test_odd_chunks(void **state) {
    (void)state;
    int16_t samples[101];
    for (int i = 0; i < 101; i++) samples[i] = (int16_t)(300 * i - 15000);
    for (int odd = 0; odd < 3; odd++) {
        wav_bytes w;
        uint32_t size = sizeof samples + 1;
        begin_wav(&w, odd);
        put_chunk(&w, "data", samples, sizeof samples, true);
        end_wav(&w, "odd.wav");
        expect_samples("odd.wav", samples, 101);
        memcpy(w.bytes + w.used - sizeof samples - 4, &size, 4);
        end_wav(&w, "odd.wav");
        expect_samples("odd.wav", samples, 101);
        assert_int_equal(truncate(sound_path("odd.wav"), (off_t)w.used - 1), 0);
        expect_sound_error("odd.wav", WT_USAGE, "truncated");
        size = 0; /* unknown: what follows is no chunk */
        memcpy(w.bytes + w.used - sizeof samples - 4, &size, 4);
        end_wav(&w, "odd.wav");
        expect_samples("odd.wav", samples, 101);
    }
}

/* Both places could be a chunk's name: "data" with 320 bytes is "ata@" a byte on; a pad byte may be a
 * letter. */
static void test_odd_chunks_with_two_readings(void **state) {
    (void)state;
    int16_t samples[160];
    for (int i = 0; i < 160; i++) samples[i] = (int16_t)(200 * i);
    wav_bytes w;
    for (int odd = 1; odd < 3; odd++) {
        begin_wav(&w, odd);
        put_chunk(&w, "data", samples, sizeof samples, true);
        end_wav(&w, "readings.wav");
        expect_samples("readings.wav", samples, 160);
    }
    begin_wav(&w, 2);
    put_bytes(&w, "Q", 1);
    put_chunk(&w, "data", samples, sizeof samples, true);
    put_chunk(&w, "LIST", "INFO", 4, true);
    end_wav(&w, "readings.wav");
    expect_samples("readings.wav", samples, 160);
}

/* --- Ogg files that are not whole --- */

static size_t read_whole_file(const char *name, unsigned char *bytes, size_t room) {
    FILE *file = fopen(sound_path(name), "rb");
    assert_non_null(file);
    size_t count = fread(bytes, 1, room, file);
    assert_int_equal(fclose(file), 0);
    assert_true(count < room);
    return count;
}

/* Where the page behind the one at `at` begins. */
static size_t next_page(const unsigned char *bytes, size_t at) {
    size_t end = at + 27 + bytes[at + 26];
    for (int i = 0; i < bytes[at + 26]; i++) end += bytes[at + 27 + i];
    return end;
}

static void expect_damage(const unsigned char *bytes, size_t count) {
    float *samples = NULL;
    wt_sound_format format;
    write_sound_bytes("damaged.ogg", bytes, count);
    assert_int_equal(wt_sound_inspect(&format, sound_path("damaged.ogg")), WT_USAGE);
    assert_int_equal(wt_sound_read(&samples, &format, sound_path("damaged.ogg"), 0, -1), WT_USAGE);
    assert_non_null(strstr(wt_error_message(), "damaged.ogg: "));
}

static void test_damaged_ogg(void **state) {
    (void)state;
    enum { ROOM = 1 << 20 };
    unsigned char *whole = malloc(ROOM), *bytes = malloc(ROOM);
    float *tone = make_tone(440, 16000, 0.5, 160000), *samples;
    wt_sound_format format;
    make_wav("whole.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000, 1, tone, 160000);
    const size_t count = read_whole_file("whole.ogg", whole, ROOM / 2 - 200);
    int pages = 0;
    for (size_t at = 0, next; at < count; at = next, pages++) {
        next = next_page(whole, at);
        for (int k = 0; k < 6; k++) { /* a bit of the page flipped */
            memcpy(bytes, whole, count);
            bytes[at + (next - at - 1) * (size_t)k / 5] ^= (unsigned char)(1 << k);
            expect_damage(bytes, count);
        }
        expect_damage(whole, next - 1); /* cut within it */
        if (next < count) expect_damage(whole, next);
        memcpy(bytes, whole, at); /* the page missing */
        memcpy(bytes + at, whole + next, count - next);
        if (at > 0) expect_damage(bytes, count - (next - at));
    }
    assert_true(pages >= 4);
    memcpy(bytes, whole, count); /* two, of which the decoder would read the first */
    memcpy(bytes + count, whole, count);
    expect_damage(bytes, 2 * count);
    assert_non_null(strstr(wt_error_message(), "holds several recordings, one after another"));
    memcpy(bytes, whole, count); /* a tag at the end is no part of it */
    memset(bytes + count, 'T', 128);
    write_sound_bytes("tagged.ogg", bytes, count + 128);
    if (wt_sound_read(&samples, &format, sound_path("tagged.ogg"), 0, -1) != WT_OK)
        fail_msg("%s", wt_error_message());
    assert_int_equal(format.frames, 160000);
    wt_free(samples);
    wt_free(tone);
    free(whole);
    free(bytes);
}

static void test_bad_files(void **state) {
    (void)state;
    const float values[] = {0, 0.5f, NAN, 0.5f}, infinite[] = {INFINITY};
    make_wav("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 8000, 1, values, 4);
    expect_sound_error("nan.wav", WT_USAGE, "frame 2 is not a finite number");
    make_wav("infinite.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 8000, 1, infinite, 1);
    expect_sound_error("infinite.wav", WT_USAGE, "frame 0 is not a finite number");
    make_wav("none.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, NULL, 0);
    expect_sound_error("none.wav", WT_USAGE, "holds no samples");
    make_wav("slow.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 999, 1, values, 2);
    expect_sound_error("slow.wav", WT_USAGE, "sample rate is out of range (got 999 Hz");
    make_wav("fast.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 768001, 1, values, 2);
    expect_sound_error("fast.wav", WT_USAGE, "sample rate is out of range");
    float *many = make_tone(1, 8000, 0.5, 65 * 4);
    make_wav("many.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 65, many, 4);
    expect_sound_error("many.wav", WT_USAGE, "number of channels is out of range (got 65");
    wt_free(many);
    write_sound_bytes("text.wav", "this is no sound at all, whatever its name says", 47);
    expect_sound_error("text.wav", WT_USAGE, "can't be read as sound");
    write_sound_bytes("nothing.wav", "", 0);
    expect_sound_error("nothing.wav", WT_USAGE, "is empty");
    expect_sound_error("missing.wav", WT_USAGE, "No such file");
    expect_sound_error(".", WT_USAGE, "is a folder");
}

/* Amplitude of a tone in samples, by its Fourier coefficient over the middle of the signal. */
static double level_at(const float *samples, int64_t frames, int rate, double frequency) {
    double real = 0, imaginary = 0;
    int64_t first = frames / 4, count = frames / 2;
    for (int64_t i = first; i < first + count; i++) {
        real += samples[i] * cos(2 * pi * frequency * (double)i / rate);
        imaginary += samples[i] * sin(2 * pi * frequency * (double)i / rate);
    }
    return 2 * hypot(real, imaginary) / (double)count;
}

static void test_resampling(void **state) {
    (void)state;
    const int rates[][2] = {{48000, 16000}, {16000, 44100}, {44100, 8000}, {8000, 8000}};
    for (int i = 0; i < 4; i++) {
        int from = rates[i][0], to = rates[i][1];
        float *tone = make_tone(1000, from, 0.5, from), *out;
        assert_int_equal(wt_sound_resample(&out, tone, from, 1, from, to), WT_OK);
        assert_int_equal(wt_sound_resampled_frames(from, from, to), to);
        assert_true(fabs(level_at(out, to, to, 1000) - 0.5) < 1e-3);
        assert_true(level_at(out, to, to, 1500) < 1e-3);
        /* no delay: the tone's zeros stand where they stood */
        for (int64_t n = to / 4; n < to / 2; n++)
            assert_true(fabs(out[n] - 0.5 * sin(2 * pi * 1000 * (double)n / to)) < 2e-3);
        wt_free(out);
        wt_free(tone);
    }
    /* 6 kHz can't be heard at 8 kHz, nor may it fold down to 2 kHz */
    float *high = make_tone(6000, 48000, 0.5, 48000), *out;
    assert_int_equal(wt_sound_resample(&out, high, 48000, 1, 48000, 8000), WT_OK);
    assert_true(level_at(out, 8000, 8000, 2000) < 1e-4);
    wt_free(out);
    wt_free(high);
}

/* Nearly all of the band passes, and what lies beyond it is not heard anywhere: no worse than the
 * interpolator was by which data sets used to be made (0.3 dB down at 95 % of the band, 146 dB down above
 * it). */
static void test_passband(void **state) {
    (void)state;
    const int rates[][2] = {{48000, 16000}, {44100, 16000}, {16000, 44100}};
    const double shares[] = {0.05, 0.5, 0.9, 0.95};
    for (int i = 0; i < 3; i++) {
        const int from = rates[i][0], to = rates[i][1], low = from < to ? from : to;
        float *out, *tone;
        for (int s = 0; s < 4; s++) {
            const double frequency = round(shares[s] * low / 2);
            tone = make_tone(frequency, from, 0.5, from);
            assert_int_equal(wt_sound_resample(&out, tone, from, 1, from, to), WT_OK);
            assert_true(fabs(20 * log10(level_at(out, to, to, frequency) / 0.5)) < 0.02);
            wt_free(out);
            wt_free(tone);
        }
        for (double frequency = low / 2.0 + 50; frequency < from / 2.0; frequency += 997) {
            double power = 0;
            tone = make_tone(frequency, from, 0.5, from);
            assert_int_equal(wt_sound_resample(&out, tone, from, 1, from, to), WT_OK);
            for (int n = to / 4; n < 3 * to / 4; n++) power += (double)out[n] * (double)out[n];
            assert_true(10 * log10(power / (to / 2.0) / 0.125 + 1e-30) < -140);
            wt_free(out);
            wt_free(tone);
        }
    }
}

static void test_resampled_length(void **state) {
    (void)state;
    assert_int_equal(wt_sound_resampled_frames(3, 48000, 16000), 1);
    assert_int_equal(wt_sound_resampled_frames(1, 48000, 16000), 1); /* ⌊1/3 + ½⌋ is 0 */
    assert_int_equal(wt_sound_resampled_frames(5, 2000, 1000), 3);
    assert_int_equal(wt_sound_resampled_frames(4, 48000, 16000), 1);
    assert_int_equal(wt_sound_resampled_frames((int64_t)1 << 40, 1000, 256000), (int64_t)256 << 40);
    float one[2] = {0.5f, -0.5f}, *out;
    assert_int_equal(wt_sound_resample(&out, one, 1, 2, 48000, 16000), WT_OK);
    wt_free(out);
    assert_int_equal(wt_sound_resample(&out, one, 1, 1, 768000, 1000), WT_USAGE);
}

static void test_trimming(void **state) {
    (void)state;
    float samples[1000] = {0};
    int64_t first, kept;
    wt_trim(samples, 1000, 1, 8000, 40, &first, &kept); /* digital silence stays whole */
    assert_int_equal(first, 0);
    assert_int_equal(kept, 1000);
    for (int i = 0; i < 1000; i++) samples[i] = 0.001f;
    for (int i = 200; i < 500; i++) samples[i] = 0.5f;
    wt_trim(samples, 1000, 1, 8000, 40, &first, &kept); /* frames of 80 samples, from either end */
    assert_int_equal(first, 160);
    assert_int_equal(first + kept, 520);
    wt_trim(samples, 1000, 1, 8000, 60, &first, &kept); /* 0.001 is 54 dB below */
    assert_int_equal(first, 0);
    assert_int_equal(kept, 1000);
    wt_trim(samples, 1000, 1, 8000, 1, &first, &kept);
    assert_int_equal(kept, 360);
    wt_trim(samples + 200, 7, 1, 8000, 40, &first, &kept); /* shorter than a frame */
    assert_int_equal(kept, 7);
    wt_trim(samples, 500, 2, 8000, 40, &first, &kept); /* the loud samples are frames 100 … 249 */
    assert_int_equal(first, 80);
    assert_int_equal(first + kept, 260);
}

static int set_up_sound(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down_sound(void **state) {
    (void)state;
    return test_end_group(wt_folder_remove(folder) == WT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sixteen_bits_are_exact),
        cmocka_unit_test(test_writing_clips_and_replaces),
        cmocka_unit_test(test_writing_floats),
        cmocka_unit_test(test_sample_ranges),
        cmocka_unit_test(test_long_files),
        cmocka_unit_test(test_ogg),
        cmocka_unit_test(test_truncated_files),
        cmocka_unit_test(test_streamed_wav),
        cmocka_unit_test(test_empty_data),
        cmocka_unit_test(test_divided_data),
        cmocka_unit_test(test_odd_chunks),
        cmocka_unit_test(test_odd_chunks_with_two_readings),
        cmocka_unit_test(test_damaged_ogg),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_resampling),
        cmocka_unit_test(test_passband),
        cmocka_unit_test(test_resampled_length),
        cmocka_unit_test(test_trimming),
    };
    return cmocka_run_group_tests(tests, set_up_sound, tear_down_sound);
}
