#!/usr/bin/python3
"""Makes tests/reference/amplifier-*.h5: what PyTorch computes for Neural Amp Modeler's networks, written from
their definition (src/network/amplifier.c has the formulas). Used as make_pytorch.py, whose rules for numbers and
whose layout hold here too. The presets are spelled out here by themselves: the files' configurations name them only.
"""

import os
import sys

import numpy
import torch
from torch.nn.functional import conv1d, hardswish, hardtanh, leaky_relu, silu, softsign

import make_pytorch as common

POWERS = [2 ** i for i in range(10)]
PRIMES = [1, 3, 7, 17, 41, 101, 239]
CANCELLED = 3e-6
KINK = 2e-6  # as common.KINK; of thousands of rows some are nearer than that one allows


def array(channels, dilations, taps, activation="tanh", gate=None, head_taps=1, head_bias=False):
    return dict(channels=channels, gate=gate or channels, dilations=dilations, taps=taps,
                activation=activation, head_taps=head_taps, head_bias=head_bias)


def a1(first, second, dilations, more):
    return [array(first, dilations, [3] * len(dilations)),
            array(second, more, [3] * len(more), head_bias=True)]


def a2(channels):
    dilations = PRIMES + PRIMES + [1, 13] + PRIMES
    taps = [6] * 14 + [15] * 2 + [6] * 7
    return [array(channels, dilations, taps, "leaky-relu", head_taps=16, head_bias=True)]


def case(about, arrays, preset=None, scale=1.0, channels=1, window=24, windows=2, lane_windows=1,
         utterances=(61, 37), spectral=None):
    return dict(about=about, arrays=arrays, preset=preset, scale=scale, classes=256, channels=channels,
                input="real", head="mse", readout=None, window=window, windows=windows,
                lane_windows=lane_windows, utterances=utterances, ignored=0.0, empty=(), values=1, codes=False,
                optimizer=dict(kind="adam", learning_rate=0.004), spectral=spectral)


def preset(name, arrays, scale):
    return case(f"the preset {name}", arrays, preset=name, scale=scale)


CASES = {
    "amplifier-a1-standard": preset("a1-standard", a1(16, 8, POWERS, POWERS), 0.02),
    "amplifier-a1-lite": preset("a1-lite", a1(12, 6, POWERS[:7], POWERS[7:] + POWERS), 0.02),
    "amplifier-a1-feather": preset("a1-feather", a1(8, 4, POWERS[:7], POWERS[7:] + POWERS), 0.02),
    "amplifier-a1-nano": preset("a1-nano", a1(4, 2, POWERS[:7], POWERS[7:] + POWERS), 0.02),
    "amplifier-a2-full": preset("a2-full", a2(8), 0.01),
    "amplifier-a2-lite": preset("a2-lite", a2(3), 0.01),
    "amplifier-activations": case(
        "an array of each activation; heads of several taps, some with a bias; two channels; other widths of z",
        [array(5, [1, 2], [3, 2], "gate", head_taps=2),
         array(4, [1, 3], [2, 2], "hardtanh", gate=6, head_bias=True),
         array(3, [2], [3], "sigmoid", gate=4), array(4, [1, 4], [3, 3], "silu", gate=3, head_taps=4),
         array(3, [1], [2], "hardswish", gate=5), array(6, [5, 1], [2, 3], "softsign"),
         array(2, [1], [4], "relu", gate=3),
         array(4, [1, 2], [2, 2], "leaky-relu", head_taps=3, head_bias=True)],
        scale=0.5, channels=2, window=40, windows=4, lane_windows=2, utterances=(150, 97)),
    "amplifier-spectral": case(
        "the multi-resolution STFT loss, which outweighs the squared error; a window of two resolutions only",
        [array(4, [1, 2], [3, 2], head_taps=2, head_bias=True)], scale=0.5, window=1200, windows=3,
        utterances=(1200, 1150, 700), spectral=dict(weight=3.0, emphasis=0.85, gain=0.7)),
}


def layers_of(arrays):
    for a in arrays:
        yield from zip(a["dilations"], a["taps"])


def receptive_field(c):
    """The longest way: through some arrays' layers, then through that array's head and all later ones."""
    arrays = c["arrays"]
    return 1 + max(sum((k - 1) * d for d, k in layers_of(arrays[:i + 1])) +
                   sum(a["head_taps"] - 1 for a in arrays[i:]) for i in range(len(arrays)))


def entry(a):
    return (f"{{residual: {a['channels']}, gate: {a['gate']}, activation: {a['activation']}, "
            f"dilations: {a['dilations']}, kernels: {a['taps']}, head_kernel: {a['head_taps']}, "
            f"head_bias: {str(a['head_bias']).lower()}}}")


def yaml_of(c):
    if c["preset"]:
        lines = ["model:", f"  preset: {c['preset']}"]
    else:
        lines = ["model:", "  trunk: amplifier", "  input: real", "  input_kernel: 1", "  head: mse",
                 f"  head_scale: {c['scale']!r}", "  slope: 0.01"]
        lines += [f"  spectral_{key}: {value}" for key, value in (c["spectral"] or {}).items()] + ["  arrays:"]
        lines += [f"    - {entry(a)}" for a in c["arrays"]]
    lines += ["data:", "  path: data/reference", "  target: label", f"  window: {c['window']}",
              "train:", f"  batch: {c['windows']}", f"  steps: {common.STEPS}",
              f"  lanes: {c['windows'] // c['lane_windows']}"]
    lines += ["optimizer:"] + [f"  {key}: {value}" for key, value in common.full_optimizer(c).items()]
    lines += ["schedule:", "  kind: constant", "  warmup: 0"]
    return "\n".join(lines) + "\n"


def shapes_of(c):
    """Name: (out, in, taps), in the order of a trainer's file; with whether there is a bias."""
    width, arrays = c["channels"], c["arrays"]
    for i, a in enumerate(arrays):
        rows = a["gate"] * (2 if a["activation"] == "gate" else 1)
        yield f"arrays.{i}.rechannel", (a["channels"], width, 1), False
        for l, taps in enumerate(a["taps"]):
            yield f"arrays.{i}.layers.{l}.conv", (rows, a["channels"], taps), True
            yield f"arrays.{i}.layers.{l}.condition", (rows, c["channels"], 1), False
            yield f"arrays.{i}.layers.{l}.residual", (a["channels"], a["gate"], 1), True
        out = arrays[i + 1]["gate"] if i + 1 < len(arrays) else 1
        yield f"arrays.{i}.head", (out, a["gate"], a["head_taps"]), a["head_bias"]
        width = a["channels"]


def initial(c, random):
    parameters, fan_in = {}, {}
    for name, (out, inputs, taps), bias in shapes_of(c):
        for kind, shape in (("weight", (out, inputs, taps)), ("bias", (out,)))[:1 + bias]:
            key = f"{name}.{kind}"
            fan_in[key] = inputs * taps
            values = random.uniform(-1.5, 1.5, shape) / numpy.sqrt(inputs * taps)
            parameters[key] = torch.tensor(common.rounded(values), requires_grad=True)
            parameters[key].grad = torch.zeros_like(parameters[key])  # of what nothing reads
    return parameters, fan_in


def activate(kind, v, watch):
    if kind == "gate":
        half = v.shape[1] // 2
        return torch.tanh(v[:, :half]) * torch.sigmoid(v[:, half:])
    if kind == "leaky-relu":
        watch.relu(v)
        return leaky_relu(v, 0.01)
    if kind == "relu":
        return watch.relu(v)
    if kind in ("hardtanh", "hardswish"):
        watch.relu(v.abs() - (1 if kind == "hardtanh" else 3))
    return {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "softsign": softsign, "silu": silu,
            "hardtanh": hardtanh, "hardswish": hardswish}[kind](v)


def network(c, p, x, targets, watch):
    """x [1, channels, targets + R - 1] -> outputs [targets, 1]"""
    def convolve(name, h, dilation=1):
        return conv1d(h, p[name + ".weight"], p.get(name + ".bias"), dilation=dilation)

    def add(a, b):
        """Both end with the same sample."""
        rows = min(a.shape[2], b.shape[2])
        return a[:, :, -rows:] + b[:, :, -rows:]

    y, head = x, None
    for i, a in enumerate(c["arrays"]):
        h = convolve(f"arrays.{i}.rechannel", y)
        total = head
        for l, dilation in enumerate(a["dilations"]):
            name = f"arrays.{i}.layers.{l}"
            z = activate(a["activation"], add(convolve(name + ".conv", h, dilation),
                                              convolve(name + ".condition", x)), watch)
            total = z if total is None else add(total, z)
            h = add(h, convolve(name + ".residual", z))
        head = convolve(f"arrays.{i}.head", total)
        y = h
    assert head.shape[2] == targets
    return c["scale"] * head[0].T


def distance(c, y, value):
    """The multi-resolution STFT loss of one window, its norms over this window alone."""
    s, distances = c["spectral"], []
    window = torch.hann_window
    signals = [s["gain"] * (v[1:] - s["emphasis"] * v[:-1]) for v in (value, y)]
    for size, hop, width in ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)):
        if size // 2 >= len(signals[0]):
            continue
        spectra = [torch.stft(x, size, hop, width, window(width, dtype=x.dtype), return_complex=True)
                   for x in signals]
        own, other = (torch.sqrt(torch.clamp(z.real ** 2 + z.imag ** 2, min=1e-8)) for z in spectra)
        distances.append(torch.linalg.norm(own - other) / torch.linalg.norm(own) +
                         (own.log() - other.log()).abs().mean())
    return sum(distances) / len(distances)


def run(c, p, data, batch, watch):
    logits, losses, count = plain_run(c, p, data, batch, watch)
    for w in range(c["windows"] if c["spectral"] else 0):
        n = int(data["target_count"][batch, w])
        value = torch.tensor(data["value"][batch, w, :n], dtype=logits[w].dtype)
        losses[w] = losses[w] + n * c["spectral"]["weight"] * distance(c, logits[w][:, 0], value)
    return logits, losses, count


def cancels(c, values):
    """Whether PyTorch's own gradients in float32 are off by more than CANCELLED: a tensor of few numbers can be a sum
    of terms that nearly cancel, of which no float32 computation has enough digits."""
    p = {key[len("parameters/"):]: torch.tensor(value, dtype=torch.float32, requires_grad=True)
         for key, value in values.items() if key.startswith("parameters/")}
    data = {key: values[key].astype(numpy.float32) for key in ("signal", "value")}
    data.update({key: values[key] for key in ("target_count", "target")})
    _, losses, _ = common.run(c, p, data, 0, common.Watch())
    sum(losses).backward()
    for key, tensor in p.items():
        expected = values["gradients/" + key]
        if tensor.grad is not None:
            difference = numpy.abs(tensor.grad.numpy() - expected).max()
            if difference > CANCELLED * numpy.abs(expected).max():
                return True
    return False


def compute(name, c, seed):
    computed = plain_compute(name, c, seed)
    if computed is None or c["spectral"]:  # whose gradient by quiet bins no float32 has
        return computed
    return None if cancels(c, computed[0]) else computed


plain_compute, plain_run = common.compute, common.run
for replaced in (receptive_field, yaml_of, initial, network, compute, run):
    setattr(common, replaced.__name__, replaced)
common.KINK = KINK
common.CASES = CASES

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    common.main()
