"""The curves the article's logs show, to compare a run with."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields

from celu_cli.case.catalog import published_curve
from celu_cli.case.schema import Case
from celu_cli.errors import RunError


@dataclass(frozen=True)
class PublishedEpoch:
    """What the article's log says of one epoch (counted from 1)."""

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


@dataclass(frozen=True)
class PublishedCurve:
    """The epochs the article's log shows, in order; it does not show every epoch."""

    name: str
    epochs: tuple[PublishedEpoch, ...]

    def at(self, epoch: int) -> PublishedEpoch | None:
        """That epoch, when the log shows it."""
        return next((published for published in self.epochs if published.epoch == epoch), None)

    def until(self, epoch: int) -> PublishedEpoch | None:
        """That epoch, or the last before it that the log shows."""
        return next((published for published in reversed(self.epochs) if published.epoch <= epoch), None)


def read_published(case: Case) -> PublishedCurve | None:
    """The published curve that `case` names.

    None when it names none, and for the embedded sample, whose accuracies say nothing about the full set's.

    Raises:
        RunError: the file is not a curve.
    """
    if case.published is None or case.dataset.sample:
        return None
    path = published_curve(case.published)
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            epochs = tuple(_parse(row) for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise RunError(f"cannot read the published curve {path}: {error}") from error
    return PublishedCurve(case.published, epochs)


def _parse(row: dict[str, str]) -> PublishedEpoch:
    values = (float(row[field.name]) for field in fields(PublishedEpoch)[1:])
    return PublishedEpoch(int(row["epoch"]), *values)
