#!/usr/bin/python3
"""Makes a pair of recordings to learn an amplifier from: FOLDER/dry.wav in the standard layout (blips, chirps, noise,
plucked strings, exact zeros, the last 9 s as the first 9 s) and FOLDER/wet.wav, what a two-stage clipper that is not
symmetric, with a supply that sags, a tone stack, a cabinet of 20 ms, noise at -70 dB and a delay makes of it. The
clipper works at 8 times the rate. The same every time. Needs numpy.
  tests/reference/make_pair.py FOLDER [--delay 137] [--seconds 190]     # fewer: without the layout
"""

import argparse
import os
import wave

import numpy

RATE, OVER, TAPS = 48000, 8, 8


def pluck(random, x, start, end, notes):
    """Strings between two moments, in seconds."""
    t = numpy.arange(int(1.5 * RATE)) / RATE
    for _ in range(int(notes * (end - start))):
        at = int(random.uniform(start, end - 0.2) * RATE)
        pitch = 82.4 * 2 ** (random.randint(0, 36) / 12)
        loudness, damping = random.uniform(0.03, 0.35), random.uniform(1.5, 6)
        note = sum(numpy.sin(2 * numpy.pi * pitch * k * t + random.uniform(0, 6.3)) / k ** 1.2 *
                   numpy.exp(-t * damping * (1 + 0.25 * k)) for k in range(1, 11) if pitch * k < RATE / 2)
        note *= loudness * (1 - numpy.exp(-t * 400))
        last = min(at + len(t), int(end * RATE))
        x[at:last] += note[:last - at]


def chirp(length):
    t = numpy.arange(int(length * RATE)) / RATE
    rise = numpy.log(20000 / 20)
    return 0.5 * numpy.sin(2 * numpy.pi * 20 * length / rise * (numpy.exp(t / length * rise) - 1))


def played(seconds):
    random, x = numpy.random.RandomState(19), numpy.zeros(int(seconds * RATE))
    if seconds < 190:
        pluck(random, x, 0, seconds - 0.5, 6)
        x[:2 * RATE] += random.uniform(-0.2, 0.2, 2 * RATE)
        return numpy.clip(x, -0.98, 0.98)
    pluck(random, x, 0, 9, 6)
    for blip in (10.5, 11.5):
        x[int(blip * RATE):int(blip * RATE) + 2] = 0.9
    x[12 * RATE:15 * RATE] = chirp(3)
    x[15 * RATE:17 * RATE] = random.uniform(-1, 1, 2 * RATE) * numpy.linspace(0.02, 0.6, 2 * RATE)
    pluck(random, x, 17, 180.5, 6)
    x[181 * RATE:190 * RATE] = x[:9 * RATE]
    return numpy.clip(x, -0.98, 0.98)


def sag(x):
    """The supply's share that is left, from a follower that looks every 32 samples."""
    peaks = numpy.abs(x[:len(x) // 32 * 32]).reshape(-1, 32).max(1)
    level, follower = numpy.zeros(len(peaks)), 0.0
    attack, release = 1 - numpy.exp(-32 / RATE / 0.005), 1 - numpy.exp(-32 / RATE / 0.08)
    for i, peak in enumerate(peaks):
        follower += (attack if peak > follower else release) * (peak - follower)
        level[i] = follower
    return 1 / (1 + 0.6 * numpy.interp(numpy.arange(len(x)), numpy.arange(len(peaks)) * 32 + 32, level))


def clip(v):
    first = numpy.tanh(6 * v + 0.15) - numpy.tanh(0.15)
    return numpy.where(first > 0, numpy.tanh(1.8 * first), 0.8 * numpy.tanh(2.6 * first))


def amplified(x):
    n = numpy.arange(OVER * TAPS) - (OVER * TAPS - 1) / 2
    low = numpy.sinc(0.9 * n / OVER) * numpy.kaiser(OVER * TAPS, 9) * 0.9
    driven = x * sag(x)
    y = numpy.zeros(len(x) + TAPS - 1)
    for phase in range(OVER):  # each phase of the higher rate by itself
        taps = low[phase::OVER]
        stage = clip(numpy.convolve(driven, taps)[:len(x)])
        y += numpy.convolve(stage, low[OVER - 1 - phase::OVER])[:len(y)] / OVER
    y = y[:len(x)]  # a little late by both filters
    random, t = numpy.random.RandomState(23), numpy.arange(960)
    tone = 0.7 * numpy.exp(-t / 9.0) * (t < 200)
    tone[0] += 0.6
    cabinet = random.normal(0, 1, 960) * numpy.exp(-t / 160) * 0.22
    cabinet[0] = 1
    y = numpy.convolve(numpy.convolve(y, tone), cabinet)[:len(x)]
    y *= 0.7 / numpy.abs(y).max()
    return y + random.normal(0, 10 ** (-70 / 20) * numpy.sqrt(numpy.mean(y ** 2)), len(y))


def write(path, x):
    samples = numpy.round(numpy.clip(x, -1, 1 - 2 ** -23) * 2 ** 23).astype("<i4")
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(3)
        f.setframerate(RATE)
        f.writeframes(samples.view(numpy.uint8).reshape(-1, 4)[:, :3].tobytes())


def main():
    parser = argparse.ArgumentParser(description="Makes a pair of recordings to learn an amplifier from.")
    parser.add_argument("folder")
    parser.add_argument("--delay", type=int, default=137)
    parser.add_argument("--seconds", type=float, default=190)
    options = parser.parse_args()
    x = played(options.seconds)
    x = numpy.round(x * 2 ** 23) / 2 ** 23
    y = amplified(x)
    late = numpy.concatenate([numpy.zeros(options.delay), y])
    os.makedirs(options.folder, exist_ok=True)
    write(os.path.join(options.folder, "dry.wav"), x)
    write(os.path.join(options.folder, "wet.wav"), late)


if __name__ == "__main__":
    main()
