#!/usr/bin/python3
"""Makes tests/reference/normed-*.h5: what PyTorch computes for WaveNets whose blocks have a norm (BatchNorm1d or LayerNorm)
between the dilated convolution and the gate. Used as make_pytorch.py, whose networks these are; the files are laid out as
those of make_hierarchy.py, since training and evaluation differ.

Batch norm takes away what biases in front of it add (the input's, the residuals', the rechannels'), so that their
gradients are 0 but for rounding, by which Adam would divide: its epsilon is large in these cases.
"""

import argparse
import os
import sys

import numpy
import torch
from torch.nn.functional import conv1d, cross_entropy

import make_hierarchy
import make_pytorch as common
from make_pytorch import array


def case(about, arrays, norm, bias="auto", **others):
    return dict(common.case(about, arrays, **others), norm=norm, bias=bias)


CASES = {
    "normed-layer": case("layer norm, two stacks, a window without targets", [array(2, 6, 5, stacks=2, layers=3)],
                         "layer", window=30, windows=4, lane_windows=2, empty=(2,)),
    "normed-batch": case("batch norm, three arrays of different widths, kernels and activations, with rechannel",
                         [array(2, 6, 5, layers=3), array(3, 9, 4, dilations=[1, 3], activation="tanh"),
                          array(2, 4, 7, layers=2, activation="relu")], "batch", window=110, windows=4, skip=7,
                         lane_windows=2, utterances=(230, 97, 123), optimizer=dict(common.ADAM, clip=0.4, epsilon=1.0e-3)),
    "normed-bias": case("layer norm behind biases, real input, residual and skip scales",
                        [array(3, 7, 6, layers=3)], "layer", bias="true", input="real", channels=2,
                        skip_scale=0.75, residual_scale=0.7071067811865476, window=25),
    "normed-ignored": case("batch norm, a fifth of the targets ignored", [array(2, 5, 18, layers=4)], "batch",
                           window=20, windows=6, lane_windows=3, ignored=0.2, input_kernel=1,
                           optimizer=dict(kind="adamw", learning_rate=0.02, weight_decay=0.1, epsilon=1.0e-3)),
}


def yaml_of(c):
    return common.yaml_of(c).replace("  trunk: wavenet\n", f"  trunk: wavenet\n  norm: {c['norm']}\n"
                                     f"  bias: {c['bias']}\n")


class Block(torch.nn.Module):
    def __init__(self, c, a, dilation, width, last):
        super().__init__()
        out = a["gate"] * (2 if a["activation"] == "gate" else 1)
        if a["residual"] != width:
            self.rechannel = torch.nn.Conv1d(width, a["residual"], 1)
        self.conv = torch.nn.Conv1d(a["residual"], out, a["kernel"], dilation=dilation, bias=c["bias"] == "true")
        self.norm = torch.nn.BatchNorm1d(out) if c["norm"] == "batch" else torch.nn.LayerNorm(out)
        self.skip = torch.nn.Conv1d(a["gate"], c["skip"], 1)
        if not last:
            self.residual = torch.nn.Conv1d(a["gate"], a["residual"], 1)
        self.gate, self.activation, self.scale = a["gate"], a["activation"], c["residual_scale"]

    def normed(self, windows):
        """Rows of all windows, of whatever lengths, as one list: [1, channels, rows]."""
        rows = torch.cat(windows, dim=2)
        if isinstance(self.norm, torch.nn.LayerNorm):
            rows = self.norm(rows.transpose(1, 2)).transpose(1, 2)
        else:
            rows = self.norm(rows)
        return torch.split(rows, [w.shape[2] for w in windows], dim=2)

    def forward(self, hs, watch):
        """The next h of each window, and its z."""
        if hasattr(self, "rechannel"):
            hs = [self.rechannel(h) for h in hs]
        zs = []
        for v in self.normed([self.conv(h) for h in hs]):
            if self.activation == "gate":
                zs.append(torch.tanh(v[:, :self.gate]) * torch.sigmoid(v[:, self.gate:]))
            else:
                zs.append(torch.tanh(v) if self.activation == "tanh" else watch.relu(v))
        if hasattr(self, "residual"):
            hs = [(h[:, :, -z.shape[2]:] + self.residual(z)) * self.scale for h, z in zip(hs, zs)]
        return hs, zs


class WaveNet(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        blocks = list(common.blocks_of(c["arrays"]))
        width = blocks[0][0]["residual"]
        self.input = torch.nn.Conv1d(c["classes"] if c["input"] == "class" else c["channels"], width,
                                     c["input_kernel"])
        self.blocks = torch.nn.ModuleList()
        for l, (a, dilation) in enumerate(blocks):
            self.blocks.append(Block(c, a, dilation, width, l + 1 == len(blocks)))
            width = a["residual"]
        hidden = c["head_channels"] or c["skip"]
        self.head = torch.nn.ModuleList([torch.nn.Conv1d(c["skip"], hidden, 1),
                                         torch.nn.Conv1d(hidden, c["classes"], 1)])
        self.skip_scale = c["skip_scale"]

    def forward(self, xs, counts, watch):
        """xs: of each window [1, channels or classes, targets + R - 1] -> [targets, classes] each"""
        hs = [self.input(x) for x in xs]
        skips = [0.0] * len(xs)
        for block in self.blocks:
            hs, zs = block(hs, watch)
            skips = [s * self.skip_scale + block.skip(z[:, :, -n:]) for s, z, n in zip(skips, zs, counts)]
        return [self.head[1](watch.relu(self.head[0](watch.relu(s))))[0].T for s in skips]


def initial(c, random):
    model = WaveNet(c).to(torch.float64)
    for key, tensor in make_hierarchy.named(model).items():
        spread = random.uniform(-2, 2, tensor.shape)
        if ".norm." in key:
            spread = 1 + spread / 3 if key.endswith(("weight", "running_var")) else spread / 2
        elif key.endswith("weight"):
            spread = spread / numpy.sqrt(tensor[0].numel())
        else:
            spread = spread / 2
        with torch.no_grad():
            tensor.copy_(torch.tensor(common.rounded(spread)))
    return model


def losses_of(c, model, data, batch, training, watch):
    """Logits and summed loss of each window; windows without targets have no rows."""
    xs, counts = [], []
    filled = [w for w in range(c["windows"]) if data["target_count"][batch, w]]
    for w in filled:
        n = int(data["target_count"][batch, w])
        rows = n + common.receptive_field(c) - 1
        counts.append(n)
        if c["input"] == "class":
            x = torch.tensor(data["classes"][batch, w, :rows].astype(numpy.int64))
            xs.append(torch.nn.functional.one_hot(x, c["classes"]).to(torch.float64).T[None])
        else:
            xs.append(torch.tensor(data["signal"][batch, w, :rows]).T[None])
    model.train(training)
    logits = [torch.zeros(0, c["classes"], dtype=torch.float64)] * c["windows"]
    losses, count = [torch.zeros((), dtype=torch.float64)] * c["windows"], 0
    for w, n, y in zip(filled, counts, model(xs, counts, watch)):
        target = torch.tensor(data["target"][batch, w, :n].astype(numpy.int64))
        logits[w] = y
        losses[w] = cross_entropy(y, target, ignore_index=-1, reduction="sum")
        count += int((target >= 0).sum())
    return torch.cat(logits), losses, count, [len(y) for y in logits]


def main():
    make_hierarchy.main(__doc__, CASES, 70000, initial, losses_of, yaml_of)


if __name__ == "__main__":
    main()
