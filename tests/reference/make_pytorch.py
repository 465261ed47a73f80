#!/usr/bin/python3
"""Makes tests/reference/*.h5: what PyTorch computes for small networks of this project's definition.

    /usr/bin/python3 tests/reference/make_pytorch.py            writes every file anew
    /usr/bin/python3 tests/reference/make_pytorch.py --check    recomputes, and compares with the files

Needs Debian's python3-torch, python3-numpy and python3-h5py (hence /usr/bin/python3: another `python3`
in the PATH would not see them). The tests read the files alone and need none of it.

All numbers are float64. Parameters and signals are first rounded to multiples of 1/4096, so that the program,
which computes in float32, starts from the very same values. Random numbers come from numpy's RandomState,
whose streams never change.

A file holds
  attributes       about, config (YAML for wt_config_parse), classes, channels (0: class input),
                   receptive_field, lane_windows, batches; torch (its version)
  target_count     [batches, windows]
  classes          [batches, windows, T + R - 1], or
  signal           [batches, windows, T + R - 1, channels]
  condition        [batches, windows, frames, features], of networks with a condition; phase, [batches, windows];
                   speaker, [batches, windows], of those with speakers; attributes features, hop, speakers
  target           [batches, windows, T], -1: no target; with a readout the last one alone
  value            [batches, windows, T], of squared error and mixtures; of several values per target
                   [batches, windows, T, values]. Then target is 0, or the edges' bits of a code (batch.h)
  parameters/NAME  the initial parameters, in PyTorch's shapes; each with the attribute fan_in
  logits           [windows, T (1 with a readout), outputs] of batch 0 (rows past a window's target count are 0)
  losses           [windows], summed over each window's targets, and their sum
  loss             of batch 0
  gradients/NAME   of that sum
  curve            [20], the mean loss per target of each training step before its update; step s
                   (from 0) trains on batch s mod batches
  final            the parameters after the last step, tensor behind tensor in the order of forward: condition,
                   speaker, input, then of each block rechannel, conv, condition, speaker, skip, residual, then head;
                   weight before bias
What stands in a window's slot behind its last input and target is arbitrary and must not matter.
"""

import argparse
import os
import sys

import h5py
import numpy
import torch
from torch.nn.functional import conv1d, cross_entropy

STEPS = 20
BATCHES = 3
# No pre-activation of a ReLU in batch 0 may be nearer to 0: float32 could land on the other side, and the
# gradient, which jumps there, would differ without anybody being wrong.
KINK = 1e-5

ADAM = dict(kind="adam", learning_rate=0.01)


def array(kernel, residual, gate, stacks=1, layers=None, dilations=None, activation="gate"):
    return dict(kernel=kernel, residual=residual, gate=gate, stacks=stacks, layers=layers,
                dilations=dilations, activation=activation)


def case(about, arrays, classes=16, input="class", channels=0, input_kernel=2, skip=8, head_channels=0,
         skip_scale=1.0, residual_scale=1.0, window=40, windows=4, lane_windows=2, utterances=(150, 97, 123),
         ignored=0.0, empty=(), optimizer=ADAM, head="softmax", readout=None, components=0, values=1, codes=False,
         shift=0.0, condition="none", pad=0, scales=(), features=0, hop=1, speakers=0, speaker=0,
         mean_unit=1.0, mean_curve="linear"):
    return dict(about=about, arrays=arrays, classes=classes, input=input, channels=channels,
                input_kernel=input_kernel, skip=skip, head_channels=head_channels, skip_scale=skip_scale,
                residual_scale=residual_scale, window=window, windows=windows, lane_windows=lane_windows,
                utterances=utterances, ignored=ignored, empty=empty, optimizer=optimizer, head=head,
                readout=readout, components=components, values=values, codes=codes, shift=shift,
                condition=condition, pad=pad, scales=scales, features=features, hop=hop, speakers=speakers,
                speaker=speaker, mean_unit=mean_unit, mean_curve=mean_curve)


CASES = {
    "kernel-1": case("kernel 1: no context but the input convolution's",
                     [array(1, 6, 7, layers=3)], input_kernel=4, window=25),
    "kernel-2": case("kernel 2, clipped",
                     [array(2, 8, 8, layers=4)], window=100, windows=2, lane_windows=1, classes=12,
                     utterances=(260, 177), optimizer=dict(ADAM, clip=0.35)),
    "kernel-3": case("kernel 3, two stacks, AdamW",
                     [array(3, 5, 6, stacks=2, layers=3)], window=30,
                     optimizer=dict(kind="adamw", learning_rate=0.02, weight_decay=0.3)),
    "one-block": case("a single block, which has no residual output; input kernel 1",
                      [array(2, 8, 6, layers=1)], input_kernel=1, window=25),
    "many-blocks": case("3 x 5 blocks, other betas and epsilon",
                        [array(2, 3, 4, stacks=3, layers=5)], skip=5, window=30,
                        optimizer=dict(ADAM, beta1=0.8, beta2=0.95, epsilon=1.0e-4)),
    "long-dilation": case("dilations longer than a tile, windows of several tiles and of one target",
                          [array(2, 3, 2, dilations=[300, 700, 1])], classes=8, skip=3, window=300,
                          windows=3, lane_windows=1, utterances=(301, 433)),
    "odd-channels": case("odd channel counts; Adam with (coupled) weight decay",
                         [array(2, 5, 7, stacks=2, layers=3)], classes=11, skip=3, head_channels=13,
                         window=37, windows=5, lane_windows=1, optimizer=dict(ADAM, weight_decay=0.1)),
    "arrays": case("three arrays of different widths, kernels and activations, with rechannel",
                   [array(2, 6, 5, layers=3),
                    array(3, 9, 4, dilations=[1, 3, 5], activation="tanh"),
                    array(2, 4, 7, stacks=2, layers=2, activation="relu")], skip=7, head_channels=9,
                   window=25),
    "panels": case("more than 32 channels, so that a weight gradient has several owners; few beside them",
                   [array(2, 33, 3, layers=1), array(3, 3, 35, dilations=[2])], classes=12, skip=33,
                   input_kernel=1, head_channels=3, window=20, windows=3, lane_windows=1,
                   utterances=(50, 37)),
    "ungated": case("tanh and ReLU without a gate, of one width; ReLU last",
                    [array(2, 6, 6, layers=2, activation="tanh"),
                     array(3, 6, 6, layers=2, activation="relu")], classes=20, input_kernel=1),
    "real": case("real input of 3 channels, input kernel 3",
                 [array(2, 7, 6, layers=4)], input="real", channels=3, input_kernel=3),
    "real-short": case("real input of one channel, utterances shorter than the receptive field, clipped",
                       [array(3, 5, 4, layers=4)], input="real", channels=1, input_kernel=2, window=16,
                       windows=6, lane_windows=3, utterances=(21, 9, 30, 1, 17),
                       optimizer=dict(ADAM, clip=0.2)),
    "short": case("class input, utterances shorter than the receptive field, empty slots, three lanes",
                  [array(2, 6, 6, layers=6)], window=16, windows=6, lane_windows=2, empty=(3, 5),
                  utterances=(21, 9, 30, 1, 17, 40, 5)),
    "scales": case("skip and residual scales",
                   [array(2, 6, 5, stacks=2, layers=3), array(2, 4, 6, layers=2)], skip_scale=0.75,
                   residual_scale=0.7071067811865476, window=25,
                   optimizer=dict(ADAM, clip=0.5, weight_decay=0.01)),
    "ignored": case("a fifth of the targets ignored, one window without any; input kernel 4",
                    [array(2, 6, 6, layers=4)], input_kernel=4, ignored=0.2, classes=48, skip=5, window=20,
                    optimizer=dict(kind="adamw", learning_rate=0.01, weight_decay=0.05, clip=1.0)),
    "values": case("squared error of one value a sample, real input of two channels",
                   [array(2, 6, 5, layers=4)], input="real", channels=2, head="mse", window=60, windows=4,
                   ignored=0.1, optimizer=dict(ADAM, clip=0.9)),
    "readout-mean": case("one class a window, from the mean of its outputs",
                         [array(2, 5, 6, layers=3)], input="real", channels=1, readout="mean", classes=7,
                         window=30, windows=6, lane_windows=3, utterances=(90, 120)),
    "readout-linear": case("one class a window, from a linear layer over time; windows of several tiles",
                           [array(3, 4, 5, layers=2)], input="real", channels=2, readout="linear", classes=5,
                           window=230, windows=4, lane_windows=2, utterances=(690, 460)),
    "readout-value": case("one value a window, from a linear layer over time",
                          [array(2, 6, 6, layers=3)], input="real", channels=1, readout="linear", head="mse",
                          window=40, windows=4, lane_windows=1, utterances=(120, 80)),
    "logistics-codes": case("three logistics for the next sample's code of 16 bits, some at either end; class input",
                            [array(2, 6, 6, layers=4)], head="logistics", components=3, codes=True, shift=-3.0,
                            window=50, ignored=0.1),
    "logistics-values": case("the density of four logistics for each of two channels",
                             [array(2, 6, 5, layers=3)], input="real", channels=2, head="logistics", components=4,
                             values=2, window=40),
    "gaussian-codes": case("a Gaussian for the next sample's code of 16 bits, some at either end; real input",
                           [array(2, 6, 6, layers=4)], input="real", channels=1, head="gaussian", components=1,
                           codes=True, shift=-2.0, window=50),
    "gaussian-values": case("the density of two Gaussians for each of three channels",
                            [array(2, 5, 6, layers=3)], input="real", channels=3, head="gaussian", components=2,
                            values=3, window=40, ignored=0.1),
    "next-values": case("squared error of the next sample's three channels",
                        [array(2, 5, 6, layers=3)], input="real", channels=3, head="mse", values=3, window=40,
                        ignored=0.1),
}

CASES.update({
    "frames-repeated": case("a condition of repeated frames", [array(2, 6, 5, stacks=2, layers=3)],
                            condition="repeat", features=3, hop=7),
    "frames-linear": case("a condition of frames between which lines are drawn; tanh, real input",
                          [array(3, 5, 6, layers=3, activation="tanh")], input="real", channels=1,
                          condition="linear", features=4, hop=5),
    "frames-stretched": case("stretched frames, two scales; windows of several frames",
                             [array(2, 6, 5, stacks=2, layers=3)], window=60,
                             condition="stretch", pad=2, scales=(3, 2), features=3, hop=6),
    "speakers": case("speakers without frames", [array(2, 6, 5, layers=4)], speakers=4, speaker=3),
    "voices": case("stretched frames, speakers and a mixture of logistics together; three arrays",
                   [array(2, 6, 5, layers=3), array(3, 4, 4, dilations=[1, 3]), array(2, 5, 18, layers=2)],
                   head="logistics", components=3, codes=True, shift=-1.0, window=50, residual_scale=0.75,
                   condition="stretch", pad=1, scales=(2, 1, 2, 2), features=5, hop=8, speakers=3, speaker=2),
})

CASES["logistics-sinh"] = case("three logistics whose means are the outputs' sinh, for a code of 16 bits",
                               [array(2, 6, 6, layers=4)], head="logistics", components=3, codes=True,
                               shift=-3.0, window=50, ignored=0.1, mean_unit=0.0625, mean_curve="sinh")

MIXTURES = ("logistics", "gaussian")
HALF = 1 / 65536  # of a code's width


def predicts_next(c):
    """Whether a target's values are the next sample's."""
    return c["head"] in MIXTURES or c["values"] > 1


def blocks_of(arrays):
    """A (array, dilation) for each block, first to last."""
    for a in arrays:
        dilations = a["dilations"] or [2 ** i for i in range(a["layers"])]
        for _ in range(a["stacks"]):
            for dilation in dilations:
                yield a, dilation


def receptive_field(c):
    return c["input_kernel"] - 1 + sum((a["kernel"] - 1) * d for a, d in blocks_of(c["arrays"])) + 1


def yaml_of(c):
    """The configuration as the program reads it; every key that matters is named."""
    def entry(a):
        keys = [f"kernel: {a['kernel']}", f"stacks: {a['stacks']}"]
        if a["dilations"]:
            keys.append(f"dilations: [{', '.join(map(str, a['dilations']))}]")
        else:
            keys.append(f"layers: {a['layers']}")
        return keys + [f"residual: {a['residual']}", f"gate: {a['gate']}", f"activation: {a['activation']}"]

    lines = ["model:", "  trunk: wavenet", f"  input: {c['input']}", f"  input_kernel: {c['input_kernel']}",
             f"  skip: {c['skip']}", f"  skip_scale: {c['skip_scale']!r}",
             f"  residual_scale: {c['residual_scale']!r}", f"  head: {c['head']}",
             f"  head_channels: {c['head_channels']}"]
    if c["readout"]:
        lines += [f"  readout: {c['readout']}"]
    if c["head"] in MIXTURES:
        lines += [f"  components: {c['components']}"]
        if c["mean_curve"] != "linear":
            lines += [f"  mean_unit: {c['mean_unit']!r}", f"  mean_curve: {c['mean_curve']}"]
    if c["condition"] != "none":
        lines += [f"  condition: {c['condition']}", f"  condition_pad: {c['pad']}",
                  f"  condition_scales: [{', '.join(map(str, c['scales']))}]"]
    if c["speaker"]:
        lines += [f"  speaker: {c['speaker']}"]
    if len(c["arrays"]) == 1:
        lines += ["  " + key for key in entry(c["arrays"][0])]
    else:
        lines += ["  arrays:"] + [f"    - {{{', '.join(entry(a))}}}" for a in c["arrays"]]
    samples = c["window"] + (receptive_field(c) - 1 if c["readout"] else 0)
    lines += ["data:", "  path: data/reference", f"  window: {samples}",
              f"  quantization: linear:{c['classes']}"]
    if c["readout"] or (c["head"] == "mse" and not predicts_next(c)):
        lines += ["  target: label", f"  stride: {c['window'] if c['readout'] else 0}"]
    lines += ["train:", f"  batch: {c['windows']}", f"  steps: {STEPS}",
              f"  lanes: {c['windows'] // c['lane_windows']}"]
    lines += ["optimizer:"] + [f"  {key}: {value}" for key, value in full_optimizer(c).items()]
    lines += ["schedule:", "  kind: constant", "  warmup: 0"]
    return "\n".join(lines) + "\n"


def full_optimizer(c):
    return dict(dict(beta1=0.9, beta2=0.999, epsilon=1.0e-8, weight_decay=0.0, clip=0.0), **c["optimizer"])


# --- parameters ---

def shapes_of(c):
    """Name of each convolution: (out, in, taps)."""
    blocks = list(blocks_of(c["arrays"]))
    width = blocks[0][0]["residual"]
    inputs = c["classes"] if c["input"] == "class" else c["channels"]
    shapes = {"input": (width, inputs, c["input_kernel"])}
    for l, (a, _) in enumerate(blocks):
        if a["residual"] != width:
            shapes[f"blocks.{l}.rechannel"] = (a["residual"], width, 1)
            width = a["residual"]
        halves = 2 if a["activation"] == "gate" else 1
        shapes[f"blocks.{l}.conv"] = (halves * a["gate"], width, a["kernel"])
        if c["condition"] != "none":
            shapes[f"blocks.{l}.condition"] = (halves * a["gate"], c["features"], 1)
        if c["speaker"]:
            shapes[f"blocks.{l}.speaker"] = (halves * a["gate"], c["speaker"], 1)
        shapes[f"blocks.{l}.skip"] = (c["skip"], a["gate"], 1)
        if l + 1 < len(blocks):
            shapes[f"blocks.{l}.residual"] = (width, a["gate"], 1)
    hidden = c["head_channels"] or c["skip"]
    shapes["head.0"] = (hidden, c["skip"], 1)
    shapes["head.1"] = (outputs_of(c), hidden, 1)
    return shapes


def shared_of(c):
    """Tensors of the condition that all blocks share, which stand first."""
    shapes = {}
    if c["condition"] == "stretch":
        shapes["condition.input.weight"] = (c["features"], c["features"], 2 * c["pad"] + 1)
        for k, s in enumerate(c["scales"]):
            shapes[f"condition.stretch.{k}.weight"] = (1, 1, 2 * s + 1)
    if c["speaker"]:
        shapes["speaker.weight"] = (c["speakers"], c["speaker"])
    return shapes


def reach_of(c):
    """Frames to each side of its own that a sample reads, after the first convolution."""
    row = 0
    for s in reversed(c["scales"]):
        row = row // s - 1
    return -row


def frames_of(c):
    """Frames of a window's slot."""
    taps = {"none": 0, "repeat": 1, "linear": 2, "stretch": 2 * reach_of(c) + 1 + 2 * c["pad"]}[c["condition"]]
    return (c["window"] + receptive_field(c) - 2 + c["hop"] - 1) // c["hop"] + taps


def outputs_of(c):
    if c["head"] in MIXTURES:
        return c["values"] * c["components"] * (3 if c["components"] > 1 else 2)
    return c["values"] if c["head"] == "mse" else c["classes"]


def rounded(values):
    return numpy.round(values * 4096) / 4096


def initial(c, random):
    """Twice as wide as PyTorch's default, so that the gates leave their linear part."""
    parameters, fan_in = {}, {}
    for key, shape in shared_of(c).items():
        fan_in[key] = shape[1] * shape[2] if len(shape) == 3 else 1
        mean = 1 / shape[2] if key.startswith("condition.stretch") else 0
        values = mean + random.uniform(-2, 2, shape) / numpy.sqrt(fan_in[key]) / (4 if mean else 1)
        parameters[key] = torch.tensor(rounded(values), requires_grad=True)
    for name, (out, inputs, taps) in shapes_of(c).items():
        for kind, shape in (("weight", (out, inputs, taps)), ("bias", (out,))):
            key = f"{name}.{kind}"
            if kind == "bias" and name.split(".")[-1] in ("condition", "speaker"):
                continue
            fan_in[key] = inputs * taps
            values = random.uniform(-2, 2, shape) / numpy.sqrt(inputs * taps)
            if key == "head.1.bias" and c["shift"]:  # ln s of scales that codes have
                values.reshape(c["values"], -1)[:, -c["components"]:] += c["shift"]
            parameters[key] = torch.tensor(rounded(values), requires_grad=True)
    if c["readout"] == "linear":  # torch.nn.Linear(window, 1) over time
        shapes = {"readout.weight": (1, c["window"])}
        if c["head"] == "mse":  # to all logits of a softmax it adds nothing
            shapes["readout.bias"] = (1,)
        for key, shape in shapes.items():
            fan_in[key] = c["window"]
            values = random.uniform(-2, 2, shape) / numpy.sqrt(c["window"])
            parameters[key] = torch.tensor(rounded(values), requires_grad=True)
    return parameters, fan_in


# --- the network ---

class Watch:
    """The smallest distance of a ReLU's input from its kink."""
    def __init__(self):
        self.nearest = numpy.inf

    def relu(self, x):
        self.nearest = min(self.nearest, x.detach().abs().min().item())
        return torch.relu(x)


def upsampled(c, p, frames, phase, rows):
    """frames [frames, features] -> [1, features, rows], the rows of a window from its first input on."""
    y = frames.T[None]
    places = phase + torch.arange(rows)
    if c["condition"] == "stretch":
        y = conv1d(y, p["condition.input.weight"])
        for k, s in enumerate(c["scales"]):
            y = conv1d(y.repeat_interleave(s, 2).transpose(0, 1), p[f"condition.stretch.{k}.weight"],
                       padding=s).transpose(0, 1)
        return y[:, :, places + reach_of(c) * c["hop"]]
    own, share = places // c["hop"], (places % c["hop"]).double() / c["hop"]
    if c["condition"] == "repeat":
        return y[:, :, own]
    return y[:, :, own] * (1 - share) + y[:, :, own + 1] * share


def network(c, p, x, targets, watch, frames=None, phase=0, speaker=0):
    """x [1, channels or classes, targets + R - 1] -> outputs [targets, classes or 1], or with a readout [1, ...]."""
    def convolve(name, h, dilation=1):
        return conv1d(h, p[name + ".weight"], p[name + ".bias"], dilation=dilation)

    h = convolve("input", x)
    skip = 0.0
    if c["condition"] != "none":
        condition = upsampled(c, p, frames, phase, targets + receptive_field(c) - 1)
    blocks = list(blocks_of(c["arrays"]))
    for l, (a, dilation) in enumerate(blocks):
        if f"blocks.{l}.rechannel.weight" in p:
            h = convolve(f"blocks.{l}.rechannel", h)
        y = convolve(f"blocks.{l}.conv", h, dilation)
        if c["condition"] != "none":
            y = y + conv1d(condition[:, :, -y.shape[2]:], p[f"blocks.{l}.condition.weight"])
        if c["speaker"]:
            voice = torch.nn.functional.embedding(torch.tensor([[speaker]]), p["speaker.weight"])
            y = y + conv1d(voice.transpose(1, 2), p[f"blocks.{l}.speaker.weight"])
        if a["activation"] == "gate":
            z = torch.tanh(y[:, :a["gate"]]) * torch.sigmoid(y[:, a["gate"]:])
        elif a["activation"] == "tanh":
            z = torch.tanh(y)
        else:
            z = watch.relu(y)
        skip = skip * c["skip_scale"] + convolve(f"blocks.{l}.skip", z[:, :, -targets:])
        if l + 1 < len(blocks):
            rows = z.shape[2]
            h = (h[:, :, -rows:] + convolve(f"blocks.{l}.residual", z)) * c["residual_scale"]
    assert z.shape[2] == targets
    outputs = convolve("head.1", watch.relu(convolve("head.0", watch.relu(skip))))[0].T
    if c["readout"] == "mean":
        return outputs.mean(0, keepdim=True)
    if c["readout"] == "linear":
        return torch.nn.functional.linear(outputs.T, p["readout.weight"], p.get("readout.bias")).T
    return outputs


def log_interval(c, y, edge, mean, scale):
    """ln P of the code y by one component: as it is defined, on the side where its tails are small."""
    log_cdf = torch.nn.functional.logsigmoid if c["head"] == "logistics" else torch.special.log_ndtr
    above, below = (y + HALF - mean) / scale, (y - HALF - mean) / scale
    flip = (y > mean).detach()
    low, high = torch.where(flip, -above, below), torch.where(flip, -below, above)
    no_low = torch.where(flip, edge == 2, edge == 1)
    no_high = torch.where(flip, edge == 1, edge == 2)
    upper = torch.where(no_high, torch.zeros_like(high), log_cdf(high))
    lower = torch.where(no_low, upper.detach() - 1, log_cdf(low))
    return upper + torch.where(no_low, torch.zeros_like(low), torch.log(-torch.expm1(lower - upper)))


def log_density(c, y, mean, scale):
    if c["head"] == "logistics":
        z = (y - mean) / scale
        return -z - 2 * torch.nn.functional.softplus(-z) - torch.log(scale)
    return torch.distributions.Normal(mean, scale).log_prob(y)


def mixture_loss(c, outputs, target, value):
    """-ln p, summed over the targets and their values. outputs [targets, values·(K logits, K means, K ln s)]"""
    K, kept = c["components"], target >= 0
    y = outputs[kept].reshape(int(kept.sum()), c["values"], outputs.shape[1] // c["values"])
    logits = y[..., :K] if K > 1 else torch.zeros_like(y[..., :1])
    mean, scale = y[..., -2 * K:-K], torch.exp(y[..., -K:])
    if c["mean_curve"] == "sinh":
        mean = torch.sinh(mean)
    mean = c["mean_unit"] * mean
    x = value[kept].reshape(len(y), c["values"], 1)
    if c["codes"]:
        log_p = log_interval(c, x, target[kept].reshape(-1, 1, 1), mean, scale)
    else:
        log_p = log_density(c, x, mean, scale)
    return -torch.logsumexp(torch.log_softmax(logits, -1) + log_p, -1).sum()


def run(c, p, data, batch, watch):
    """Logits and summed loss of each window, and the number of targets."""
    logits, losses, count = [], [], 0
    for w in range(c["windows"]):
        n = int(data["target_count"][batch, w])
        if n == 0:
            logits.append(torch.zeros(0, outputs_of(c), dtype=torch.float64))
            losses.append(torch.zeros((), dtype=torch.float64))
            continue
        rows = n + receptive_field(c) - 1
        if c["input"] == "class":
            x = torch.tensor(data["classes"][batch, w, :rows].astype(numpy.int64))
            x = torch.nn.functional.one_hot(x, c["classes"]).to(torch.float64).T[None]
        else:
            x = torch.tensor(data["signal"][batch, w, :rows]).T[None]
        first = n - 1 if c["readout"] else 0
        target = torch.tensor(data["target"][batch, w, first:n].astype(numpy.int64))
        own = {}
        if c["condition"] != "none":
            own.update(frames=torch.tensor(data["condition"][batch, w]), phase=int(data["phase"][batch, w]))
        if c["speaker"]:
            own.update(speaker=int(data["speaker"][batch, w]))
        logits.append(network(c, p, x, n, watch, **own))
        if c["head"] == "mse":
            value = torch.tensor(data["value"][batch, w, first:n])
            y = logits[-1] if c["values"] > 1 else logits[-1][:, 0]
            losses.append(torch.nn.functional.mse_loss(y[target >= 0], value[target >= 0], reduction="sum"))
        elif c["head"] in MIXTURES:
            losses.append(mixture_loss(c, logits[-1], target, torch.tensor(data["value"][batch, w, first:n])))
        else:
            losses.append(cross_entropy(logits[-1], target, ignore_index=-1, reduction="sum"))
        count += int((target >= 0).sum())
    return logits, losses, count


# --- data ---

def quantise(x, classes):
    return numpy.floor((numpy.clip(x, -1, 1) + 1) / 2 * (classes - 1) + 0.5).astype(numpy.int32)


def signal_of(length, channels, random):
    t = numpy.arange(length)[:, None]
    period, phase = random.uniform(6, 40, (1, channels)), random.uniform(0, 6.3, (1, channels))
    tone = 0.6 * numpy.sin(2 * numpy.pi * t / period + phase)
    return rounded(tone + random.normal(0, 0.2, (length, channels)))


def data_of(c, random):
    """Batches of windows on each utterance's grid; what is missing before its start is padding: the class of
    silence, or 0."""
    field, size = receptive_field(c), c["window"]
    slots, rows = (BATCHES, c["windows"]), size + field - 1
    count = numpy.zeros(slots, numpy.int32)
    target = random.randint(0, c["classes"], slots + (size,)).astype(numpy.int32)
    value = numpy.zeros(slots + (size, c["values"]))
    classes = random.randint(0, c["classes"], slots + (rows,)).astype(numpy.int32)
    signal = rounded(random.normal(0, 1, slots + (rows, c["channels"])))
    utterances = [signal_of(length, max(c["channels"], 1), random) for length in c["utterances"]]
    grid = [(u, s) for u in utterances for s in range(0, len(u), size)]
    for slot in range(BATCHES * c["windows"]):
        b, w = divmod(slot, c["windows"])
        if w in c["empty"]:
            continue
        u, s = grid[slot % len(grid)]
        q = quantise(u[:, 0], c["classes"])
        n = min(size, len(u) - s)
        before = max(field - s, 0)
        known = slice(max(s - field, 0), s + n - 1)
        count[b, w] = n
        target[b, w, :n] = q[s:s + n]
        value[b, w, :n] = u[s:s + n, :c["values"]]
        classes[b, w, :before] = quantise(numpy.zeros(1), c["classes"])[0]
        classes[b, w, before:n + field - 1] = q[known]
        signal[b, w, :before] = 0
        signal[b, w, before:n + field - 1] = u[known, :c["channels"]]
        if c["ignored"]:
            target[b, w, :n][random.uniform(size=n) < c["ignored"]] = -1
    if c["ignored"]:
        target[0, 1, :] = -1
    if c["readout"]:
        assert (count == size).all()
        target[:, :, :-1] = -1
    data = dict(target_count=count, target=target)
    data.update({"classes": classes} if c["input"] == "class" else {"signal": signal})
    if c["condition"] != "none":
        data["condition"] = rounded(random.normal(0, 1, slots + (frames_of(c), c["features"])))
        data["phase"] = random.randint(0, c["hop"], slots).astype(numpy.int32)
    if c["speaker"]:
        data["speaker"] = random.randint(0, c["speakers"], slots).astype(numpy.int32)
    if c["codes"]:
        code = numpy.clip(numpy.round(value * 32768 * 1.3), -32768, 32767)
        data["value"] = (code / 32768)[..., 0]
        edge = numpy.where(code == -32768, 1, numpy.where(code == 32767, 2, 0))[..., 0]
        assert (edge[0] == 1).any() and (edge[0] == 2).any()
        target[target >= 0] = edge[target >= 0]
    elif predicts_next(c):
        data["value"] = value if c["values"] > 1 else value[..., 0]
        target[target > 0] = 0
    elif c["head"] == "mse":
        data["value"] = rounded(random.normal(0, 1, slots + (size,)))
        target[target > 0] = 0
    return data


# --- training ---

def train(c, p, data):
    """The curve; p holds the final parameters afterwards. Says how many steps were clipped."""
    o = full_optimizer(c)
    kind = torch.optim.AdamW if o["kind"] == "adamw" else torch.optim.Adam
    optimizer = kind(list(p.values()), lr=o["learning_rate"], betas=(o["beta1"], o["beta2"]),
                     eps=o["epsilon"], weight_decay=o["weight_decay"])
    curve, clipped = [], 0
    for step in range(STEPS):
        optimizer.zero_grad()
        _, losses, count = run(c, p, data, step % BATCHES, Watch())
        loss = sum(losses) / count
        loss.backward()
        if o["clip"]:
            norm = torch.nn.utils.clip_grad_norm_(list(p.values()), o["clip"])
            clipped += norm.item() > o["clip"]
        optimizer.step()
        curve.append(loss.item())
    return numpy.array(curve), clipped


def compute(name, c, seed):
    """Everything that the file holds, or None if a ReLU stands too near to its kink."""
    random = numpy.random.RandomState(seed)
    p, fan_in = initial(c, random)
    data = data_of(c, random)
    watch = Watch()
    logits, losses, count = run(c, p, data, 0, watch)
    if watch.nearest < KINK:
        return None
    sum(losses).backward()
    values = dict(data)
    stored = numpy.zeros((c["windows"], 1 if c["readout"] else c["window"], outputs_of(c)))
    for w, y in enumerate(logits):
        stored[w, :len(y)] = y.detach().numpy()
    values["logits"] = stored
    values["losses"] = numpy.array([loss.item() for loss in losses])
    values["loss"] = numpy.array([sum(losses).item()])
    for key, tensor in p.items():
        values["parameters/" + key] = tensor.detach().numpy().copy()
        values["gradients/" + key] = tensor.grad.numpy().copy()
    values["curve"], clipped = train(c, p, data)
    values["final"] = numpy.concatenate([tensor.detach().numpy().ravel() for tensor in p.values()])
    total = sum(t.numel() for t in p.values())
    print(f"{name}: {total} parameters, R {receptive_field(c)}, {count} targets, "
          f"loss {values['curve'][0]:.4f} -> {values['curve'][-1]:.4f}, {clipped} steps clipped, seed {seed}")
    return values, fan_in


# --- files ---

def write(path, c, values, fan_in):
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        f.attrs["about"] = numpy.bytes_(c["about"])  # texts of fixed length: wavetrain reads no others
        f.attrs["config"] = numpy.bytes_(yaml_of(c))
        f.attrs["torch"] = numpy.bytes_(torch.__version__)
        for key in ("classes", "channels", "lane_windows"):
            f.attrs[key] = numpy.int64(c[key])
        if predicts_next(c):
            f.attrs["values"] = numpy.int64(c["values"])
            f.attrs["codes"] = numpy.int64(c["codes"])
        for key in ("features", "hop", "speakers"):
            if c["condition"] != "none" or c["speaker"]:
                f.attrs[key] = numpy.int64(c[key])
        f.attrs["receptive_field"] = numpy.int64(receptive_field(c))
        f.attrs["batches"] = numpy.int64(BATCHES)
        for key, value in values.items():
            large = value.nbytes > 2048
            d = f.create_dataset(key, data=value, track_times=False, shuffle=large or None,
                                 compression=9 if large else None)
            if key.startswith("parameters/"):
                d.attrs["fan_in"] = numpy.int64(fan_in[key[len("parameters/"):]])


def check(path, config, values):
    """The largest difference from the file, relative to each array's largest value."""
    worst = 0.0
    with h5py.File(path, "r") as f:
        if f.attrs["config"].decode() != config:
            sys.exit(f"{path}: another configuration")
        for key, value in values.items():
            largest = max(numpy.abs(value).max(), 1e-300)
            worst = max(worst, numpy.abs(f[key][()] - value).max() / largest)
    return worst


def main():
    parser = argparse.ArgumentParser(description="Makes the reference values of tests/engine/test_pytorch.c.")
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = os.path.dirname(os.path.abspath(__file__))
    for number, (name, c) in enumerate(CASES.items()):
        if options.cases and name not in options.cases:
            continue
        seed, computed = 1000 * number, None
        while computed is None:
            seed += 1
            computed = compute(name, c, seed)
        path = os.path.join(folder, name + ".h5")
        if options.check:
            worst = check(path, yaml_of(c), computed[0])
            print(f"  differs from the file by {worst:.1e}")
            if worst > 1e-9:
                sys.exit(f"{path}: differs")
        else:
            write(path, c, *computed)


if __name__ == "__main__":
    main()
