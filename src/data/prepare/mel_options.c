/* Presets of mel spectra and the keys that change them: one table for parsing, printing and checking. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/prepare/mel.h"

enum { FFT_MAX = 65536, BANDS_MAX = 512 };

typedef struct {
    const char *name;
    wt_mel mel;
} preset;

static const preset presets[] = {
    {"espnet", {1024, 256, 1024, 80, 1, 80, 7600, 1e-10, 0, WT_MEL_LOG10, 0, 0, 0, 1}},
    {"tacotron2", {1024, 256, 1024, 80, 1, 0, 8000, 1e-5, 0, WT_MEL_LN, 0, 0, 0, 1}},
    {"hifigan", {1024, 256, 1024, 80, 1, 0, 8000, 1e-5, 1e-9, WT_MEL_LN, 0, WT_MEL_BEGUN, 0, 1}},
    {"8k", {256, 64, 256, 40, 1, 80, 3800, 1e-5, 0, WT_MEL_LN, 0, 0, 0, 1}},
};
enum { PRESETS = sizeof presets / sizeof *presets };

typedef struct {
    const char *name;
    size_t offset;
    bool real;
    double min, max;
    const char *const *choices; /* of an enumeration, NULL at the end; else NULL */
} key;

#define CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define WHOLE(name_, min_, max_) \
    { #name_, offsetof(wt_mel, name_), false, min_, max_, NULL }
#define REAL(name_, min_, max_) \
    { #name_, offsetof(wt_mel, name_), true, min_, max_, NULL }
#define CHOICE(name_, ...) \
    { #name_, offsetof(wt_mel, name_), false, 0, 0, CHOICES(__VA_ARGS__) }

static const key keys[] = {
    WHOLE(fft, 16, FFT_MAX),
    WHOLE(hop, 1, FFT_MAX),
    WHOLE(window, 2, FFT_MAX),
    WHOLE(bands, 1, BANDS_MAX),
    REAL(low, 0, 1e6),
    REAL(high, 1, 1e6),
    WHOLE(power, 1, 2),
    REAL(floor, 1e-300, 1),
    REAL(root, 0, 1),
    CHOICE(log, "ln", "log10", "db", "none"),
    CHOICE(pad, "reflect", "zeros"),
    CHOICE(frames, "centred", "begun"),
    CHOICE(scale, "slaney", "htk"),
    WHOLE(area, 0, 1),
};
enum { KEYS = sizeof keys / sizeof *keys };

/* --- parsing --- */

static wt_status find_preset(wt_mel *mel, const char *name, size_t length) {
    for (int i = 0; i < PRESETS; i++) {
        if (strlen(presets[i].name) != length || strncmp(presets[i].name, name, length) != 0) continue;
        *mel = presets[i].mel;
        return WT_OK;
    }
    return wt_error(WT_USAGE, "--mel: got %.*s, expected espnet, tacotron2, hifigan or 8k", (int)length,
                    name);
}

static wt_status scan_mel_choice(int *value, const key *k, const char *text) {
    char list[64] = "";
    for (int i = 0; k->choices[i]; i++) {
        *value = i;
        if (strcmp(k->choices[i], text) == 0) return WT_OK;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", k->choices[i]);
    }
    return wt_error(WT_USAGE, "--mel: %s: got %s, expected one of %s", k->name, text, list);
}

static wt_status scan_value(wt_mel *mel, const key *k, const char *text) {
    char *end, *field = (char *)mel + k->offset;
    if (k->choices) return scan_mel_choice((int *)field, k, text);
    const double value = strtod(text, &end);
    WT_CHECK(*text && !*end && value >= k->min && value <= k->max && (k->real || value == floor(value)),
             WT_USAGE, "--mel: %s: got %s, expected %s%g … %g", k->name, text,
             k->real ? "" : "a whole number ", k->min, k->max);
    if (k->real) {
        *(double *)field = value;
    } else {
        *(int *)field = (int)value;
    }
    return WT_OK;
}

static wt_status scan_key(wt_mel *mel, const char *text, size_t length) {
    char entry[64];
    WT_CHECK(length < sizeof entry, WT_USAGE, "--mel: %.*s: expected KEY=VALUE", (int)length, text);
    memcpy(entry, text, length);
    entry[length] = '\0';
    char *value = strchr(entry, '=');
    if (value) *value++ = '\0';
    for (int i = 0; value && i < KEYS; i++) {
        if (strcmp(keys[i].name, entry) == 0) return scan_value(mel, &keys[i], value);
    }
    return wt_error(
        WT_USAGE,
        "--mel: got %s, expected fft, hop, window, bands, low, high, power, floor, root, log, pad, "
        "frames, scale or area, and =VALUE",
        entry);
}

/* --- what must hold between them --- */

static wt_status check_mel(const wt_mel *mel, int rate) {
    WT_CHECK(mel->window <= mel->fft, WT_USAGE,
             "--mel: window is longer than fft (got %d, expected at most %d)", mel->window, mel->fft);
    WT_CHECK(mel->frames == WT_MEL_CENTRED || (mel->hop <= mel->fft && (mel->fft - mel->hop) % 2 == 0),
             WT_USAGE, "--mel: frames=begun needs fft − hop even and at least 0 (got %d)",
             mel->fft - mel->hop);
    WT_CHECK(mel->low < mel->high, WT_USAGE, "--mel: low is not below high (got %g, expected under %g)",
             mel->low, mel->high);
    WT_CHECK(mel->high <= rate / 2.0, WT_USAGE,
             "--mel: high is above half the sample rate (got %g Hz, expected at most %g; %s)", mel->high,
             rate / 2.0, rate <= 8000 ? "--mel 8k is for sound of 8 kHz" : "set high=HZ");
    return WT_OK;
}

wt_status wt_mel_parse(wt_mel *mel, const char *text, int rate) {
    size_t length = strcspn(text, ",");
    WT_TRY(find_preset(mel, text, length));
    for (const char *at = text + length; *at == ','; at += length) {
        length = strcspn(++at, ",");
        WT_TRY(scan_key(mel, at, length));
    }
    return check_mel(mel, rate);
}

void wt_mel_print(char text[WT_MEL_TEXT], const wt_mel *mel) {
    size_t used = (size_t)snprintf(text, WT_MEL_TEXT, "8k");
    for (int i = 0; i < KEYS && used < WT_MEL_TEXT; i++) {
        const char *field = (const char *)mel + keys[i].offset;
        char *to = text + used;
        const size_t room = WT_MEL_TEXT - used;
        if (keys[i].choices) {
            used += (size_t)snprintf(to, room, ",%s=%s", keys[i].name, keys[i].choices[*(const int *)field]);
        } else if (keys[i].real) {
            used += (size_t)snprintf(to, room, ",%s=%.17g", keys[i].name, *(const double *)field);
        } else {
            used += (size_t)snprintf(to, room, ",%s=%d", keys[i].name, *(const int *)field);
        }
    }
}

int64_t wt_mel_count(const wt_mel *mel, int64_t samples) {
    if (mel->frames == WT_MEL_CENTRED) return 1 + samples / mel->hop;
    return samples < mel->hop ? 1 : samples / mel->hop;
}

int wt_mel_centre(const wt_mel *mel) {
    return mel->frames == WT_MEL_CENTRED ? 0 : mel->hop / 2;
}
