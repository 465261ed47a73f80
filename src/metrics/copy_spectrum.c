/* Copies' spectra, by FFTW in double precision: flatness, and noise that has a recording's envelope. */
#include <fftw3.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "copy_internal.h"
#include "data/prepare/mel.h"

wt_status wt_copy_require(void) {
    return WT_OK;
}

typedef struct {
    wt_copy_frames frames;
    int bins;
    double *window, *in; /* [fft] */
    fftw_complex *out;   /* [bins] */
    fftw_plan forward, back;
} copy_transform;

static wt_status begin_transform(copy_transform *t, const wt_copy_frames *frames) {
    const size_t fft = (size_t)frames->fft;
    t->frames = *frames;
    t->bins = frames->fft / 2 + 1;
    WT_TRY(wt_alloc(&t->window, fft, sizeof *t->window, "spectra of a copy"));
    WT_TRY(wt_alloc(&t->in, fft, sizeof *t->in, "spectra of a copy"));
    WT_TRY(wt_alloc(&t->out, (size_t)t->bins, sizeof *t->out, "spectra of a copy"));
    t->forward = fftw_plan_dft_r2c_1d(frames->fft, t->in, t->out, FFTW_ESTIMATE);
    t->back = fftw_plan_dft_c2r_1d(frames->fft, t->out, t->in, FFTW_ESTIMATE);
    WT_CHECK(t->forward && t->back, WT_FAILED, "FFTW has no plan for %d samples", frames->fft);
    for (int n = 0; n < frames->fft; n++) t->window[n] = wt_copy_window(frames, n);
    return WT_OK;
}

static void end_transform(copy_transform *t) {
    if (t->forward) fftw_destroy_plan(t->forward);
    if (t->back) fftw_destroy_plan(t->back);
    wt_free(t->window);
    wt_free(t->in);
    wt_free(t->out);
}

static int64_t first_sample(const copy_transform *t, int64_t frame) {
    return frame * t->frames.hop - t->frames.fft / 2;
}

/* --- flatness --- */

static double flatness_of_frame(const copy_transform *t) {
    double logs = 0, sum = 0;
    int count = 0;
    for (int k = 0; k < t->bins; k++) {
        const double f = (double)k * t->frames.rate / t->frames.fft;
        if (f < 80 || f > 0.45 * t->frames.rate) continue;
        const double power = fmax(t->out[k][0] * t->out[k][0] + t->out[k][1] * t->out[k][1], 1e-12);
        logs += log(power);
        sum += power;
        count++;
    }
    return count ? exp(logs / count) / (sum / count) : 1;
}

/* What is made of a frame's spectrum: its flatness into one number, or decibels into one per bin. */
typedef void (*reader)(const copy_transform *t, double *to);

static void read_flatness(const copy_transform *t, double *to) {
    *to = flatness_of_frame(t);
}

static void read_decibels(const copy_transform *t, double *to) {
    for (int k = 0; k < t->bins; k++)
        to[k] = 10 * log10(fmax(t->out[k][0] * t->out[k][0] + t->out[k][1] * t->out[k][1], 1e-12));
}

static wt_status read_frames(double *to, int each, reader read, const wt_copy_frames *frames, const float *x,
                             int64_t count) {
    copy_transform t = {.forward = NULL};
    wt_status status = WT_OK;
    WT_GUARD(begin_transform(&t, frames));
    for (int64_t i = 0; i < frames->count; i++) {
        for (int n = 0; n < frames->fft; n++) {
            const int64_t s = first_sample(&t, i) + n;
            t.in[n] = s >= 0 && s < count ? t.window[n] * (double)x[s] : 0;
        }
        fftw_execute(t.forward);
        read(&t, to + i * each);
    }
cleanup:
    end_transform(&t);
    return status;
}

wt_status wt_copy_flatness(double *flatness, const wt_copy_frames *frames, const float *x, int64_t count) {
    return read_frames(flatness, 1, read_flatness, frames, x, count);
}

wt_status wt_copy_spectrum(double *decibels, const wt_copy_frames *frames, const float *x, int64_t count) {
    return read_frames(decibels, frames->fft / 2 + 1, read_decibels, frames, x, count);
}

/* --- noise with an envelope --- */

/* The envelope of each frame: the mean power of a band, and where the bands' centres are. */
typedef struct {
    wt_mel mel;
    float *power;   /* [frames, bands] */
    double *weight; /* [bands]: of all bins, by which a band's sum becomes a mean */
} envelope;

/* A band's sum over a spectrum of ones: that of an impulse where the window is 1. */
static wt_status weigh_bands(envelope *e, const wt_copy_frames *frames) {
    const int64_t count = 4LL * frames->fft, middle = count / 2;
    float *impulse, *sums = NULL;
    wt_status status = WT_OK;
    WT_TRY(wt_alloc(&impulse, (size_t)count, sizeof *impulse, "an envelope"));
    impulse[middle] = 1;
    WT_GUARD(wt_mel_compute(&sums, &e->mel, impulse, count, frames->rate));
    for (int b = 0; b < e->mel.bands; b++)
        e->weight[b] = (double)sums[middle / frames->hop * e->mel.bands + b];
cleanup:
    wt_free(impulse);
    wt_free(sums);
    return status;
}

static wt_status find_envelope(envelope *e, const wt_copy_frames *frames, const float *x, int64_t count) {
    const int bands = wt_copy_bands(frames->rate);
    char text[WT_MEL_TEXT];
    snprintf(text, sizeof text,
             "8k,fft=%d,window=%d,hop=%d,bands=%d,low=0,high=%.17g,power=2,log=none,area=0", frames->fft,
             frames->fft, frames->hop, bands, frames->rate / 2.0);
    WT_TRY(wt_mel_parse(&e->mel, text, frames->rate));
    WT_TRY(wt_alloc(&e->weight, (size_t)bands, sizeof *e->weight, "an envelope"));
    WT_TRY(weigh_bands(e, frames));
    return wt_mel_compute(&e->power, &e->mel, x, count, frames->rate);
}

/* Power of frame i at a frequency. */
static double envelope_at(const envelope *e, int64_t i, double hertz) {
    const float *power = e->power + i * e->mel.bands;
    const int last = e->mel.bands - 1;
    int b = 0;
    while (b < last && wt_mel_edge(&e->mel, b + 2) <= hertz) b++;
    const double here = wt_mel_edge(&e->mel, b + 1), mean = (double)power[b] / e->weight[b];
    if (hertz <= here || b == last) return mean;
    const double share = (hertz - here) / (wt_mel_edge(&e->mel, b + 2) - here);
    return (1 - share) * mean + share * (double)power[b + 1] / e->weight[b + 1];
}

/* Noise is drawn per sample, so that overlapping frames see the same. */
static void shape_noise(const copy_transform *t, const envelope *e, int64_t i, uint64_t seed) {
    double squares = 0;
    for (int n = 0; n < t->frames.fft; n++) {
        const int64_t s = first_sample(t, i) + n + t->frames.fft; /* not below 0 */
        t->in[n] = t->window[n] * wt_random_normal(seed, WT_RANDOM_NOISE, 0, (uint64_t)s);
        squares += t->window[n] * t->window[n];
    }
    fftw_execute(t->forward);
    for (int k = 0; k < t->bins; k++) {
        const double f = (double)k * t->frames.rate / t->frames.fft;
        const double scale = sqrt(envelope_at(e, i, f) / squares) / t->frames.fft;
        t->out[k][0] *= scale;
        t->out[k][1] *= scale;
    }
    fftw_execute(t->back);
}

wt_status wt_copy_noise(float *copy, const float *original, int64_t count, int rate, uint64_t seed) {
    const wt_copy_frames frames = wt_copy_frames_of(count, rate);
    const double overlap = 1.5; /* Σ w² of windows a quarter apart */
    copy_transform t = {.forward = NULL};
    envelope e = {.power = NULL};
    wt_status status = WT_OK;
    WT_GUARD(begin_transform(&t, &frames));
    WT_GUARD(find_envelope(&e, &frames, original, count));
    memset(copy, 0, (size_t)count * sizeof *copy);
    for (int64_t i = 0; i < frames.count; i++) {
        shape_noise(&t, &e, i, seed);
        for (int n = 0; n < frames.fft; n++) {
            const int64_t s = first_sample(&t, i) + n;
            if (s >= 0 && s < count) copy[s] += (float)(t.window[n] * t.in[n] / overlap);
        }
    }
cleanup:
    end_transform(&t);
    wt_free(e.power);
    wt_free(e.weight);
    return status;
}
