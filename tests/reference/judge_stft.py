#!/usr/bin/env python3
"""A second witness for the multi-resolution STFT loss: make_amplifiers.py's own definition next to auraloss's, of one
window of noise in float64, value and gradient. Needs auraloss (0.4.0), by pip."""

import os
import sys

import auraloss
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_amplifiers

EMPHASIS, LENGTH = 0.85, 8192


def emphasised(v):
    return (v[1:] - EMPHASIS * v[:-1])[None, None]


torch.manual_seed(1)
target = torch.cumsum(torch.randn(LENGTH, dtype=torch.float64), 0) * 0.01
y = (target + 0.05 * torch.randn(LENGTH, dtype=torch.float64)).requires_grad_(True)
own = make_amplifiers.distance({"spectral": {"weight": 1, "emphasis": EMPHASIS, "gain": 1}}, y, target)
theirs = auraloss.freq.MultiResolutionSTFTLoss()
for resolution in theirs.stft_losses:  # its windows are float32
    resolution.window = torch.hann_window(resolution.win_length, dtype=torch.float64)
other = theirs(emphasised(y), emphasised(target))
own_gradient, = torch.autograd.grad(own, y)
other_gradient, = torch.autograd.grad(other, y)
difference = (own_gradient - other_gradient).abs().max() / other_gradient.abs().max()
print(f"value {own.item():.12g}, auraloss {other.item():.12g}; gradients differ by {difference.item():.1e} of the largest")
