/* What a plot shows, apart from how it is drawn: series of points, smoothing, ranges, ticks. */
#ifndef WAVETRAIN_PLOT_INTERNAL_H
#define WAVETRAIN_PLOT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "wavetrain/error.h"
#include "wavetrain/metrics.h"

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

#endif
