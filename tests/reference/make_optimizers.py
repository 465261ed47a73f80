#!/usr/bin/python3
"""Makes tests/reference/optimizers.h5: what PyTorch's optimizers and schedulers make of given gradients.

    /usr/bin/python3 tests/reference/make_optimizers.py            writes the file anew
    /usr/bin/python3 tests/reference/make_optimizers.py --check    recomputes, and compares with the file

Needs Debian's python3-torch, python3-numpy and python3-h5py (jobs/setup.sh --compare). The tests read the file alone.

All numbers are float64. Gradients are the same in all cases and depend on nothing; they and the first parameters are
multiples of powers of two that a float32 holds exactly, so that the program starts from the very same values.

The file holds
  counts           [tensors], elements of each; those of even number are weights, the others biases
  initial          [elements], tensor behind tensor
  gradients        [steps, elements]
  cases/NAME       attribute config: YAML for wt_config_parse; and
    rates, momenta [steps], the learning rate and SGD's momentum or Adam's beta1 of each step
    final          [elements], the parameters after the last step
    mean           [elements], their running mean, where ema.decay is set
    losses         [steps], where the schedule is plateau: the validation after each step that ends with one, else 0
"""

import argparse
import os
import sys

import h5py
import numpy
import torch
from torch.optim import lr_scheduler

STEPS = 40
SHAPES = [((8, 5, 3), 1.0), ((8,), 1.0), ((13, 11), 2.0 ** -10), ((13,), 32.0)]  # and the scale of the gradients
EVERY = 3  # steps from one validation to the next


def case(optimizer, schedule="kind: constant, warmup: 0", ema=0.0):
    return dict(optimizer=optimizer, schedule=schedule, ema=ema)


ADAM = "kind: adam, learning_rate: 0.01, clip: 0.0"
ADAMW = "kind: adamw, learning_rate: 0.01, weight_decay: 0.3, clip: 0.0"
SGD = "kind: sgd, learning_rate: 0.05, clip: 0.0"
MOMENTUM = SGD + ", momentum: 0.9"
NESTEROV = MOMENTUM + ", nesterov: true"

CASES = {
    "adam": case(ADAM),
    "adam-decay": case(ADAM + ", weight_decay: 0.1"),
    "adam-betas": case(ADAM + ", beta1: 0.5, beta2: 0.9, epsilon: 0.001"),
    "adam-clipped": case("kind: adam, learning_rate: 0.01, clip: 115.0"),
    "adamw": case(ADAMW),
    "adamw-weights": case(ADAMW + ", decay_on: weights"),
    "adamw-mean": case(ADAMW, ema=0.999),
    "sgd": case(SGD),
    "sgd-decay": case(SGD + ", weight_decay: 0.1"),
    "sgd-clipped": case("kind: sgd, learning_rate: 0.05, momentum: 0.9, clip: 115.0"),
    "sgd-momentum": case(MOMENTUM),
    "sgd-nesterov": case(NESTEROV + ", weight_decay: 0.1"),
    "sgd-weights": case(NESTEROV + ", weight_decay: 0.1, decay_on: weights"),
    "sgd-mean": case(MOMENTUM, ema=0.5),
    "warmup": case(ADAMW, "kind: constant, warmup: 7"),
    "step": case(SGD, "kind: step, warmup: 0, decay: 0.3, decay_steps: 9"),
    "step-warmup": case(ADAM, "kind: step, warmup: 6, decay: 0.3, decay_steps: 9"),
    "piecewise": case(SGD, "kind: piecewise, warmup: 0, points: [[10, 0.01], [25, 0.2], [26, 0.001]]"),
    "exponential": case(SGD, "kind: exponential, warmup: 0, decay: 0.9, decay_steps: 1"),
    "exponential-warmup": case(MOMENTUM, "kind: exponential, warmup: 5, decay: 0.5, decay_steps: 10"),
    "linear": case(SGD, "kind: linear, warmup: 0, floor: 0.0"),
    "linear-warmup": case(ADAM, "kind: linear, warmup: 5, floor: 0.2"),
    "cosine": case(MOMENTUM, "kind: cosine, warmup: 0, floor: 0.0"),
    "cosine-warmup": case(ADAMW, "kind: cosine, warmup: 10, floor: 0.1"),
    "one-cycle-sgd": case(MOMENTUM, "kind: one-cycle"),
    "one-cycle-plain": case(SGD, "kind: one-cycle"),
    "one-cycle-adamw": case(ADAMW, "kind: one-cycle", ema=0.9),
    "one-cycle-linear": case(NESTEROV, "kind: one-cycle, anneal: linear, pct_start: 0.17, div_factor: 10.0, "
                             "final_div_factor: 100.0, base_momentum: 0.7, max_momentum: 0.9"),
    "one-cycle-fixed": case(ADAM, "kind: one-cycle, cycle_momentum: false"),
    "plateau": case(SGD, "kind: plateau, warmup: 0, decay: 0.5, patience: 1, threshold: 1.0e-2"),
    "plateau-cooldown": case(ADAMW, "kind: plateau, warmup: 0, decay: 0.3, patience: 0, cooldown: 2, floor: 0.02"),
}
DEFAULTS = dict(beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0, decay_on="all", momentum=0.0, nesterov="false",
                floor=0.0, pct_start=0.3, div_factor=25.0, final_div_factor=1e4, anneal="cos", cycle_momentum="true",
                base_momentum=0.85, max_momentum=0.95, warmup=0, cooldown=0, threshold=1e-4)
LOSSES = [5.0, 4.0, 3.99, 3.98, 3.5, 3.5, 3.6, 3.7, 3.4, 3.3, 3.3, 3.3, 3.3]


def yaml_of(c):
    lines = [f"train: {{steps: {STEPS}}}", f"optimizer: {{{c['optimizer']}}}", f"schedule: {{{c['schedule']}}}"]
    return "\n".join(lines + [f"ema: {{decay: {c['ema']!r}}}", f"validation: {{every: {EVERY}}}"]) + "\n"


def keys_of(text):
    """The keys of one section, with what is left out as the program has it; piecewise's points apart."""
    keys = dict(DEFAULTS)
    text, _, points = text.partition(", points: ")
    for entry in text.split(", "):
        name, value = entry.split(": ")
        try:
            keys[name] = float(value)
        except ValueError:
            keys[name] = value
    if points:
        keys["points"] = [tuple(map(float, p.split(", "))) for p in points.strip("[]").split("], [")]
    return keys


def make_optimizer(o, parameters):
    decayed = parameters if o["decay_on"] == "all" else parameters[::2]
    bare = [] if o["decay_on"] == "all" else parameters[1::2]
    groups = [dict(params=decayed, weight_decay=o["weight_decay"])]
    if bare:
        groups.append(dict(params=bare, weight_decay=0.0))
    if o["kind"] == "sgd":
        return torch.optim.SGD(groups, lr=o["learning_rate"], momentum=o["momentum"], nesterov=o["nesterov"] == "true")
    kind = torch.optim.AdamW if o["kind"] == "adamw" else torch.optim.Adam
    return kind(groups, lr=o["learning_rate"], betas=(o["beta1"], o["beta2"]), eps=o["epsilon"])


def make_scheduler(s, rate, optimizer):
    """What is stepped after each update; plateau's after each validation."""
    warmup = int(s["warmup"])
    left = STEPS - max(warmup, 1)  # steps after the one with the full rate

    def after():
        if s["kind"] == "constant":
            return lr_scheduler.ConstantLR(optimizer, factor=1.0)
        if s["kind"] == "step":
            return lr_scheduler.StepLR(optimizer, int(s["decay_steps"]), s["decay"])
        if s["kind"] == "exponential":
            return lr_scheduler.ExponentialLR(optimizer, s["decay"] ** (1.0 / s["decay_steps"]))
        if s["kind"] == "linear":
            return lr_scheduler.LinearLR(optimizer, 1.0, s["floor"], total_iters=left)
        if s["kind"] == "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, left, eta_min=s["floor"] * rate)
        raise ValueError(s["kind"])

    if s["kind"] == "one-cycle":
        return lr_scheduler.OneCycleLR(
            optimizer, rate, total_steps=STEPS, pct_start=s["pct_start"], anneal_strategy=s["anneal"],
            cycle_momentum=s["cycle_momentum"] == "true", base_momentum=s["base_momentum"],
            max_momentum=s["max_momentum"], div_factor=s["div_factor"], final_div_factor=s["final_div_factor"])
    if s["kind"] == "piecewise":
        def factor(done):
            return ([1.0] + [r / rate for step, r in s["points"] if step <= done])[-1]
        return lr_scheduler.LambdaLR(optimizer, factor)
    if s["kind"] == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=s["decay"], patience=int(s["patience"]),
                                              threshold=s["threshold"], cooldown=int(s["cooldown"]),
                                              min_lr=s["floor"] * rate)
    if warmup < 2:
        return after()
    rise = lr_scheduler.LinearLR(optimizer, 1.0 / warmup, 1.0, total_iters=warmup - 1)
    return lr_scheduler.SequentialLR(optimizer, [rise, after()], milestones=[warmup - 1])


def compute(c, initial, gradients):
    o, s = keys_of(c["optimizer"]), keys_of(c["schedule"])
    parameters = [p.clone().requires_grad_() for p in initial]
    means = [p.clone() for p in initial]
    optimizer = make_optimizer(o, parameters)
    scheduler = make_scheduler(s, o["learning_rate"], optimizer)
    rates, momenta, losses, clipped = [], [], numpy.zeros(STEPS), 0
    for step in range(1, STEPS + 1):
        group = optimizer.param_groups[0]
        rates.append(group["lr"])
        momenta.append(group["momentum"] if o["kind"] == "sgd" else group["betas"][0])
        for p, g in zip(parameters, gradients[step - 1]):
            p.grad = g.clone()
        if o["clip"]:
            clipped += torch.nn.utils.clip_grad_norm_(parameters, o["clip"]).item() > o["clip"]
        optimizer.step()
        decay = min(c["ema"], (1 + step) / (10 + step))
        for p, mean in zip(parameters, means):
            mean.mul_(decay).add_(p.detach(), alpha=1 - decay)
        if s["kind"] != "plateau":
            if step < STEPS:
                scheduler.step()
        elif step % EVERY == 0:
            losses[step - 1] = LOSSES[step // EVERY - 1]
            scheduler.step(losses[step - 1])
    values = dict(rates=numpy.array(rates), momenta=numpy.array(momenta), final=flat(parameters))
    if c["ema"]:
        values["mean"] = flat(means)
    if s["kind"] == "plateau":
        values["losses"] = losses
    return values, clipped


def flat(tensors):
    return numpy.concatenate([t.detach().numpy().ravel() for t in tensors])


def draw():
    random = numpy.random.RandomState(5)
    initial = [torch.tensor(numpy.round(random.normal(0, 1, shape) * 4096) / 4096) for shape, _ in SHAPES]
    gradients = [[torch.tensor(numpy.round(random.normal(0, 1, shape) * 4096) / 4096 * scale)
                  for shape, scale in SHAPES] for _ in range(STEPS)]
    return initial, gradients


def everything():
    initial, gradients = draw()
    values = {"counts": numpy.array([p.numel() for p in initial], numpy.int32), "initial": flat(initial),
              "gradients": numpy.stack([flat(g) for g in gradients])}
    for name, c in CASES.items():
        computed, clipped = compute(c, initial, gradients)
        values.update({f"cases/{name}/{key}": value for key, value in computed.items()})
        rates = computed["rates"]
        print(f"{name}: rates {rates[0]:.4g} … {rates.max():.4g} … {rates[-1]:.4g}, {len(set(rates))} of them, "
              f"{clipped} steps clipped")
    return values


def main():
    parser = argparse.ArgumentParser(description="Makes the reference values of tests/optim/test_optim_pytorch.c.")
    parser.add_argument("--check", action="store_true", help="compare with the file, write nothing")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.h5")
    values = everything()
    if check:
        with h5py.File(path, "r") as f:
            for name, c in CASES.items():
                if f["cases/" + name].attrs["config"].decode() != yaml_of(c):
                    sys.exit(f"{path}: {name}: another configuration")
            worst = max(numpy.abs(f[key][()] - value).max() / max(numpy.abs(value).max(), 1e-300)
                        for key, value in values.items())
        sys.exit(f"differs by {worst:.1e}" if worst > 1e-12 else 0)
    with h5py.File(path, "w", libver=("v108", "v110")) as f:
        f.attrs["torch"] = numpy.bytes_(torch.__version__)
        for key, value in values.items():
            large = value.nbytes > 2048
            f.create_dataset(key, data=value, track_times=False, shuffle=large or None,
                             compression=9 if large else None)
        for name, c in CASES.items():
            f["cases/" + name].attrs["config"] = numpy.bytes_(yaml_of(c))


if __name__ == "__main__":
    main()
