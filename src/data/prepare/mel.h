/*
 * Mel spectra of sound, as the programs make them whose features people have: magnitudes of short Fourier
 * transforms, summed in triangular bands of the mel scale, and their logarithm. In double precision, by FFTW.
 *
 * With x in ±1 and the periodic Hann window w[n] = ½ − ½·cos(2πn/window), padded with zeros on both sides to
 * fft: X_i[k] = Σ_n w[n]·x[i·hop + n − pad]·e^(−2πi·kn/fft),   P = (re² + im² + root)^(power/2) pad centred:
 * fft/2, so that frame i's centre is sample i·hop, 1 + ⌊N/hop⌋ frames begun: (fft − hop)/2, the centre is (i
 * + ½)·hop, ⌊N/hop⌋ frames (at least one) outside of the sound it is reflected (without its last sample
 * twice), or zeros M_i[b] = Σ_k T_b[k]·P_i[k];   T_b a triangle, linear in Hz, between edges e_b, e_{b+1},
 * e_{b+2} that are equally far apart in mel from low to high, times 2/(e_{b+2} − e_b) with `area` mel slaney:
 * 3f/200 below 1 kHz, else 15 + 27·ln(f/1000)/ln 6.4; htk: 2595·log10(1 + f/700) y      ln, log10 or 20·log10
 * of max(M, floor), or M itself (librosa 0.10: stft, filters.mel, with dtype float64 and pad_mode given.)
 */
#ifndef WAVETRAIN_MEL_H
#define WAVETRAIN_MEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wavetrain/base.h"

typedef enum { WT_MEL_LN, WT_MEL_LOG10, WT_MEL_DB, WT_MEL_LINEAR } wt_mel_log;
typedef enum { WT_MEL_REFLECT, WT_MEL_ZEROS } wt_mel_padding;
typedef enum { WT_MEL_CENTRED, WT_MEL_BEGUN } wt_mel_framing;
typedef enum { WT_MEL_SLANEY, WT_MEL_HTK } wt_mel_scale;

typedef struct {
    int fft, hop, window, bands, power;
    double low, high, floor, root;
    int log, pad, frames, scale; /* wt_mel_log, wt_mel_padding, wt_mel_framing, wt_mel_scale */
    int area;                    /* 1: triangles of one area; 0: of one height */
} wt_mel;

enum { WT_MEL_TEXT = 256 };

/* "PRESET[,KEY=VALUE…]": a preset (espnet, tacotron2, hifigan, 8k), some of its values replaced; checked for
 * sound of `rate` Hz. WT_USAGE with a message that begins with the option's name, "--mel". */
wt_status wt_mel_parse(wt_mel *mel, const char *text, int rate);
/* All keys, as wt_mel_parse takes them. */
void wt_mel_print(char text[WT_MEL_TEXT], const wt_mel *mel);

/* Frames of so many samples, and the sample at the centre of frame 0. */
int64_t wt_mel_count(const wt_mel *mel, int64_t samples);
int wt_mel_centre(const wt_mel *mel);
/* Edge e_i in Hz; band b is between the edges b and b + 2, its centre at b + 1. */
double wt_mel_edge(const wt_mel *mel, int i);

/* The spectrum of `samples` [count] into *frames [wt_mel_count, bands]; wt_free. Without FFTW it fails and
 * says so. */
wt_status wt_mel_compute(float **frames, const wt_mel *mel, const float *samples, int64_t count, int rate);

#endif
