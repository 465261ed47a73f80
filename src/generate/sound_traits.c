/* Noise: no sample says anything about its neighbours, so that all correlations over some lags are near 0. */
#include "sound_traits.h"

#include <math.h>

/* The first channel's next sample. */
static void relate(wt_sound_traits *t, float x) {
    t->sum += (double)x;
    t->squares += (double)x * (double)x;
    for (int k = 0; k < WT_SOUND_LAGS; k++) t->products[k] += (double)x * (double)t->last[k];
    for (int k = WT_SOUND_LAGS - 1; k > 0; k--) t->last[k] = t->last[k - 1];
    t->last[0] = x;
    t->count++;
}

void wt_sound_traits_add(wt_sound_traits *t, const float *samples, int count, int channels) {
    for (int i = 0; i < count * channels; i++) {
        const float x = samples[i];
        if (t->values == 0 || x < t->min) t->min = x;
        if (t->values == 0 || x > t->max) t->max = x;
        t->energy += (double)x * (double)x;
        t->values++;
        if (i % channels == 0) relate(t, x);
    }
}

double wt_sound_traits_level(const wt_sound_traits *t) {
    return 10.0 * log10(t->energy / (double)(t->values > 0 ? t->values : 1) + 1e-20);
}

wt_sound_trait wt_sound_traits_kind(const wt_sound_traits *t) {
    const double silence = -60.0, related = 0.15; /* decibels; a correlation */
    const float still = 1e-3f;
    enum { FEW = 200 }; /* samples that correlations say nothing about */
    if (t->count == 0) return WT_SOUND_USUAL;
    if (wt_sound_traits_level(t) < silence) return WT_SOUND_SILENCE;
    if (t->max - t->min < still) return WT_SOUND_CONSTANT;
    if (t->count < FEW) return WT_SOUND_USUAL;
    const double mean = t->sum / (double)t->count, variance = t->squares / (double)t->count - mean * mean;
    for (int k = 0; k < WT_SOUND_LAGS; k++) {
        const double correlation = t->products[k] / (double)t->count - mean * mean;
        if (fabs(correlation) > related * variance) return WT_SOUND_USUAL;
    }
    return WT_SOUND_NOISE;
}
