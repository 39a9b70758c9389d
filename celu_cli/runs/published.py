"""The curves the article's logs show, to compare a run with."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import lru_cache

from celu_cli.case.catalog import published_curve
from celu_cli.case.schema import AMSGrad, Case
from celu_cli.case.settings import changes_from, load_shipped, same_layers
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

    None when it names none, and where a run of it cannot be compared with the curve: see `why_not_published`.

    Raises:
        RunError: the file is not a curve.
    """
    if case.published is None or why_not_published(case):
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


@lru_cache(maxsize=1024)
def why_not_published(case: Case) -> str:
    """What `case` has otherwise than the runs of the published curve it names; empty where they can be compared.

    That is where dataset, images, network, batch size and optimizer are those of the shipped case of that name.
    """
    reference = load_shipped(case.published) if case.published else None
    if reference is None:
        return "the sample" if case.published and case.dataset.sample else ""
    if isinstance(case.optimizer, AMSGrad):  # the article leaves open which moment its updates use
        case = case.model_copy(update={"optimizer": case.optimizer.model_copy(update={"moment": "new"})})
    parts = {"dataset", "optimizer", "batch_size"} | (set() if same_layers(reference, case) else {"network"})
    return ", ".join(changes_from(reference, case, parts))


def _parse(row: dict[str, str]) -> PublishedEpoch:
    values = (float(row[field.name]) for field in fields(PublishedEpoch)[1:])
    return PublishedEpoch(int(row["epoch"]), *values)
