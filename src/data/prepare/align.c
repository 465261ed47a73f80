/*
 * The delay of a recording. Where the dry signal has blips (a few samples between stretches of exact silence,
 * as the layout of Neural Amp Modeler's signal has them), the mean of what follows them shows the response's
 * first sample. Elsewhere the response is the cross-spectrum over the dry signal's spectrum, both averaged
 * over the recording, with a floor under the divisor (Wiener's deconvolution). The floor blurs it
 * symmetrically, by a kernel that is known: a dry signal whose kernel is wide, one without high frequencies,
 * is refused.
 */
#include "data/prepare/align.h"

#include <complex.h> /* before fftw3.h, whose numbers are then C's */
#include <fftw3.h>
#include <math.h>
#include <string.h>

enum {
    BLIP_MAX = 64,        /* samples from a blip's first to its last */
    BLIP_SILENCE = 12000, /* exact zeros before and after it, at least */
    BLIPS_MAX = 16,
    SAFETY = 1, /* samples that the estimate is before the first one that shows */
    RISE = 2,   /* samples that a response takes to show clearly */
    FFT = 1 << 16,
    MARGIN = 16384, /* samples of the wet signal around a stretch of the dry one; exceeds the delays */
    STRETCH = FFT - 2 * MARGIN
};

static wt_status unknown(const char *path, const char *why) {
    return wt_error(WT_USAGE, "%s: cannot find by how many samples it lags (%s; give it with --align N)",
                    path, why);
}

/* --- the first sample that shows --- */

/* A response around the delay 0: response[i] is that of delay i + first. */
typedef struct {
    const double *response;
    int first, count;
    double noise; /* RMS without any response */
} trace;

/* The sign of the first swing: that of the largest of the first samples. */
static bool swings_down(const trace *t, int onset) {
    enum { SWING = 4 };
    double largest = 0;
    for (int i = onset; i < onset + SWING && i < t->count; i++)
        if (fabs(t->response[i]) > fabs(largest)) largest = t->response[i];
    return largest < 0;
}

static double mean_square(const double *x, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += x[i] * x[i];
    return sum / count;
}

/* The first sample above `threshold`. −1: none. */
static int find_onset(const trace *t, double threshold) {
    int i = WT_ALIGN_EARLIEST - t->first;
    while (i < t->count && fabs(t->response[i]) <= threshold) i++;
    return i < t->count ? i : -1;
}

/* --- by blips --- */

/* Positions of blips' first samples. */
static int find_blips(int64_t *blips, const float *dry, int64_t frames) {
    int count = 0;
    int64_t silent = 0;
    for (int64_t i = 0; i < frames && count < BLIPS_MAX; i++) {
        if (dry[i] == 0) {
            silent++;
            continue;
        }
        int64_t end = i, zeros = 0;
        for (int64_t j = i; j < frames && zeros < BLIP_SILENCE && j - i < BLIP_MAX + BLIP_SILENCE; j++) {
            zeros = dry[j] == 0 ? zeros + 1 : 0;
            if (dry[j] != 0) end = j;
        }
        if (silent >= BLIP_SILENCE && zeros >= BLIP_SILENCE && end - i < BLIP_MAX) blips[count++] = i;
        i = end;
        silent = 0;
    }
    return count;
}

/* The mean of the wet signal around the blips, from `before` samples before them. Returns how many are within
 * it. */
static int average_blips(double *mean, int before, int count, const int64_t *blips, int blip_count,
                         const float *wet, int64_t wet_frames) {
    int used = 0;
    memset(mean, 0, (size_t)count * sizeof *mean);
    for (int b = 0; b < blip_count; b++) {
        const int64_t from = blips[b] - before;
        if (from < 0 || from + count > wet_frames) continue;
        for (int i = 0; i < count; i++) mean[i] += (double)wet[from + i];
        used++;
    }
    for (int i = 0; used && i < count; i++) mean[i] /= used;
    return used;
}

/* What hums or hisses before a blip stands for the noise; what is behind the silence is no part of it. */
static wt_status align_by_blips(wt_alignment *a, const char *path, const int64_t *blips, int blip_count,
                                bool downwards, const float *wet, int64_t wet_frames) {
    enum { BEFORE = 10000, COUNT = BEFORE + WT_ALIGN_LATEST, QUIET = BEFORE + WT_ALIGN_EARLIEST - 200 };
    double *mean, peak = 0;
    WT_TRY(wt_alloc(&mean, COUNT, sizeof *mean, "a response"));
    a->blips = average_blips(mean, BEFORE, COUNT, blips, blip_count, wet, wet_frames);
    double loudest = 0;
    for (int i = 0; i < QUIET; i++) loudest = fmax(loudest, fabs(mean[i]));
    for (int i = QUIET; i < COUNT; i++) peak = fmax(peak, fabs(mean[i]));
    const trace t = {mean, -BEFORE, COUNT, sqrt(mean_square(mean, QUIET))};
    const int onset = a->blips ? find_onset(&t, 1.5 * loudest + 1e-5) : -1;
    const bool clear = peak > 8 * loudest && onset >= 0;
    if (clear) {
        a->delay = onset - BEFORE - SAFETY;
        a->inverted = swings_down(&t, onset) != downwards;
    }
    wt_free(mean);
    return clear ? WT_OK : unknown(path, "the dry file's blips don't stand out of its noise");
}

/* --- by the impulse response --- */

typedef struct {
    double *x, *y, *dry_power;
    double _Complex *X, *Y, *cross;
    fftw_plan forward_x, forward_y, back_x, back_y;
} spectra;

enum { BINS = FFT / 2 + 1 };

static wt_status take_spectra(spectra *s) {
    memset(s, 0, sizeof *s);
    WT_TRY(wt_alloc(&s->x, FFT, sizeof *s->x, "spectra"));
    WT_TRY(wt_alloc(&s->y, FFT, sizeof *s->y, "spectra"));
    WT_TRY(wt_alloc(&s->dry_power, BINS, sizeof *s->dry_power, "spectra"));
    WT_TRY(wt_alloc(&s->X, BINS, sizeof *s->X, "spectra"));
    WT_TRY(wt_alloc(&s->Y, BINS, sizeof *s->Y, "spectra"));
    WT_TRY(wt_alloc(&s->cross, BINS, sizeof *s->cross, "spectra"));
    s->forward_x = fftw_plan_dft_r2c_1d(FFT, s->x, s->X, FFTW_ESTIMATE);
    s->forward_y = fftw_plan_dft_r2c_1d(FFT, s->y, s->Y, FFTW_ESTIMATE);
    s->back_x = fftw_plan_dft_c2r_1d(FFT, s->X, s->x, FFTW_ESTIMATE);
    s->back_y = fftw_plan_dft_c2r_1d(FFT, s->Y, s->y, FFTW_ESTIMATE);
    WT_CHECK(s->forward_x && s->forward_y && s->back_x && s->back_y, WT_FAILED, "out of memory for spectra");
    return WT_OK;
}

static void drop_spectra(spectra *s) {
    const fftw_plan plans[] = {s->forward_x, s->forward_y, s->back_x, s->back_y};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        if (plans[i]) fftw_destroy_plan(plans[i]);
    void *const arrays[] = {s->x, s->y, s->dry_power, s->X, s->Y, s->cross};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) wt_free(arrays[i]);
}

static double sample_or_zero(const float *x, int64_t frames, int64_t i) {
    return i >= 0 && i < frames ? (double)x[i] : 0;
}

/* Stretches of the dry signal against the wet one around them, without a window: each product of the two is
 * whole for every delay up to the margin. */
static void average_spectra(spectra *s, const float *dry, int64_t dry_frames, const float *wet,
                            int64_t wet_frames) {
    for (int64_t first = 0; first < dry_frames; first += STRETCH) {
        for (int i = 0; i < FFT; i++) {
            const bool inside = i >= MARGIN && i < MARGIN + STRETCH;
            s->x[i] = inside ? sample_or_zero(dry, dry_frames, first + i - MARGIN) : 0;
            s->y[i] = sample_or_zero(wet, wet_frames, first + i - MARGIN);
        }
        fftw_execute(s->forward_x);
        fftw_execute(s->forward_y);
        for (int k = 0; k < BINS; k++) {
            s->dry_power[k] += creal(s->X[k] * conj(s->X[k]));
            s->cross[k] += conj(s->X[k]) * s->Y[k];
        }
    }
}

/* The response in s->y, and in s->x the kernel that blurs it. */
static void deconvolve(spectra *s) {
    double mean = 0;
    for (int k = 0; k < BINS; k++) mean += s->dry_power[k] / BINS;
    const double floor = 1e-3 * mean;
    for (int k = 0; k < BINS; k++) {
        s->Y[k] = s->cross[k] / (s->dry_power[k] + floor);
        s->X[k] = s->dry_power[k] / (s->dry_power[k] + floor);
    }
    fftw_execute(s->back_y);
    fftw_execute(s->back_x);
}

/* How much of a sample the kernel leaves two and more samples away from it. */
static double kernel_skirt(const double *kernel) {
    double skirt = 0;
    for (int i = 2; i < WT_ALIGN_LATEST; i++) skirt = fmax(skirt, fabs(kernel[i]));
    return kernel[0] > 0 ? skirt / kernel[0] : 1;
}

static wt_status read_response(wt_alignment *a, const char *path, const spectra *s, double *response) {
    enum {
        BEFORE = MARGIN - 1000,
        COUNT = BEFORE + WT_ALIGN_LATEST,
        QUIET = BEFORE + WT_ALIGN_EARLIEST - 500
    };
    const double skirt = kernel_skirt(s->x);
    double peak = 0;
    for (int i = 0; i < COUNT; i++) response[i] = s->y[(i - BEFORE + FFT) % FFT] / FFT;
    for (int i = QUIET; i < COUNT; i++)
        if (fabs(response[i]) > fabs(peak)) peak = response[i];
    const trace t = {response, -BEFORE, COUNT, sqrt(mean_square(response, QUIET))};
    if (!(skirt < 0.02)) return unknown(path, "the dry file has too little of the high frequencies");
    if (!(fabs(peak) > 40 * t.noise))
        return unknown(path, "it has too little of the dry file, or too much noise");
    const double threshold = fmax(6 * t.noise, 3 * skirt * fabs(peak));
    const int onset = find_onset(&t, threshold);
    if (find_onset(&t, 4 * threshold) > onset + RISE)
        return unknown(path, "what comes of a sample rises too slowly");
    a->delay = onset - BEFORE - SAFETY;
    a->inverted = swings_down(&t, onset);
    return WT_OK;
}

static wt_status align_by_response(wt_alignment *a, const char *path, const float *dry, int64_t dry_frames,
                                   const float *wet, int64_t wet_frames) {
    spectra s;
    double *response = NULL;
    wt_status status = WT_OK;
    WT_GUARD(take_spectra(&s));
    WT_GUARD(wt_alloc(&response, FFT, sizeof *response, "a response"));
    average_spectra(&s, dry, dry_frames, wet, wet_frames);
    deconvolve(&s);
    status = read_response(a, path, &s, response);
cleanup:
    wt_free(response);
    drop_spectra(&s);
    return status;
}

/* --- both --- */

static bool has_no_signal(const float *x, int64_t frames) {
    for (int64_t i = 0; i < frames; i++)
        if (x[i] != 0) return false;
    return true;
}

wt_status wt_align(wt_alignment *a, const char *path, const float *dry, int64_t dry_frames, const float *wet,
                   int64_t wet_frames) {
    int64_t blips[BLIPS_MAX];
    *a = (wt_alignment){0};
    WT_CHECK(!has_no_signal(wet, wet_frames), WT_USAGE, "%s: is silent (expected what the gear has made)",
             path);
    WT_CHECK(!has_no_signal(dry, dry_frames), WT_USAGE, "%s: its dry signal is silent", path);
    const int count = find_blips(blips, dry, dry_frames);
    if (count == 0) return align_by_response(a, path, dry, dry_frames, wet, wet_frames);
    return align_by_blips(a, path, blips, count, dry[blips[0]] < 0, wet, wet_frames);
}
