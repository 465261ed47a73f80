#!/usr/bin/env python3
"""Compares what wavetrain makes of a sound with what the official package makes of it, in float64, for models of
players (.nam): the RMS of the difference over the RMS of the output, in dB, a line for each.
  tests/reference/judge_nam.py PROGRAM DRY.wav FILE.nam…    # PROGRAM: build/wavetrain
Needs neural-amp-modeler (0.13.0) and soundfile, by pip."""

import json
import os
import subprocess
import sys
import tempfile

import numpy
import soundfile
import torch
from nam.models import init_from_nam


def largest(model):
    """The network of a file; of a container of several sizes the last one, the largest."""
    while model["architecture"] == "SlimmableContainer":
        model = model["config"]["submodels"][-1]["model"]
    return model


def official(path, x):
    model = largest(json.load(open(path)))
    for layer in model["config"]["layers"]:  # the older way to describe a head
        if "head_size" in layer:
            layer["head"] = dict(out_channels=layer.pop("head_size"), kernel_size=1, bias=layer.pop("head_bias"))
    network = init_from_nam(model).double().eval()
    network.import_weights(torch.tensor(model["weights"], dtype=torch.float64))
    with torch.no_grad():
        return network.double()(torch.tensor(x)[None], pad_start=True)[0].numpy()


def own(program, dry, path):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.wav")
        subprocess.run([program, "apply", path, "--in", dry, "--out", out], check=True, capture_output=True)
        return soundfile.read(out, dtype="float64")[0]


program, dry, *paths = sys.argv[1:]
torch.set_num_threads(1)
x, _ = soundfile.read(dry, dtype="float64")
for path in paths:
    theirs, ours = official(path, x), own(program, dry, path)
    error = numpy.sqrt(numpy.mean((ours - theirs) ** 2)) / numpy.sqrt(numpy.mean(theirs ** 2))
    print(f"{path}: {len(ours)} samples, {20 * numpy.log10(error + 1e-300):.1f} dB")
