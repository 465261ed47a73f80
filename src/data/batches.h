/* Batches of windows, and the thread that fills them ahead of time. */
#ifndef WAVETRAIN_BATCHES_H
#define WAVETRAIN_BATCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/batch.h"
#include "data/windows.h"
#include "wavetrain/data.h"

/* What windows are conditioned on. */
typedef struct {
    int frames; /* of a window; 0: no features */
    wt_framing framing;
    wt_features features; /* that the network has learnt, and their normalisation */
    bool flagged;   /* one number more per frame: 1, and 0 with all others where the condition is dropped */
    double dropout; /* share of windows without, keyed by noise_seed, batch and window */
    wt_frames_source source;
    int speakers; /* 0: none */
    int turn;     /* speaker s is given as s + turn, modulo the speakers: to measure what they tell */
} wt_condition_shape;

/* What a batch looks like. */
typedef struct {
    int windows; /* slots */
    int targets, context;
    wt_input_kind input;
    wt_quantization quantization;
    int values;                     /* per target, where it is values and no class; else 0 */
    bool codes;                     /* they are codes of 16 bits: sound's next samples */
    bool marks_runs;                /* the batch says which targets stand in runs of equal samples */
    wt_normalization normalization; /* of real values of a table's next samples */
    double preemphasis;             /* as data.preemphasis */
    double input_noise;             /* as data.input_noise, keyed by noise_seed, batch, window and element */
    uint64_t noise_seed;
    wt_condition_shape condition;
} wt_batch_shape;

wt_status wt_batch_create(wt_batch **out, const wt_batch_shape *shape, int channels);
void wt_batch_destroy(wt_batch *batch);

/* Which window stands in a slot of the batch with that number; −1: none. Must be pure. */
typedef int64_t (*wt_batch_plan)(const void *context, int64_t number, int slot);

/* Batches first … last−1, whose windows `window` names when it is given `context`. */
typedef struct {
    wt_batch_plan window;
    const void *context;
    int64_t first, last;
} wt_loader_plan;

/*
 * Fills the plan's batches ahead of time, in a thread of its own. The data set belongs to the loader's
 * thread until the loader is destroyed. wt_loader_next gives the next batch, valid until the next call; an
 * error of the thread comes out of it. Asking past the last is an error.
 */
typedef struct wt_loader wt_loader;

wt_status wt_loader_create(wt_loader **out, wt_dataset *dataset, const wt_windows *windows,
                           const wt_batch_shape *shape, const wt_loader_plan *plan);
void wt_loader_destroy(wt_loader *loader);
/* Bytes of its batches. */
int64_t wt_loader_bytes(const wt_batch_shape *shape, int channels);
wt_status wt_loader_next(wt_loader *loader, const wt_batch **batch);

#endif
