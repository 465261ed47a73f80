/* What the files of this folder share. */
#ifndef WAVETRAIN_TRAIN_INTERNAL_H
#define WAVETRAIN_TRAIN_INTERNAL_H

#include <stdatomic.h>

#include "wavetrain/log.h"
#include "wavetrain/metrics.h"
#include "wavetrain/timer.h"
#include "wavetrain/train.h"

/* --- a copy of the state in PyTorch's order, for a checkpoint or a hash --- */

typedef struct {
    int count;
    wt_checkpoint_tensor *tensors;
    float *values;
} wt_exported;

wt_status wt_export_tensors(wt_exported *exported, const wt_network *network, const wt_real *parameters,
                            const wt_optimizer *optimizer);
void wt_exported_dispose(wt_exported *exported);

/* --- checkpoints in the background: checkpoint_writer.c; rank 0, one thread calls --- */

typedef struct wt_checkpoint_writer wt_checkpoint_writer;

/* Takes the memory for a copy of the state. Everything given must outlive the writer. */
wt_status wt_checkpoint_writer_create(wt_checkpoint_writer **out, const wt_network *network,
                                      const wt_config *config, const wt_vocabulary *vocabulary,
                                      const char *run, wt_run_lock *lock);
/* Waits for what is being written. Takes NULL. */
void wt_checkpoint_writer_destroy(wt_checkpoint_writer *writer);
/* Copies the state and begins to write, with the metrics, which must stay open, on disk before it. What was submitted
 * before must have been collected (with wait). */
wt_status wt_checkpoint_writer_submit(wt_checkpoint_writer *writer, const wt_checkpoint_state *state,
                                      const wt_real *parameters, const wt_optimizer *optimizer,
                                      wt_metrics *metrics);
/* The step of the last one that was submitted. */
int64_t wt_checkpoint_writer_step(const wt_checkpoint_writer *writer);
/* How the last one went, told once; WT_OK also while it is being written and `wait` is false. When it is
 * told, *seconds (may be NULL) becomes the time that it took. */
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
    bool enough;  /* validation.patience is at its end */
} wt_judgement;

wt_judgement wt_judge(wt_checkpoint_state *state, const wt_config *config, double loss);
/* Whether the run has ended early. */
bool wt_is_out_of_patience(const wt_checkpoint_state *state, const wt_config *config);
bool wt_judge_needs_validation(const wt_config *config);
wt_plateau wt_stored_plateau(const wt_checkpoint_state *state);
void wt_store_plateau(wt_checkpoint_state *state, wt_plateau plateau);

/* --- numerics.c --- */

/* The fingerprint of this rank, cut at `room` bytes. */
wt_status wt_numerics_fingerprint(char *text, size_t room, const wt_kernels *kernels);

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
/* The median of the last steps, or of that share of them that was fastest, in seconds; 0 where there are none. */
double wt_step_times_median(const wt_step_times *times, wt_step_time which, double share);

/* --- targets.c --- */

/* A mean loss for people; `unit` is what a target is. */
void wt_loss_text(char *text, size_t room, const wt_network *network, const char *unit, double loss);

/* --- the trainer --- */

/* What a rank says of one of its lanes. */
typedef struct {
    double loss; /* summed, nats */
    int64_t targets, silence;
} wt_lane_result;

/* What rank 0 decides about a step; the same on all ranks. */
typedef struct {
    int64_t step;
    wt_update update;
    wt_plateau plateau; /* as it is before this step */
    bool skip;          /* no update */
    bool roll_back;     /* back to the last checkpoint */
    bool validate, compare, checkpoint, stop;
    int failed; /* a wt_status: the run ends with it */
} wt_decision;

typedef struct {
    wt_comm *comm;
    const wt_train_options *options;
    const wt_config *config;
    const wt_kernels *kernels;
    bool root;

    /* data → windows → batch */
    wt_dataset *dataset;
    wt_windows *windows;
    wt_order order;
    wt_loader *loader;
    int lanes, first_lane, end_lane, lane_windows, lanes_at_once;
    wt_quantization quantization; /* the configuration's, as the data set has it */
    int32_t silence;              /* class; −2: labels have none */
    int targets;                  /* outputs of a window */
    wt_normalization normalization;

    /* model, exchange, optimizer */
    wt_network *network;
    wt_pass *pass;
    wt_real *parameters;
    wt_optimizer optimizer;
    wt_exchange *exchange;
    wt_evaluator *evaluator; /* NULL: no validation */

    /* one step's results */
    wt_window_loss *window_losses; /* [lanes_at_once · lane_windows] */
    wt_real **lane_gradients;      /* [lanes_at_once] */
    wt_lane_result *mine;          /* [own lanes + 1]: the last holds this rank's signal and failure */
    wt_lane_result *all;           /* rank 0: every rank's, end to end */
    double *block_sums;            /* rank 0: of the gradient's norm */
    double *lane_sums;             /* batch norm: [lanes, numbers of a lane] */
    wt_status load_status;         /* of this rank's loader; other ranks hear of it with the results */

    /* the run, on rank 0 alone but for `state` */
    wt_checkpoint_state state;
    wt_run_lock *lock;
    wt_checkpoint_writer *writer;
    wt_metrics *metrics;
    wt_progress *progress;
    wt_metrics_row row;
    int64_t step_targets;
    wt_timer timer;
    wt_step_times times;
    double began, last_checkpoint, last_step;
    double seconds_before;     /* of earlier starts */
    int checkpoints;           /* written in the background by this start */
    double checkpoint_sum;     /* seconds that they have taken */
    double checkpoint_seconds; /* that the longest of them has */
    const char *why;           /* the run stops before its end */
    wt_time_limit *time_limit; /* rank 0 */
    wt_hang_watch *watch;
    int restarts;      /* the same on all ranks */
    atomic_bool begun; /* run.yaml says that this start is running; the watch reads it */
} wt_trainer;

/* trainer_setup.c: everything until the first step; collective. */
wt_status wt_trainer_setup(wt_trainer *trainer);
void wt_trainer_dispose(wt_trainer *trainer);

/* Back to the newest checkpoint, or the beginning where there is none, with what the guard remembers kept
 * (and written, so that a kill does not undo it). Collective. */
wt_status wt_trainer_roll_back(wt_trainer *trainer);

/* numerics.c: sets state.numerics; fails where ranks differ, unless the configuration allows it. Collective.
 * */
wt_status wt_agree_on_numerics(wt_trainer *trainer);

/* replicas.c: fails where the ranks' parameters or moments differ. Collective. */
wt_status wt_compare_replicas(wt_trainer *trainer);

/* run_words.c: what a run says of itself; rank 0's go to the log. */
const char *wt_trainer_unit(const wt_trainer *trainer); /* what a target is */
void wt_trainer_describe(const wt_trainer *trainer, const char *hosts);
void wt_trainer_say_why(const wt_trainer *trainer, wt_status status, char *why, size_t room);
void wt_trainer_summarise(const wt_trainer *trainer, wt_status status);
/* Where the steps spent their time. Collective. */
void wt_trainer_summarise_phases(const wt_trainer *trainer, int64_t count);

/* run_record.c: RUN/run.yaml; rank 0. `verdict` is running, done, continue or failed. */
wt_status wt_write_run_record(const wt_trainer *trainer, const char *hosts, const char *verdict,
                              const char *why);
/* What is read again of a run.yaml. */
typedef struct {
    int restarts;
    bool running; /* its verdict */
} wt_run_record;
/* Whether there is one; zeros where it can't be read. */
bool wt_read_run_record(wt_run_record *record, const char *run);

/* Puts another verdict into a run.yaml, and leaves the rest as it is. */
wt_status wt_change_verdict(const char *run, const char *verdict, const char *why);

/* A start in an existing run has failed before it was written down: its run.yaml, if there is one, says so with
 * this thread's error message, which stays. The caller holds the lock. */
void wt_note_refusal(const char *run);

#endif
