/* What training and evaluation share: networks, batches and windows, and results of labels. */
#ifndef WAVETRAIN_EVALUATION_H
#define WAVETRAIN_EVALUATION_H

#include "config/sections.h"
#include "data/batches.h"
#include "data/windows.h"
#include "network/network_model.h"
#include "wavetrain/train.h"

struct wt_probabilities;

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

/* Probabilities of all targets that are scored from here on go there; NULL: nowhere. */
void wt_evaluator_write_probabilities(wt_evaluator *evaluator, struct wt_probabilities *probabilities);
/* That labels' classes are called as those that the network has learnt, where both have names. */
wt_status wt_evaluator_check_classes(const wt_evaluator *evaluator, const wt_class_names *learnt);

/* --- results of labels --- */

/* One target. */
wt_status wt_label_results_note(wt_label_results *results, const wt_prediction *prediction);
/* What the network makes of it: its outputs, [classes]. */
void wt_label_results_note_outputs(wt_label_results *results, const wt_prediction *row, const wt_real *y);
/* Sums of probabilities per recording, too. */
wt_status wt_label_results_add_recordings(wt_label_results *results, int64_t utterances);
/* The class of a recording, −1: it has no targets; and the mean of its targets' probabilities, [classes]
 * (NULL: they are not asked for). */
int wt_label_results_recording(const wt_label_results *results, int64_t utterance, double *probabilities);
/* Counts the recordings whose class is right. Rank 0. */
wt_status wt_label_results_judge(wt_label_results *results, wt_dataset *dataset);
/* All ranks' tables added on all, all predictions on rank 0. Collective. */
wt_status wt_label_results_gather(wt_comm *comm, wt_label_results *results);

#endif
