/* The drawing of a spectrogram with PLplot, in a page of pixels. */
#include "copy_internal.h"
#include "plot_internal.h"

#ifdef WT_HAVE_PLOT

#include <math.h>
#include <plplot.h>
#include <stdio.h>

static const wt_colour faint = {112, 118, 126};

enum { CELL = 1 }; /* pixels across, at least */

static const double range = 80; /* dB */

/* From black over blue and orange to white. */
static void set_colours(void) {
    PLFLT place[] = {0, 0.35, 0.65, 0.85, 1}, red[] = {0.02, 0.20, 0.80, 0.98, 1.00},
          green[] = {0.02, 0.10, 0.25, 0.65, 1.00}, blue[] = {0.10, 0.50, 0.40, 0.25, 0.90};
    plscmap1n(256);
    plscmap1l(1, 5, place, red, green, blue, NULL);
}

/* The loudest of frames first … end − 1, which share a column. */
static double cell_of(const wt_spectrogram *s, int64_t first, int64_t end, int bin) {
    const int bins = s->frames->fft / 2 + 1;
    double loudest = -INFINITY;
    for (int64_t i = first; i < end; i++) loudest = fmax(loudest, s->decibels[i * bins + bin]);
    return fmin(s->highest, fmax(s->highest - range, loudest));
}

static void draw_cells(const wt_spectrogram *s, double width) {
    const int bins = s->frames->fft / 2 + 1;
    const int64_t count = s->frames->count, across = (int64_t)fmax(1, width / CELL);
    const int64_t columns = count < across ? count : across;
    const double wide = width / (double)columns, tall = s->height / bins;
    plwidth(0);
    for (int64_t x = 0; x < columns; x++) {
        for (int y = 0; y < bins; y++) {
            const double cell = cell_of(s, x * count / columns, (x + 1) * count / columns, y);
            /* a little over the next one, so that no seam shows */
            const double l = s->left + (double)x * wide, r = fmin(l + wide + 0.7, s->left + width),
                         b = s->bottom + y * tall, t = fmin(b + tall + 0.7, s->bottom + s->height);
            PLFLT xs[] = {l, r, r, l}, ys[] = {b, b, t, t};
            plcol1(1 - (s->highest - cell) / range);
            plfill(4, xs, ys);
        }
    }
}

static void label_axes(const wt_spectrogram *s) {
    const double high = s->frames->rate / 2000.0;
    double ticks[WT_TICKS_MAX];
    char label[32];
    const size_t xs = wt_plot_ticks(ticks, 0, s->seconds, 5);
    for (size_t i = 0; i < xs; i++) {
        snprintf(label, sizeof label, "%.6g s", ticks[i]);
        wt_plot_text(s->left + s->width * ticks[i] / s->seconds, s->bottom - 14, 0.5, WT_LETTERS_SMALL, faint,
                     "#<medium/>", label);
    }
    const size_t ys = s->hertz ? wt_plot_ticks(ticks, 0, high, 4) : 0;
    for (size_t i = 0; i < ys; i++) {
        if (ticks[i] <= 0) continue; /* where the time begins too */
        snprintf(label, sizeof label, "%.6g kHz", ticks[i]);
        wt_plot_text(s->left - 10, s->bottom + s->height * ticks[i] / high, 1, WT_LETTERS_SMALL, faint,
                     "#<medium/>", label);
    }
}

void wt_spectrogram_draw(const wt_spectrogram *s) {
    const double seconds = (double)s->frames->count * s->frames->hop / s->frames->rate;
    set_colours();
    draw_cells(s, s->width * fmin(1, seconds / s->seconds));
    label_axes(s);
}

#endif
