/*
 * What a run will take, before it runs: memory of a rank, time of a step, how much of the exchange is
 * exposed, node-hours. One model, for `wavetrain inspect` and `bench scaling`.
 *
 *   compute    Σ over kinds of work:  units of it in a rank's part of a step × seconds of a unit
 *              (predict/calibration.h)
 *   exchange   of n bytes of gradient in buckets, P ranks, R of them on each of N nodes; the pattern is
 *              halving where ranks and microbatches are powers of two, else owners (comm/exchange_*.c). A
 *              bucket of n_c bytes takes
 *                 halving:  2·log₂R·α_w + 2·(R−1)/R·n_c/β_w   +   2·log₂N·α + 2·(N−1)/N·n_c/β      (a node's
 *                           ranks together)
 *                 owners:   2·α_w + 2·(R−1)/P·n_c/β_w         +   2·α + 2·R·(P−R)/P·n_c/β
 *              with α_w, β_w the link within a node, α, β between nodes. At most four buckets are in
 *              flight, and their latencies overlap: one follows the other after the time of
 *              its bytes, or a quarter of its whole time, if that is more.
 *   exposed    max over buckets b:  latency + Σ_{c ≥ b} the time after which the next follows c − R_b, at
 *              least 0 with R_b the time of backward, in a rank's last group of microbatches, that is still
 *              to come when b is finished (backward is ⅔ of computing; layers take time as they have
 *              operations). With exchange.progress: after R_b = 0. Batch norm's sums over microbatches are
 *              exposed, and are added: for each level or block and direction a gather and a broadcast,
 *              2·log₂P latencies.
 *   step       compute + exposed
 *   node-hours step · steps · nodes; validation and checkpoints are not in it
 *
 * Not in the model: waiting for data, nodes of unlike speed, other jobs on the network.
 */
#ifndef WAVETRAIN_PREDICT_H
#define WAVETRAIN_PREDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/config.h"
#include "wavetrain/kernels.h"
#include "wavetrain/network.h"

/* α and β of a message: latency + bytes/bandwidth. */
typedef struct {
    double latency;   /* seconds */
    double bandwidth; /* bytes a second; 0: unknown */
} wt_link;

/* What one kind of CPU was measured to take (`wavetrain bench calibrate`). */
typedef struct wt_calibration wt_calibration;

/* Reads the file of a calibration, or (path NULL) that of this machine's CPU. WT_USAGE, with file and line,
 * where something in it is wrong. */
wt_status wt_calibration_open(wt_calibration **out, const char *path);
void wt_calibration_close(wt_calibration *calibration); /* takes NULL */

/* What the data set adds to a rank's memory; zeros where there is none yet. */
typedef struct {
    int64_t train_bytes;        /* samples, labels and masks that are kept in memory; offsets, lists */
    int64_t validation_bytes;   /* the same of that part */
    int64_t validation_windows; /* that there are; 0: nothing is validated */
    int channels;               /* of a real input; 0 is 1 */
} wt_data_sizes;

typedef struct {
    const wt_config *config;
    const wt_network *network;
    const wt_kernels *kernels;
    int ranks, threads, nodes;         /* ranks: of all nodes; threads: of a rank */
    const wt_calibration *calibration; /* NULL: no times, and a process's own memory is a guess */
    const char *rates_of;              /* the kernel set whose rates count; NULL: that of `kernels` */
    wt_link link; /* between nodes, or with one node between its ranks; bandwidth 0: the calibration's */
    wt_data_sizes data;
} wt_forecast_case;

/* Resident bytes of a rank. Rank 0 alone writes checkpoints. */
typedef struct {
    int64_t process;    /* MPI, HDF5, OpenBLAS, threads' stacks */
    int64_t pass;       /* activations of the microbatches at once, packed weights, partial gradients */
    int64_t state;      /* parameters, moments, their mean */
    int64_t exchange;   /* gradients of microbatches, and what arrives */
    int64_t data;       /* the data set's part, and batches read ahead */
    int64_t validation; /* its pass, its part of the data set, its batches */
    int64_t checkpoint; /* the writer's copy, and the file while it is made */
    int64_t all;
} wt_memory_forecast;

typedef struct {
    int microbatches, microbatch_windows;
    int own_microbatches, microbatches_at_once; /* of the rank that has most */
    int first_microbatches, first_at_once;      /* of rank 0, which has fewest */
    int ranks_on_node;                          /* most */
    wt_memory_forecast first, other;            /* rank 0; the one that has most microbatches */
    int64_t memory;                             /* the larger of their sums */
    int64_t node_memory;                        /* of the node with rank 0 */
    int64_t checkpoint_bytes;                   /* of a file */
    bool timed;                                 /* there are rates; else the times below are 0 */
    bool near;                                  /* the rates are of other numbers than are asked for, */
    int rates_threads, rates_ranks;             /* of these threads and ranks on a node */
    bool linked;                                /* the exchange's time is known (one rank has none) */
    double compute, exchange, exposed, step;    /* seconds of a step */
    double node_hours;
} wt_forecast;

/* Fails as the trainer would: more ranks than microbatches. Not collective; takes no memory to speak of. */
wt_status wt_forecast_make(wt_forecast *forecast, const wt_forecast_case *run);

/* What a node, or the part of it that a SLURM job or a container may use, has for all its ranks: bytes, 0
 * if unknown; *limit names it for people. */
int64_t wt_node_memory_available(const char **limit);

#endif
