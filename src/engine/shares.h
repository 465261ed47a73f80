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

enum {
    WT_SHARE_GRANULE = 64 / sizeof(wt_real), /* channels that stay together: a cache line */
    WT_SHARE_CONDITIONS = 2                  /* that a gate adds, at most: features and a speaker */
};
typedef enum { WT_SHARE_EACH, WT_SHARE_SOME, WT_SHARE_FIRST } wt_share_mode;

/* What all threads know of an operator. */
typedef struct {
    wt_share_mode mode;
    bool idle;   /* there is nothing to compute */
    bool rare;   /* of frames or windows: not with each sample */
    bool waits;  /* for all threads, before it */
    bool ready;  /* a product of rows of time alone, made ready in each thread (share_products.c) */
    bool paired; /* a product that a gate alone reads, and the gate, which computes both for some gates */
    int product; /* of a paired gate; conditions stand between the two, which the gate adds too */
} wt_share_step;

typedef struct {
    wt_share_step *steps; /* [operators] */
    bool *shared;         /* [buffers]: rows that all threads see */
} wt_share_plan;

/* Of a stream's plan; without threads, all is each. */
wt_status wt_share_plan_init(wt_share_plan *shares, const wt_engine *e, int threads);
void wt_share_plan_dispose(wt_share_plan *shares);
/* The operator that adds a condition to the output of a paired product, or to that of such an operator; −1:
 * there is none. */
int wt_share_condition(const wt_engine *e, int before);

/* Rows of a value at some time, found in its ring. */
typedef struct {
    wt_real *rows; /* of the ring's first time */
    const wt_place *place;
    int delay;
} wt_share_rows;

/* A product whose operands are the thread's part->operands from `first` on. */
typedef struct {
    wt_share_rows y, add;
    int first, count;
    int begun;             /* operands of the past alone, which come first: their terms may be made ahead */
    int begins;            /* the operator whose sums begin after this one; 0: none */
    int out, ldy;          /* channels of the thread: of a gate, of both kinds, in the order of the kernel */
    int gates, first_gate; /* 0: y is the sum */
    int conditions[WT_SHARE_CONDITIONS], condition_count; /* operators */
    const wt_real *bias;
    bool adds;
    wt_real scale;
} wt_share_product;

/* One thread's part of the products. */
typedef struct {
    const wt_share_plan *shares;
    wt_engine *engine; /* its own: rings, packed weights */
    int thread, threads;
    int rows;         /* of a call, at most: streams */
    int begun;        /* the operator whose sums have begun, or -1 */
    wt_place **rings; /* [ring_count]: those of one row stay as they are */
    int ring_count;
    wt_share_product *products;    /* [operators] */
    wt_operand *operands;          /* [terms] */
    wt_share_rows *sources;        /* [terms]: their x */
    wt_later *later;               /* [terms]: what is fetched meanwhile, or NULL */
    wt_share_rows *later_rows;     /* [terms]: where its rows are; or NULL */
    wt_gate_condition *conditions; /* [WT_SHARE_CONDITIONS, rows]: of the gate at work */
    wt_real *biases;               /* of all products, in their order */
    wt_real *sums; /* of a gate: begun, or all where the kernels have no products with gates */
} wt_share_part;

/* Packs the thread's weights in the order in which they are read. `parameters` as of wt_engine_pack. A part
 * is disposed of after a failure too. */
wt_status wt_share_part_pack(wt_share_part *part, const wt_real *parameters);
void wt_share_part_dispose(wt_share_part *part);
/* The thread's part of an operator that is neither idle nor rare. Writes the part's operands. */
void wt_share_part_run(wt_share_part *part, int op, int rows);
/* The operator whose sums may begin after this one, before the threads meet, since they begin with rows of
 * the past: a sum's terms keep their order, and what waits for the newest row has fewer of them; 0: none. */
int wt_share_part_next(const wt_share_part *part, int op);
void wt_share_part_begin(wt_share_part *part, int op, int rows);

#endif
