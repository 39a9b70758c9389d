"""Event files read by TensorBoard's own reader, which shares no code with the writing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

# With this module, TensorBoard does without TensorFlow, whose import takes seconds and must be left to the engine.
sys.modules.setdefault("tensorboard.compat.notf", ModuleType("notf"))

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402
from tensorboard.util.tensor_util import make_ndarray  # noqa: E402

Curve = list[tuple[int, Any]]


def read_curves(directory: Path) -> dict[str, Curve]:
    """Steps and values of every tag, in the order of the file; a histogram's value is its rows."""
    reader = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    reader.Reload()
    return {
        tag: [(event.step, make_ndarray(event.tensor_proto).tolist()) for event in reader.Tensors(tag)]
        for tag in reader.Tags()["tensors"]
    }


def steps_of(curves: dict[str, Curve]) -> dict[str, list[int]]:
    return {tag: [step for step, _ in curve] for tag, curve in curves.items()}
