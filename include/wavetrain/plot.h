/* Plots: of runs, of counts, of series. Rank 0 alone calls these. */
#ifndef WAVETRAIN_PLOT_H
#define WAVETRAIN_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

/* Training loss (smoothed; of a single run also each step's), validation loss, learning rate and throughput
 * over steps, of one or several runs (folders with a metrics.csv) into one PNG, written atomically. An
 * existing file is replaced. `labels` are the legend's rows, their columns parted by tabs and named by
 * `heading` (NULL: no heading; labels NULL: the folders' names). Without PLplot: an error that says how to
 * get it. */
wt_status wt_plot_runs(const char *const *runs, const char *heading, const char *const *labels, size_t count,
                       const char *png);
/* Curves over a count (ranks, nodes), which doubles from mark to mark: panels below each other that share the
 * count's axis. */
enum { WT_CHART_LINES = 8, WT_CHART_PANELS = 4 };

typedef struct {
    const char *name; /* in the legend, once for all panels that have it */
    int colour;       /* a number, the same one in all panels */
    bool dashed;      /* else with dots */
    int count;
    const double *x, *y; /* [count]; y that is not finite is left out */
} wt_chart_line;

typedef struct {
    const char *title;
    bool doubling; /* y too doubles from mark to mark; else it begins at 0 */
    bool shares;   /* y are shares, shown in per cent */
    int count;
    wt_chart_line lines[WT_CHART_LINES];
} wt_chart_panel;

typedef struct {
    const char *title, *note; /* the note is a line below the title */
    const char *x_title;
    int count;
    wt_chart_panel panels[WT_CHART_PANELS];
} wt_chart;

/* As wt_plot_runs. */
wt_status wt_plot_chart(const wt_chart *chart, const char *png);

/* Channels of a series over time, a panel each (the first WT_CHART_PANELS of them), with the samples before
 * `past` in another colour. */
typedef struct {
    const char *title;
    int channels;
    int64_t count, past;
    double seconds;       /* per sample */
    const double *values; /* [channels, count] */
} wt_series_plot;

/* As wt_plot_runs. */
wt_status wt_plot_series(const wt_series_plot *plot, const char *png);

/* Waveform and spectrogram of sound files (their channels' mean) over each other, on one axis of time: |X| in
 * dB from 0 Hz to half of each file's rate, the highest 80 dB of each. As wt_plot_runs; without FFTW too an
 * error that says how to get it. */
enum { WT_PLOT_SOUNDS_MAX = 8 };
wt_status wt_plot_sounds(const char *const *files, int count, const char *png);

enum { WT_PLOT_RUNS_MAX = 64 };
/* Whether this build can; and an error that says how to get it, for work that would otherwise find out after
 * an hour. Any rank. */
bool wt_plot_can(void);
wt_status wt_plot_require(void);

#endif
