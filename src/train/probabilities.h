/* Probabilities of classes as CSV: a row per target, or per recording. By one rank. */
#ifndef WAVETRAIN_PROBABILITIES_H
#define WAVETRAIN_PROBABILITIES_H

#include "wavetrain/train.h"

typedef struct wt_probabilities wt_probabilities;

/* The heading: file, time, group, class, prediction, and the classes' names. The data set must outlive it. */
wt_status wt_probabilities_open(wt_probabilities **out, const char *path, wt_dataset *dataset,
                                const wt_class_names *names, int classes);
/* A target, with the network's outputs of it, [classes]. */
wt_status wt_probabilities_add(wt_probabilities *file, const wt_prediction *row, const wt_real *outputs);
/* All recordings, by results->recordings. */
wt_status wt_probabilities_add_recordings(wt_probabilities *file, const wt_label_results *results);
/* Puts the file in place, or after a failure (`status`, which it then returns) removes it. Takes NULL. */
wt_status wt_probabilities_close(wt_probabilities *file, wt_status status);

#endif
