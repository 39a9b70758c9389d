from __future__ import annotations

from pathlib import Path

import pytest

from celu_cli.analysis.compare.swept import Point
from celu_cli.analysis.plots.swept import draw_swept, heat_map_figure, is_geometric, line_figure
from celu_cli.errors import UsageError

LINE = [Point({"alpha": alpha}, (0.5, 0.5 + alpha / 10), 2) for alpha in (0.25, 1.0, 4.0)]
GRID = [
    Point({"alpha": a, "optimizer": o}, (0.1 * a,) if o == "adam" else (), 1)
    for a in (1, 2)
    for o in ("adam", "sgd")
]


def test_a_line_has_the_means_every_seed_and_a_logarithmic_axis() -> None:
    (axes,) = line_figure(LINE, "alpha", True, "test-accuracy", "a sweep").axes
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.25", "1", "4"]
    means, *dots = axes.lines
    assert list(means.get_ydata()) == pytest.approx([0.5125, 0.55, 0.7])
    assert [list(dot.get_ydata()) for dot in dots] == [list(point.values) for point in LINE]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("alpha", "test accuracy")


def test_several_cases_are_several_lines() -> None:
    points = [
        Point({"case": case, "epochs": n}, (0.5,), 1) for case in ("case-b", "case-c") for n in (1, 2, 5)
    ]
    (axes,) = line_figure(points, "epochs", False, "test-loss", "").axes
    assert axes.get_xscale() == "linear"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["case-b", "case-c"]


def test_a_map_has_a_number_for_each_pair_that_has_results() -> None:
    axes, _ = heat_map_figure(GRID, "alpha", "optimizer", "test-accuracy", "").axes
    assert [text.get_text() for text in axes.texts] == ["0.1000", "0.2000"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["adam", "sgd"]


def test_a_geometric_list_counts_as_logarithmic() -> None:
    assert is_geometric([0.25, 0.5, 1, 2, 4])
    assert not is_geometric([1, 2, 3])
    assert not is_geometric([0, 1, 10])
    assert not is_geometric([1, 10])


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    seeds = [Point({}, (0.5,), 1)]
    with pytest.raises(UsageError, match="this one swept seeds alone"):
        draw_swept(seeds, (), (), "test-accuracy", "", path, "png")
    with pytest.raises(UsageError, match="no cell of the sweep is complete"):
        draw_swept([Point({"alpha": 1}, (), 3)], ("alpha",), (), "test-accuracy", "", path, "png")
    draw_swept(LINE, ("alpha",), ("alpha",), "test-accuracy", "", path, "png")
    assert path.read_bytes().startswith(b"\x89PNG")
