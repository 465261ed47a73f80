#!/usr/bin/env python3
"""compare_torch.py PAGE.py:LOGITS.h5[:DATASET:SPLIT]...

Runs each module that `wavetrain export --format torch` has written on the inputs that `wavetrain evaluate
--logits` has written, an utterance at a time, and compares its outputs with those of the file. Frames and
speakers of a condition come from the data set. Prints the largest difference as a share of the largest output;
the exit code is 1 where that is more than 1e-5.
"""

import glob
import importlib.util
import json
import re
import sys

import h5py
import numpy
import torch

LIMIT = 1e-5


def load_module(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def metadata_of(page):
    with open(page[: -len(".py")] + ".safetensors", "rb") as file:
        return json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]


def numbers(text):
    return numpy.array([float(number) for number in text.split()], numpy.float32)


def conditions_of(dataset, split, metadata):
    """Of each utterance the arguments that follow x."""
    found = []
    for path in sorted(glob.glob(f"{dataset}/{split}-*.h5")):
        with h5py.File(path) as shard:
            speakers = shard["utterances/speaker"][:] if "speakers" in metadata else None
            ends = shard["features/end"][:] if "features_mean" in metadata else None
            for u in range(len(shard["utterances/speaker"])):
                arguments = []
                if ends is not None:
                    frames = shard["features/x"][ends[u - 1] if u else 0 : ends[u]]
                    frames = (frames - numbers(metadata["features_mean"])) / numbers(metadata["features_deviation"])
                    arguments.append(torch.from_numpy(frames.T.copy())[None])
                if speakers is not None:
                    arguments.append(torch.tensor([int(speakers[u])]))
                found.append(arguments)
    return found


def differs(page, logits, *data):
    network, metadata = load_module(page), metadata_of(page)
    late = int(re.search(r"look_ahead: (\d+)", metadata["config"])[1])
    conditions = conditions_of(*data, metadata) if data else None
    difference = largest = 0.0
    with h5py.File(logits) as file, torch.no_grad():
        utterance, inputs, expected = file["utterance"][:], file["input"], file["logits"][:]
        classes = inputs.dtype.kind == "i"
        windows = inputs.ndim == (2 if classes else 3)  # an output per window
        for u in numpy.unique(utterance):
            rows = numpy.flatnonzero(utterance == u)
            x = torch.from_numpy(inputs[rows[0] : rows[-1] + 1])
            x = x.long() if classes else x.transpose(-1, -2)
            if late:
                x = torch.cat([x, torch.zeros(*x.shape[:-1], late, dtype=x.dtype)], -1)
            got = network(x if windows else x[None], *(conditions[u] if conditions else []))
            got = got.numpy() if windows else got[0].numpy().T[late:]
            assert got.shape == expected[rows].shape, (got.shape, expected[rows].shape)
            difference = max(difference, abs(got - expected[rows]).max())
        largest = abs(expected).max()
    print(f"{page}: {len(expected)} outputs, {difference / largest:.2g} of the largest")
    return difference > LIMIT * largest or not largest > 0


def main():
    torch.set_num_threads(1)
    return any([differs(*argument.split(":")) for argument in sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
