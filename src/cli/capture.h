/* One amplifier from a pair of recordings: what `wavetrain capture` does for each. */
#ifndef WAVETRAIN_CAPTURE_H
#define WAVETRAIN_CAPTURE_H

#include "export_options.h"

/* `work` is the folder of the data set, of each size's configuration and run: it is what a capture goes on
 * from. */
typedef struct {
    const char *dry, *wet;
    const char *preset, *align;
    double minutes, until_esr;
    int more_epochs;
    const wt_export_labels *labels;
    char out[WT_PATH_MAX], work[WT_PATH_MAX];
} wt_capture;

/* Whether there is such a preset: those of the configuration for one size, or "a2" for both of its sizes. */
bool wt_capture_knows(const char *preset);

/* Prepares, trains and writes `out`, or goes on with that. WT_CONTINUE: stopped, to be called again.
 * Collective. */
wt_status wt_capture_make(wt_comm *comm, const wt_capture *capture);

/* One line per size to standard output: what it is at. Not collective. */
void wt_capture_report(const wt_capture *capture);

#endif
