/* The drawing of spectrograms with PLplot: a row of panels per pair, the original to the left, in pixels from
 * the page's lower left corner. */
#include "copy_internal.h"
#include "plot_internal.h"

#ifdef WT_HAVE_PLOT

#include <math.h>
#include <plplot.h>
#include <stdio.h>

static const wt_colour ink = {38, 42, 48}, faint = {112, 118, 126};

enum {
    HEIGHT = 260,
    GAP = 64,
    HEAD = 130,
    FOOT = 40,
    LEFT = 90,
    MIDDLE = 30,
    RIGHT = 30,
    WIDTH = (WT_PLOT_WIDTH - LEFT - MIDDLE - RIGHT) / 2,
    CELLS_MAX = 600, /* across a copy_panel */
};

static const double range = 80; /* dB */

/* From black over blue and orange to white. */
static void set_colours(void) {
    PLFLT place[] = {0, 0.35, 0.65, 0.85, 1}, red[] = {0.02, 0.20, 0.80, 0.98, 1.00},
          green[] = {0.02, 0.10, 0.25, 0.65, 1.00}, blue[] = {0.10, 0.50, 0.40, 0.25, 0.90};
    plscmap1n(256);
    plscmap1l(1, 5, place, red, green, blue, NULL);
}

typedef struct {
    const wt_copy_picture *picture;
    int pair, side, columns;
} copy_panel;

/* The loudest of the frames that share a column. */
static double cell_of(const copy_panel *p, int x, int y) {
    const wt_copy_frames *frames = &p->picture->pairs[p->pair].frames;
    const int bins = frames->fft / 2 + 1;
    double loudest = -INFINITY;
    for (int64_t i = x * frames->count / p->columns; i < (x + 1) * frames->count / p->columns; i++)
        loudest = fmax(loudest, p->picture->pairs[p->pair].decibels[p->side][i * bins + y]);
    const double highest = p->picture->pairs[p->pair].loudest;
    return fmin(highest, fmax(highest - range, loudest));
}

static void draw_cells(copy_panel *p, double left, double bottom) {
    const wt_copy_frames *frames = &p->picture->pairs[p->pair].frames;
    const int bins = frames->fft / 2 + 1;
    const double high = p->picture->pairs[p->pair].loudest;
    p->columns = frames->count < CELLS_MAX ? (int)frames->count : CELLS_MAX;
    const double wide = (double)WIDTH / p->columns, tall = (double)HEIGHT / bins;
    plwidth(0);
    for (int x = 0; x < p->columns; x++) {
        for (int y = 0; y < bins; y++) {
            const double level = 1 - (high - cell_of(p, x, y)) / range;
            /* a little over the next one, so that no seam shows */
            const double l = left + x * wide, r = fmin(l + wide + 0.7, left + WIDTH), b = bottom + y * tall,
                         t = fmin(b + tall + 0.7, bottom + HEIGHT);
            PLFLT xs[] = {l, r, r, l}, ys[] = {b, b, t, t};
            plcol1(level);
            plfill(4, xs, ys);
        }
    }
}

static void draw_axes(const copy_panel *p, double left, double bottom) {
    const wt_copy_frames *frames = &p->picture->pairs[p->pair].frames;
    const double seconds = (double)frames->count * frames->hop / frames->rate, high = frames->rate / 2000.0;
    double ticks[WT_TICKS_MAX];
    char label[32];
    const size_t xs = wt_plot_ticks(ticks, 0, seconds, 5);
    for (size_t i = 0; i < xs; i++) {
        snprintf(label, sizeof label, "%.6g s", ticks[i]);
        wt_plot_text(left + WIDTH * ticks[i] / seconds, bottom - 14, 0.5, WT_LETTERS_SMALL, faint,
                     "#<medium/>", label);
    }
    const size_t ys = p->side == 0 ? wt_plot_ticks(ticks, 0, high, 4) : 0;
    for (size_t i = 0; i < ys; i++) {
        if (ticks[i] <= 0) continue; /* where the time begins too */
        snprintf(label, sizeof label, "%.6g kHz", ticks[i]);
        wt_plot_text(left - 10, bottom + HEIGHT * ticks[i] / high, 1, WT_LETTERS_SMALL, faint, "#<medium/>",
                     label);
    }
}

void wt_copy_draw(const void *what, const char *file) {
    const wt_copy_picture *picture = what;
    const double height = HEAD + FOOT + picture->count * (HEIGHT + GAP) - GAP;
    wt_plot_page(file, height);
    plvpor(0, 1, 0, 1);
    plwind(0, WT_PLOT_WIDTH, 0, height);
    set_colours();
    for (int i = 0; i < picture->count; i++) {
        const double bottom = height - HEAD - HEIGHT - i * (HEIGHT + GAP);
        for (int side = 0; side < 2; side++) {
            copy_panel p = {picture, i, side, 0};
            const double left = LEFT + side * (WIDTH + MIDDLE);
            draw_cells(&p, left, bottom);
            draw_axes(&p, left, bottom);
        }
        wt_plot_text(LEFT, bottom + HEIGHT + 16, 0, WT_LETTERS_SMALL, ink, "#<medium/>",
                     picture->pairs[i].name);
        wt_plot_text(LEFT + WIDTH + MIDDLE, bottom + HEIGHT + 16, 0, WT_LETTERS_SMALL, ink, "#<medium/>",
                     "its copy");
    }
    wt_plot_text(LEFT, height - 45, 0, WT_LETTERS_LARGE, ink, "#<bold/>", "Recordings and their copies");
    wt_plot_text(LEFT, height - 80, 0, WT_LETTERS_MIDDLE, faint, "#<medium/>",
                 "level, down to 80 dB below the loudest of each recording");
    plend();
}

#endif
