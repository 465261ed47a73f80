/* What training and evaluation share: networks, batches and windows, and results of labels. */
#ifndef WAVETRAIN_EVALUATION_H
#define WAVETRAIN_EVALUATION_H

#include "config/sections.h"
#include "data/batches.h"
#include "data/windows.h"
#include "network/network_model.h"
#include "wavetrain/train.h"

/* The network of a configuration for data of so many levels of the input, classes of the targets (of labels,
 * 0: values; else WT_SAMPLE_CODES: sound, 0: a table or text), and channels. */
wt_network_shape wt_train_shape_network(const wt_config *config, int levels, int classes, int channels);
/* What it is conditioned on, where the configuration asks for a condition or speakers. */
void wt_train_shape_condition(wt_network_shape *shape, const wt_config *config, const wt_features *features,
                              int speakers);
/* Batches for a network; a normalisation (NULL: none) is that of the samples as they are stored. */
wt_batch_shape wt_train_shape_batch(const wt_network *network, const wt_data_config *data,
                                    wt_quantization quantization, const wt_normalization *normalization,
                                    int slots);
/* The condition of these batches: frames are normalised as `features` say. */
void wt_train_shape_frames(wt_batch_shape *shape, const wt_features *features);
/* The windows of a split, whose outputs the network's are. */
wt_status wt_train_make_windows(wt_windows **out, const wt_dataset *dataset, const wt_network *network,
                                const wt_data_config *data, const wt_normalization *normalization);
/* The data set's, where the configuration asks for it. */
void wt_train_take_normalization(wt_normalization *normalization, const wt_config *config,
                                 const wt_dataset *dataset);

/* Windows that an evaluation scores in one call, of a rank that has `part` of them. */
int wt_evaluator_slots(int targets, int context, int64_t part);

/* Writes the outputs of all targets that are scored from here on to `path` (train/logits.h), of one rank;
 * and ends that. */
wt_status wt_evaluator_record(wt_evaluator *evaluator, const char *path);
wt_status wt_evaluator_end_record(wt_evaluator *evaluator, wt_status status);

/* --- results of labels --- */

/* One target. */
wt_status wt_label_results_note(wt_label_results *results, const wt_prediction *prediction);
/* All ranks' tables added on all, all predictions on rank 0. Collective. */
wt_status wt_label_results_gather(wt_comm *comm, wt_label_results *results);

#endif
