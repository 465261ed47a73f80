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

/* A spectrogram where a picture has it, in pixels from the page's lower left corner; spectrogram_draw.c. */
typedef struct {
    const wt_copy_frames *frames;
    const double *decibels; /* [frames->count, fft/2 + 1] */
    double highest;         /* dB, of the brightest colour; the darkest is 80 dB below */
    double left, bottom, width, height;
    double seconds; /* that the width stands for */
    bool hertz;     /* labels of the frequencies, to its left */
} wt_spectrogram;

void wt_spectrogram_draw(const wt_spectrogram *s);

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

/* --- sounds over each other --- */

typedef struct {
    char name[256];
    wt_copy_frames frames;
    double *decibels, loudest;
    float *samples; /* [count] */
    int64_t count;
} wt_sound_panel;

typedef struct {
    wt_sound_panel *sounds; /* [count] */
    int count;
    double seconds, peak; /* of all */
} wt_sound_picture;

/* Draws a wt_sound_picture, as wt_picture_draw. */
void wt_sound_draw(const void *picture, const char *file);

#endif
