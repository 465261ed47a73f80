#!/usr/bin/python3
"""Training steps of the benchmarks' networks in PyTorch, to stand beside `wavetrain bench step`.

    /usr/bin/python3 tests/reference/bench_pytorch.py [--models A,B,C] [--batches 1,4] [--threads 1,2] [--steps 10]

Needs Debian's python3-torch (jobs/setup.sh --compare; hence /usr/bin/python3). Does the work that wavetrain does:
windows of 8,192 targets with the context that they need (receptive field - 1 samples before the first), valid
convolutions, skips, head and loss for the targets alone, one convolution of 2 x gate outputs a block, no residual
output in the last block, a look-up for the one-hot input, cross-entropy, Adam. The parameters must be as many as
`wavetrain inspect` counts (--wavetrain, default build/wavetrain; left out, with a word, where there is none).

Prints CSV: threads, batch, the median of --steps steps after 3 for warming up, targets a second, GFLOP/s of the
operations that the network needs (3 x forward, as wavetrain counts them), and the peak memory of a process that does
nothing else (VmHWM; PyTorch itself is some 230 MiB of it). One process for each row.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

CLASSES = 256
INPUT_KERNEL = 2
WARM_UP = 3
MODELS = {
    "A": dict(stacks=3, layers=10, kernel=2, residual=64, gate=64, skip=128),
    "B": dict(stacks=4, layers=6, kernel=3, residual=128, gate=128, skip=128),
    "C": dict(stacks=4, layers=10, kernel=2, residual=32, gate=32, skip=256),
}


def dilations(model):
    return [2 ** (block % model["layers"]) for block in range(model["stacks"] * model["layers"])]


def receptive_field(model):
    return INPUT_KERNEL + sum((model["kernel"] - 1) * d for d in dilations(model))


def operations(model, targets):
    """Of one window forward: two for each weight and row that a target needs; the look-up has none."""
    kernel, residual, gate, skip = (model[key] for key in ("kernel", "residual", "gate", "skip"))
    total, rows = 2.0 * targets * (skip * skip + skip * CLASSES), targets
    for block, dilation in reversed(list(enumerate(dilations(model)))):
        last = block == len(dilations(model)) - 1
        total += 2.0 * rows * residual * 2 * gate * kernel + 2.0 * targets * gate * skip
        total += 0.0 if last else 2.0 * rows * gate * residual
        rows += (kernel - 1) * dilation
    return total


def peak_mib():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) / 1024.0


# --- the network ---


def build(torch, model):
    nn, functional = torch.nn, torch.nn.functional
    kernel, residual, gate, skip = (model[key] for key in ("kernel", "residual", "gate", "skip"))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.taps = nn.ModuleList(nn.Embedding(CLASSES, residual) for _ in range(INPUT_KERNEL))
            self.bias = nn.Parameter(torch.zeros(residual))
            ds = dilations(model)
            self.conv = nn.ModuleList(nn.Conv1d(residual, 2 * gate, kernel, dilation=d) for d in ds)
            self.residual = nn.ModuleList(nn.Conv1d(gate, residual, 1) for _ in ds[1:])
            self.skip = nn.ModuleList(nn.Conv1d(gate, skip, 1) for _ in ds)
            self.head = nn.ModuleList([nn.Conv1d(skip, skip, 1), nn.Conv1d(skip, CLASSES, 1)])

        def forward(self, classes, targets):  # [batch, targets + receptive field - 1]
            rows = classes.shape[1] - INPUT_KERNEL + 1
            h = sum(tap(classes[:, k : k + rows]) for k, tap in enumerate(self.taps)) + self.bias
            h = h.transpose(1, 2).contiguous()  # [batch, residual, rows]
            total = 0
            for block, conv in enumerate(self.conv):
                a, b = conv(h).chunk(2, dim=1)
                z = torch.tanh(a) * torch.sigmoid(b)
                total = total + self.skip[block](z[:, :, -targets:])
                if block < len(self.residual):
                    h = h[:, :, -z.shape[2] :] + self.residual[block](z)
            return self.head[1](functional.relu(self.head[0](functional.relu(total))))

    return Network()


def count_with_wavetrain(program, model):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.yaml")
        keys = ", ".join(f"{key}: {value}" for key, value in model.items())
        with open(path, "w") as config:
            config.write(f"model: {{{keys}, input_kernel: {INPUT_KERNEL}}}\n")
            config.write(f"data: {{path: none, quantization: mulaw:{CLASSES}}}\n")
        text = subprocess.run([program, "inspect", path], check=True, capture_output=True, text=True).stdout
    count = int(re.search(r"(\d+) parameters", text).group(1))
    field = int(re.search(r"receptive field\s+(\d+)", text).group(1))
    return count, field


# --- one row ---


def measure(name, batch, threads, targets, steps):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = MODELS[name]
    network = build(torch, model)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    field, seconds = receptive_field(model), []
    for _ in range(WARM_UP + steps):
        samples = torch.randint(CLASSES, (batch, targets + field))  # the last one is a target only
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        logits = network(samples[:, :-1], targets)
        assert logits.shape == (batch, CLASSES, targets)
        torch.nn.functional.cross_entropy(logits, samples[:, -targets:]).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - began)
    step = statistics.median(seconds[WARM_UP:])
    count = sum(parameter.numel() for parameter in network.parameters())
    rate = batch * targets / step
    gflops = 3e-9 * batch * operations(model, targets) / step
    print(f"{name},{threads},{batch},{count},{field},{1e3 * step:.1f},{rate:.0f},{gflops:.1f},{peak_mib():.0f}")


def main():
    parser = argparse.ArgumentParser(description="PyTorch's training steps of the benchmarks' networks")
    parser.add_argument("--models", default="A,B,C")
    parser.add_argument("--batches", default="1", help="windows a step")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--targets", type=int, default=8192, help="in a window")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--wavetrain", default="build/wavetrain")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        name, batch, threads = options.row.split(",")
        measure(name, int(batch), int(threads), options.targets, options.steps)
        return
    program = options.wavetrain if os.access(options.wavetrain, os.X_OK) else None
    if program is None:
        print(f"{options.wavetrain}: not there, so the parameters are not compared", file=sys.stderr)
    print("model,threads,batch,parameters,receptive_field,step_ms,targets_per_second,gflops,peak_mib", flush=True)
    for name in options.models.split(","):
        for batch in options.batches.split(","):
            for threads in options.threads.split(","):
                environment = dict(os.environ, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
                row = [sys.executable, __file__, "--row", f"{name},{batch},{threads}",
                       "--targets", str(options.targets), "--steps", str(options.steps)]
                line = subprocess.run(row, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
                print(line, end="", flush=True)
                got = tuple(int(value) for value in line.split(",")[3:5])
                if program and got != count_with_wavetrain(program, MODELS[name]):
                    sys.exit(f"{name}: parameters and receptive field are {got}, "
                             f"wavetrain's {count_with_wavetrain(program, MODELS[name])}")


if __name__ == "__main__":
    main()
