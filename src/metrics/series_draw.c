/* The drawing of a series with PLplot: panels over the same time, in pixels from the page's lower left
 * corner. */
#include "plot_internal.h"
#include "wavetrain/plot.h"

#ifdef WT_HAVE_PLOT

#include <math.h>
#include <plplot.h>
#include <stdio.h>

static const wt_colour ink = {38, 42, 48}, faint = {112, 118, 126}, grid = {226, 229, 233};
static const wt_colour before = {140, 146, 154}, after = {31, 99, 181};

enum { PANEL = 200, GAP = 40, HEAD = 110, FOOT = 90 };

typedef struct {
    double bottom, lo, hi; /* pixels; of the values */
} frame;

static double series_x(const wt_series_plot *plot, double sample) {
    const double last = plot->count > 1 ? (double)plot->count - 1 : 1;
    return WT_PLOT_LEFT + (WT_PLOT_RIGHT - WT_PLOT_LEFT) * sample / last;
}

static double series_y(const frame *f, double y) {
    return f->bottom + PANEL * (y - f->lo) / (f->hi - f->lo);
}

static frame frame_of(const wt_series_plot *plot, const double *y, double bottom) {
    frame f = {bottom, y[0], y[0]};
    for (int64_t i = 0; i < plot->count; i++) {
        f.lo = fmin(f.lo, y[i]);
        f.hi = fmax(f.hi, y[i]);
    }
    const double margin = f.hi > f.lo ? 0.05 * (f.hi - f.lo) : 1;
    f.lo -= margin;
    f.hi += margin;
    return f;
}

static void draw_ticks(const wt_series_plot *plot, const frame *f, bool lowest) {
    double ticks[WT_TICKS_MAX];
    char label[32];
    const double seconds = ((double)plot->count - 1) * plot->seconds;
    const size_t ys = wt_plot_ticks(ticks, f->lo, f->hi, 4);
    for (size_t i = 0; i < ys; i++) {
        wt_plot_pen(grid, 1, 1);
        pljoin(WT_PLOT_LEFT, series_y(f, ticks[i]), WT_PLOT_RIGHT, series_y(f, ticks[i]));
        snprintf(label, sizeof label, "%.6g", ticks[i]);
        wt_plot_text(WT_PLOT_LEFT - 12, series_y(f, ticks[i]), 1, WT_LETTERS_SMALL, faint, "#<medium/>",
                     label);
    }
    const size_t xs = lowest ? wt_plot_ticks(ticks, 0, seconds, 8) : 0;
    for (size_t i = 0; i < xs; i++) {
        snprintf(label, sizeof label, "%.6g s", ticks[i]);
        wt_plot_text(series_x(plot, ticks[i] / plot->seconds), f->bottom - 22, 0.5, WT_LETTERS_SMALL, faint,
                     "#<medium/>", label);
    }
}

static void draw_series_line(const wt_series_plot *plot, const frame *f, const double *y, int64_t from,
                             int64_t end) {
    for (int64_t i = from > 0 ? from : 1; i < end; i++)
        pljoin(series_x(plot, (double)i - 1), series_y(f, y[i - 1]), series_x(plot, (double)i),
               series_y(f, y[i]));
}

void wt_series_draw(const void *what, const char *file) {
    const wt_series_plot *plot = what;
    const int panels = plot->channels < WT_CHART_PANELS ? plot->channels : WT_CHART_PANELS;
    const double height = HEAD + FOOT + panels * (PANEL + GAP);
    char note[80];
    wt_plot_page(file, height);
    plvpor(0, 1, 0, 1);
    plwind(0, WT_PLOT_WIDTH, 0, height);
    for (int c = 0; c < panels; c++) {
        const double *y = plot->values + (int64_t)c * plot->count;
        const frame f = frame_of(plot, y, height - HEAD - (c + 1) * (PANEL + GAP) + GAP);
        draw_ticks(plot, &f, c == panels - 1);
        wt_plot_pen(before, 1, 1.5);
        draw_series_line(plot, &f, y, 1, plot->past);
        wt_plot_pen(after, 1, 1.5);
        draw_series_line(plot, &f, y, plot->past, plot->count);
    }
    snprintf(note, sizeof note, "grey: %.6g s that it goes on from", (double)plot->past * plot->seconds);
    wt_plot_text(WT_PLOT_LEFT, height - 45, 0, WT_LETTERS_LARGE, ink, "#<bold/>", plot->title);
    wt_plot_text(WT_PLOT_LEFT, height - 80, 0, WT_LETTERS_MIDDLE, faint, "#<medium/>", note);
    plend();
}

#endif
