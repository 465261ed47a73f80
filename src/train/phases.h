/* The phases of a training step, and the seconds that each takes. */
#ifndef WAVETRAIN_PHASES_H
#define WAVETRAIN_PHASES_H

#include "comm/hang_watch.h"

/* In the order in which they happen. */
typedef enum {
    WT_PHASE_DATA,   /* waiting for the loader */
    WT_PHASE_DERIVE, /* packed weights from the flat parameters */
    WT_PHASE_FORWARD,
    WT_PHASE_BACKWARD,
    WT_PHASE_EXCHANGE, /* adding microbatches, here and over ranks; handing over messages */
    /* for gradients of other ranks, with nothing else to do: the exposed part of the exchange */
    WT_PHASE_WAIT,
    WT_PHASE_DECIDE, /* gradient norm, rank 0's record */
    WT_PHASE_UPDATE,
    WT_PHASE_VALIDATE,
    WT_PHASE_CHECKPOINT,
    WT_PHASE_OTHER,
    WT_PHASES
} wt_phase;

const char *wt_phase_name(wt_phase phase);
/* All of them as the hang watch takes them, [WT_PHASES]. */
extern const wt_hang_phase wt_phase_table[WT_PHASES];

/* Receives every change of phase. */
typedef void (*wt_phase_listener)(void *context, wt_phase phase);

typedef struct {
    double seconds[WT_PHASES];
    double since; /* when the running phase began */
    wt_phase phase;
    wt_phase_listener listener; /* NULL: nobody; set after wt_timer_init, as is its context */
    void *context;
} wt_timer;

/* Starts in WT_PHASE_OTHER. One thread only. */
void wt_timer_init(wt_timer *timer);

/* Ends the running phase, begins another. */
void wt_timer_enter(wt_timer *timer, wt_phase phase);

/* Books seconds that were counted for one phase to another. */
void wt_timer_move(wt_timer *timer, wt_phase from, wt_phase to, double seconds);

/* Seconds of all phases that make up a step: without validation, checkpoints and the rest. */
double wt_timer_steps(const wt_timer *timer);

#endif
