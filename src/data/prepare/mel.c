/*
 * Mel spectra. One frame after the other through one plan of FFTW's, made without measuring, so that the same
 * recording gives the same numbers each time.
 */
#include "data/prepare/mel.h"

#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#define PI 3.14159265358979323846

typedef struct {
    const wt_mel *mel;
    int bins;
    double *window;  /* [fft] */
    double *filters; /* [bands, bins] */
    double *in, *power;
    fftw_complex *out;
    fftw_plan plan;
} analyser;

/* FFTW plans one at a time, and executes any number. */
static pthread_mutex_t planning = PTHREAD_MUTEX_INITIALIZER;

/* --- filters --- */

static double to_mel(const wt_mel *mel, double hertz) {
    if (mel->scale == WT_MEL_HTK) return 2595 * log10(1 + hertz / 700);
    return hertz < 1000 ? 3 * hertz / 200 : 15 + 27 * log(hertz / 1000) / log(6.4);
}

static double to_hertz(const wt_mel *mel, double value) {
    if (mel->scale == WT_MEL_HTK) return 700 * (pow(10, value / 2595) - 1);
    return value < 15 ? 200 * value / 3 : 1000 * exp(log(6.4) / 27 * (value - 15));
}

double wt_mel_edge(const wt_mel *mel, int i) {
    const double low = to_mel(mel, mel->low), high = to_mel(mel, mel->high);
    return to_hertz(mel, low + (high - low) * i / (mel->bands + 1));
}

static void make_filters(analyser *a, int rate) {
    for (int b = 0; b < a->mel->bands; b++) {
        const double left = wt_mel_edge(a->mel, b), middle = wt_mel_edge(a->mel, b + 1),
                     right = wt_mel_edge(a->mel, b + 2);
        const double height = a->mel->area ? 2 / (right - left) : 1;
        for (int k = 0; k < a->bins; k++) {
            const double f = (double)k * rate / a->mel->fft;
            const double side = fmin((f - left) / (middle - left), (right - f) / (right - middle));
            a->filters[(size_t)b * (size_t)a->bins + (size_t)k] = height * fmax(0, side);
        }
    }
}

static void make_window(analyser *a) {
    const int before = (a->mel->fft - a->mel->window) / 2;
    for (int n = 0; n < a->mel->window; n++)
        a->window[before + n] = 0.5 - 0.5 * cos(2 * PI * n / a->mel->window);
}

static wt_status begin_analysis(analyser *a, const wt_mel *mel, int rate) {
    const size_t fft = (size_t)mel->fft;
    a->mel = mel;
    a->bins = mel->fft / 2 + 1;
    WT_TRY(wt_alloc(&a->window, fft, sizeof(double), "a mel spectrum"));
    WT_TRY(wt_alloc(&a->filters, (size_t)mel->bands * (size_t)a->bins, sizeof(double), "a mel spectrum"));
    WT_TRY(wt_alloc(&a->in, fft, sizeof(double), "a mel spectrum"));
    WT_TRY(wt_alloc(&a->power, (size_t)a->bins, sizeof(double), "a mel spectrum"));
    WT_TRY(wt_alloc(&a->out, (size_t)a->bins, sizeof(fftw_complex), "a mel spectrum"));
    pthread_mutex_lock(&planning);
    a->plan = fftw_plan_dft_r2c_1d(mel->fft, a->in, a->out, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planning);
    WT_CHECK(a->plan, WT_FAILED, "FFTW has no plan for %d samples", mel->fft);
    make_window(a);
    make_filters(a, rate);
    return WT_OK;
}

static void end(analyser *a) {
    pthread_mutex_lock(&planning);
    if (a->plan) fftw_destroy_plan(a->plan);
    pthread_mutex_unlock(&planning);
    wt_free(a->window);
    wt_free(a->filters);
    wt_free(a->in);
    wt_free(a->power);
    wt_free(a->out);
}

/* --- frames --- */

/* Sample t of a sound that goes on at its ends. */
static double sample_at(const wt_mel *mel, const float *x, int64_t count, int64_t t) {
    if (t >= 0 && t < count) return (double)x[t];
    if (mel->pad == WT_MEL_ZEROS) return 0;
    const int64_t period = count > 1 ? 2 * (count - 1) : 1;
    t = (t % period + period) % period;
    return (double)x[t < count ? t : period - t];
}

static double compress(const wt_mel *mel, double m) {
    switch (mel->log) {
    case WT_MEL_LN: return log(fmax(m, mel->floor));
    case WT_MEL_LOG10: return log10(fmax(m, mel->floor));
    case WT_MEL_DB: return 20 * log10(fmax(m, mel->floor));
    default: return m;
    }
}

static void make_frame(analyser *a, const float *x, int64_t count, int64_t first, float *y) {
    const wt_mel *mel = a->mel;
    for (int n = 0; n < mel->fft; n++)
        a->in[n] = a->window[n] != 0 ? a->window[n] * sample_at(mel, x, count, first + n) : 0;
    fftw_execute(a->plan);
    for (int k = 0; k < a->bins; k++) {
        const double square = a->out[k][0] * a->out[k][0] + a->out[k][1] * a->out[k][1] + mel->root;
        a->power[k] = mel->power == 2 ? square : sqrt(square);
    }
    for (int b = 0; b < mel->bands; b++) {
        const double *filter = a->filters + (size_t)b * (size_t)a->bins;
        double sum = 0;
        for (int k = 0; k < a->bins; k++) sum += filter[k] * a->power[k];
        y[b] = (float)compress(mel, sum);
    }
}

wt_status wt_mel_compute(float **frames, const wt_mel *mel, const float *samples, int64_t count, int rate) {
    analyser a;
    wt_status status = WT_OK;
    const int64_t rows = wt_mel_count(mel, count);
    const int64_t pad = mel->frames == WT_MEL_CENTRED ? mel->fft / 2 : (mel->fft - mel->hop) / 2;
    memset(&a, 0, sizeof a);
    *frames = NULL;
    WT_GUARD(begin_analysis(&a, mel, rate));
    WT_GUARD(wt_alloc(frames, (size_t)(rows * mel->bands), sizeof **frames, "a mel spectrum"));
    for (int64_t i = 0; i < rows; i++)
        make_frame(&a, samples, count, i * mel->hop - pad, *frames + i * mel->bands);
cleanup:
    end(&a);
    return status;
}
