/*
 * The numbers of a plot: picking, smoothing, thinning, ranges, ticks. Nothing here knows the drawing library,
 * so that all of it is tested where there is none.
 */
#include "base/order.h"
#include "plot_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static wt_status take_series(wt_series *series, size_t capacity) {
    *series = (wt_series){0};
    WT_TRY(wt_alloc(&series->x, capacity, sizeof *series->x, "a plot's points"));
    wt_status status = wt_alloc(&series->y, capacity, sizeof *series->y, "a plot's points");
    if (status != WT_OK) wt_series_dispose(series);
    return status;
}

void wt_series_dispose(wt_series *series) {
    wt_free(series->x);
    wt_free(series->y);
    *series = (wt_series){0};
}

wt_status wt_series_pick(wt_series *series, const wt_metrics_row *rows, size_t count, size_t column) {
    WT_TRY(take_series(series, count));
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, (const char *)&rows[i] + column, sizeof value);
        if (!isfinite(value)) continue;
        series->x[series->count] = (double)rows[i].step;
        series->y[series->count++] = value;
    }
    return WT_OK;
}

/* One pass over `in`; the window of point i is begin … end-1, and both only move forward. */
static void mean_of_neighbours(double *out, const double *in, size_t count, size_t half) {
    double sum = 0;
    size_t begin = 0, end = 0;
    for (size_t i = 0; i < count; i++) {
        size_t back = half < i ? half : i, ahead = i < half ? i : half;
        if (ahead > count - 1 - i) ahead = count - 1 - i;
        while (end < i + ahead + 1) sum += in[end++];
        while (begin < i - back) sum -= in[begin++];
        out[i] = sum / (double)(end - begin);
    }
}

wt_status wt_series_smooth(wt_series *out, const wt_series *in, size_t half) {
    double *once;
    WT_TRY(take_series(out, in->count));
    wt_status status = wt_alloc(&once, in->count, sizeof *once, "a plot's points");
    if (status != WT_OK) {
        wt_series_dispose(out);
        return status;
    }
    out->count = in->count;
    if (in->count > 0) memcpy(out->x, in->x, in->count * sizeof *in->x);
    mean_of_neighbours(once, in->y, in->count, half);
    mean_of_neighbours(out->y, once, in->count, half);
    wt_free(once);
    return WT_OK;
}

/* Writes the least and the largest of points begin … end-1 to where the series has been cut to so far. */
static void keep_extremes(wt_series *series, size_t begin, size_t end, size_t *kept) {
    size_t least = begin, largest = begin;
    for (size_t i = begin; i < end; i++) {
        if (series->y[i] < series->y[least]) least = i;
        if (series->y[i] > series->y[largest]) largest = i;
    }
    size_t first = least < largest ? least : largest, second = least < largest ? largest : least;
    double x[2] = {series->x[first], series->x[second]}, y[2] = {series->y[first], series->y[second]};
    for (size_t i = 0; i < (first == second ? 1u : 2u); i++) {
        series->x[*kept] = x[i];
        series->y[(*kept)++] = y[i];
    }
}

void wt_series_thin(wt_series *series, double x0, double x1, size_t columns) {
    if (series->count <= 2 * columns || !(x1 > x0)) return;
    size_t kept = 0, begin = 0;
    while (begin < series->count) {
        double column = floor((series->x[begin] - x0) / (x1 - x0) * (double)columns);
        size_t end = begin + 1;
        while (end < series->count && floor((series->x[end] - x0) / (x1 - x0) * (double)columns) == column)
            end++;
        keep_extremes(series, begin, end, &kept);
        begin = end;
    }
    series->count = kept;
}

wt_status wt_series_quantile(double *out, const wt_series *series, double share, double from) {
    *out = NAN;
    size_t first = 0;
    while (first < series->count && series->x[first] < from) first++;
    size_t count = series->count - first;
    if (count == 0) return WT_OK;
    double *sorted;
    WT_TRY(wt_alloc(&sorted, count, sizeof *sorted, "a plot's points"));
    memcpy(sorted, series->y + first, count * sizeof *sorted);
    wt_order_sort(sorted, count);
    *out = sorted[(size_t)(share * (double)(count - 1) + 0.5)];
    wt_free(sorted);
    return WT_OK;
}

size_t wt_plot_ticks(double ticks[WT_TICKS_MAX], double lo, double hi, size_t wanted) {
    if (!(hi > lo) || !isfinite(hi - lo) || wanted == 0) return 0;
    double raw = (hi - lo) / (double)wanted, power = pow(10, floor(log10(raw))), ratio = raw / power;
    double apart = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
    double slack = (hi - lo) * 1e-9;
    size_t count = 0;
    for (double n = ceil((lo - slack) / apart); n * apart <= hi + slack && count < WT_TICKS_MAX; n++)
        ticks[count++] = n == 0 ? 0 : n * apart; /* no minus zero */
    return count;
}

void wt_plot_count_label(char *out, size_t bytes, double value) {
    double size = fabs(value);
    if (size >= 1e6)
        snprintf(out, bytes, "%.6gM", value / 1e6);
    else if (size >= 1e3)
        snprintf(out, bytes, "%.6gk", value / 1e3);
    else
        snprintf(out, bytes, "%.6g", value);
}
