"""The plots of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from math import ceil, isfinite, log10
from pathlib import Path

from celu_cli.analysis.compare.bands import Measure, Phase, value_of
from celu_cli.analysis.plots.chart import Chart, Curve, save_chart
from celu_cli.analysis.plots.style import BLUE, COLOURS, VERMILLION
from celu_cli.case.cost import split_sizes
from celu_cli.case.describe import describe_case
from celu_cli.events import EpochMetrics
from celu_cli.runs.published import PublishedCurve, PublishedEpoch, read_published
from celu_cli.runs.run import Run

PHASES: tuple[Phase, ...] = ("train", "test")


def draw_run(run: Run, directory: Path, file_format: str = "png") -> list[Path]:
    """Draw ``train`` and ``test`` of `run` into `directory`, and its fidelity where it measured that.

    No file is written where no epoch is finished.

    Raises:
        RunError: the files cannot be written.
    """
    if not run.metrics:
        return []
    published = read_published(run.case)
    charts = {phase: run_chart(run, phase, published) for phase in PHASES} | dict(fidelity_charts(run))
    paths = {name: directory / f"{name}.{file_format}" for name in charts}
    for name, chart in charts.items():
        save_chart(chart, paths[name], file_format)
    return list(paths.values())


def run_chart(run: Run, phase: Phase, published: PublishedCurve | None) -> Chart:
    """Accuracy and loss of `run` over epochs, both between 0 and 1 as in the article.

    Losses are divided by the largest of all, the published ones included, so that the two can be compared.
    """
    last = run.metrics[-1].epoch
    shown = [epoch for epoch in published.epochs if epoch.epoch <= last] if published else []
    losses = [value_of(epoch, phase, "loss") for epochs in (run.metrics, shown) for epoch in epochs]
    largest = max(filter(isfinite, losses), default=0.0) or 1.0
    curves = _phase_curves("", run.metrics, phase, largest)
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
    epochs: Sequence[EpochMetrics | PublishedEpoch],
    phase: Phase,
    largest_loss: float,
    dashed: bool = False,
) -> list[Curve]:
    measures: tuple[tuple[Measure, float, str], ...] = (
        ("accuracy", 1.0, BLUE),
        ("loss", largest_loss, VERMILLION),
    )
    return [
        Curve(
            f"{prefix}{measure} {value_of(epochs[-1], phase, measure):.4f}",
            [epoch.epoch for epoch in epochs],
            [value_of(epoch, phase, measure) / largest for epoch in epochs],
            colour,
            dashed,
        )
        for measure, largest, colour in measures
    ]


def fidelity_charts(run: Run) -> Iterator[tuple[str, Chart]]:
    """How near the gradient in use was to the exact one: cosine, and power of ten of the norm ratio, of each layer.

    None where the run measured nothing.
    """
    steps = ceil(split_sizes(run.case)[0] / run.case.batch_size)
    measured = [
        (epoch.epoch - 1 + (entry.step - 1) / steps, entry)
        for epoch in run.metrics
        for entry in epoch.fidelity
    ]
    if not measured:
        return
    every = f"; every {run.case.fidelity.every} steps" if run.case.fidelity else ""
    for name, what, y_label, points in (
        (
            "fidelity-cosine",
            "direction",
            "cosine with the exact gradient",
            [entry.cosine for _, entry in measured],
        ),
        (
            "fidelity-norm-ratio",
            "size",
            "norm divided by the exact gradient's, power of ten",
            [tuple(log10(max(ratio, 1e-30)) for ratio in entry.norm_ratio) for _, entry in measured],
        ),
    ):
        curves = [
            Curve(f"layer {layer}  {values[-1]:.3f}", [epoch for epoch, _ in measured], values, colour)
            for layer, (values, colour) in enumerate(zip(zip(*points, strict=True), cycle(COLOURS)), 1)
        ]
        title = f"{run.case.name}: {what} of the gradient in use"
        yield name, Chart(title, describe_case(run.case) + every, y_label, curves)
