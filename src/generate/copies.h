/*
 * Copies of recordings by a network with a condition: drawn from their features, side by side, and scored
 * (metrics/copy_score.h) next to controls of the same recordings.
 */
#ifndef WAVETRAIN_GENERATE_COPIES_H
#define WAVETRAIN_GENERATE_COPIES_H

#include "metrics/copy_score.h"
#include "wavetrain/generate.h"

/* copies[i] [samples of condition i], wt_free, also after a failure; `copies` [count] begins with NULL. */
wt_status wt_copies_draw(float **copies, const wt_generator *generator, const wt_conditions *conditions,
                         wt_weights weights);

typedef enum { WT_CONTROL_MULAW, WT_CONTROL_NOISE, WT_CONTROL_OTHER, WT_CONTROLS } wt_copy_control;

/* scores [count], of conditions that have originals. Another recording is that of the next condition. */
wt_status wt_copies_score(wt_copy_score *scores, float *const *copies, const wt_conditions *conditions,
                          int rate);
wt_status wt_copies_score_control(wt_copy_score *scores, const wt_conditions *conditions, int rate,
                                  wt_copy_control control);

#endif
