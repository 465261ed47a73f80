/*
 * Squared error and the multi-resolution STFT loss (losses.h) of whole windows. Each resolution's spectra of
 * target and output are kept until its norms are known; its gradient goes back through the same bins: the
 * transposed transform of real samples to N/2 + 1 bins is FFTW's transform back, with the bins between the
 * first and the last one halved.
 *
 * Plans are FFTW's estimates, since those that it measures, and with them bits, differ from start to start.
 */
#include <complex.h> /* before fftw3.h, whose numbers are then C's */
#include <fftw3.h>
#include <math.h>
#include <string.h>

#include "engine_internal.h"
#include "losses.h"

#ifdef WT_REAL_DOUBLE
#define FFTW(name) fftw_##name
#else
#define FFTW(name) fftwf_##name
#endif

typedef struct {
    int size, hop, width;
} resolution;

static const resolution resolutions[] = {{1024, 120, 600}, {2048, 240, 1200}, {512, 50, 240}};

enum { RESOLUTIONS = sizeof resolutions / sizeof *resolutions, LARGEST = 2048, WIDEST = 1200 };

typedef struct {
    FFTW(plan) forward[RESOLUTIONS], back[RESOLUTIONS];
    wt_real windows[RESOLUTIONS][WIDEST];
} spectral_tools;

/* A thread's scratch for a window of `length` samples. */
typedef struct {
    wt_real *frame;      /* [LARGEST] */
    wt_real *x[2], *dx;  /* [length]: of target and output, and the gradient by the latter */
    wt_real *spectra[2]; /* [frames, stride] */
} room;

/* --- sizes --- */

static int bins_of(const resolution *r) {
    return r->size / 2 + 1;
}

/* Elements from one frame's bins to the next. */
static size_t frame_stride(const resolution *r) {
    return wt_engine_whole_lines(2 * (size_t)bins_of(r));
}

static int frames_of(const resolution *r, int length) {
    return length / r->hop + 1;
}

/* Mirrored ends are inside of x. */
static bool fits_window(const resolution *r, int length) {
    return r->size / 2 < length;
}

static int count_fitting(int length) {
    int count = 0;
    for (int i = 0; i < RESOLUTIONS; i++) count += fits_window(&resolutions[i], length);
    return count;
}

static size_t largest_spectra(int length) {
    size_t largest = 0;
    for (int i = 0; i < RESOLUTIONS; i++) {
        const resolution *r = &resolutions[i];
        const size_t own = fits_window(r, length) ? frame_stride(r) * (size_t)frames_of(r, length) : 0;
        largest = own > largest ? own : largest;
    }
    return largest;
}

static size_t scratch(int rows) {
    return LARGEST + 3 * wt_engine_whole_lines((size_t)rows) + 2 * largest_spectra(rows - 1);
}

static room divide(wt_real *at, int rows) {
    const size_t signal = wt_engine_whole_lines((size_t)rows), spectra = largest_spectra(rows - 1);
    room own = {.frame = at};
    at += LARGEST;
    own.x[0] = at;
    own.x[1] = at + signal;
    own.dx = at + 2 * signal;
    own.spectra[0] = at + 3 * signal;
    own.spectra[1] = own.spectra[0] + spectra;
    return own;
}

/* --- plans --- */

static void release(void *tools) {
    spectral_tools *own = tools;
    for (int i = 0; own && i < RESOLUTIONS; i++) {
        if (own->forward[i]) FFTW(destroy_plan)(own->forward[i]);
        if (own->back[i]) FFTW(destroy_plan)(own->back[i]);
    }
    wt_free(own);
}

/* The Hann window that begins with 0 and would end with it one sample later. */
static void fill_hann_window(wt_real *window, int width) {
    const double turn = 8 * atan(1);
    for (int i = 0; i < width; i++) window[i] = (wt_real)(0.5 - 0.5 * cos(turn * i / width));
}

static wt_status make_plans(spectral_tools *tools, wt_real *frame, wt_real *bins) {
    for (int i = 0; i < RESOLUTIONS; i++) {
        const int size = resolutions[i].size;
        fill_hann_window(tools->windows[i], resolutions[i].width);
        tools->forward[i] = FFTW(plan_dft_r2c_1d)(size, frame, (void *)bins, FFTW_ESTIMATE);
        tools->back[i] = FFTW(plan_dft_c2r_1d)(size, (void *)bins, frame, FFTW_ESTIMATE);
        WT_CHECK(tools->forward[i] && tools->back[i], WT_FAILED, "out of memory for spectra");
    }
    return WT_OK;
}

static wt_status prepare_windows(void **out, int rows) {
    spectral_tools *tools = NULL;
    wt_real *model = NULL; /* as aligned as scratch is */
    wt_status status = WT_OK;
    (void)rows;
    *out = NULL;
    WT_GUARD(wt_alloc(&tools, 1, sizeof *tools, "spectra"));
    WT_GUARD(wt_alloc(&model, 2 * LARGEST + LARGEST, sizeof *model, "spectra"));
    WT_GUARD(make_plans(tools, model, model + LARGEST));
    *out = tools;
    tools = NULL;
cleanup:
    wt_free(model);
    release(tools);
    return status;
}

/* --- frames --- */

static int mirrored(int t, int length) {
    t = t < 0 ? -t : t;
    return t < length ? t : 2 * (length - 1) - t;
}

/* Frame `number` of x, times the window; what is outside of the window stays 0. */
static void take_frame(wt_real *frame, const resolution *r, const wt_real *window, const wt_real *x,
                       int length, int number) {
    const int first = number * r->hop - r->width / 2;
    wt_real *at = frame + (r->size - r->width) / 2;
    if (first >= 0 && first + r->width <= length) {
        for (int i = 0; i < r->width; i++) at[i] = window[i] * x[first + i];
    } else {
        for (int i = 0; i < r->width; i++) at[i] = window[i] * x[mirrored(first + i, length)];
    }
}

static void add_frame(wt_real *dx, const resolution *r, const wt_real *window, const wt_real *frame,
                      int length, int number) {
    const int first = number * r->hop - r->width / 2;
    const wt_real *at = frame + (r->size - r->width) / 2;
    if (first >= 0 && first + r->width <= length) {
        for (int i = 0; i < r->width; i++) dx[first + i] += window[i] * at[i];
    } else {
        for (int i = 0; i < r->width; i++) dx[mirrored(first + i, length)] += window[i] * at[i];
    }
}

/* --- a resolution --- */

static void transform(const spectral_tools *tools, int number, const room *own, int length) {
    const resolution *r = &resolutions[number];
    memset(own->frame, 0, (size_t)r->size * sizeof *own->frame);
    for (int f = 0; f < frames_of(r, length); f++) {
        for (int side = 0; side < 2; side++) {
            take_frame(own->frame, r, tools->windows[number], own->x[side], length, f);
            FFTW(execute_dft_r2c)
            (tools->forward[number], own->frame, (void *)(own->spectra[side] + (size_t)f * frame_stride(r)));
        }
    }
}

/* Its share of M; adds `factor` times the gradient to dx. */
static double compare_magnitudes(const wt_loss_call *call, int number, const room *own, int length,
                                 double factor) {
    const spectral_tools *tools = call->tools;
    const resolution *r = &resolutions[number];
    const int bins = bins_of(r), frames = frames_of(r, length);
    double sums[3] = {0, 0, 0};
    transform(tools, number, own, length);
    for (int f = 0; f < frames; f++)
        call->kernels->losses.spectrum(own->spectra[0] + (size_t)f * frame_stride(r),
                                       own->spectra[1] + (size_t)f * frame_stride(r), bins, sums);
    const double count = (double)bins * frames, apart = sqrt(sums[0]), norm = sqrt(sums[1]);
    const double convergence = apart > 0 ? factor / (2 * apart * norm) : 0, logarithm = factor / (2 * count);
    for (int f = 0; f < frames; f++) {
        wt_real *output = own->spectra[1] + (size_t)f * frame_stride(r);
        call->kernels->losses.spectrum_back(own->spectra[0] + (size_t)f * frame_stride(r), output, bins,
                                            (wt_real)convergence, (wt_real)logarithm);
        output[0] *= 2;
        output[2 * (bins - 1)] *= 2;
        FFTW(execute_dft_c2r)(tools->back[number], (void *)output, own->frame);
        add_frame(own->dx, r, tools->windows[number], own->frame, length, f);
    }
    return apart / norm + sums[2] / count;
}

/* --- a window --- */

/* Samples of a signal whose rows are `step` elements apart. */
static void take_window_signal(wt_real *x, const wt_real *signal, int step, const wt_loss_rows *rows,
                               const wt_spectral *s) {
    const wt_real gain = (wt_real)s->gain, c = (wt_real)s->preemphasis;
    for (ptrdiff_t t = 0; t + 1 < rows->rows; t++) {
        const wt_real now = rows->target[t] < 0 ? 0 : signal[t * step];
        const wt_real next = rows->target[t + 1] < 0 ? 0 : signal[(t + 1) * step];
        x[t] = gain * (next - c * now);
    }
}

/* The gradient by x becomes that by the outputs, which is added. */
static void add_gradient(const wt_loss_rows *rows, const wt_real *dx, const wt_spectral *s) {
    const wt_real gain = (wt_real)s->gain, c = (wt_real)s->preemphasis;
    for (ptrdiff_t t = 0; t < rows->rows; t++) {
        const wt_real before = t > 0 ? dx[t - 1] : 0, now = t + 1 < rows->rows ? dx[t] : 0;
        if (rows->target[t] >= 0) rows->y[t * rows->outputs] += gain * (before - c * now);
    }
}

static double score(const wt_loss_call *call, const wt_loss_rows *rows) {
    const wt_spectral *s = &call->op->spectral;
    const int length = rows->rows - 1, fitting = count_fitting(length);
    if (!call->gradient || fitting == 0) return wt_loss_squared_error.score(call, rows);
    const room own = divide(call->scratch, rows->rows);
    int targets = 0;
    for (int t = 0; t < rows->rows; t++) targets += rows->target[t] >= 0;
    take_window_signal(own.x[0], rows->value, 1, rows, s);
    take_window_signal(own.x[1], rows->y, rows->outputs, rows, s);
    memset(own.dx, 0, (size_t)length * sizeof *own.dx);
    double loss = wt_loss_squared_error.score(call, rows);
    for (int i = 0; i < RESOLUTIONS; i++) {
        const double factor = targets * s->weight / fitting;
        if (fits_window(&resolutions[i], length))
            loss += factor * compare_magnitudes(call, i, &own, length, factor);
    }
    add_gradient(rows, own.dx, s);
    return loss;
}

const wt_loss_class wt_loss_spectral = {.name = "squared error and spectra",
                                        .score = score,
                                        .draw = wt_loss_draw_output,
                                        .mean = wt_loss_output_mean,
                                        .prepare = prepare_windows,
                                        .release = release,
                                        .scratch = scratch};
