/*
 * From a class per sample to events. Neighbours of one class are an event; gaps and strange runs that are
 * shorter than `shortest` samples do not part it, and an event that is shorter is none. What is held does not
 * grow with the recording.
 */
#ifndef WAVETRAIN_EVENT_MERGE_H
#define WAVETRAIN_EVENT_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/base.h"

typedef struct {
    int64_t start, end; /* samples start … end − 1 */
    int class;          /* −1: none */
    double probability; /* the sum over `count` samples of the class */
    int64_t count;
} wt_merged_event;

typedef struct {
    int64_t shortest;
    /* Takes each event when it has ended. */
    wt_status (*take)(void *context, const wt_merged_event *event);
    void *context;
    wt_merged_event run, open; /* count 0: there is none */
} wt_event_merger;

/* The next sample's class (−1: no event) and its probability. */
wt_status wt_event_merger_add(wt_event_merger *merger, int class, double probability);
/* Behind the last sample. */
wt_status wt_event_merger_end(wt_event_merger *merger);

#endif
