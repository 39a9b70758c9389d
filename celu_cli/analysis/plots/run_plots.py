"""The plots of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from math import ceil, isfinite, log10
from pathlib import Path
from typing import Literal

from celu_cli.analysis.plots.chart import Chart, Curve, save_chart
from celu_cli.analysis.plots.style import BLUE, COLOURS, VERMILLION
from celu_cli.case.cost import split_sizes
from celu_cli.case.describe import describe_case
from celu_cli.events import EpochMetrics
from celu_cli.runs.published import PublishedCurve, PublishedEpoch, read_published
from celu_cli.runs.run import Run, read_run

Epoch = EpochMetrics | PublishedEpoch
Phase = Literal["train", "test"]
PHASES: tuple[Phase, ...] = ("train", "test")


def draw_run_plots(run_path: Path, file_format: str = "png") -> list[Path]:
    """Draw ``plots/train`` and ``plots/test`` of the run in `run_path` and return the files written.

    Raises:
        RunError: the run cannot be read or the files cannot be written.
    """
    return draw_run(read_run(run_path), run_path / "plots", file_format)


def draw_run(run: Run, directory: Path, file_format: str = "png") -> list[Path]:
    """Draw ``train`` and ``test`` of `run` into `directory`, and its fidelity where it measured that.

    No file is written where no epoch is finished.

    Raises:
        RunError: the files cannot be written.
    """
    if not run.metrics:
        return []
    published = read_published(run.case)
    paths = []
    for phase in PHASES:
        path = directory / f"{phase}.{file_format}"
        save_chart(run_chart(run, phase, published), path, file_format)
        paths.append(path)
    for name, chart in fidelity_charts(run):
        path = directory / f"{name}.{file_format}"
        save_chart(chart, path, file_format)
        paths.append(path)
    return paths


def fidelity_charts(run: Run) -> Iterator[tuple[str, Chart]]:
    """How near the gradient in use was to the exact one: cosine, and power of ten of the norm ratio, of each layer.

    None where the run measured nothing.
    """
    steps = ceil(split_sizes(run.case)[0] / run.case.batch_size)
    points = [
        (epoch.epoch - 1 + (entry.step - 1) / steps, entry)
        for epoch in run.metrics
        for entry in epoch.fidelity
    ]
    if not points:
        return
    layers = len(points[0][1].cosine)
    epochs = [epoch for epoch, _ in points]
    subtitle = (
        f"{describe_case(run.case)}; every {run.case.fidelity.every} steps" if run.case.fidelity else ""
    )
    for name, title, y_label, values in (
        (
            "fidelity-cosine",
            "direction of the gradient in use",
            "cosine with the exact gradient",
            [entry.cosine for _, entry in points],
        ),
        (
            "fidelity-norm-ratio",
            "size of the gradient in use",
            "norm divided by the exact gradient's, power of ten",
            [tuple(log10(max(ratio, 1e-30)) for ratio in entry.norm_ratio) for _, entry in points],
        ),
    ):
        curves = [
            Curve(
                f"layer {layer + 1}  {values[-1][layer]:.3f}", epochs, [row[layer] for row in values], colour
            )
            for layer, colour in zip(range(layers), cycle(COLOURS), strict=False)
        ]
        yield name, Chart(f"{run.case.name}: {title}", subtitle, y_label, curves)


def run_chart(run: Run, phase: Phase, published: PublishedCurve | None) -> Chart:
    """Accuracy and loss of `run` over epochs, both between 0 and 1 as in the article.

    Losses are divided by the largest of all, the published ones included, so that the two can be compared.
    """
    last = run.metrics[-1].epoch
    shown: list[Epoch] = [epoch for epoch in published.epochs if epoch.epoch <= last] if published else []
    losses = [_value(epoch, phase, "loss") for epoch in [*run.metrics, *shown]]
    largest = max(filter(isfinite, losses), default=0.0) or 1.0
    curves = list(_phase_curves("", run.metrics, phase, largest, dashed=False))
    if shown:
        curves += _phase_curves("published ", shown, phase, largest, dashed=True)
    state = "" if run.status == "completed" else f", {run.status}"
    while_training = " while training" if phase == "train" else ""
    return Chart(
        title=f"{run.case.name}: {phase} accuracy and loss{while_training}",
        subtitle=f"{describe_case(run.case)}, {last} of {run.case.epochs} epochs{state}",
        y_label=f"accuracy, and loss divided by its maximum ({largest:.3g})",
        curves=curves,
        y_limits=(0.0, 1.0),
    )


def _phase_curves(
    prefix: str,
    epochs: Sequence[Epoch],
    phase: Phase,
    largest_loss: float,
    dashed: bool,
) -> Iterator[Curve]:
    yield _accuracy_curve(f"{prefix}accuracy", epochs, phase, BLUE, dashed)
    losses = [_value(epoch, phase, "loss") for epoch in epochs]
    yield Curve(
        f"{prefix}loss {losses[-1]:.4f}",
        [epoch.epoch for epoch in epochs],
        [loss / largest_loss for loss in losses],
        VERMILLION,
        dashed,
    )


def _accuracy_curve(name: str, epochs: Sequence[Epoch], phase: Phase, colour: str, dashed: bool) -> Curve:
    accuracies = [_value(epoch, phase, "accuracy") for epoch in epochs]
    return Curve(
        f"{name} {accuracies[-1]:.4f}", [epoch.epoch for epoch in epochs], accuracies, colour, dashed
    )


def _value(epoch: Epoch, phase: Phase, what: Literal["loss", "accuracy"]) -> float:
    if phase == "train":
        return epoch.train_loss if what == "loss" else epoch.train_accuracy
    return epoch.test_loss if what == "loss" else epoch.test_accuracy
