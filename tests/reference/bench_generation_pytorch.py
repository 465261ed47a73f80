#!/usr/bin/env python3
"""Cached generation of the benchmarks' networks in PyTorch, to compare with `wavetrain bench generate`.

    tests/reference/bench_generation_pytorch.py [--model A|C] [--threads T] [--streams N] [--seconds S]

Needs PyTorch (jobs/setup.sh --compare, or a newer one in an environment of its own). Each sample takes what a cached
WaveNet must compute: the products of the delayed rows of all blocks as one batched product, then block by block the
product of the newest row, tanh and sigmoid, and the residual; one product for the skips of all blocks, the head, and a
draw from the softmax. Rows of the past lie in rings in one tensor. Prints the version of PyTorch and the samples per
second of all streams, the best of the rounds of 100 samples that fit into the seconds.
"""
import argparse
import time

import torch

MODELS = {"A": dict(stacks=3, layers=10, channels=64, skip=128), "C": dict(stacks=4, layers=10, channels=32, skip=256)}
CLASSES, ROUND = 256, 100


class Network:
    def __init__(self, model, streams):
        c, s = model["channels"], model["skip"]
        self.channels, self.streams = c, streams
        self.dilations = torch.tensor([2**layer for _ in range(model["stacks"]) for layer in range(model["layers"])])
        blocks = len(self.dilations)

        def draw(*shape):
            return 0.05 * torch.randn(*shape)

        self.inputs = draw(2, CLASSES, c)
        self.past, self.newest, self.gate_bias = draw(blocks, c, 2 * c), list(draw(blocks, c, 2 * c)), draw(blocks, 1, 2 * c)
        self.residual, self.residual_bias = list(draw(blocks, c, c)), list(draw(blocks, c))
        self.skip, self.skip_bias = draw(blocks * c, s), draw(s)
        self.head, self.head_bias = draw(s, s), draw(s)
        self.out, self.out_bias = draw(s, CLASSES), draw(CLASSES)
        # the rings of the blocks, one behind the other
        self.first = torch.cumsum(self.dilations, 0) - self.dilations
        self.rings = torch.zeros(int(self.dilations.sum()), streams, c)

    def step(self, time_step, before, now):
        """Logits [streams, CLASSES] of the sample after the classes `before` and `now`."""
        slots = self.first + time_step % self.dilations
        gates = torch.baddbmm(self.gate_bias, self.rings[slots], self.past)
        row, rows, kept = self.inputs[0][before] + self.inputs[1][now], [], []
        for block, gate in enumerate(gates):
            rows.append(row)
            both = torch.addmm(gate, row, self.newest[block])
            kept.append(torch.tanh(both[:, : self.channels]) * torch.sigmoid(both[:, self.channels :]))
            row = row + torch.addmm(self.residual_bias[block], kept[-1], self.residual[block])
        self.rings[slots] = torch.stack(rows)
        skips = torch.relu(torch.addmm(self.skip_bias, torch.cat(kept, 1), self.skip))
        return torch.addmm(self.out_bias, torch.relu(torch.addmm(self.head_bias, skips, self.head)), self.out)

    def generate(self, samples):
        before = now = torch.zeros(self.streams, dtype=torch.long)
        for time_step in range(samples):
            shares = torch.softmax(self.step(time_step, before, now), 1)
            before, now = now, torch.multinomial(shares, 1)[:, 0]


def main():
    parser = argparse.ArgumentParser(description="Cached generation in PyTorch.")
    parser.add_argument("--model", choices=MODELS, default="A")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    with torch.inference_mode():
        network = Network(MODELS[options.model], options.streams)
        network.generate(20)
        best, end = 0.0, time.perf_counter() + options.seconds
        while time.perf_counter() < end:
            began = time.perf_counter()
            network.generate(ROUND)
            best = max(best, ROUND * options.streams / (time.perf_counter() - began))
    print(f"PyTorch {torch.__version__}, model {options.model}, {options.threads} threads, "
          f"{options.streams} streams: {best:.0f} samples/s")


main()
