/*
 * One training step, which the trainer, the bench commands and the numerics probe share: batch → packed
 * weights → forward and backward of the microbatches → exchange → rank 0's decision → update.
 * The caller gives the batch and makes the decision; everything between is the same for all of them.
 */
#ifndef WAVETRAIN_STEP_H
#define WAVETRAIN_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/exchange.h"
#include "config/sections.h"
#include "data/dataset.h"
#include "engine/engine.h"
#include "kernels/kernel_set.h"
#include "network/network_model.h"
#include "optim/optim.h"
#include "train/phases.h"
#include "wavetrain/comm.h"
#include "wavetrain/data.h"
#include "wavetrain/kernels.h"

/* --- what is computed --- */

/* What the data set decides of a network and its batches. */
typedef struct {
    bool assumed;                 /* there is no data set: one channel and, of labels, two classes */
    wt_quantization quantization; /* the configuration's, as the data set has it */
    wt_network_shape network;
} wt_data_facts;

/* Of an open data set; NULL: assumed, which fails for a vocabulary. Not collective. */
wt_status wt_train_data_facts(wt_data_facts *facts, const wt_config *config, const wt_dataset *dataset);
/* The same of the training part at data.path, or assumed where there is none. Not collective. */
wt_status wt_train_read_data_facts(wt_data_facts *facts, const wt_config *config);

/* How a step's windows fall on microbatches, and these on one rank. */
typedef struct {
    int count;      /* microbatches in a step, over all ranks */
    int windows;    /* per microbatch */
    int first, end; /* this rank's: first … end − 1 */
    int at_once;    /* of them, computed together */
} wt_microbatches;

/* Fails where there are fewer microbatches than ranks. Not collective. */
wt_status wt_step_microbatches_share(wt_microbatches *microbatches, const wt_config *config,
                                     const wt_network *network, int rank, int ranks);
/* How many of its `own` microbatches a rank computes at once with as many threads as OpenMP offers now. Never
 * changes bits. Everything that must know it asks here. */
int wt_step_microbatches_at_once(const wt_config *config, const wt_network *network, int own);

/* How many windows at once give all threads something to do, `most` at most. Not collective. */
int wt_step_windows_at_once(int targets, int most);

/* --- the results of a step --- */

typedef struct {
    double loss; /* summed, nats or squared errors */
    int64_t targets, silence;
} wt_microbatch_result;

/* What a rank reports with its microbatches' results. */
typedef struct {
    double busy;        /* seconds that the step took it before the exchange, without waiting for others */
    int64_t peak_bytes; /* of memory */
    int signal, failed; /* `failed` is a wt_status */
} wt_rank_report;

typedef union wt_step_result wt_step_result;

/* What rank 0 decides about a step; the same on all ranks. */
typedef struct {
    int64_t step;
    wt_update update;
    wt_plateau plateau; /* as it is before this step */
    bool skip;          /* no update */
    bool roll_back;     /* back to the last checkpoint */
    bool validate, compare, checkpoint, stop;
    bool planned; /* the checkpoint is due by the configuration */
    int failed;   /* a wt_status: the run ends with it */
} wt_decision;

/* --- the step --- */

typedef struct {
    wt_comm *comm;
    const wt_config *config;
    const wt_kernels *kernels;
    const wt_network *network;
    wt_microbatches microbatches;
    int32_t silence; /* the class that is counted as silence; −2: none */
    wt_timer timer;  /* the caller's to begin; after a step in WT_PHASE_UPDATE, or _DECIDE if none was made */
    int64_t peak_bytes; /* of this rank's memory, looked at once per second; and when that was */
    double looked_at;

    /* the replica */
    wt_real *parameters; /* [total], flat, kernel order */
    wt_optimizer optimizer;

    /* of the step under way, or the last one */
    double began;
    wt_status batch_status;   /* of this rank's batch; other ranks get it with the results */
    double busy, busy_before; /* seconds before the exchange, without waiting for others: of this step, of all
                                 before */
    wt_rank_report *reports;  /* rank 0: [ranks] */

    /* its memory */
    wt_engine *pass;
    wt_exchange *exchange;
    wt_window_loss *losses; /* [at_once · windows] */
    wt_real **gradients;    /* [at_once] */
    wt_step_result *mine;   /* [own microbatches + 1]: the last one is the rank's report */
    wt_step_result *all;    /* rank 0: every rank's, end to end */
    double *block_sums;     /* rank 0: of the gradient's norm */
    double *reduced;        /* batch norm: [microbatches, numbers per microbatch] */
} wt_step;

/* Shares the microbatches out and takes all memory; parameters and moments are 0. What is given must outlive
 * the step. Not collective. */
wt_status wt_step_create(wt_step **out, wt_comm *comm, const wt_config *config, const wt_kernels *kernels,
                         const wt_network *network, int32_t silence);
void wt_step_destroy(wt_step *step); /* takes NULL */
/* Bytes of activations and packed weights. */
int64_t wt_step_pass_bytes(const wt_step *step);
/* The Euclidean norm of scale·gradient, [trained]. Rank 0. */
double wt_step_norm(wt_step *step, const wt_real *gradient, double scale);

/* The caller's part of a step. */
typedef struct {
    /* This rank's windows of the step; a failure travels to rank 0's decision. */
    wt_status (*batch)(void *context, const wt_batch **batch);
    /* Rank 0: from the sums over all microbatches, with all ranks' `reports` in the step, to what all ranks
     * do. *decision is zero but for `failed`, the last rank's that has failed. */
    wt_status (*decide)(void *context, const wt_microbatch_result *sum, const wt_real *gradient,
                        wt_decision *decision);
    void *context;
} wt_step_caller;

/* Step `number`, which with train.seed keys dropout. Fails where rank 0's decision says so. The update is
 * made, unless the decision is to skip it or to go back; everything else that it says is the caller's to do.
 * Collective. */
wt_status wt_step_run(wt_step *step, int64_t number, const wt_step_caller *caller, wt_decision *decision);

#endif
