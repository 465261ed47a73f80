#!/usr/bin/env python3
"""Makes tests/reference/nam: files as Neural Amp Modeler's trainer writes them, and what it computes from them.

    python3 tests/reference/make_nam.py      writes every file anew

Needs the trainer (`pip install neural-amp-modeler`, 0.13.0, and soundfile) in a virtual environment of its own. The
tests read the files alone and need none of it.

  input.wav   48 kHz, 32-bit floats: plucked strings, noise
  NAME.nam    a network of the trainer's own classes with its first parameters, drawn by torch.manual_seed(0)
  NAME.f32    the trainer's output for input.wav, started in silence, computed in float64 and rounded to 32-bit floats
"""

import json
import os
import pathlib

import numpy
import soundfile
import torch
from nam.models.wavenet import WaveNet

SAMPLES = 9600
POWERS = [2 ** i for i in range(10)]
PRIMES = [1, 3, 7, 17, 41, 101, 239]


def array(input_size, channels, dilations, head_size, head_bias):
    return dict(input_size=input_size, condition_size=1, channels=channels, kernel_size=3, dilations=dilations,
                head=dict(out_channels=head_size, kernel_size=1, bias=head_bias), activation="Tanh")


A1_NANO = dict(layers_configs=[array(1, 4, POWERS[:7], 2, False), array(4, 2, POWERS[7:] + POWERS, 1, True)],
               head_scale=0.02)
A2_LITE = dict(layers_configs=[dict(
    input_size=1, condition_size=1, channels=3, kernel_sizes=[6] * 14 + [15] * 2 + [6] * 7,
    dilations=PRIMES + PRIMES + [1, 13] + PRIMES, head=dict(out_channels=1, kernel_size=16, bias=True),
    activation="LeakyReLU")], head_scale=0.01)


def signal():
    random = numpy.random.RandomState(0)
    t = numpy.arange(SAMPLES) / 48000
    x = 0.01 * random.normal(size=SAMPLES)
    for start, pitch in ((0.005, 82.4), (0.05, 110.0), (0.1, 329.6), (0.15, 196.0)):
        after = numpy.maximum(t - start, 0)
        x += 0.4 * (t >= start) * numpy.sin(2 * numpy.pi * pitch * after) * numpy.exp(-12 * after)
    return x.astype(numpy.float32)


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nam")
    x = signal()
    soundfile.write(os.path.join(folder, "input.wav"), x, 48000, subtype="FLOAT")
    for name, config in (("a1-nano", A1_NANO), ("a2-lite", A2_LITE)):
        torch.manual_seed(0)
        model = WaveNet.init_from_config(dict(config, sample_rate=48000))
        model.export(pathlib.Path(folder), basename=name)
        with open(os.path.join(folder, name + ".nam"), encoding="utf-8") as file:
            weights = json.load(file)["weights"]
        model = model.double().eval()
        model.import_weights(torch.tensor(weights, dtype=torch.float64))
        with torch.no_grad():
            y = model.double()(torch.tensor(x, dtype=torch.float64)[None], pad_start=True)[0]
        y.numpy().astype("<f4").tofile(os.path.join(folder, name + ".f32"))


if __name__ == "__main__":
    main()
