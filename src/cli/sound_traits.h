/* Whether a sound is something: silence, a constant and noise are what networks give that have learnt too
 * little. */
#ifndef WAVETRAIN_SOUND_TRAITS_H
#define WAVETRAIN_SOUND_TRAITS_H

#include <stdint.h>

enum { WT_SOUND_LAGS = 8 };

typedef struct {
    int64_t count, values; /* frames; samples of all channels */
    double energy;         /* the sum of all samples' squares */
    float least, greatest; /* of them */
    /* of the first channel */
    double sum, squares, products[WT_SOUND_LAGS]; /* of neighbours that are 1 … 8 frames apart */
    float last[WT_SOUND_LAGS];                    /* the newest first */
} wt_sound_traits;

typedef enum {
    WT_SOUND_USUAL,
    WT_SOUND_SILENCE,
    WT_SOUND_CONSTANT,
    WT_SOUND_NOISE,
    WT_SOUND_TRAITS
} wt_sound_trait;

/* samples [count, channels]. Begins with zeros. */
void wt_sound_traits_add(wt_sound_traits *traits, const float *samples, int count, int channels);
/* Decibels of the mean square, re full scale. */
double wt_sound_traits_level(const wt_sound_traits *traits);
wt_sound_trait wt_sound_traits_kind(const wt_sound_traits *traits);
/* "silence: try …"; NULL: of what is as it should be. */
const char *wt_sound_traits_advice(wt_sound_trait kind);

#endif
