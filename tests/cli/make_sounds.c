/*
 * make_sounds PATH RATE CHANNELS FRAMES KIND [PARAMETER] [CODING]: one sound file for the script tests, by
 * libsndfile. The container is chosen by the name (.wav, .flac, .ogg, .aiff, .mp3), the coding is 16
 * (default), 24 or float. The exit code is 77 where libsndfile does not write such files. KIND:
 *   tone HZ     0.5 on every channel, the k-th k octaves higher
 *   noise SEED  white, ±0.5
 *   played      noise and plucked strings
 *   amplified D the same, D samples late, through a clipper and a filter
 *   speech      a tone in the middle half, silence before and after
 *   events SEED faint noise, with 150 Hz from 0.1 s and 600 Hz from 0.3 s of each half second on, for 0.1 s
 *   zeros
 *   loud        a tone that goes to ±1.5 (with coding float)
 *   nan         a tone with one sample that is not a number (with coding float)
 */
#include <math.h>
#include <sndfile.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *kind;
    double parameter;
    int rate;
    long frames;
} signal_kind;

static float noise(long n, double seed) {
    uint64_t x = ((uint64_t)n + 1) * 0x9E3779B97F4A7C15u ^ ((uint64_t)seed << 32);
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return (float)(x >> 40) / (1 << 24) - 0.5f;
}

static float tone_sample(double frequency, long n, int rate) {
    return (float)(0.5 * sin(6.283185307179586 * frequency * (double)n / rate));
}

/* Strings of a quarter of a second. */
static float played(long n, int rate) {
    const long each = rate / 4, string = n / each, at = n % each;
    if (n < 0) return 0;
    return 0.5f * noise(n, 5) + 0.3f * tone_sample(100 + 37 * (double)(string % 9), at, rate) *
                                    (float)exp(-8.0 * (double)at / rate);
}

static float amplified(long n, int rate) {
    float sum = 0;
    for (long k = 0; k < 20; k++)
        sum += 0.3f * (float)(exp(-(double)k / 4) * tanh(3 * (double)played(n - k, rate)));
    return sum;
}

static float event_sample(const signal_kind *s, long n) {
    const double at = fmod((double)n / s->rate, 0.5);
    const float quiet = 0.05f * noise(n, s->parameter);
    if (at >= 0.1 && at < 0.2) return quiet + tone_sample(150, n, s->rate);
    return at >= 0.3 && at < 0.4 ? quiet + tone_sample(600, n, s->rate) : quiet;
}

static float sample(const signal_kind *s, long n, int channel) {
    if (strcmp(s->kind, "events") == 0) return event_sample(s, n);
    if (strcmp(s->kind, "played") == 0) return played(n, s->rate);
    if (strcmp(s->kind, "amplified") == 0) return amplified(n - (long)s->parameter, s->rate);
    if (strcmp(s->kind, "tone") == 0) return tone_sample(s->parameter * (1 << channel), n, s->rate);
    if (strcmp(s->kind, "noise") == 0) return noise(n, s->parameter + channel);
    if (strcmp(s->kind, "speech") == 0) return n < s->frames / 4 || n >= s->frames * 3 / 4 ? 0 : noise(n, 1);
    if (strcmp(s->kind, "loud") == 0) return 3 * tone_sample(440, n, s->rate);
    if (strcmp(s->kind, "nan") == 0) return n == s->frames / 2 ? NAN : tone_sample(440, n, s->rate);
    return 0;
}

static int format_of(const char *path, const char *coding) {
    const char *dot = strrchr(path, '.');
    int bits = strcmp(coding, "24") == 0      ? SF_FORMAT_PCM_24
               : strcmp(coding, "float") == 0 ? SF_FORMAT_FLOAT
                                              : SF_FORMAT_PCM_16;
    if (dot && strcasecmp(dot, ".flac") == 0) return SF_FORMAT_FLAC | bits;
    if (dot && strcasecmp(dot, ".ogg") == 0) return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
    if (dot && strcasecmp(dot, ".mp3") == 0)
        return 0x230000 | 0x82; /* SF_FORMAT_MPEG, layer III: from 1.1 on */
    if (dot && strcasecmp(dot, ".aiff") == 0) return SF_FORMAT_AIFF | bits;
    return SF_FORMAT_WAV | bits;
}

int main(int argc, char **argv) {
    if (argc < 6)
        return fprintf(stderr, "make_sounds PATH RATE CHANNELS FRAMES KIND [PARAMETER] [CODING]\n"), 2;
    int channels = atoi(argv[3]);
    signal_kind s = {.kind = argv[5],
                     .parameter = argc > 6 ? atof(argv[6]) : 0,
                     .rate = atoi(argv[2]),
                     .frames = atol(argv[4])};
    SF_INFO info = {
        .samplerate = s.rate, .channels = channels, .format = format_of(argv[1], argc > 7 ? argv[7] : "16")};
    if (!sf_format_check(&info))
        return fprintf(stderr, "%s: %s writes no such files\n", argv[1], sf_version_string()), 77;
    SNDFILE *file = sf_open(argv[1], SFM_WRITE, &info);
    if (!file) return fprintf(stderr, "%s: %s\n", argv[1], sf_strerror(NULL)), 1;
    for (long n = 0; n < s.frames; n++) {
        float frame[128];
        for (int c = 0; c < channels && c < 128; c++) frame[c] = sample(&s, n, c);
        if (sf_writef_float(file, frame, 1) != 1) return fprintf(stderr, "%s: can't write\n", argv[1]), 1;
    }
    return sf_close(file) == 0 ? 0 : 1;
}
