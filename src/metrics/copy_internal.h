/* Frames of sounds whose copies are scored, and what is made of their spectra (copy_spectrum.c). */
#ifndef WAVETRAIN_COPY_INTERNAL_H
#define WAVETRAIN_COPY_INTERNAL_H

#include "metrics/copy_score.h"

typedef struct {
    int rate, fft, hop;
    int64_t count;
} wt_copy_frames;

/* Of a sound of so many samples. */
wt_copy_frames wt_copy_frames_of(int64_t count, int rate);
/* w[n]. */
double wt_copy_window(const wt_copy_frames *frames, int n);
/* Mel bands at a rate. */
int wt_copy_bands(int rate);
/* Each frame's flatness, [frames->count]. */
wt_status wt_copy_flatness(double *flatness, const wt_copy_frames *frames, const float *x, int64_t count);
/* 20·log10(max(|X|, 1e-6)) of each frame, [frames->count, fft/2 + 1]. */
wt_status wt_copy_spectrum(double *decibels, const wt_copy_frames *frames, const float *x, int64_t count);

/* A picture's panels: pairs of spectrograms. */
typedef struct {
    int count, rate;
    struct {
        const char *name;
        wt_copy_frames frames;
        double *decibels[2]; /* original, copy */
        double loudest;      /* of the original */
    } pairs[WT_COPIES_SHOWN];
} wt_copy_picture;

/* Draws a wt_copy_picture, as wt_picture_draw. */
void wt_copy_draw(const void *picture, const char *file);

#endif
