#!/usr/bin/python3
"""Training steps of configs/names-*.yaml's hierarchies in PyTorch, to stand beside `wavetrain train`.

    /usr/bin/python3 tests/reference/bench_hierarchy_pytorch.py [--threads 1,2] [--steps 3000]

Needs Debian's python3-torch (jobs/setup.sh --compare; hence /usr/bin/python3). Draws a batch of 32 examples, looks the
symbols up, fuses neighbours level by level (linear without bias, batch norm over all but the channels, tanh), and
takes a step of plain SGD, all in tensors that are there already: no data loader, no logging. Random symbols take as
long as names do. Prints CSV: network, parameters, threads, the median and the mean of a step in ms.
"""

import argparse
import statistics
import time

import torch

SYMBOLS = 27
BATCH = 32
EXAMPLES = 182625
NETWORKS = {
    "names-flat": dict(embedding=10, fuse=[8], width=200),
    "names-tree": dict(embedding=10, fuse=[2, 2, 2], width=68),
    "names-tree-wide": dict(embedding=24, fuse=[2, 2, 2], width=128),
}


class Level(torch.nn.Module):
    def __init__(self, fuse, channels, width):
        super().__init__()
        self.fuse = fuse
        self.linear = torch.nn.Linear(fuse * channels, width, bias=False)
        self.norm = torch.nn.BatchNorm1d(width)

    def forward(self, x):
        batch, length, channels = x.shape
        rows = x.view(batch * length // self.fuse, self.fuse * channels)
        return torch.tanh(self.norm(self.linear(rows))).view(batch, length // self.fuse, -1)


def make_network(embedding, fuse, width):
    levels, channels = [], embedding
    for count in fuse:
        levels.append(Level(count, channels, width))
        channels = width
    return torch.nn.Sequential(
        torch.nn.Embedding(SYMBOLS, embedding), *levels, torch.nn.Flatten(), torch.nn.Linear(width, SYMBOLS)
    )


def time_steps(network, context, steps):
    contexts = torch.randint(0, SYMBOLS, (EXAMPLES, context))
    targets = torch.randint(0, SYMBOLS, (EXAMPLES,))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    times = []
    for step in range(steps + 100):
        start = time.perf_counter()
        drawn = torch.randint(0, EXAMPLES, (BATCH,))
        loss = torch.nn.functional.cross_entropy(network(contexts[drawn]), targets[drawn])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step >= 100:
            times.append(1e3 * (time.perf_counter() - start))
    return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--steps", type=int, default=3000)
    arguments = parser.parse_args()
    print("network,parameters,threads,median_ms,mean_ms")
    for name, shape in NETWORKS.items():
        for threads in map(int, arguments.threads.split(",")):
            torch.set_num_threads(threads)
            torch.manual_seed(1)
            network = make_network(**shape)
            parameters = sum(p.numel() for p in network.parameters())
            times = time_steps(network, 8, arguments.steps)
            print(f"{name},{parameters},{threads},{statistics.median(times):.3f},{statistics.fmean(times):.3f}")


if __name__ == "__main__":
    main()
