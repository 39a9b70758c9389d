from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest
from PIL import Image

from celu_cli.analysis.plots.run_plots import draw_run, fidelity_charts, run_chart
from celu_cli.events import Epochs, Fidelity
from celu_cli.runs.published import read_published
from celu_cli.runs.run import Run, read_run
from tests.runs.fakes import make_case, make_metrics, record_run


def published_run(tmp_path: Path, **changes: object) -> Run:
    case = make_case(epochs=10, **({"published": "case-c"} | changes))
    return read_run(record_run(tmp_path, case))


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
    dashed = [curve for curve in chart.curves if curve.dashed]
    assert [curve.label.split()[:2] for curve in dashed] == [["published", "accuracy"], ["published", "loss"]]
    assert all(list(curve.epochs) == [1, 3, 5, 7, 9] for curve in dashed)


def test_the_last_values_are_written_at_the_curves(tmp_path: Path) -> None:
    run = published_run(tmp_path)
    labels = [curve.label for curve in run_chart(run, "test", read_published(run.case)).curves]
    last = run.metrics[-1]
    assert labels[:2] == [f"accuracy {last.test_accuracy:.4f}", f"loss {last.test_loss:.4f}"]
    assert labels[2] == "published accuracy 0.7582"


def test_fidelity_is_drawn_layer_by_layer_at_the_step_it_was_measured_at(tmp_path: Path) -> None:
    run = published_run(tmp_path, published=None)
    entries = (Fidelity(1, (1.0, 0.9), (1.0, 10.0)), Fidelity(251, (1.0, 0.8), (1.0, 100.0)))
    metrics = [make_metrics(1), make_metrics(2, fidelity=entries)]
    charts = dict(fidelity_charts(replace(run, metrics=Epochs(metrics))))
    assert list(charts) == ["fidelity-cosine", "fidelity-norm-ratio"]
    cosine, ratio = charts.values()
    assert [curve.label for curve in cosine.curves] == ["layer 1  1.000", "layer 2  0.800"]
    assert [list(curve.values) for curve in ratio.curves] == [[0.0, 0.0], [1.0, 2.0]]
    assert all(list(curve.epochs) == [1.0, 1.5] for curve in (*cosine.curves, *ratio.curves))
    assert cosine.title == "case-c: direction of the gradient in use"


def test_losses_are_divided_by_the_largest_of_run_and_published_and_the_axis_says_so(tmp_path: Path) -> None:
    run = published_run(tmp_path)
    largest = max(run.metrics[0].test_loss, 1.39922)
    chart = run_chart(run, "test", read_published(run.case))
    assert chart.y_label == f"accuracy, and loss divided by its maximum ({largest:.3g})"
    loss = chart.curves[1]
    assert [value * largest for value in loss.values] == pytest.approx(
        [metrics.test_loss for metrics in run.metrics]
    )


def test_losses_that_are_no_numbers_do_not_spoil_the_plot(tmp_path: Path) -> None:
    run = published_run(tmp_path, published=None)
    metrics = (make_metrics(1, test_loss=2.0), make_metrics(2, test_loss=nan), make_metrics(3, test_loss=inf))
    chart = run_chart(replace(run, metrics=Epochs(metrics)), "test", None)
    assert chart.curves[1].values[0] == 1.0
    only_nan = run_chart(replace(run, metrics=Epochs((make_metrics(1, test_loss=nan),))), "test", None)
    assert "(1)" in only_nan.y_label


def test_a_run_of_the_sample_is_not_drawn_against_the_published_curve_of_the_full_set(tmp_path: Path) -> None:
    run = published_run(tmp_path, dataset={"name": "cifar10", "sample": True})
    assert read_published(run.case) is None
    assert "CIFAR-10 sample" in run_chart(run, "test", None).subtitle
