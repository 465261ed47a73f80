#!/usr/bin/env python3
"""Makes tests/reference/mels.h5: mel spectra by librosa, in float64 throughout.

    pip install librosa h5py            (in an environment of its own; the file names the version)
    python3 tests/reference/make_mels.py

Each group has the samples `x` (float32), the attributes mel (as --mel takes it) and rate, and `y` [frames, bands],
computed with librosa.stft (dtype complex128, pad_mode given) and librosa.filters.mel (dtype float64) on x in float64;
of frames that begin at i·hop the sound is padded by numpy first, as HiFi-GAN does. `largest` is the largest power, and
`power` [frames, bands] that of each value before the logarithm. Sounds: a chirp with noise; digital silence; a tone
with empty top bands; a recording of few samples.
"""
import os

import h5py
import librosa
import numpy

PRESETS = {
    "espnet": dict(fft=1024, hop=256, window=1024, bands=80, low=80, high=7600, log="log10", floor=1e-10, root=0, begun=False),
    "tacotron2": dict(fft=1024, hop=256, window=1024, bands=80, low=0, high=8000, log="ln", floor=1e-5, root=0, begun=False),
    "hifigan": dict(fft=1024, hop=256, window=1024, bands=80, low=0, high=8000, log="ln", floor=1e-5, root=1e-9, begun=True),
    "8k": dict(fft=256, hop=64, window=256, bands=40, low=80, high=3800, log="ln", floor=1e-5, root=0, begun=False),
}


def chirp(rate, count, random):
    t = numpy.arange(count) / rate
    return 0.5 * numpy.sin(2 * numpy.pi * (100 + 0.2 * rate * t) * t) + random.normal(0, 0.01, count)


def tone(rate, count, random):
    return 0.3 * numpy.sin(2 * numpy.pi * 440 * numpy.arange(count) / rate)


def silence(rate, count, random):
    return numpy.zeros(count)


CASES = {
    "espnet": ("espnet", {}, 22050, 3000, chirp),
    "tacotron2": ("tacotron2", {}, 22050, 3001, chirp),
    "hifigan": ("hifigan", {}, 22050, 3000, chirp),
    "8k": ("8k", {}, 8000, 1500, chirp),
    "silence": ("espnet", {}, 22050, 1500, silence),
    "tone": ("tacotron2", {}, 22050, 1500, tone),
    "short": ("8k", {}, 8000, 130, chirp),
    "window": ("espnet", dict(fft=2048, hop=300, window=1200), 24000, 3000, chirp),
    "zeros": ("8k", dict(pad="zeros"), 8000, 700, chirp),
    "htk": ("8k", dict(scale="htk", area=0, power=2), 8000, 700, chirp),
    "decibels": ("8k", dict(log="db", bands=20), 8000, 700, chirp),
}


def spectrum(p, x, rate):
    mode = "constant" if p.get("pad") == "zeros" else "reflect"
    if p["begun"]:
        pad = (p["fft"] - p["hop"]) // 2
        x = numpy.pad(x, (pad, pad), mode=mode)
    s = librosa.stft(x, n_fft=p["fft"], hop_length=p["hop"], win_length=p["window"], window="hann",
                     center=not p["begun"], pad_mode=mode, dtype=numpy.complex128)
    power = (s.real**2 + s.imag**2 + p["root"]) ** (p.get("power", 1) / 2)
    filters = librosa.filters.mel(sr=rate, n_fft=p["fft"], n_mels=p["bands"], fmin=p["low"], fmax=p["high"],
                                  htk=p.get("scale") == "htk", norm="slaney" if p.get("area", 1) else None,
                                  dtype=numpy.float64)
    return (filters @ power).T


def compress(p, m):
    if p["log"] == "ln":
        return numpy.log(numpy.maximum(m, p["floor"]))
    return numpy.log10(numpy.maximum(m, p["floor"])) * (20 if p["log"] == "db" else 1)


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mels.h5")
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        f.attrs["librosa"] = numpy.bytes_(librosa.__version__)
        for number, (name, (preset, changes, rate, count, sound)) in enumerate(CASES.items()):
            p = dict(PRESETS[preset], **changes)
            x = sound(rate, count, numpy.random.RandomState(number)).astype(numpy.float32)
            m = spectrum(p, x.astype(numpy.float64), rate)
            g = f.create_group(name)
            for key, value in (("x", x), ("y", compress(p, m)), ("power", m)):
                g.create_dataset(key, data=value, track_times=False, shuffle=True, compression=9)
            g.attrs["mel"] = numpy.bytes_(",".join([preset] + [f"{k}={v}" for k, v in changes.items()]))
            g.attrs["rate"] = numpy.int64(rate)
            print(f"{name}: {m.shape[0]} frames of {m.shape[1]} bands, {compress(p, m).min():.2f} to {compress(p, m).max():.2f}")


if __name__ == "__main__":
    main()
