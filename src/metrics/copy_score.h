/*
 * How near a copy of a recording is to it: what wavetrain evaluate --copies measures.
 *
 * Sound x in ±1 at `rate` Hz. Frames: fft is the largest power of two that is at most 64 ms (512 at 8 kHz,
 * 1024 at 22.05 kHz), hop = fft/4; frame i is centred at sample i·hop, 1 + ⌊N/hop⌋ frames; w is the periodic
 * Hann window of fft samples, and x is 0 outside of the recording (reflected for the bands).
 *   energy    E_i = Σ_n (w[n]·x[i·hop + n − fft/2])²
 *   active    E_i > 0 and 10·log10(E_i / max E) ≥ −40
 *   flatness  of a frame: exp(mean ln P)/mean P, P = max(|X[k]|², 1e-12) over the bins k with 80 Hz ≤ f_k ≤
 *             0.45·rate; of a sound: the median over its own active frames (the upper one of two). White
 *             noise has e^−γ = 0.56, a tone nearly 0.
 *   bands     B_i[b] = 20·log10(max(Σ_k T_b[k]·|X_i[k]|, 1e-9)): mel.h's, slaney, of one area, 80 Hz to
 *             0.45·rate, 40 bands up to 12 kHz, else 80
 *   distance  mean |B'_i[b] − B_i[b]| in dB over all bands and the original's active frames, where B' is the
 *             copy's after it was scaled to the original's energy in these frames, and both are no smaller
 *             than 80 dB below the original's largest
 *   pitch     YIN (de Cheveigné & Kawahara 2002), 60 to 400 Hz, threshold 0.15, see wt_yin_pitch; a frame is
 *             voiced if it has one. Compared in the original's active frames.
 * By one thread at a time. Without FFTW all of this fails, and says so.
 */
#ifndef WAVETRAIN_METRICS_COPY_SCORE_H
#define WAVETRAIN_METRICS_COPY_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "wavetrain/base.h"

typedef struct {
    int64_t frames, active; /* of the original */
    double distance;        /* dB */
    double flatness, original_flatness;
    int64_t voiced, unvoiced; /* active frames of the original */
    int64_t both;             /* voiced in the original and in the copy */
    int64_t in_tune;          /* of these, within 50 cents */
    int64_t invented;         /* unvoiced in the original, voiced in the copy */
} wt_copy_score;

/* An error that says how to get FFTW, where this build has none: before copies are made. */
wt_status wt_copy_require(void);

/* fft of the frames above. */
int wt_copy_frame_size(int rate);

/* Both [count]. */
wt_status wt_copy_score_measure(wt_copy_score *score, const float *original, const float *copy, int64_t count,
                                int rate);

/* Pitch in Hz of the samples around `centre`, 0: unvoiced. Over W = ⌊rate/40⌋ samples, with s = centre − (W +
 * τ_max)/2:
 *   d(τ) = Σ_{j<W} (x[s + j] − x[s + j + τ])²,   d'(τ) = d(τ)·τ / Σ_{i=1…τ} d(i)   (1 where that sum is 0)
 * τ from ⌊rate/400⌋ to ⌈rate/60⌉ = τ_max; the first τ with d'(τ) < 0.15 is followed down to its local
 * minimum, whose place is that of the parabola through d' at it and its neighbours. x is 0 outside of the
 * sound. */
double wt_yin_pitch(const float *x, int64_t count, int64_t centre, int rate);

/* --- controls: copies that are bad in known ways, [count] --- */

/* Through µ-law of 256 classes and back: what a network of classes can reach at best. */
void wt_copy_mulaw(float *copy, const float *original, int64_t count);
/* White noise with the original's envelope, without any voice: of each frame the bands' mean power (40 or 80
 * from 0 Hz to rate/2, linear between their centres) times the spectrum of keyed Gaussian noise, overlapped
 * and added. */
wt_status wt_copy_noise(float *copy, const float *original, int64_t count, int rate, uint64_t seed);
/* Another recording, repeated until it is long enough. */
void wt_copy_other(float *copy, int64_t count, const float *other, int64_t other_count);

/* --- a picture: spectrograms of originals, and of their copies beside them --- */

enum { WT_COPIES_SHOWN = 4 };

typedef struct {
    const char *name;
    const float *original, *copy; /* [count] */
    int64_t count;
} wt_copy_sounds;

/* At most WT_COPIES_SHOWN pairs of at least one sample, into a PNG file, as wt_plot_runs: |X| in dB from 0 Hz
 * to rate/2, the highest 80 dB of each original. */
wt_status wt_copy_plot(const wt_copy_sounds *pairs, int count, int rate, const char *png);

#endif
