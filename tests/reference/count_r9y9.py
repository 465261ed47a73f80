#!/usr/bin/env python3
"""Prints the parameters of r9y9's wavenet_vocoder presets, built in PyTorch from its definitions without weight norm:
mulaw256, mixture of logistics, Gaussian, as tests/cli/test_configs.sh has them.

    python3 tests/reference/count_r9y9.py        (PyTorch alone)

Its network: a 1×1 layer in front; per block a dilated convolution into both halves of the gate, a 1×1 layer of the
condition into them without bias, 1×1 layers to the residual and the skip path; two 1×1 layers behind ReLUs; a layer over
2·cin_pad + 1 frames without bias, and per scale one filter of 2s + 1 taps without bias. The last block's residual layer
is counted there, although nothing reads what it makes; wavetrain has none, so its count is shown too.
"""
import torch.nn as nn

RESIDUAL, GATE, SKIP, KERNEL, BANDS, PAD, SCALES = 128, 256, 128, 3, 80, 2, (4, 4, 4, 4)
PRESETS = {  # layers, channels that go in, that come out
    "mulaw256": (30, 256, 256),
    "logistics": (24, 1, 30),
    "gaussian": (24, 1, 2),
}


def block():
    return nn.ModuleDict({
        "conv": nn.Conv1d(RESIDUAL, GATE, KERNEL),
        "conv1x1c": nn.Conv1d(BANDS, GATE, 1, bias=False),
        "conv1x1_out": nn.Conv1d(GATE // 2, RESIDUAL, 1),
        "conv1x1_skip": nn.Conv1d(GATE // 2, SKIP, 1),
    })


def network(layers, inputs, outputs):
    return nn.ModuleDict({
        "first_conv": nn.Conv1d(inputs, RESIDUAL, 1),
        "conv_layers": nn.ModuleList(block() for _ in range(layers)),
        "last_conv_layers": nn.ModuleList([nn.Conv1d(SKIP, SKIP, 1), nn.Conv1d(SKIP, outputs, 1)]),
        "conv_in": nn.Conv1d(BANDS, BANDS, 2 * PAD + 1, bias=False),
        "up_layers": nn.ModuleList(nn.Conv2d(1, 1, (1, 2 * s + 1), bias=False) for s in SCALES),
    })


def main():
    for name, preset in PRESETS.items():
        model = network(*preset)
        count = sum(p.numel() for p in model.parameters())
        last = sum(p.numel() for p in model["conv_layers"][-1]["conv1x1_out"].parameters())
        print(f"{name}: {count} parameters, {count - last} without the last residual layer")


if __name__ == "__main__":
    main()
