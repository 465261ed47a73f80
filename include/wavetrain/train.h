/*
 * Training and evaluation: where data, model, ranks, optimizer, checkpoints and metrics meet.
 * Every function here is collective: all ranks call with the same arguments, and get the same status.
 */
#ifndef WAVETRAIN_TRAIN_H
#define WAVETRAIN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/checkpoint.h"
#include "wavetrain/comm.h"
#include "wavetrain/config.h"
#include "wavetrain/data.h"
#include "wavetrain/kernels.h"
#include "wavetrain/network.h"

/* --- training --- */

typedef enum { WT_RESUME_AUTO, WT_RESUME_NEVER, WT_RESUME_FILE } wt_resume_mode;

typedef struct {
    const wt_config *config; /* the caller's */
    char run[WT_PATH_MAX];   /* the run's folder, made if it is missing */
    wt_resume_mode resume;   /* auto: go on from the newest checkpoint in `run`, if there is one */
    const char *resume_file; /* WT_RESUME_FILE */
    const char *initial;     /* a checkpoint whose parameters begin a new run; NULL: drawn from train.seed */
    bool other_data;         /* go on although the data set is not the checkpoint's */
    bool oversubscribe;      /* more threads than processors are meant */
} wt_train_options;

/* Trains to the configured number of steps. WT_OK: done; WT_CONTINUE: a signal or the time limit asked to
 * stop, and a checkpoint was written. The verdict also stands in RUN/run.yaml. */
wt_status wt_train(wt_comm *comm, const wt_train_options *options);

/* A start that failed before wt_train (its configuration is wrong): if `run` is a run's folder, and no other
 * process is at work in it, its verdict becomes failed, for the reason of this thread's error message, which
 * stays. For rank 0 alone; not collective. */
void wt_train_refused(const wt_comm *comm, const char *run);

/* What run.yaml says of the newest start. Not collective. */
typedef struct {
    char verdict[16]; /* running, done, continue or failed; "" where there is no run */
    char why[512];
} wt_run_verdict;

wt_run_verdict wt_run_read_verdict(const char *run);
/* The configuration of the newest start; fails where there is none. Not collective. */
wt_status wt_run_read_config(wt_config *config, const char *run);

/* --- evaluation --- */

typedef struct {
    int64_t targets, silence;
    double loss; /* summed, nats or squared errors */
    /* of sound's next samples, where the evaluator was asked for it */
    int64_t in_runs;                /* targets in runs of WT_RUN or more equal samples */
    double width;                   /* Σ ln of the codes in the target's class; of values 0 */
    double loss_apart, width_apart; /* both of the targets that are in no run */
    double markov;                  /* summed, of the first-order model; 0 without one */
    /* of labels */
    int64_t correct; /* classes */
    double squares;  /* Σ value² of the targets */
    double errors;   /* Σ (value − the mean that is predicted)² */
} wt_score;

/* ", ESR 0.0123", of sound with what that means to the ear, in the words that Neural Amp Modeler's users
 * know. */
void wt_train_format_esr(char *text, size_t capacity, bool sound, double esr);

/* Results of an evaluation of labels, in addition to the score. */
typedef struct {
    int64_t utterance, sample;
    double target, prediction;
} wt_prediction;

typedef struct {
    int classes;         /* 0: values */
    int64_t *table;      /* [truth, prediction], classes² */
    bool keep;           /* predictions too, in the order of the targets; on rank 0, after the run */
    wt_prediction *rows; /* [count] */
    int64_t count, room;
    int64_t *ranks; /* [classes] targets whose class is the likeliest but so many */
    /* where recordings have one class, else NULL: [utterances, classes] sums of probabilities in 2^-32 */
    int64_t *recordings;
    int64_t utterances, right; /* right: recordings whose class has the largest sum; rank 0 */
} wt_label_results;

wt_status wt_label_results_init(wt_label_results *results, int classes, bool keep);
void wt_label_results_dispose(wt_label_results *results);

/* From a table [truth, prediction]: the share on its diagonal; and the mean of F1 = 2·hits/(truths +
 * predictions) over the classes that are present in truth or prediction and, with least > 0, stand in the
 * truth so often. */
double wt_label_table_accuracy(const int64_t *table, int classes);
double wt_label_table_precision(const int64_t *table, int classes, int number); /* hits / predictions */
double wt_label_table_recall(const int64_t *table, int classes, int number);    /* hits / truths */
/* The share of targets whose class is among the `top` likeliest. */
double wt_label_results_top(const wt_label_results *results, int top);
double wt_label_table_macro_f1(const int64_t *table, int classes, int64_t least);

/* Of labels, for people: accuracy, precision and recall of each class, and the table, without classes that
 * have fewer than `least` targets in macro-F1. To standard output. */
void wt_label_results_print(const wt_label_results *results, const wt_class_names *names, int64_t least);

/* Writes predictions as CSV (utterance, sample, target, prediction), or HDF5 where the name ends in .h5 or
 * .hdf5. The file must not exist. Rank 0. */
wt_status wt_predictions_write(const char *path, wt_dataset *dataset, const wt_label_results *results);

/*
 * Scores windows of one split without changing anything: the first `limit` of the fixed list of validation
 * windows (a permutation keyed by a constant), or with limit 0 all windows, each target once. Windows are
 * shared out to ranks; losses are added in the order of the list, so that neither ranks nor threads change a
 * bit.
 */
typedef struct wt_evaluator wt_evaluator;

/* What is scored; all of it must outlive the evaluator. */
typedef struct {
    const wt_network *network;
    const wt_kernels *kernels;
    const wt_config *config;
    const wt_normalization *normalization; /* of labelled real inputs (without channels: none) */
    const wt_features *features;           /* that the network has learnt; NULL: none */
    wt_frames_source frames;               /* whose */
    const char *path, *split;
    int64_t limit;
} wt_evaluation;

wt_status wt_evaluator_create(wt_evaluator **out, wt_comm *comm, const wt_evaluation *evaluation);
void wt_evaluator_destroy(wt_evaluator *evaluator);

/* Scores targets in runs of equal samples separately, and counts codes in classes. Call it before
 * wt_evaluator_run, for next samples of sound. */
wt_status wt_evaluator_mark_runs(wt_evaluator *evaluator);
wt_dataset *wt_evaluator_dataset(const wt_evaluator *evaluator);
/* That the split's text has the vocabulary that the network has learnt. Not collective. */
wt_status wt_evaluator_check(const wt_evaluator *evaluator, const wt_vocabulary *learnt);
/* `markov` and `results` (of labels) may be NULL. */
wt_status wt_evaluator_run(wt_evaluator *evaluator, const wt_real *parameters, const wt_markov *markov,
                           wt_score *score, wt_label_results *results);
/* Of a network with speakers: loss [speakers, speakers], nats per target of each speaker's recordings with
 * each speaker's number in place of their own; NaN where a speaker has no recordings. */
wt_status wt_evaluator_run_speakers(wt_evaluator *evaluator, const wt_real *parameters, double *loss);

/* --- networks --- */

/* The network that a configuration trains, of the data set at data.path, or of an assumed one where there is
 * none (which fails for text). wt_network_destroy. Not collective. */
wt_status wt_train_create_network(wt_network **out, const wt_config *config);

/* --- from checkpoints --- */

/* A network with a checkpoint's parameters. Not collective. */
typedef struct {
    wt_network *network;
    wt_real *parameters; /* flat, kernel order */
} wt_restored;

/* Of a run with ema.decay, the parameters' mean, unless `raw`. */
wt_status wt_restore_network(wt_restored *restored, wt_checkpoint *checkpoint, bool raw);
void wt_restored_dispose(wt_restored *restored);

/* Whether the checkpoint has a mean of the parameters in addition to them. */
bool wt_checkpoint_has_mean(const wt_checkpoint *checkpoint);

/* Fills flat parameters: with the mean, where there is one, unless `raw`. Not collective. */
wt_status wt_restore_parameters(wt_checkpoint *checkpoint, const wt_network *network, bool raw,
                                wt_real *parameters);

/* The same of a checkpoint: what `wavetrain inspect` prints. Not collective. */
wt_status wt_checkpoint_hash(wt_hash *hash, wt_checkpoint *checkpoint);

/* --- a checkpoint on a whole split --- */

typedef struct {
    const char *data; /* NULL: the data set of the checkpoint's configuration */
    const char *split;
    wt_frames_source frames; /* of a network with a condition, whose frames it sees */
    bool bf16;               /* weights are rounded as those of streams with such weights are */
    bool raw;                /* of a run with ema.decay, the parameters of the last step */
    bool markov; /* score a first-order Markov model (counts on the training part, 0.1 added) too */
    bool keep;   /* labels: keep predictions, on rank 0 */
    const char
        *logits;   /* NULL, or where outputs are written to, by one rank, as HDF5: logits (float [targets,
                         * outputs]), input (int32 [targets], or float [targets, channels]: the newest that a
                         * target sees, with a look-ahead its own; all samples of a window that has one
                         * target), utterance, sample (int64 [targets]), ids (texts) */
    bool speakers; /* wt_evaluator_run_speakers, in place of the score */
    /* NULL, or where probabilities are written to as CSV, of labels that are classes: file, time (seconds),
     * group, class, prediction and a column per class; a row per target (by one rank), or per recording
     * where recordings have one class */
    const char *probabilities;
} wt_evaluate_request;

typedef struct {
    const char *data;
    wt_data_kind kind;   /* of the data set */
    int rate;            /* of its samples */
    bool labels;         /* are what the network predicts */
    bool squared;        /* the loss is the squared error, else nats */
    int classes, values; /* of a target: wt_network */
    wt_score score;
    wt_label_results results; /* of labels */
    wt_class_names names;     /* of their classes, as the network has learnt them or the data set has them */
    int speakers;
    double *speaker_loss; /* [speakers, speakers], where it was asked for */
} wt_evaluated;

/* Scores all windows of the split. `predictions` (NULL: none) is where labels' predictions are written, as
 * wt_predictions_write does. WT_USAGE: what is asked for is none of the network's, or the split has no
 * targets. Dispose also after a failure. */
wt_status wt_checkpoint_evaluate(wt_comm *comm, wt_checkpoint *checkpoint, const wt_evaluate_request *request,
                                 const char *predictions, wt_evaluated *evaluated);
void wt_evaluated_dispose(wt_evaluated *evaluated);

#endif
