#!/usr/bin/env python3
"""compare_exports.py FILE:LOGITS.h5:DATASET:SPLIT...

Runs each network that `wavetrain export` has written, FILE.py in PyTorch or FILE.onnx in ONNX Runtime, on the
inputs that `wavetrain evaluate --logits` has written, an utterance at a time, and compares its outputs with
those of the file. Frames and speakers of a condition come from the data set. Prints the largest difference as
a share of the largest output; the exit code is 1 where that is more than 1e-5.

Of FILE.onnx also: onnx.checker; recordings of 1 sample and of less than the receptive field. Where there are
FILE-step.onnx and FILE-step-start.onnx, steps from a recording's start, and from samples that it already has,
give the outputs of the whole over twice the receptive field.
"""

import glob
import importlib.util
import json
import os
import re
import sys

import h5py
import numpy

LIMIT = 1e-5


class Page:
    """A module of PyTorch."""

    def __init__(self, path):
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        spec = importlib.util.spec_from_file_location("exported", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.network = module.load()
        with open(path[: -len(".py")] + ".safetensors", "rb") as file:
            self.metadata = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]

    def run(self, x, **others):
        with self.torch.no_grad():
            arrays = {name: self.torch.from_numpy(array) for name, array in others.items()}
            return self.network(self.torch.from_numpy(x), **arrays).numpy()

    def check(self, *example):
        return 0.0


class Graph:
    """A graph of ONNX, with the step and the start that stand next to it."""

    def __init__(self, path):
        import onnx
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.sessions = {}
        base = path[: -len(".onnx")]
        for kind in "", "-step", "-step-start":
            if not os.path.exists(base + kind + ".onnx"):
                continue
            model = onnx.load(base + kind + ".onnx")
            onnx.checker.check_model(model, full_check=True)
            assert (model.ir_version, model.opset_import[0].version) == (8, 17), model.opset_import
            self.sessions[kind] = onnxruntime.InferenceSession(
                base + kind + ".onnx", options, providers=["CPUExecutionProvider"]
            )
        self.metadata = self.sessions[""].get_modelmeta().custom_metadata_map

    def feed(self, kind, **arrays):
        session = self.sessions[kind]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, arrays)))

    def run(self, x, **others):
        return self.feed("", x=x, **others)["logits"]

    def step(self, x, begin, end, others):
        """The outputs of samples begin to end, after the ones before."""
        made = self.feed("-step-start", x=x[..., :begin], **others)
        outputs = []
        for t in range(begin, end):
            states = {name.replace(".next", ".past"): made[name] for name in made if name != "logits"}
            if "frames" in others:
                states["sample"] = numpy.array([t])
            made = self.feed("-step", x=x[..., t : t + 1], **states, **others)
            outputs.append(made["logits"])
        return numpy.concatenate(outputs, -1)

    def check(self, x, others):
        """The largest difference between the whole and parts of it."""
        field = int(self.metadata["receptive_field"])
        x = numpy.concatenate([x] * (2 * field // x.shape[-1] + 1), -1)[..., : 2 * field]
        x = numpy.concatenate([x, x[::, ..., ::-1]])  # two recordings at once
        others = {name: numpy.concatenate([array, array]) for name, array in others.items()}
        whole = self.run(x, **others)
        difference = 0.0
        for count in 1, max(1, field // 2):
            difference = max(difference, abs(self.run(x[..., :count], **others) - whole[..., :count]).max())
        if "-step" in self.sessions:
            for begin, end in (0, 2 * field), (1, 9), (field + 3, field + 9):
                end = min(end, 2 * field)
                if begin < end:
                    made = self.step(x, begin, end, others)
                    difference = max(difference, abs(made - whole[..., begin:end]).max())
        return difference


def numbers(text):
    return numpy.array([float(number) for number in text.split()], numpy.float32)


def conditions_of(dataset, split, metadata):
    """Of each utterance the arguments other than x."""
    found = []
    for path in sorted(glob.glob(f"{dataset}/{split}-*.h5")):
        with h5py.File(path) as shard:
            speakers = shard["utterances/speaker"][:] if "speakers" in metadata else None
            ends = shard["features/end"][:] if "features_mean" in metadata else None
            for u in range(len(shard["utterances/speaker"])):
                arguments = {}
                if ends is not None:
                    frames = shard["features/x"][ends[u - 1] if u else 0 : ends[u]]
                    frames -= numbers(metadata["features_mean"])
                    frames /= numbers(metadata["features_deviation"])
                    arguments["frames"] = frames.T.copy()[None]
                if speakers is not None:
                    arguments["speaker"] = numpy.array([int(speakers[u])])
                found.append(arguments)
    return found


def differs(path, logits, dataset, split):
    network = Graph(path) if path.endswith(".onnx") else Page(path)
    late = int(re.search(r"look_ahead: (\d+)", network.metadata["config"])[1])
    conditions = conditions_of(dataset, split, network.metadata)
    difference = largest = 0.0
    with h5py.File(logits) as file:
        utterance, inputs, expected = file["utterance"][:], file["input"], file["logits"][:]
        largest = abs(expected).max()
        classes = inputs.dtype.kind == "i"
        windows = inputs.ndim == (2 if classes else 3)  # an output per window
        for u in numpy.unique(utterance):
            rows = numpy.flatnonzero(utterance == u)
            x = inputs[rows[0] : rows[-1] + 1]
            x = x.astype(numpy.int64) if classes else numpy.ascontiguousarray(numpy.swapaxes(x, -1, -2))
            if late:
                x = numpy.concatenate([x, numpy.zeros((*x.shape[:-1], late), x.dtype)], -1)
            got = network.run(x if windows else x[None], **conditions[u])
            got = got if windows else got[0].T[late:]
            assert got.shape == expected[rows].shape, (got.shape, expected[rows].shape)
            difference = max(difference, abs(got - expected[rows]).max())
            if u == utterance[0] and not windows:
                difference = max(difference, network.check(x[None], conditions[u]))
    print(f"{path}: {len(expected)} outputs, {difference / largest:.2g} of the largest")
    return difference > LIMIT * largest or not largest > 0


if __name__ == "__main__":
    sys.exit(any([differs(*argument.split(":")) for argument in sys.argv[1:]]))
