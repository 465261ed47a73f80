/* Measures whether a sound is silence, a constant or noise, as it is drawn. */
#ifndef WAVETRAIN_SOUND_TRAITS_H
#define WAVETRAIN_SOUND_TRAITS_H

#include <stdint.h>

#include "wavetrain/generate.h"

enum { WT_SOUND_LAGS = 8 };

typedef struct {
    int64_t count, values; /* frames; samples of all channels */
    double energy;         /* the sum of all samples' squares */
    float min, max;        /* of them */
    /* of the first channel */
    double sum, squares, products[WT_SOUND_LAGS]; /* of neighbours that are 1 … 8 frames apart */
    float last[WT_SOUND_LAGS];                    /* the newest first */
} wt_sound_traits;

/* samples [count, channels]. Begins with zeros. */
void wt_sound_traits_add(wt_sound_traits *traits, const float *samples, int count, int channels);
/* Decibels of the mean square, re full scale. */
double wt_sound_traits_level(const wt_sound_traits *traits);
wt_sound_trait wt_sound_traits_kind(const wt_sound_traits *traits);

#endif
