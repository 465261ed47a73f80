/*
 * A run's folder and its checkpoints.
 *
 *   RUN/checkpoints/step-00001000.h5   HDF5, then a trailer that HDF5 does not look at, 40 bytes: the text
 *                                      "wavetrain-end-1\n", the HDF5 part's length (uint64, little-endian),
 *                                      and its XXH3 hash (128 bits, high half first, each little-endian)
 *   RUN/run.yaml                       the verdict, build, hosts, memory, all starts, the resolved
 *                                      configuration
 *   RUN/metrics.csv
 *   RUN/lock
 *
 * In the HDF5 file: parameters/NAME, optimizer/first/NAME (Adam's first moments, or SGD's momentum),
 * optimizer/second/NAME and ema/NAME (the parameters' running mean), as far as the configuration has them,
 * in PyTorch's shapes and order (float); attributes of the root: format "wavetrain-checkpoint", version 1,
 * step, updates, config (YAML), dataset (digest), dataset_path, numerics (fingerprint), ranks, threads,
 * sample_rate, channels, validation_loss, seconds, and what the guard, the plateau schedule and early
 * stopping remember; state/norms is its ring of gradient norms; vocabulary, of a text's run (data.h); with
 * labels, outputs and state/features (double [2, numbers], with the attributes features_hop,
 * features_centre and features_text, of a network with a condition); speaker_names, of one with speakers;
 * class_names (a line each), background and label_of as in shards, of one whose labels' classes have names;
 * state/normalization (double [2, channels]: mean and deviation of the training part's inputs). The file is
 * built in memory, hashed, and committed by rename; nothing ever writes into a committed file.
 */
#ifndef WAVETRAIN_CHECKPOINT_H
#define WAVETRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/config.h"
#include "wavetrain/data.h"

enum { WT_NORM_RING = 64 }; /* gradient norms that the spike guard's median is taken from */

/* What the guard against steps that are not finite remembers. */
typedef struct {
    double rate_scale; /* factor on the learning rate, 1 until the run has gone back */
    int rollbacks;     /* how often it has */
    int skipped_in_row;
    int64_t skipped;    /* in all */
    int64_t norm_count; /* norms seen; the last ones are in the ring below */
    double norms[WT_NORM_RING];
} wt_guard_state;

/* What the plateau schedule remembers (PyTorch's ReduceLROnPlateau). */
typedef struct {
    double best, scale; /* loss; factor on the learning rate */
    int bad, cooldown;  /* validations */
} wt_plateau_state;

/* A validation that is still to be made after a signal's checkpoint, which may come at any moment between two
 * steps, and then the row of metrics.csv, of which is known: */
typedef struct {
    int validation; /* there is one */
    double loss, silence, norm, rate, speed;
} wt_due_row;

/* What numbers of the training data are called. */
typedef struct {
    char speakers[WT_SPEAKERS_TEXT]; /* wt_dataset_speaker_names */
    wt_class_names classes;          /* of labels */
} wt_learnt_names;

typedef struct {
    int64_t step, updates;
    int sample_rate, channels;
    int ranks, threads;
    double validation_loss, best_validation_loss; /* NaN: none yet */
    int64_t best_step;
    double seconds; /* of training so far, over all restarts */
    char dataset[WT_HASH_TEXT];
    char dataset_path[WT_PATH_MAX]; /* from the root on; absent in older files */
    char numerics[256];             /* the fingerprint of what computes: numerics.c in src/train */
    wt_guard_state guard;
    /* absent in older files */
    int stale; /* validations in a row without a new best */
    wt_plateau_state plateau;
    int64_t planned_step; /* the last one whose checkpoint the configuration asked for, or the best; −1 */
    wt_due_row due;
    int uncompared; /* the ranks' replicas were not compared at this step */
    /* What a target may be: classes of labels (1: values); of next samples WT_SAMPLE_CODES where they are
     * predicted as codes, else 0. */
    int outputs;
    /* mean square of the validation's targets, where the loss is the squared error; 0: none */
    double validation_power;
    wt_normalization normalization;
    int speakers;         /* that the network tells apart */
    wt_features features; /* of its condition, with their normalisation */
    wt_learnt_names names;
} wt_checkpoint_state;

typedef struct wt_checkpoint wt_checkpoint;

/* --- one file --- */

/* Reads and verifies the trailer (.nam and safetensors files, which have none, are read as checkpoints of
 * step 0), then opens, and checks the range of every field and number. The message says what is wrong with
 * the file: truncated, damaged, no checkpoint of wavetrain. Tries again after an error of the system. Warns
 * of a name that says another step than the file holds. */
wt_status wt_checkpoint_open(wt_checkpoint **out, const char *path);

void wt_checkpoint_close(wt_checkpoint *checkpoint);
const char *wt_checkpoint_path(const wt_checkpoint *checkpoint);
const wt_checkpoint_state *wt_checkpoint_get_state(const wt_checkpoint *checkpoint);
const wt_config *wt_checkpoint_get_config(const wt_checkpoint *checkpoint);
/* Where its data set is: as the configuration says from the current folder on, or where the run had it. */
const char *wt_checkpoint_dataset_path(const wt_checkpoint *checkpoint);
/* Without classes, unless the run learns text. */
const wt_vocabulary *wt_checkpoint_get_vocabulary(const wt_checkpoint *checkpoint);
/* The configuration's quantisation, with the levels and padding of the vocabulary. */
wt_quantization wt_checkpoint_quantization(const wt_checkpoint *checkpoint);

typedef enum { WT_TENSOR_PARAMETER, WT_TENSOR_FIRST, WT_TENSOR_SECOND, WT_TENSOR_AVERAGE } wt_tensor_kind;
/* One tensor, in PyTorch's order; its stored shape must be the one given. */
wt_status wt_checkpoint_read(wt_checkpoint *checkpoint, wt_tensor_kind kind, const char *name, int rank,
                             const int64_t *shape, float *values);

/* --- the run's folder --- */

typedef enum { WT_PICK_NEWEST, WT_PICK_BEST } wt_checkpoint_pick;

/* Steps in the names of the checkpoint files in RUN, ascending (wt_free). Nothing is read. */
wt_status wt_run_checkpoints(const char *run, int64_t **steps, size_t *count);
wt_status wt_run_checkpoint_path(char out[WT_PATH_MAX], const char *run, int64_t step);

/* Opens the newest checkpoint that verifies, warning of each damaged one that it passes over and of each one
 * whose name says another step. The newest is that of the highest step, by what the file holds, among those
 * that were written after the run has gone back most often (state.rollbacks). *out is NULL (and the status
 * WT_OK) where the folder has no checkpoint at all; only damaged ones are an error. An error of the system,
 * or no memory, is not damage: it is tried again (wt_error_try_again), and then fails. A file of a newer
 * wavetrain fails with WT_USAGE. */
wt_status wt_run_open_newest(wt_checkpoint **out, const char *run);

/* The step that it holds; −1 without any checkpoint; where all are damaged, the highest step in a name. */
wt_status wt_run_newest_step(int64_t *step, const char *run);

/* A checkpoint file, or one of a run's folder: newest, best (recorded in the newest), or of a step ≥ 0. */
wt_status wt_checkpoint_find(wt_checkpoint **out, const char *file_or_run, wt_checkpoint_pick pick,
                             int64_t step);
/* The same by what a user asks for, as --checkpoint does: newest (NULL), best, or a step. */
wt_status wt_checkpoint_choose(wt_checkpoint **out, const char *file_or_run, const char *which);

#endif
