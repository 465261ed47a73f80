/* What of a data set training and checkpoints need to know: in addition to wavetrain/data.h. */
#ifndef WAVETRAIN_DATASET_H
#define WAVETRAIN_DATASET_H

#include <stdint.h>

#include "data/data_config.h"
#include "h5/h5.h"
#include "wavetrain/data.h"

/* How the data set's samples become classes, if the configuration's quantisation is of its kind. */
wt_status wt_dataset_quantization(wt_quantization *quantization, const wt_dataset *dataset,
                                  wt_quantization configured);
/* Classes of a network for this configuration: the quantisation's levels, or those of the data set's
 * vocabulary. */
wt_status wt_dataset_network_classes(int *classes, const wt_data_config *data);
/* Samples in a storage chunk of the first shard: the unit of reading. */
int64_t wt_dataset_chunk(const wt_dataset *dataset);

/* Means and deviations that a number can be divided by; `path` for the message. */
wt_status wt_dataset_check_features(const wt_features *features, const char *path);
/* Writes the names of classes, and reads those of a file for so many of them: without names where it has
 * none. */
wt_status wt_class_names_write(wt_h5 *file, const wt_class_names *names);
wt_status wt_class_names_read(wt_class_names *names, wt_h5 *file, const char *path, int classes);
/* One frame as the network sees it. */
void wt_condition_normalise(const wt_features *features, const float *frame, wt_real *to);

#endif
