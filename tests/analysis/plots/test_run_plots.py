from __future__ import annotations

from dataclasses import replace
from math import inf, isnan, nan
from pathlib import Path

import pytest
from PIL import Image

from celu_cli.analysis.plots.chart import Chart, chart_figure
from celu_cli.analysis.plots.curve import Curve
from celu_cli.analysis.plots.run_plots import draw_run, fidelity_charts, normalise, run_chart
from celu_cli.events import Epochs, Fidelity
from celu_cli.runs.published import read_published
from celu_cli.runs.run import Run, read_run
from tests.runs.fakes import make_case, make_metrics, record_run


def published_run(tmp_path: Path, **changes: object) -> Run:
    case = make_case(epochs=10, **({"published": "case-c"} | changes))
    return read_run(record_run(tmp_path, case))


def curves_of(chart: Chart) -> list[Curve]:
    return [curve for panel in chart.panels for curve in panel.curves]


def test_both_plots_are_drawn_into_the_run(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    paths = draw_run(read_run(path), path / "plots")
    assert paths == [path / "plots" / "train.png", path / "plots" / "test.png"]
    for plot in paths:
        with Image.open(plot) as image:
            assert image.format == "PNG"


def test_a_run_without_an_epoch_has_no_plots(tmp_path: Path) -> None:
    path = record_run(tmp_path, done=0)
    assert draw_run(read_run(path), path / "plots") == []
    assert not (path / "plots").exists()


@pytest.mark.parametrize("phase", ["train", "test"])
def test_the_published_curve_is_dashed_and_stops_where_the_run_stops(tmp_path: Path, phase: str) -> None:
    run = published_run(tmp_path)
    chart = run_chart(run, phase, read_published(run.case))  # type: ignore[arg-type]
    assert [panel.y_label for panel in chart.panels] == ["accuracy", "loss"]
    dashed = [curve for curve in curves_of(chart) if curve.dashed]
    assert [curve.label.split()[0] for curve in dashed] == ["published", "published"]
    assert all(list(curve.x) == [1, 3, 5, 7, 9] for curve in dashed)


def test_the_last_values_are_written_at_the_curves(tmp_path: Path) -> None:
    run = published_run(tmp_path)
    labels = [curve.label for curve in curves_of(run_chart(run, "test", read_published(run.case)))]
    last = run.metrics[-1]
    assert labels[:2] == [f"{last.test_accuracy:.4f}", "published 0.7582"]
    assert labels[2] == f"{last.test_loss:.4f}"


def test_accuracy_and_loss_stand_above_each_other_with_their_true_values(tmp_path: Path) -> None:
    run = published_run(tmp_path, published=None)
    accuracy, loss = curves_of(run_chart(run, "test", None))
    assert list(accuracy.values) == [epoch.test_accuracy for epoch in run.metrics]
    assert list(loss.values) == [epoch.test_loss for epoch in run.metrics]


def test_fidelity_is_drawn_layer_by_layer_at_the_step_it_was_measured_at(tmp_path: Path) -> None:
    run = published_run(tmp_path, published=None)
    entries = (Fidelity(1, (1.0, 0.9), (1.0, 10.0)), Fidelity(251, (1.0, 0.8), (1.0, 100.0)))
    metrics = [make_metrics(1), make_metrics(2, fidelity=entries)]
    charts = dict(fidelity_charts(replace(run, metrics=Epochs(metrics))))
    assert list(charts) == ["fidelity-cosine", "fidelity-norm-ratio"]
    cosine, ratio = charts.values()
    assert [curve.label for curve in curves_of(cosine)] == ["layer 1  1.000", "layer 2  0.800"]
    assert [curve.label for curve in curves_of(ratio)] == ["layer 1  1.0e0", "layer 2  1.0e2"]
    assert [list(curve.values) for curve in curves_of(ratio)] == [[1.0, 1.0], [10.0, 100.0]]
    assert all(list(curve.x) == [1.0, 1.5] for curve in (*curves_of(cosine), *curves_of(ratio)))
    assert cosine.title == "case-c: direction of the gradient in use, by layer"
    assert [chart_figure(chart).axes[0].get_yscale() for chart in (cosine, ratio)] == ["linear", "log"]


def test_a_layer_whose_gradient_vanishes_leaves_a_gap_on_the_logarithmic_axis(tmp_path: Path) -> None:
    run = published_run(tmp_path, published=None)
    metrics = [
        make_metrics(1, fidelity=(Fidelity(1, (1.0, 1.0), (1.0, 10.0)), Fidelity(2, (0.0, 1.0), (0.0, 10.0))))
    ]
    chart = dict(fidelity_charts(replace(run, metrics=Epochs(metrics))))["fidelity-norm-ratio"]
    assert isnan(curves_of(chart)[0].values[1])
    (axes,) = chart_figure(chart).axes
    axes.figure.draw_without_rendering()
    assert axes.get_ylim()[0] > 0.1


def test_ratios_within_a_decade_are_drawn_on_a_linear_axis_with_plain_numbers(tmp_path: Path) -> None:
    run = published_run(tmp_path, published=None)
    metrics = [make_metrics(1, fidelity=(Fidelity(1, (1.0,), (0.99998,)), Fidelity(2, (1.0,), (1.00004,))))]
    chart = dict(fidelity_charts(replace(run, metrics=Epochs(metrics))))["fidelity-norm-ratio"]
    (axes,) = chart_figure(chart).axes
    axes.figure.draw_without_rendering()
    assert not any("10" in tick.get_text() for tick in axes.get_yticklabels())


def test_as_the_article_draws_it_losses_are_divided_by_the_largest_and_the_axis_says_so(
    tmp_path: Path,
) -> None:
    run = published_run(tmp_path)
    largest = max(run.metrics[0].test_loss, 1.39922)
    chart = normalise(run_chart(run, "test", read_published(run.case)))
    assert [panel.y_label for panel in chart.panels] == [f"accuracy, and loss / {largest:.3g}"]
    loss = curves_of(chart)[2]
    assert loss.label == f"loss {run.metrics[-1].test_loss:.4f}"
    assert [value * largest for value in loss.values] == pytest.approx(
        [metrics.test_loss for metrics in run.metrics]
    )


def test_losses_that_are_no_numbers_do_not_spoil_the_plot(tmp_path: Path) -> None:
    run = published_run(tmp_path, published=None)
    metrics = (make_metrics(1, test_loss=2.0), make_metrics(2, test_loss=nan), make_metrics(3, test_loss=inf))
    chart = run_chart(replace(run, metrics=Epochs(metrics)), "test", None)
    assert curves_of(normalise(chart))[1].values[0] == 1.0
    (*_, axes) = chart_figure(chart).axes
    assert axes.get_ylim()[1] < 3
    only_nan = run_chart(replace(run, metrics=Epochs((make_metrics(1, test_loss=nan),))), "test", None)
    assert "/ 1" in normalise(only_nan).panels[0].y_label


def test_a_run_of_the_sample_is_not_drawn_against_the_published_curve_of_the_full_set(tmp_path: Path) -> None:
    run = published_run(tmp_path, dataset={"name": "cifar10", "sample": True})
    assert read_published(run.case) is None
    chart = run_chart(run, "test", None)
    assert "CIFAR-10 sample" in chart.subtitle
    assert chart.note == "the published curve case-c is not shown, as the run has the sample"
