/* What a run reports: RUN/metrics.csv and the progress bar. Rank 0 alone calls these. */
#ifndef WAVETRAIN_METRICS_H
#define WAVETRAIN_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

/* One row of metrics.csv. A number that a step does not have is NaN, an empty field in the file. The columns'
 * names, order and formats stand in one table in metrics_csv.c. */
typedef struct {
    int64_t step;
    double epoch;         /* epochs seen after this step */
    double loss;          /* mean over the step's targets, nats */
    double bits;          /* loss/ln 2 */
    double silence;       /* share of the step's targets that are silence */
    double gradient_norm; /* of the mean loss, before clipping */
    double learning_rate;
    double validation_loss; /* where the step ended with a validation */
    double validation_bits;
    double validation_silence;
    double samples_per_second;  /* targets */
    double seconds;             /* since the run's first step, over all restarts */
    double validation_accuracy; /* share of the labels that are right, of classes */
} wt_metrics_row;

/* --- metrics.csv --- */

typedef struct wt_metrics wt_metrics;

/* Opens PATH for steps after `last_step`: rows of later steps (of an attempt that was lost) are dropped,
 * atomically; a missing file is made with its heading. A file with another heading, or rows that don't
 * parse, is an error that names the line; a last line cut short is dropped. */
wt_status wt_metrics_open(wt_metrics **out, const char *path, int64_t last_step);
/* From here on rows go to TensorBoard's event file in the folder too, after those that are there
 * (events.h). */
wt_status wt_metrics_add_events(wt_metrics *metrics, const char *folder);
/* Appends a row; reaches the file within a second or at wt_metrics_flush. */
wt_status wt_metrics_append(wt_metrics *metrics, const wt_metrics_row *row);
wt_status wt_metrics_flush(wt_metrics *metrics);
wt_status wt_metrics_close(wt_metrics *metrics); /* takes NULL */

/* The whole file; free rows with wt_free. */
wt_status wt_metrics_read(wt_metrics_row **rows, size_t *count, const char *path);

/* The step of the last whole row, without a look at the others; -1 where there is none. */
int64_t wt_metrics_last_step(const char *path);

/* --- progress --- */

/* On a terminal one bar, redrawn in place and cut to the terminal's width; else a line every `seconds`. */
typedef struct wt_progress wt_progress;

/* `label` ("training"), `unit` ("samples"), work from `begin` (a resume's first step) to `total`. */
wt_status wt_progress_create(wt_progress **out, const char *label, const char *unit, int64_t begin,
                             int64_t total, double seconds);
void wt_progress_destroy(wt_progress *progress); /* ends the bar's line; takes NULL */
/* `done` steps in all; `rate` units a second (0: leave out); a NaN is no loss. Cheap unless a line is due. */
void wt_progress_update(wt_progress *progress, int64_t done, double rate, double loss);
/* Prints a line of its own above the bar (or just a line). */
void wt_progress_print(wt_progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
