"""Event files, in which TensorBoard keeps values over steps: it shows a directory that has one as a run of that name.

They are written with TensorBoard's own package, which needs no TensorFlow; TensorFlow's writer needs that package too.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from celu_cli.errors import UsageError
from celu_cli.events import Histogram
from celu_cli.files import write_whole

PATTERN = "events.out.tfevents.*"

_VERSION = "brain.Event:2"


class Point(NamedTuple):
    """A value at a step (0: of the whole run) and at a time, in seconds since 1970.

    A text is Markdown; a mapping has hyperparameters, and its tag is the one that TensorBoard wants.
    """

    tag: str
    step: int
    time: float
    value: float | str | Histogram | Mapping[str, bool | float | str]


def begin_event_file(directory: Path, points: Iterable[Point], earlier: Iterable[Any] = ()) -> Path:
    """Put a new file in the place of all event files in `directory`, as a whole; it has `points` and `earlier`.

    Raises:
        OSError: it cannot be written; those there are stay.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # TensorBoard reads the files by name, and a step that it meets again replaces the older one.
    path = directory / PATTERN.replace("*", f"{int(time.time()):010}.{platform.node()}.{os.getpid()}")
    events = sorted([*earlier, *map(_event, points)], key=lambda event: int(event.step))
    header = _event_proto()(wall_time=time.time(), file_version=_VERSION)
    write_whole(path, lambda file: _write(file, [header, *events]), synced=True)
    for replaced in set(directory.glob(PATTERN)) - {path}:
        replaced.unlink(missing_ok=True)
    return path


def add_points(path: Path, points: Iterable[Point]) -> None:
    """Add values to an event file; a reader can see them at once.

    Raises:
        OSError: they cannot be written.
    """
    with path.open("ab") as file:
        _write(file, map(_event, points))


def require_tensorboard(purpose: str) -> None:
    """Make sure that TensorBoard is installed, before any work is done for `purpose`.

    Raises:
        UsageError: it is not; the text says how to install it.
    """
    if find_spec("tensorboard") is None:
        raise UsageError(
            f"{purpose} needs TensorBoard, which is not installed; install it with: pip install tensorboard"
        )


def read_events(directory: Path) -> Iterator[Any]:
    """The events with values in the event files of `directory`, as protocol buffers.

    A record that a kill left torn ends its file, as it does for TensorBoard.

    Raises:
        OSError: a file cannot be read.
    """
    from tensorboard.compat.tensorflow_stub.errors import DataLossError, OutOfRangeError
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    for path in sorted(directory.glob(PATTERN)):
        reader = PyRecordReader_New(str(path))
        while True:
            try:
                reader.GetNext()
            except (OutOfRangeError, DataLossError):
                break
            event = _event_proto().FromString(reader.record())
            if event.HasField("summary"):
                yield event


def _write(file: BinaryIO, events: Iterable[Any]) -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    file.flush()


def _event_proto() -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    return Event


def _event(point: Point) -> Any:
    return _event_proto()(wall_time=point.time, step=point.step, summary=_summary(point))


def _summary(point: Point) -> Any:
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.plugins.text.summary_v2 import text_pb

    match point.value:
        case str() as text:
            return text_pb(point.tag, text)
        case Histogram() as histogram:
            return _histogram(point.tag, histogram)
        case Mapping() as values:
            return hparams_pb(dict(values), start_time_secs=point.time)
        case number:
            return scalar_pb(point.tag, number)


def _histogram(tag: str, histogram: Histogram) -> Any:
    """A summary of rows (left edge, right edge, count), as TensorBoard's own function makes of all the values."""
    import numpy as np
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.histogram.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    edges = np.linspace(histogram.low, histogram.high, len(histogram.counts) + 1)
    rows = np.stack([edges[:-1], edges[1:], histogram.counts], axis=1)
    summary = Summary()
    metadata = create_summary_metadata(display_name=None, description=None)
    summary.value.add(tag=tag, metadata=metadata, tensor=make_tensor_proto(rows, dtype=np.float64))
    return summary
