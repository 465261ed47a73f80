/*
 * Copies of recordings by a network with a condition: drawn from their features, side by side, and scored
 * (metrics/copy_score.h) next to controls of the same recordings. Ranks share the recordings; a copy and its
 * scores depend on its number alone.
 */
#ifndef WAVETRAIN_GENERATE_COPIES_H
#define WAVETRAIN_GENERATE_COPIES_H

#include "metrics/copy_score.h"
#include "wavetrain/comm.h"
#include "wavetrain/generate.h"

/* What is scored. WT_COPY_OTHER is the recording of the next condition. */
typedef enum { WT_COPY_OWN, WT_COPY_MULAW, WT_COPY_NOISE, WT_COPY_OTHER, WT_COPY_KINDS } wt_copy_kind;

/* What rank 0 has of all copies. */
typedef struct {
    wt_copy_score *scores;         /* [conditions' count, WT_COPY_KINDS] */
    float *shown[WT_COPIES_SHOWN]; /* the first copies, [samples of the condition] */
} wt_copies;

/* Of conditions that have originals, the same on all ranks. Dispose also after a failure; collective. */
wt_status wt_copies_make(wt_copies *copies, wt_comm *comm, const wt_generator *generator,
                         const wt_conditions *conditions, wt_weights weights);
void wt_copies_dispose(wt_copies *copies);

/* Of several recordings. */
typedef struct {
    double distance; /* dB, the mean */
    double flatness; /* the mean copy's relative to the mean recording's */
    double voiced;   /* share of the recordings' voiced frames that are voiced in the copies, */
    double in_tune;  /* of these within 50 cents, */
    double invented; /* and of their unvoiced frames voiced in the copies */
} wt_copy_summary;

/* Of recordings first … first + count − 1. On rank 0. */
wt_copy_summary wt_copies_summarise(const wt_copies *copies, int first, int count, wt_copy_kind kind);
/* The shown copies next to their originals, as wt_copy_plot. On rank 0. */
wt_status wt_copies_plot(const wt_copies *copies, const wt_conditions *conditions, int rate, const char *png);

#endif
