#!/usr/bin/env python3
"""Makes tests/reference/copies.h5: scores of copies (src/metrics/copy_score.h) by numpy and librosa, in float64.

    pip install librosa h5py            (in an environment of its own; the file names the version)
    python3 tests/reference/make_copies.py

Each group has the samples `original` and `copy` (float32), `pitch` [frames] of the original (0: unvoiced) and the
attributes rate, active, distance, flatness, original_flatness, voiced, unvoiced, both, in_tune and invented. Bands are
librosa's (stft with pad_mode reflect, filters.mel), spectra numpy's, and YIN is written here from the paper, all lags
of a frame at once.
"""
import math
import os

import h5py
import librosa
import numpy


# --- sounds ---

def glide(rate, seconds, low, high, harmonics=8):
    t = numpy.arange(int(rate * seconds)) / rate
    phase = 2 * numpy.pi * (low * t + (high - low) * t * t / (2 * seconds))
    return sum(0.3 / h * numpy.sin(h * phase) for h in range(1, harmonics + 1))


def noise(rate, seconds, seed):
    return numpy.random.RandomState(seed).normal(0, 0.1, int(rate * seconds))


def half(x):
    y = x.copy()
    y[len(y) // 2:] = 0
    return y


CASES = {
    "tone": (8000, glide(8000, 0.3, 200, 200), 0.5 * glide(8000, 0.3, 203, 203)),
    "glide": (8000, glide(8000, 0.4, 100, 300), glide(8000, 0.4, 105, 315)),
    "noise": (8000, noise(8000, 0.3, 1), glide(8000, 0.3, 200, 200)),
    "silence": (8000, half(glide(8000, 0.4, 120, 130)), glide(8000, 0.4, 120, 135) + noise(8000, 0.4, 2)),
    "silent": (8000, glide(8000, 0.2, 120, 130), numpy.zeros(1600)),
    "wide": (22050, glide(22050, 0.2, 150, 250), noise(22050, 0.2, 3)),
}


# --- scores ---

def frame_size(rate):
    return 2 ** int(math.log2(0.064 * rate))


def frames(x, fft, hop):
    padded = numpy.pad(x, fft)
    window = numpy.hanning(fft + 1)[:-1]
    return numpy.array([window * padded[i * hop + fft // 2:i * hop + fft // 2 + fft] for i in range(1 + len(x) // hop)])


def flatness(cut, rate, fft):
    f = numpy.arange(fft // 2 + 1) * rate / fft
    power = numpy.abs(numpy.fft.rfft(cut)) ** 2
    power = numpy.maximum(power[:, (f >= 80) & (f <= 0.45 * rate)], 1e-12)
    return numpy.exp(numpy.log(power).mean(axis=1)) / power.mean(axis=1)


def bands(x, rate, fft, hop):
    s = numpy.abs(librosa.stft(x, n_fft=fft, hop_length=hop, pad_mode="reflect", dtype=numpy.complex128))
    filters = librosa.filters.mel(sr=rate, n_fft=fft, n_mels=40 if rate <= 12000 else 80, fmin=80, fmax=0.45 * rate,
                                  dtype=numpy.float64)
    return 20 * numpy.log10(numpy.maximum(filters @ s, 1e-9)).T


def yin(x, centre, rate):
    window, first, last = rate // 40, rate // 400, -(-rate // 60)
    start = centre - (window + last) // 2 + len(x)
    padded = numpy.pad(x, len(x))
    piece = padded[start:start + window + last]
    d = numpy.array([((piece[:window] - piece[lag:lag + window]) ** 2).sum() for lag in range(last + 1)])
    total = numpy.cumsum(d)
    lags = numpy.arange(last + 1)
    d = numpy.where(total > 0, d * lags / numpy.where(total > 0, total, 1), 1)
    d[0] = 1
    below = [lag for lag in range(first, last + 1) if d[lag] < 0.15]
    if not below:
        return 0
    lag = below[0]
    while lag < last and d[lag + 1] < d[lag]:
        lag += 1
    place = lag
    if lag < last:
        a, b, _ = numpy.polyfit([-1, 0, 1], d[lag - 1:lag + 2], 2)
        place -= b / (2 * a) if a > 0 else 0
    return rate / place


def score(rate, original, copy):
    fft = frame_size(rate)
    hop = fft // 4
    cut = [frames(x, fft, hop) for x in (original, copy)]
    energy = [(c ** 2).sum(axis=1) for c in cut]
    active = [(e > 0) & (10 * numpy.log10(numpy.maximum(e, 1e-300) / max(e.max(), 1e-300)) >= -40) for e in energy]
    flat = [numpy.sort(flatness(c, rate, fft)[a]) for c, a in zip(cut, active)]
    flat = [f[len(f) // 2] if len(f) else 0 for f in flat]
    on = active[0]
    mel = [bands(x, rate, fft, hop) for x in (original, copy)]
    floor = mel[0].max() - 80
    if energy[1][on].sum() > 0:
        mel[1] = mel[1] + 10 * math.log10(energy[0][on].sum() / energy[1][on].sum())
    distance = numpy.abs(numpy.maximum(mel[1], floor) - numpy.maximum(mel[0], floor))[on].mean()
    pitch = [numpy.array([yin(x, i * hop, rate) for i in range(len(on))]) for x in (original, copy)]
    own, other = pitch[0][on], pitch[1][on]
    both = (own > 0) & (other > 0)
    cents = 1200 * numpy.log2(other[both] / own[both])
    return pitch[0], dict(active=on.sum(), distance=distance, flatness=flat[1], original_flatness=flat[0],
                          voiced=(own > 0).sum(), unvoiced=(own == 0).sum(), both=both.sum(),
                          in_tune=(numpy.abs(cents) <= 50).sum(), invented=((own == 0) & (other > 0)).sum())


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "copies.h5")
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        f.attrs["librosa"] = numpy.bytes_(librosa.__version__)
        for name, (rate, original, copy) in CASES.items():
            sounds = [(numpy.round(x * 32768) / 32768).astype(numpy.float32) for x in (original, copy)]
            pitch, values = score(rate, *(x.astype(numpy.float64) for x in sounds))
            g = f.create_group(name)
            for key, value in (("original", sounds[0]), ("copy", sounds[1]), ("pitch", pitch)):
                g.create_dataset(key, data=value, track_times=False, shuffle=True, compression=9)
            g.attrs["rate"] = numpy.int64(rate)
            for key, value in values.items():
                g.attrs[key] = numpy.float64(value)
            print(name, {key: round(float(value), 4) for key, value in values.items()})


if __name__ == "__main__":
    main()
