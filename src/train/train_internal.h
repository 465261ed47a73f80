/* What the files of this folder share. */
#ifndef WAVETRAIN_TRAIN_INTERNAL_H
#define WAVETRAIN_TRAIN_INTERNAL_H

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/timer.h"
#include "checkpoint/checkpoint_write.h"
#include "checkpoint/run_lock.h"
#include "comm/hang_watch.h"
#include "comm/places.h"
#include "data/batches.h"
#include "metrics/metrics.h"
#include "train/step.h"
#include "wavetrain/train.h"

/* --- a copy of the state in PyTorch's order, for a checkpoint or a hash --- */

typedef struct {
    int count;
    wt_checkpoint_tensor *tensors;
    float *values;
} wt_exported;

wt_status wt_restore_export(wt_exported *exported, const wt_network *network, const wt_real *parameters,
                            const wt_optimizer *optimizer);
void wt_restore_export_dispose(wt_exported *exported);

/* --- checkpoints in the background: checkpoint_writer.c; rank 0, one thread calls --- */

typedef struct wt_checkpoint_writer wt_checkpoint_writer;

/* Takes the memory for a copy of the state. Everything given must outlive the writer. */
wt_status wt_checkpoint_writer_create(wt_checkpoint_writer **out, const wt_network *network,
                                      const wt_config *config, const wt_vocabulary *vocabulary,
                                      const char *run, wt_run_lock *lock);
/* Waits for what is being written. Takes NULL. */
void wt_checkpoint_writer_destroy(wt_checkpoint_writer *writer);
/* Copies the state and begins to write, with the metrics, which must stay open, on disk before it. What was
 * submitted before must have been collected (with wait). */
wt_status wt_checkpoint_writer_submit(wt_checkpoint_writer *writer, const wt_checkpoint_state *state,
                                      const wt_real *parameters, const wt_optimizer *optimizer,
                                      wt_metrics *metrics);
/* Writes it now, in the calling thread, unless that state is on disk. Any thread, also while another is being
 * written. */
wt_status wt_checkpoint_writer_write(wt_checkpoint_writer *writer, const wt_checkpoint_state *state,
                                     const wt_exported *exported);
/* Whether that state is whole on disk, as far as it is known; and that it is. Any thread. */
bool wt_checkpoint_writer_holds(wt_checkpoint_writer *writer, const wt_checkpoint_state *state);
void wt_checkpoint_writer_note(wt_checkpoint_writer *writer, const wt_checkpoint_state *state);
/* The step of the last one that was submitted. */
int64_t wt_checkpoint_writer_step(const wt_checkpoint_writer *writer);
/* The result of the last one, returned once; WT_OK also while it is being written and `wait` is false. When
 * it is returned, *seconds (may be NULL) becomes the time that it took. */
wt_status wt_checkpoint_writer_collect(wt_checkpoint_writer *writer, bool wait, double *seconds);

/* --- guard.c --- */

typedef enum {
    WT_STEP_APPLY,
    WT_STEP_SKIP,
    WT_STEP_SKIP_SPIKE,
    WT_STEP_ROLL_BACK,
    WT_STEP_GIVE_UP
} wt_step_verdict;

/* What becomes of a step; keeps count in the state. Rank 0. */
wt_step_verdict wt_guard_step(wt_checkpoint_state *state, const wt_guard_config *guard, bool finite,
                              double norm);

/* --- judge.c: what follows from a validation --- */

/* Rank 0's word on a validation. */
typedef struct {
    bool best;    /* the best so far */
    bool lowered; /* the plateau schedule's rate */
    bool enough;  /* validation.patience is at its end, or validation.until_esr reached */
} wt_judgement;

wt_judgement wt_judge(wt_checkpoint_state *state, const wt_config *config, double loss);
/* Whether the run has ended early. */
bool wt_judge_is_out_of_patience(const wt_checkpoint_state *state, const wt_config *config);
bool wt_judge_has_reached_esr(const wt_checkpoint_state *state, const wt_config *config);
bool wt_judge_needs_validation(const wt_config *config);
wt_plateau wt_judge_read_plateau(const wt_checkpoint_state *state);
void wt_judge_store_plateau(wt_checkpoint_state *state, wt_plateau plateau);

/* --- ask_command.c --- */

typedef struct {
    double seconds;
    bool (*stopped)(void *context); /* asked meanwhile: nobody waits any more; NULL: somebody does */
    void *context;
} wt_patience;

/* What the command prints, as a string, into `text`; `arguments` end with NULL. False where it can't be
 * started, is not done in time, or prints `capacity` bytes or more. */
bool wt_train_ask_command(char *text, size_t capacity, char *const arguments[], const wt_patience *patience);

/* --- time_limit.c: when this start must be over; rank 0 --- */

typedef struct wt_time_limit wt_time_limit;

/* `minutes` from now; 0: when the SLURM job ends, if this is one. `margin` in seconds. */
wt_status wt_time_limit_start(wt_time_limit **out, double minutes, double margin);
/* Whether there is no time for another step, if what is left to do after this one needs so many seconds. */
bool wt_time_limit_near(const wt_time_limit *limit, double needed);
void wt_time_limit_stop(wt_time_limit *limit); /* takes NULL */

/* --- step_times.c --- */

enum { WT_STEPS_KEPT = 256 };

typedef enum {
    WT_STEP_TIME_ALL,
    WT_STEP_TIME_EXPOSED, /* that the computing thread spends on the exchange: waits, adds, hands over */
    WT_STEP_TIME_WAIT,    /* of these, with nothing else to do */
    WT_STEP_TIME_BACKWARD,
    WT_STEP_TIMES
} wt_step_time;

typedef struct {
    int64_t count;
    double before[WT_STEP_TIMES], seconds[WT_STEP_TIMES][WT_STEPS_KEPT];
} wt_step_times;

/* At a step's end, with the timer in a phase that is none of a step's. */
void wt_step_times_note(wt_step_times *times, const wt_timer *timer);
/* The median of the last steps, or of that share of them that was fastest, in seconds; 0 where there are
 * none. */
double wt_step_times_median(const wt_step_times *times, wt_step_time which, double share);

/* --- stragglers.c: ranks that are slower than the others before the exchange; rank 0 --- */

typedef struct {
    int ranks, microbatches;
    double share;           /* by which a rank's median is beyond the median rank's, if it is slow */
    double *busy;           /* [ranks, steps kept]: seconds; NULL: nothing is looked at */
    int64_t steps;          /* of this interval */
    double since;           /* it began */
    double *medians, *sums; /* [ranks]: of an interval, and over all of them */
    int intervals;
    double *sorted;
    bool *slow, *was_slow; /* [ranks]: by the last judgement, and by that of the interval before */
    bool any;              /* is slow */
    int slowest;
    double median, slowest_time; /* seconds */
} wt_stragglers;

wt_status wt_stragglers_init(wt_stragglers *stragglers, int ranks, int microbatches, double share);
void wt_stragglers_dispose(wt_stragglers *stragglers);
/* A step of one rank; of all ranks in their order, step by step. */
void wt_stragglers_note(wt_stragglers *stragglers, int rank, double seconds);
/* Judges once `seconds` have gone by; whether others are slow than were. */
bool wt_stragglers_changed(wt_stragglers *stragglers, double seconds);
/* Judges by all intervals; false where there were no steps, or nobody to compare with. */
bool wt_stragglers_conclude(wt_stragglers *stragglers);
/* Those that the last judgement found slow; with their times. */
void wt_stragglers_names(char *text, size_t room, const wt_stragglers *stragglers, const wt_place *places);
void wt_stragglers_text(char *text, size_t room, const wt_stragglers *stragglers, const wt_place *places);

/* --- targets.c --- */

/* A mean loss for people; `unit` is what a target is. */
void wt_train_format_loss(char *text, size_t room, const wt_network *network, const char *unit, double loss);

/* --- run_starts.c: the starts of a run, as its run.yaml lists them; rank 0 --- */

typedef struct {
    time_t begun, ended; /* 0: not known */
    int64_t from, to;    /* steps that were done when it began and when it ended */
    int ranks, threads, nodes;
    double peak_mib; /* of the rank that took most memory; 0: not known */
    int peak_rank;
    char verdict[16]; /* running, done, continue, failed, refused: before it began, or lost: it was killed */
    char why[512];
} wt_run_start;

/* What is read again of a run.yaml. */
typedef struct {
    bool known; /* there was a file */
    wt_run_verdict said;
    bool running; /* the last start is, as far as is known */
    int restarts;
    wt_run_start *starts; /* [count], the last ones */
    int count;
    int earlier; /* starts before them, and what is known of their node-hours */
    double earlier_hours;
    double checkpoint_seconds; /* that the last checkpoint took; 0: not known */
} wt_run_record;

/* Whether there is one; empty where it can't be read. Free with wt_run_record_dispose. */
bool wt_run_read_record(wt_run_record *record, const char *run);
wt_status wt_run_parse_record(wt_run_record *record, const char *text); /* of an empty one */
void wt_run_record_dispose(wt_run_record *record);

/* This start, so far. */
wt_run_start wt_run_begin_start(const wt_comm *comm, const char *run, time_t begun);
/* Reads the record, closes the start before if it was killed, and enters this one; a run.yaml that is there
 * lists it then, and keeps its verdict. The caller holds the lock. */
wt_status wt_run_enter_start(wt_run_record *record, const char *run, const wt_run_lock *lock,
                             const wt_run_start *start);
wt_status wt_run_add_start(wt_run_record *record, const wt_run_start *start);
/* How the last start ended, if the record does not say so yet. */
bool wt_run_close_start(wt_run_record *record, const char *verdict, const char *why, time_t ended);
/* The same now, by another than the start itself (the hang watch of any rank): its last step is what it has
 * left. */
void wt_run_close_running_start(wt_run_record *record, const char *run, const char *verdict, const char *why);
/* The same of one that was killed, from what it has left; `seen`: its lock's last heartbeat. */
void wt_run_close_lost_start(wt_run_record *record, const char *run, time_t seen);
/* Of all starts. */
double wt_run_node_hours(const wt_run_record *record);

void wt_run_print_starts(FILE *out, const wt_run_record *record);
bool wt_run_is_starts_line(const char *line); /* that wt_run_print_starts has printed */
enum { WT_TIME_TEXT = 32 };
void wt_run_format_time(char text[WT_TIME_TEXT], time_t seconds); /* UTC */

/* --- the trainer --- */

/* data → windows → batch */
typedef struct {
    wt_dataset *set;
    wt_windows *windows;
    wt_order order;
    wt_loader *loader;
    wt_quantization quantization; /* the configuration's, as the data set has it */
    wt_normalization normalization;
    int32_t silence;        /* class; −2: labels have none */
    wt_real *class_weights; /* [classes] of train.class_weights; NULL: none */
} wt_training_data;

/* The run's folder, on rank 0. */
typedef struct {
    wt_run_lock *lock;
    wt_metrics *metrics;
    wt_checkpoint_writer *writer;
    wt_run_record record; /* the starts, this one the last */
} wt_run_files;

/* This start: where and when the run goes on. */
typedef struct {
    time_t begun_at;
    int64_t first_step;    /* the last before this start */
    int restarts;          /* the same on all ranks */
    wt_place *places;      /* rank 0: [ranks] */
    char *hosts;           /* for people; all ranks have it */
    double seconds_before; /* of earlier starts */
    atomic_bool begun;     /* run.yaml says that this start is running; the watch reads it */
} wt_start;

/* Checkpoints in the background; rank 0. */
typedef struct {
    double last;         /* when it was submitted, or the steps began */
    int count;           /* written by this start */
    double sum, longest; /* seconds that they have taken */
} wt_checkpoint_times;

/* The memory of the rank that took most; rank 0. */
typedef struct {
    int64_t bytes, written; /* `written`: as run.yaml has it */
    int rank;
} wt_peak_memory;

/* The step's row of metrics.csv, as far as it is known; rank 0. */
typedef struct {
    wt_metrics_row row;
    int64_t targets;
    wt_step_verdict guard;
    bool unwritten; /* the row, for this thread's error message */
} wt_step_note;

typedef struct wt_stop_writer wt_stop_writer;

typedef struct {
    wt_comm *comm;
    const wt_train_options *options;
    const wt_config *config;
    const wt_kernels *kernels;
    bool root;
    wt_training_data data;
    wt_network *network;
    wt_step *step;           /* parameters, optimizer, pass, exchange */
    wt_evaluator *evaluator; /* NULL: no validation */
    wt_checkpoint_state state;
    wt_start start;
    wt_run_files files;
    wt_progress *progress; /* rank 0 */
    wt_step_note note;
    double began; /* the first step of this start */
    wt_step_times times;
    wt_checkpoint_times checkpoints;
    wt_peak_memory peak;
    wt_stragglers stragglers;  /* rank 0 */
    char straggler[512];       /* rank 0: what run.yaml says of slow ranks */
    const char *why;           /* the run stops before its end */
    wt_time_limit *time_limit; /* rank 0 */
    wt_hang_watch *watch;
    wt_stop_writer *stop; /* rank 0, while there are steps */
} wt_trainer;

/* trainer_setup.c: everything until the first step; collective. */
wt_status wt_trainer_setup(wt_trainer *trainer);
void wt_trainer_dispose(wt_trainer *trainer);

/* Back to the last checkpoint that was due, or the beginning where there is none, with what the guard
 * remembers kept, and written. Collective. */
wt_status wt_trainer_roll_back(wt_trainer *trainer);

/* stop_writer.c: what writes the last finished step as soon as a signal comes; rank 0. All but start take
 * NULL. */
wt_status wt_stop_writer_start(wt_stop_writer **out, const wt_trainer *trainer);
/* A line where the launcher kills sooner than a checkpoint of so many seconds is whole; SLURM is asked how
 * long it waits, and may take seconds to answer. Rank 0. */
void wt_stop_writer_warn(double seconds);
/* Waits for what is being written. */
void wt_stop_writer_end(wt_stop_writer *writer);
/* The state is about to change; it is that of a finished step again; it never will be. By the thread that
 * trains. */
void wt_stop_writer_hold(wt_stop_writer *writer);
void wt_stop_writer_publish(wt_stop_writer *writer);
void wt_stop_writer_close(wt_stop_writer *writer);
/* Waits for what is being written; not while the state is held. */
void wt_stop_writer_settle(wt_stop_writer *writer);
/* Writes run.yaml anew, unless it has the verdict of a signal already. */
wt_status wt_stop_writer_note_running(wt_stop_writer *writer, wt_trainer *trainer);

/* numerics.c: sets state.numerics; fails where ranks differ, unless the configuration allows it.
 * Collective. */
wt_status wt_agree_on_numerics(wt_trainer *trainer);

/* replicas.c: fails where the ranks' parameters or moments differ. Collective. */
wt_status wt_replicas_compare(wt_trainer *trainer);

/* run_words.c: what a run says of itself; rank 0's go to the log. */
const char *wt_trainer_unit(const wt_trainer *trainer); /* what a target is */
void wt_trainer_describe(const wt_trainer *trainer);
void wt_trainer_report_end(const wt_trainer *trainer, wt_status status, char *why, size_t room);
void wt_trainer_summarise(const wt_trainer *trainer, wt_status status);
/* Where the steps spent their time. Collective. */
void wt_trainer_summarise_phases(const wt_trainer *trainer, int64_t count);

/* Whether a rank was slower than the others; rank 0. */
void wt_trainer_summarise_ranks(wt_trainer *trainer);

/* run_record.c: writes RUN/run.yaml; rank 0. `verdict` is running, done, continue or failed. */
wt_status wt_run_write_record(wt_trainer *trainer, const char *verdict, const char *why);

/* Puts another verdict into a run.yaml, and into the line of the start that is running; the rest stays as it
 * is. */
wt_status wt_run_change_verdict(const char *run, const char *verdict, const char *why);

/* A start in an existing run has failed before its first step: run.yaml, if there is one, lists it as refused
 * with this thread's error message, which stays; the run's verdict stays too. The caller holds the lock. */
void wt_run_note_refusal(const char *run);

/* label_weights.c: train.class_weights (wt_free; NULL: none), counted in the data set. Collective. */
wt_status wt_label_weights_make(wt_real **weights, wt_comm *comm, const wt_config *config,
                                wt_dataset *dataset, int classes);

/* label_results.c: gathers all ranks' rows, counts[rank] of each, to rank 0's `all` (elsewhere NULL), rank
 * after rank in pieces, since a message has at most 2^31 bytes. Collective. */
void wt_label_results_gather_pieces(wt_comm *comm, const wt_label_results *results, const int64_t *counts,
                                    wt_prediction *all);

#endif
