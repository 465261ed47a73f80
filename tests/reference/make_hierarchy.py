#!/usr/bin/python3
"""Makes tests/reference/hierarchy-*.h5: what PyTorch's own modules (Embedding, Linear, BatchNorm1d, LayerNorm)
compute for small hierarchies. Used as make_pytorch.py, whose rules for numbers and whose layout hold here too, but:

  logits, losses   in evaluation: batch norm takes the running statistics that stand among the parameters
  training/losses  [windows] in training, where targets that are none (-1) take no part
  gradients/NAME   of the sum of these
  staged/NAME      the running statistics after that forward
  curve, final/NAME   20 training steps; the parameters and running statistics after the last one
"""

import argparse
import os
import sys

import h5py
import numpy
import torch
from torch.nn.functional import cross_entropy

import make_pytorch as common


def case(about, fuse, width, norm="none", activation="tanh", embedding=4, classes=9, input="class", channels=0,
         bias="auto", window=1, windows=8, lane_windows=2, utterances=(30, 17, 23), ignored=0.0, empty=(),
         optimizer=common.ADAM, head="softmax", readout=None):
    context = int(numpy.prod(fuse))
    return dict(about=about, fuse=fuse, width=width, norm=norm, activation=activation, embedding=embedding,
                classes=classes, input=input, channels=channels, bias=bias, window=window, windows=windows,
                lane_windows=lane_windows, utterances=utterances, ignored=ignored, empty=empty,
                optimizer=optimizer, arrays=[], input_kernel=context, context=context, head=head, readout=readout)


CASES = {
    "hierarchy-flat": case("one level that fuses all, batch norm, one target a window", [8], [20], norm="batch",
                           classes=27, embedding=10, optimizer=dict(common.ADAM, epsilon=1.0e-4)),
    "hierarchy-tree": case("a tree of three levels, batch norm", [2, 2, 2], [18, 7, 33], norm="batch",
                           classes=27, embedding=5, window=5, lane_windows=4, empty=(3,),
                           optimizer=dict(common.ADAM, clip=0.4)),
    "hierarchy-layer": case("layer norm, four levels, ReLU", [2, 2, 2, 2], [6, 17, 5, 40], norm="layer",
                            activation="relu", embedding=3, window=3, ignored=0.2),
    "hierarchy-plain": case("no norm, so biases", [3, 2], [11, 6], window=4, lane_windows=1),
    "hierarchy-real": case("real input of two channels, layer norm behind biases", [2, 4], [9, 8], norm="layer",
                           bias="true", input="real", channels=2, window=6, lane_windows=8, embedding=1),
    "hierarchy-ignored": case("batch norm, where a third of the targets is none", [2, 3], [19, 12], norm="batch",
                              activation="relu", window=7, windows=6, lane_windows=3, ignored=0.3,
                              optimizer=dict(kind="adamw", learning_rate=0.02, weight_decay=0.1)),
    "hierarchy-values": case("squared error of one value a sample, real input, layer norm, values that are none",
                             [2, 3], [9, 7], norm="layer", input="real", channels=2, embedding=1, head="mse",
                             window=6, lane_windows=4, ignored=0.2, empty=(5,), utterances=(40, 27)),
    "hierarchy-mean": case("one class a window, from the mean of its outputs, batch norm", [2, 2], [8, 11],
                           norm="batch", input="real", channels=1, embedding=1, readout="mean", classes=7, window=9,
                           windows=6, lane_windows=3, utterances=(36, 45)),
    "hierarchy-linear": case("one class a window, from a linear layer over time", [3, 2], [10, 6],
                             readout="linear", window=11, lane_windows=2, utterances=(33, 44)),
    "hierarchy-value": case("one value a window, from a linear layer over time, batch norm", [4], [13],
                            norm="batch", activation="relu", input="real", channels=2, embedding=1, head="mse",
                            readout="linear", window=8, lane_windows=4, utterances=(40, 24)),
}


def yaml_of(c):
    samples = c["window"] + (c["context"] - 1 if c["readout"] else 0)
    lines = ["model:", "  trunk: hierarchy", f"  input: {c['input']}", f"  embedding: {c['embedding']}",
             f"  fuse: {c['fuse']}", f"  width: {c['width']}", f"  norm: {c['norm']}",
             f"  activation: {c['activation']}", f"  bias: {c['bias']}"]
    if c["head"] == "mse" or c["readout"]:
        lines += [f"  head: {c['head']}", f"  readout: {c['readout'] or 'last'}"]
    lines += ["data:", "  path: data/reference", f"  window: {samples}", f"  quantization: linear:{c['classes']}"]
    if c["head"] == "mse" or c["readout"]:
        lines += ["  target: label", f"  stride: {c['window'] if c['readout'] else 0}"]
    lines += ["train:", f"  batch: {c['windows']}", f"  steps: {common.STEPS}",
             f"  lanes: {c['windows'] // c['lane_windows']}", "optimizer:"]
    lines += [f"  {key}: {value}" for key, value in common.full_optimizer(c).items()]
    return "\n".join(lines + ["schedule:", "  kind: constant", "  warmup: 0"]) + "\n"


class Level(torch.nn.Module):
    def __init__(self, c, inputs, width):
        super().__init__()
        bias = c["bias"] == "true" or (c["bias"] == "auto" and c["norm"] == "none")
        self.linear = torch.nn.Linear(inputs, width, bias=bias)
        if c["norm"] == "batch":
            self.norm = torch.nn.BatchNorm1d(width)
        if c["norm"] == "layer":
            self.norm = torch.nn.LayerNorm(width)
        self.relu = c["activation"] == "relu"

    def forward(self, x, watch):
        x = self.linear(x)
        shape = x.shape
        if hasattr(self, "norm"):
            x = self.norm(x.reshape(-1, shape[-1])).reshape(shape)
        return watch.relu(x) if self.relu else torch.tanh(x)


class Hierarchy(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["channels"]
        if c["input"] == "class":
            self.embedding = torch.nn.Embedding(c["classes"], c["embedding"])
            width = c["embedding"]
        self.fuse = c["fuse"]
        self.levels = torch.nn.ModuleList()
        for fuse, out in zip(c["fuse"], c["width"]):
            self.levels.append(Level(c, fuse * width, out))
            width = out
        self.output = torch.nn.Linear(width, common.outputs_of(c))
        if c["readout"] == "linear":  # to all logits of a softmax its bias would add nothing
            self.readout = torch.nn.Linear(c["window"], 1, bias=c["head"] == "mse")

    def forward(self, x, watch):
        """x [targets, context], or [targets, context, channels] -> [targets, classes]"""
        if hasattr(self, "embedding"):
            x = self.embedding(x)
        for fuse, level in zip(self.fuse, self.levels):
            x = level(x.reshape(x.shape[0], x.shape[1] // fuse, -1), watch)
        return self.output(x[:, 0])


def named(model):
    """All that a checkpoint holds, by name."""
    return {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}


def initial(c, random):
    model = Hierarchy(c).to(torch.float64)
    for key, tensor in named(model).items():
        spread = random.uniform(-1.5, 1.5, tensor.shape)
        if key.endswith("linear.weight") or key in ("output.weight", "readout.weight"):
            spread = spread / numpy.sqrt(tensor.shape[1])
        if key.endswith("norm.weight") or key.endswith("running_var"):
            spread = 1 + spread / 2
        with torch.no_grad():
            tensor.copy_(torch.tensor(common.rounded(spread)))
    return model


def contexts(c, data, batch, training):
    """Inputs, targets and values of all windows, and how many targets each has."""
    xs, targets, values, counts = [], [], [], []
    for w in range(c["windows"]):
        n = 0
        for t in range(int(data["target_count"][batch, w])):
            target = int(data["target"][batch, w, t])
            if training and target < 0 and not c["readout"]:
                continue
            name = "classes" if c["input"] == "class" else "signal"
            xs.append(data[name][batch, w, t:t + c["context"]])
            targets.append(target)
            values.append(data["value"][batch, w, t] if c["head"] == "mse" else 0.0)
            n += 1
        counts.append(n)
    x = torch.tensor(numpy.array(xs))
    return (x.long() if c["input"] == "class" else x), torch.tensor(targets), torch.tensor(values), counts


def read_out(c, model, logits, counts):
    """[all outputs, ...] -> [windows, ...]"""
    windows = torch.split(logits, counts)
    if c["readout"] == "mean":
        return torch.stack([y.mean(0) for y in windows])
    return torch.stack([model.readout(y.T)[:, 0] for y in windows])


def losses_of(c, model, data, batch, training, watch):
    x, targets, values, counts = contexts(c, data, batch, training)
    model.train(training)
    logits = model(x, watch)
    if c["readout"]:
        logits = read_out(c, model, logits, counts)
        last = numpy.cumsum(counts) - 1
        targets, values, counts = targets[last], values[last], [1] * c["windows"]
    if c["head"] == "mse":
        each = (logits[:, 0] - values) ** 2 * (targets >= 0)
    else:
        each = cross_entropy(logits, targets, ignore_index=-1, reduction="none")
    return logits, [part.sum() for part in torch.split(each, counts)], int((targets >= 0).sum()), counts


def train(c, model, data, losses_of):
    o = common.full_optimizer(c)
    kind = torch.optim.AdamW if o["kind"] == "adamw" else torch.optim.Adam
    parameters = list(model.parameters())
    optimizer = kind(parameters, lr=o["learning_rate"], betas=(o["beta1"], o["beta2"]), eps=o["epsilon"],
                     weight_decay=o["weight_decay"])
    curve = []
    for step in range(common.STEPS):
        optimizer.zero_grad()
        _, losses, count, _ = losses_of(c, model, data, step % common.BATCHES, True, common.Watch())
        loss = sum(losses) / count
        loss.backward()
        if o["clip"]:
            torch.nn.utils.clip_grad_norm_(parameters, o["clip"])
        optimizer.step()
        curve.append(loss.item())
    return numpy.array(curve)


def compute(name, c, seed, initial, losses_of):
    random = numpy.random.RandomState(seed)
    model = initial(c, random)
    data = common.data_of(c, random)
    values = dict(data)
    for key, tensor in named(model).items():
        values["parameters/" + key] = tensor.detach().numpy().copy()
    watch = common.Watch()
    logits, losses, _, counts = losses_of(c, model, data, 0, False, watch)
    stored = numpy.zeros((c["windows"], 1 if c["readout"] else c["window"], common.outputs_of(c)))
    for w, part in enumerate(torch.split(logits, counts)):
        stored[w, :len(part)] = part.detach().numpy()
    values["logits"] = stored
    values["losses"] = numpy.array([loss.item() for loss in losses])
    start = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    _, losses, count, _ = losses_of(c, model, data, 0, True, watch)
    if watch.nearest < common.KINK:
        return None
    sum(losses).backward()
    values["training/losses"] = numpy.array([loss.item() for loss in losses])
    for key, tensor in model.named_parameters():
        values["gradients/" + key] = tensor.grad.numpy().copy()
    for key, tensor in named(model).items():
        if "running" in key:
            values["staged/" + key] = tensor.numpy().copy()
    model.load_state_dict(start)
    values["curve"] = train(c, model, data, losses_of)
    for key, tensor in named(model).items():
        values["final/" + key] = tensor.detach().numpy().copy()
    total = sum(t.numel() for t in model.parameters())
    print(f"{name}: {total} parameters, {count} targets, loss {values['curve'][0]:.4f} -> "
          f"{values['curve'][-1]:.4f}, seed {seed}")
    return values


def write(path, c, values, yaml_of):
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        f.attrs["about"] = numpy.bytes_(c["about"])
        f.attrs["config"] = numpy.bytes_(yaml_of(c))
        f.attrs["torch"] = numpy.bytes_(torch.__version__)
        for key in ("classes", "channels", "lane_windows"):
            f.attrs[key] = numpy.int64(c[key])
        f.attrs["receptive_field"] = numpy.int64(common.receptive_field(c))
        f.attrs["batches"] = numpy.int64(common.BATCHES)
        for key, value in values.items():
            large = value.nbytes > 2048
            f.create_dataset(key, data=value, track_times=False, shuffle=large or None,
                             compression=9 if large else None)


def main(about, cases, seeds, initial, losses_of, yaml_of):
    """Used by make_normed.py too."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = os.path.dirname(os.path.abspath(__file__))
    for number, (name, c) in enumerate(cases.items()):
        if options.cases and name not in options.cases:
            continue
        seed, values = seeds + 1000 * number, None
        while values is None:
            seed += 1
            values = compute(name, c, seed, initial, losses_of)
        path = os.path.join(folder, name + ".h5")
        if options.check:
            worst = common.check(path, yaml_of(c), values)
            print(f"  differs from the file by {worst:.1e}")
            if worst > 1e-9:
                sys.exit(f"{path}: differs")
        else:
            write(path, c, values, yaml_of)


if __name__ == "__main__":
    main(__doc__, CASES, 50000, initial, losses_of, yaml_of)
