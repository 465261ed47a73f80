/* Scores of copies. */
#include "metrics/copy_score.h"

#include <math.h>
#include <stdio.h>

#include "base/order.h"
#include "copy_internal.h"
#include "data/prepare/mel.h"
#include "wavetrain/data.h"

#define PI 3.14159265358979323846

enum { NARROW_RATE = 12000, NARROW_BANDS = 40, WIDE_BANDS = 80 };

static const double active_decibels = 40, range_decibels = 80, in_tune_cents = 50;

int wt_copy_frame_size(int rate) {
    int size = 64;
    while (2 * size <= rate * 64LL / 1000) size *= 2;
    return size;
}

wt_copy_frames wt_copy_frames_of(int64_t count, int rate) {
    const int fft = wt_copy_frame_size(rate);
    return (wt_copy_frames){.rate = rate, .fft = fft, .hop = fft / 4, .count = 1 + count / (fft / 4)};
}

double wt_copy_window(const wt_copy_frames *frames, int n) {
    return 0.5 - 0.5 * cos(2 * PI * n / frames->fft);
}

int wt_copy_bands(int rate) {
    return rate <= NARROW_RATE ? NARROW_BANDS : WIDE_BANDS;
}

/* What is measured of each frame of a sound. */
typedef struct {
    wt_copy_frames frames;
    double *energy, *pitch; /* [frames] */
    bool *active;           /* [frames] */
    float *bands;           /* [frames, bands], dB */
    double flatness;
} analysis;

/* --- one sound --- */

static double measure_energy(const wt_copy_frames *f, const float *x, int64_t count, int64_t frame) {
    double sum = 0;
    for (int n = 0; n < f->fft; n++) {
        const int64_t t = frame * f->hop + n - f->fft / 2;
        const double v = t >= 0 && t < count ? wt_copy_window(f, n) * (double)x[t] : 0;
        sum += v * v;
    }
    return sum;
}

static void mark_active(analysis *a) {
    double largest = 0;
    for (int64_t i = 0; i < a->frames.count; i++) largest = fmax(largest, a->energy[i]);
    for (int64_t i = 0; i < a->frames.count; i++)
        a->active[i] = a->energy[i] > 0 && 10 * log10(a->energy[i] / largest) >= -active_decibels;
}

/* The median flatness of active frames; 0 where there are none. */
static wt_status measure_flatness(analysis *a, const float *x, int64_t count) {
    double *values;
    int64_t active = 0;
    WT_TRY(wt_alloc(&values, (size_t)a->frames.count, sizeof *values, "scores of a copy"));
    wt_status status = wt_copy_flatness(values, &a->frames, x, count);
    for (int64_t i = 0; i < a->frames.count; i++)
        if (a->active[i]) values[active++] = values[i];
    a->flatness = active ? wt_order_median(values, (size_t)active) : 0;
    wt_free(values);
    return status;
}

static wt_status measure_bands(analysis *a, const float *x, int64_t count) {
    const wt_copy_frames *f = &a->frames;
    char text[WT_MEL_TEXT];
    wt_mel mel;
    snprintf(text, sizeof text, "8k,fft=%d,window=%d,hop=%d,bands=%d,low=80,high=%.17g,log=db,floor=1e-9",
             f->fft, f->fft, f->hop, wt_copy_bands(f->rate), 0.45 * f->rate);
    WT_TRY(wt_mel_parse(&mel, text, f->rate));
    return wt_mel_compute(&a->bands, &mel, x, count, f->rate);
}

static wt_status analyse(analysis *a, const float *x, int64_t count, int rate) {
    a->frames = wt_copy_frames_of(count, rate);
    const size_t frames = (size_t)a->frames.count;
    WT_TRY(wt_alloc(&a->energy, frames, sizeof *a->energy, "scores of a copy"));
    WT_TRY(wt_alloc(&a->pitch, frames, sizeof *a->pitch, "scores of a copy"));
    WT_TRY(wt_alloc(&a->active, frames, sizeof *a->active, "scores of a copy"));
    for (int64_t i = 0; i < a->frames.count; i++) {
        a->energy[i] = measure_energy(&a->frames, x, count, i);
        a->pitch[i] = wt_yin_pitch(x, count, i * a->frames.hop, rate);
    }
    mark_active(a);
    WT_TRY(measure_flatness(a, x, count));
    return measure_bands(a, x, count);
}

static void forget(analysis *a) {
    wt_free(a->energy);
    wt_free(a->pitch);
    wt_free(a->active);
    wt_free(a->bands);
}

/* --- two --- */

/* Decibels that bring the copy to the original's energy. */
static double match_levels(const analysis *original, const analysis *copy) {
    double own = 0, other = 0;
    for (int64_t i = 0; i < original->frames.count; i++) {
        own += original->active[i] ? original->energy[i] : 0;
        other += original->active[i] ? copy->energy[i] : 0;
    }
    return own > 0 && other > 0 ? 10 * log10(own / other) : 0;
}

static double measure_distance(const analysis *original, const analysis *copy) {
    const int bands = wt_copy_bands(original->frames.rate);
    const double gain = match_levels(original, copy);
    double largest = -INFINITY, sum = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < original->frames.count * bands; i++)
        largest = fmax(largest, (double)original->bands[i]);
    const double floor = largest - range_decibels;
    for (int64_t i = 0; i < original->frames.count * bands; i++) {
        if (!original->active[i / bands]) continue;
        sum += fabs(fmax(floor, (double)copy->bands[i] + gain) - fmax(floor, (double)original->bands[i]));
        count++;
    }
    return count ? sum / (double)count : 0;
}

static void compare_voices(wt_copy_score *score, const analysis *original, const analysis *copy) {
    for (int64_t i = 0; i < original->frames.count; i++) {
        const double own = original->pitch[i], other = copy->pitch[i];
        if (!original->active[i]) continue;
        score->active++;
        score->voiced += own > 0;
        score->unvoiced += own == 0;
        score->both += own > 0 && other > 0;
        score->in_tune += own > 0 && other > 0 && fabs(1200 * log2(other / own)) <= in_tune_cents;
        score->invented += own == 0 && other > 0;
    }
}

wt_status wt_copy_score_measure(wt_copy_score *score, const float *original, const float *copy, int64_t count,
                                int rate) {
    analysis a[2] = {{.energy = NULL}, {.energy = NULL}};
    wt_status status = WT_OK;
    *score = (wt_copy_score){0};
    WT_CHECK(count > 0, WT_USAGE, "a copy of no samples has no score");
    WT_GUARD(analyse(&a[0], original, count, rate));
    WT_GUARD(analyse(&a[1], copy, count, rate));
    score->frames = a[0].frames.count;
    score->flatness = a[1].flatness;
    score->original_flatness = a[0].flatness;
    score->distance = measure_distance(&a[0], &a[1]);
    compare_voices(score, &a[0], &a[1]);
cleanup:
    forget(&a[0]);
    forget(&a[1]);
    return status;
}

/* --- controls without spectra --- */

void wt_copy_mulaw(float *copy, const float *original, int64_t count) {
    const wt_quantization quantization = {.kind = WT_QUANTIZATION_MULAW, .levels = 256};
    for (int64_t i = 0; i < count; i++)
        copy[i] = (float)wt_dequantize(quantization, wt_quantize(quantization, (double)original[i]));
}

void wt_copy_other(float *copy, int64_t count, const float *other, int64_t other_count) {
    for (int64_t i = 0; i < count; i++) copy[i] = other[i % other_count];
}
