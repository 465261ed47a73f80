#!/usr/bin/env python3
"""read_events.py FOLDER: what TensorBoard reads there, a line per scalar: tag, steps, the last value."""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
for tag in sorted(events.Tags()["scalars"]):
    scalars = events.Scalars(tag)
    print(tag, ",".join(str(scalar.step) for scalar in scalars), f"{scalars[-1].value:.6g}")
