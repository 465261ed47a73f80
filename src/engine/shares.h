/*
 * How threads share one sample of a stream. Each thread goes through all operators:
 *   each    for itself, with rows of its own: what is small compared with a barrier, and what a vector of all
 *           channels is made of
 *   share   some channels, into rows that all see: products of many weights, and what follows channel by
 *           channel
 *   first   by thread 0 alone, into such rows
 * A barrier stands before an operator that reads what others have made since the last one. An element's sum
 * is the same chain of terms whoever makes it, so that no bit depends on the number of threads.
 */
#ifndef WAVETRAIN_ENGINE_SHARES_H
#define WAVETRAIN_ENGINE_SHARES_H

#include "engine_internal.h"

typedef enum { WT_SHARE_EACH, WT_SHARE_SOME, WT_SHARE_FIRST } wt_share_mode;

/* What all threads know of an operator. */
typedef struct {
    wt_share_mode mode;
    bool waits;  /* for all threads, before it */
    bool paired; /* a product that a gate alone reads, and the gate: both kinds of channels of some gates */
} wt_share_step;

typedef struct {
    wt_share_step *steps; /* [operators] */
    bool *shared;         /* [buffers]: rows that all threads see */
} wt_share_plan;

/* Of a stream's plan; without threads, all is each. */
wt_status wt_share_plan_init(wt_share_plan *shares, const wt_engine *e, int threads);
void wt_share_plan_dispose(wt_share_plan *shares);

/* One thread's part of the products. */
typedef struct {
    const wt_share_plan *shares;
    wt_engine *engine; /* its own: rings, packed weights */
    int thread, threads;
    wt_real *
        *pairs; /* [operators]: of a paired product, [rows, channels of this thread], and its biases behind */
} wt_share_part;

/* Packs the thread's weights in the order of the operators. `parameters` as of wt_engine_pack. */
wt_status wt_share_part_pack(wt_share_part *part, const wt_real *parameters, int rows);
void wt_share_part_dispose(wt_share_part *part);
/* The thread's part of an operator. */
void wt_share_part_run(const wt_share_part *part, int op, const wt_tile *tile);

#endif
