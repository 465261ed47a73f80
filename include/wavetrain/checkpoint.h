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
 * optimizer/second/NAME and ema/NAME (the parameters' running mean), as far as the configuration has them, in
 * PyTorch's shapes and order (float); attributes of the root: format "wavetrain-checkpoint", version 1, step,
 * updates, config (YAML), dataset (digest), numerics (fingerprint), ranks, threads, sample_rate, channels,
 * validation_loss, seconds, and what the guard, the plateau schedule and early stopping remember; state/norms
 * is its ring of gradient norms; vocabulary, of a text's run (vocabulary.h); with labels, outputs and
 * state/features (double [2, numbers], with the attributes features_hop, features_centre and features_text,
 * of a network with a condition); state/normalization (double [2, channels]: mean and deviation of the
 * training part's inputs). The file is built in memory, hashed, and committed by rename; nothing ever writes
 * into a committed file.
 */
#ifndef WAVETRAIN_CHECKPOINT_H
#define WAVETRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "wavetrain/batch.h"
#include "wavetrain/config.h"
#include "wavetrain/error.h"
#include "wavetrain/file.h"
#include "wavetrain/hash.h"
#include "wavetrain/vocabulary.h"

/* One tensor to be stored under its name, in PyTorch's order. */
typedef struct {
    const char *name;
    int rank;
    int64_t shape[3];
    const float *parameter, *first, *second, *average; /* all but the first may be NULL */
} wt_checkpoint_tensor;

enum { WT_NORM_RING = 64 }; /* gradient norms that the spike guard's median is taken from */

typedef struct {
    int64_t step, updates;
    int sample_rate, channels;
    int ranks, threads;
    double validation_loss, best_validation_loss; /* NaN: none yet */
    int64_t best_step;
    double seconds; /* of training so far, over all restarts */
    char dataset[WT_HASH_TEXT];
    char numerics[256]; /* the fingerprint of what computes: numerics.c in src/train */
    /* the guard against steps that are not finite */
    double rate_scale; /* factor on the learning rate, 1 until the run has gone back */
    int rollbacks;     /* how often it has */
    int skipped_in_row;
    int64_t skipped;    /* in all */
    int64_t norm_count; /* norms seen; the last ones are in the ring below */
    double norms[WT_NORM_RING];
    /* what counts validations; absent in older files */
    int stale;                          /* in a row without a new best */
    double plateau_best, plateau_scale; /* wt_plateau */
    int plateau_bad, plateau_cooldown;
    /* what a signal's checkpoint is, which may come at any moment between two steps; absent in older files */
    int64_t planned_step; /* the last one whose checkpoint the configuration asked for, or the best; −1 */
    int validation_due;   /* it is still to be made, and then the row of metrics.csv, of which is known: */
    double due_loss, due_silence, due_norm, due_rate, due_speed;
    int uncompared; /* the ranks' replicas were not compared at this step */
    /* of a run that learns labels; absent in older files */
    /* What a target may be: classes of labels (1: values); of next samples WT_SAMPLE_CODES where they are
     * predicted as codes, else 0. */
    int outputs;
    /* mean square of the validation's targets, where the loss is the squared error; 0: none */
    double validation_power;
    wt_normalization normalization;
    int speakers;         /* that the network tells apart; absent in older files, as are: */
    wt_features features; /* of its condition, with their normalisation */
} wt_checkpoint_state;

typedef struct wt_checkpoint wt_checkpoint;

/* --- one file --- */

/* The bytes of a checkpoint in memory (wt_free). Fails, as a reader would, where a field or a number is out
 * of range. `vocabulary` is NULL, or has no classes, unless the run learns text. */
wt_status wt_checkpoint_build(char **bytes, size_t *size, const wt_checkpoint_state *state,
                              const wt_config *config, const wt_vocabulary *vocabulary,
                              const wt_checkpoint_tensor *tensors, int count);

/* Writes them to `path` with the trailer, atomically. */
wt_status wt_checkpoint_commit(const char *path, const char *bytes, size_t size);

/* Reads and verifies the trailer (a .nam file, which has none, is read as a checkpoint of step 0), then
 * opens, and checks the range of every field and number. The message says what is wrong with the file:
 * truncated, damaged, no checkpoint of wavetrain. Tries again after an error of the system. Warns of a name
 * that says another step than the file holds. */
wt_status wt_checkpoint_open(wt_checkpoint **out, const char *path);
/* Whether the file that could not be opened is damaged, so that an older one may take its place: not after an
 * error of the system, nor where a newer wavetrain has written it (WT_USAGE). */
bool wt_checkpoint_may_pass_over(wt_status status);
/* Its trailer alone, as a hash: what it is, without whether it is whole. */
wt_status wt_checkpoint_seal(char seal[WT_HASH_TEXT], const char *path);
void wt_checkpoint_close(wt_checkpoint *checkpoint);
const char *wt_checkpoint_path(const wt_checkpoint *checkpoint);
const wt_checkpoint_state *wt_checkpoint_get_state(const wt_checkpoint *checkpoint);
const wt_config *wt_checkpoint_get_config(const wt_checkpoint *checkpoint);
/* Without classes, unless the run learns text. */
const wt_vocabulary *wt_checkpoint_get_vocabulary(const wt_checkpoint *checkpoint);
/* The configuration's quantisation, with the levels and padding of the vocabulary. */
wt_quantization wt_checkpoint_quantization(const wt_checkpoint *checkpoint);

typedef enum { WT_TENSOR_PARAMETER, WT_TENSOR_FIRST, WT_TENSOR_SECOND, WT_TENSOR_AVERAGE } wt_tensor_kind;
/* One tensor, in PyTorch's order; its stored shape must be the one given. */
wt_status wt_checkpoint_read(wt_checkpoint *checkpoint, wt_tensor_kind kind, const char *name, int rank,
                             const int64_t *shape, float *values);
/* Whether it is there with that shape; nothing is read. */
wt_status wt_checkpoint_check_shape(wt_checkpoint *checkpoint, wt_tensor_kind kind, const char *name,
                                    int rank, const int64_t *shape);
/* Tensors named in the file. A network must have just these. */
wt_status wt_checkpoint_names(wt_checkpoint *checkpoint, char ***names, size_t *count);

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

/* What removes old checkpoints, and remembers which files it has read and found good or damaged. One thread
 * calls; the caller holds the run's lock, and `run` stays. Its creation removes what a killed write has
 * left. */
typedef struct wt_pruner wt_pruner;
wt_status wt_pruner_create(wt_pruner **out, const char *run);
void wt_pruner_destroy(wt_pruner *pruner); /* takes NULL */
/* The caller has just written the checkpoint of that step: it need not be read to be known as good. */
wt_status wt_pruner_note(wt_pruner *pruner, int64_t step, int rollbacks);
/* Removes all but the last `keep` steps of files that verify, and the best and the planned step's (state).
 * Steps are those that the files hold; those of before the run has gone back count as older. A file that
 * can't be read stays, and so does a damaged one until there are `keep` newer good ones. */
wt_status wt_pruner_prune(wt_pruner *pruner, int keep, int64_t best_step, int64_t planned_step);

/*
 * RUN/lock: a second run in the same folder is refused. The file is locked (flock) for as long as the process
 * lives, which settles it on one host and where the file system carries locks between hosts; it also holds
 * host, process and job, and its time is the heartbeat, which settles it elsewhere: another host's lock
 * counts until it has not been touched for WT_LOCK_STALE seconds, unless it belongs to an earlier start of
 * the same SLURM job. Times are compared with that of a file made now (lock.now), so no two clocks are; a
 * time that lies further than WT_LOCK_STALE in the future counts as no heartbeat.
 */
enum { WT_LOCK_STALE = 120, WT_LOCK_BEAT = 10 };

typedef struct wt_run_lock wt_run_lock;
wt_status wt_run_lock_take(wt_run_lock **out, const char *run);
/* When the owner before was last seen, if it left without releasing the lock; else 0. */
time_t wt_run_lock_seen(const wt_run_lock *lock);
/* The heartbeat, every WT_LOCK_BEAT seconds however often it is called; `now` as wt_time_now has it. Fails if
 * the lock is no longer this run's. */
wt_status wt_run_lock_beat(wt_run_lock *lock, double now);
/* Before a commit: fails if another run has taken the folder over. */
wt_status wt_run_lock_check(wt_run_lock *lock);
void wt_run_lock_release(wt_run_lock *lock); /* takes NULL */
/* Gives the folder free just before the process ends, while other threads may still use the lock. */
void wt_run_lock_leave(const wt_run_lock *lock);

#endif
