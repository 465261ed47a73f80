#!/usr/bin/env python3
"""speaker_windows.py [--most N] OUT.csv SPEAKER=WAV… | SHARD.h5…
Windows of a second for a classifier of voices, as rows "x,speaker": sound of each speaker, end to end, without
windows 30 dB below the loudest, each without what is below 100 Hz, at a level of its own, with noise of a random
SNR from 10 to 30 dB, and then with its spectrum tilted upwards (x[t] less 0.9 x[t-1], deviation 1000). At most
N windows per speaker, evenly spread."""
import sys
import wave

import h5py
import numpy as np


def read_sounds(names):
    sounds = {}
    for name in names:
        if name.endswith(".h5"):
            with h5py.File(name) as shard:
                offset, x = shard["utterances/offset"][:], shard["x"][:]
                for u, speaker in enumerate(shard["utterances/speaker"][:]):
                    sounds.setdefault(int(speaker), []).append(x[offset[u] : offset[u + 1]])
                rate = int(shard.attrs["sample_rate"])
        else:
            speaker, path = name.split("=", 1)
            with wave.open(path) as sound:
                rate = sound.getframerate()
                sounds.setdefault(int(speaker), []).append(np.frombuffer(sound.readframes(sound.getnframes()), "<i2"))
    return rate, {s: np.concatenate(parts).astype(float) for s, parts in sounds.items()}


def make_window(x, rate, random):
    spectrum = np.fft.rfft(x)
    spectrum[: 100 * len(x) // rate] = 0
    x = np.fft.irfft(spectrum, len(x))
    x /= max(x.std(), 1e-9)
    x += random.normal(size=len(x)) * 10 ** (-random.uniform(10, 30) / 20)
    x[1:] -= 0.9 * x[:-1]
    return np.rint(1000 * x / x.std()).astype(int)


def main(most, out, names):
    rate, sounds = read_sounds(names)
    random = np.random.default_rng(1)
    with open(out, "w") as rows:
        rows.write("x,speaker\n")
        for speaker, x in sorted(sounds.items()):
            windows = x[: len(x) // rate * rate].reshape(-1, rate)
            level = windows.std(axis=1)
            windows = windows[level > level.max() * 10**-1.5]
            take = np.unique(np.linspace(0, len(windows) - 1, min(most, len(windows))).astype(int))
            for window in windows[take]:
                rows.write("".join(f"{v},{speaker}\n" for v in make_window(window, rate, random)))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    most = int(arguments[1]) if arguments[:1] == ["--most"] else 10**9
    arguments = arguments[2:] if arguments[:1] == ["--most"] else arguments
    if len(arguments) < 2:
        sys.exit(__doc__)
    main(most, arguments[0], arguments[1:])
