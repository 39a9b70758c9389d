"""The plots of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, isfinite, nan
from pathlib import Path

from celu_cli.analysis.compare.bands import Measure, Phase, value_of
from celu_cli.analysis.compare.remarks import why_no_curve
from celu_cli.analysis.plots.chart import Chart, Panel, save_chart
from celu_cli.analysis.plots.curve import Curve
from celu_cli.analysis.plots.style import BLUE, VERMILLION, ordered_looks
from celu_cli.case.cost import split_sizes
from celu_cli.case.describe import describe_case
from celu_cli.events import EpochMetrics, Fidelity
from celu_cli.runs.published import PublishedCurve, PublishedEpoch, read_published
from celu_cli.runs.run import Run
from celu_cli.text import counted, four_decimals

PHASES: tuple[Phase, ...] = ("train", "test")
_MEASURES: tuple[tuple[Measure, str], ...] = (("accuracy", BLUE), ("loss", VERMILLION))


def draw_run(run: Run, directory: Path, file_format: str = "png", normalised: bool = False) -> list[Path]:
    """Draw ``train`` and ``test`` of `run` into `directory`, and its fidelity where it measured that.

    No file is written where no epoch is finished. `normalised`: as `normalise`.

    Raises:
        RunError: the files cannot be written.
    """
    if not run.metrics:
        return []
    published = read_published(run.case)
    charts = [(phase, run_chart(run, phase, published)) for phase in PHASES]
    if normalised:
        charts = [(phase, normalise(chart)) for phase, chart in charts]
    named: dict[str, Chart] = {**dict(charts), **dict(fidelity_charts(run))}
    paths = {name: directory / f"{name}.{file_format}" for name in named}
    for name, chart in named.items():
        save_chart(chart, paths[name], file_format)
    return list(paths.values())


def run_chart(run: Run, phase: Phase, published: PublishedCurve | None) -> Chart:
    """Accuracy of `run` over epochs above its loss, each beside the published curve where there is one."""
    last = run.metrics[-1].epoch
    shown = [epoch for epoch in published.epochs if epoch.epoch <= last] if published else []
    state = "" if run.status == "completed" else f", {run.status}"
    while_training = " while training" if phase == "train" else ""
    return Chart(
        title=f"{run.case.name}: {phase} accuracy and loss{while_training}",
        subtitle=f"{describe_case(run.case)}, {last} of {counted(run.case.epochs, 'epoch')}{state}",
        panels=[
            Panel(
                measure,
                [
                    _curve("", run.metrics, phase, measure, colour),
                    *([_curve("published ", shown, phase, measure, colour)] if shown else []),
                ],
            )
            for measure, colour in _MEASURES
        ],
        note="".join(why_no_curve([run.case], "the run has")),
    )


def normalise(chart: Chart) -> Chart:
    """The `chart` of a run in one panel from 0 to 1, as the article draws it.

    Losses are divided by the largest of all, the published ones included, so that the two can be compared.
    """
    accuracy, loss = chart.panels
    largest = max((v for curve in loss.curves for v in curve.values if isfinite(v)), default=0.0) or 1.0
    labelled = [replace(curve, label=f"accuracy {curve.label}") for curve in accuracy.curves]
    scaled = [
        replace(curve, label=f"loss {curve.label}", values=[value / largest for value in curve.values])
        for curve in loss.curves
    ]
    y_label = f"accuracy, and loss / {largest:.3g}"
    return replace(chart, panels=[Panel(y_label, [*labelled, *scaled], (0.0, 1.0))])


def _curve(
    prefix: str, epochs: Sequence[EpochMetrics | PublishedEpoch], phase: Phase, measure: Measure, colour: str
) -> Curve:
    values = [value_of(epoch, phase, measure) for epoch in epochs]
    return Curve(
        f"{prefix}{four_decimals(values[-1])}",
        [epoch.epoch for epoch in epochs],
        values,
        colour,
        dashed=bool(prefix),
    )


def measurements(run: Run) -> list[tuple[float, Fidelity]]:
    """Each measurement of fidelity with its place on the axis of epochs."""
    steps = ceil(split_sizes(run.case)[0] / run.case.batch_size)
    return [
        (epoch.epoch - 1 + (entry.step - 1) / steps, entry)
        for epoch in run.metrics
        for entry in epoch.fidelity
    ]


def _power(ratio: float) -> str:
    """As in 1.7e6."""
    mantissa, mark, exponent = f"{ratio:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else mantissa  # NaN has none


def fidelity_charts(run: Run) -> Iterator[tuple[str, Chart]]:
    """How near the gradient in use was to the exact one: cosine and ratio of norms of each layer.

    None where the run measured nothing.
    """
    measured = measurements(run)
    if not measured:
        return
    fidelity = run.case.fidelity
    every = f"; every {f'{fidelity.every} steps' if fidelity.every > 1 else 'step'}" if fidelity else ""
    places = [place for place, _ in measured]
    # One form for all labels of a picture.
    ratios = [ratio for _, entry in measured for ratio in entry.norm_ratio if ratio > 0]
    wide = bool(ratios) and max(ratios) >= 10 * min(ratios)
    for name, what, said, y_label, points in (
        (
            "cosine",
            "direction",
            "{:.3f}".format,
            "cosine with the exact gradient",
            [entry.cosine for _, entry in measured],
        ),
        (
            "norm-ratio",
            "size",
            _power if wide else "{:.3f}".format,
            "norm / exact norm",
            [[ratio if ratio > 0 else nan for ratio in entry.norm_ratio] for _, entry in measured],
        ),
    ):
        layers = list(zip(*points, strict=True))
        curves = [
            Curve(f"layer {layer}  {said(values[-1])}", places, values, look.colour, look.mark)
            for layer, (values, look) in enumerate(zip(layers, ordered_looks(len(layers)), strict=True), 1)
        ]
        title = f"{run.case.name}: {what} of the gradient in use, by layer"
        panel = Panel(y_label, curves, logarithmic=name == "norm-ratio")
        yield f"fidelity-{name}", Chart(title, describe_case(run.case) + every, [panel])
