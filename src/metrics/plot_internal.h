/* What a plot shows (series of points, smoothing, ranges, ticks, the legend's layout), and its drawing. */
#ifndef WAVETRAIN_PLOT_INTERNAL_H
#define WAVETRAIN_PLOT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "metrics/metrics.h"

enum { WT_TICKS_MAX = 16 };

/* Points in the order of x, every value finite. */
typedef struct {
    double *x, *y; /* [count]; free with wt_series_dispose */
    size_t count;
} wt_series;

/* The rows' values of a column (its offset in wt_metrics_row), where they have one, over the step. */
wt_status wt_series_pick(wt_series *series, const wt_metrics_row *rows, size_t count, size_t column);

/* Twice the mean over 2·half + 1 neighbours (a triangle's weights: no steps where a single outlier enters and
 * leaves). Near the start the window shrinks on both sides, so that a steep fall stays where it is; at the
 * end, where a single noisy point would draw a hook, it only loses what is not there. */
wt_status wt_series_smooth(wt_series *out, const wt_series *in, size_t half);

/* Leaves the least and the largest y of each of `columns` parts of x0 … x1, in the order of x: looks the same
 * when a column is a pixel, and takes the time of a few thousand points instead of millions. */
void wt_series_thin(wt_series *series, double x0, double x1, size_t columns);

/* The y that a share of the points from x = `from` on lies below; NaN for no points. */
wt_status wt_series_quantile(double *out, const wt_series *series, double share, double from);

void wt_series_dispose(wt_series *series);

/* Round numbers (1, 2 or 5 times a power of ten apart) in lo … hi, about `wanted` of them; returns how many.
 */
size_t wt_plot_ticks(double ticks[WT_TICKS_MAX], double lo, double hi, size_t wanted);

/* 800, 1.5k, 20k, 3M */
void wt_plot_count_label(char *out, size_t bytes, double value);

/* --- the legend --- */

enum { WT_LEGEND_CELL = 49, WT_LEGEND_COLUMNS = 12, WT_LEGEND_LINE = 30 };

/* Row r stands in block r / rows. Lengths in pixels. */
typedef struct {
    const char *heading; /* NULL: none */
    size_t columns, rows;
    double x[WT_LEGEND_COLUMNS];   /* within a block: where a column's cells begin or, */
    bool right[WT_LEGEND_COLUMNS]; /* where they stand to the right, end */
    double block_width, height;
} wt_legend;

/* `rows` [count] and `heading` (may be NULL) have their columns parted by tabs. Columns that do not fit in
 * `width` are left out. */
void wt_legend_place(wt_legend *legend, const char *heading, const char *const *rows, size_t count,
                     double width);
/* The words of a row's column, cut to what a cell takes; none where the row is shorter. */
void wt_legend_cell(char out[WT_LEGEND_CELL], const char *row, size_t column);

/* --- the picture --- */

enum { WT_PLOT_WIDTH = 1200, WT_PLOT_LEFT = 120, WT_PLOT_RIGHT = 1090, WT_PLOT_NAME = 256 };

typedef struct {
    char name[WT_PLOT_NAME]; /* the folder's, or the legend's row */
    bool text;               /* the samples are characters */
    bool squares;            /* the loss is a squared error */
    wt_series loss, loss_smooth, validation, rate, throughput, throughput_smooth;
    double last_step;
} wt_curves;

typedef struct {
    double bottom, top; /* pixels */
    double lo, hi;      /* of the y axis */
} wt_panel;

typedef struct {
    wt_curves *runs; /* [count] */
    size_t count;
    double height; /* of the page */
    double x_lo, x_hi;
    double rate_unit; /* the power of ten that learning rates are shown in */
    const char *unit; /* what a loss is the mean of: sample or character */
    bool squares;     /* some loss is a squared error: no bits */
    wt_panel loss, rate, throughput;
    wt_legend legend;
} wt_picture;

/* What the single run's lines are. */
extern const char *const wt_plot_single[3];

/* Reads the runs of *p (its count is set). Dispose of it whatever is returned. */
wt_status wt_picture_fill(wt_picture *p, const char *const *folders, const char *heading,
                          const char *const *labels);
void wt_picture_dispose(wt_picture *p);

/* Draws a wt_picture into `file`, in a process that may print and exit. */
void wt_picture_draw(const void *picture, const char *file);

/* The same of a wt_series_plot. */
void wt_series_draw(const void *plot, const char *file);

/* The same of a wt_chart. */
void wt_chart_draw(const void *chart, const char *file);

/* Draws `what` with `draw` in a process of its own, then puts the finished PNG in place. */
wt_status wt_plot_file(const void *what, void (*draw)(const void *what, const char *file), const char *png);

/* --- pens, with PLplot; plot_draw.c --- */

typedef struct {
    int red, green, blue;
} wt_colour;

enum { WT_LETTERS_SMALL, WT_LETTERS_MIDDLE, WT_LETTERS_LARGE };

/* A page of WT_PLOT_WIDTH pixels. */
void wt_plot_page(const char *file, double height);
void wt_plot_pen(wt_colour c, double opacity, double width);
/* `align`: 0 begins at x, 1 ends there. `style` is PLplot's, such as "#<bold/>". */
void wt_plot_text(double x, double y, double align, int size, wt_colour c, const char *style,
                  const char *words);

#endif
