from __future__ import annotations

from itertools import pairwise

import pytest

from celu_cli.analysis.compare.swept import Point, Swept
from celu_cli.analysis.plots.chart import chart_figure
from celu_cli.analysis.plots.swept import heat_map_figure, is_logarithmic, sweep_figure, swept_chart
from tests.runs.fakes import make_case

LINE = [Point({"alpha": alpha}, (0.5, 0.5 + alpha / 10), 2) for alpha in (0.25, 1.0, 4.0)]
GRID = [
    Point({"alpha": a, "optimizer": o}, (0.1 * a,) if o == "adam" else (), 1)
    for a in (1, 2)
    for o in ("adam", "sgd")
]


def test_a_line_has_the_means_every_seed_the_intervals_and_a_logarithmic_axis() -> None:
    chart = swept_chart(LINE, "alpha", "test-accuracy", "a sweep", logarithmic=True)
    (panel,) = chart.panels
    (curve,) = panel.curves
    assert (chart.logarithmic, chart.ticks) == (True, {0.25: "0.25", 1.0: "1", 4.0: "4"})
    assert list(curve.values) == pytest.approx([0.5125, 0.55, 0.7])
    assert list(curve.dots) == [point.values for point in LINE]
    # Student's interval of two numbers: t(.975, 1) times half their distance.
    assert curve.errors == pytest.approx([12.7062 * alpha / 20 for alpha in (0.25, 1.0, 4.0)], rel=1e-4)
    assert (chart.x_label, panel.y_label) == ("alpha", "test accuracy")
    (axes,) = chart_figure(chart).axes
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.25", "1", "4"]


def test_several_cases_are_several_lines() -> None:
    points = [
        Point({"case": case, "epochs": n}, (0.5,), 1) for case in ("case-b", "case-c") for n in (1, 2, 5)
    ]
    chart = swept_chart(points, "epochs", "test-loss", "")
    assert not chart.logarithmic
    assert [curve.label for curve in chart.panels[0].curves] == ["case-b", "case-c"]


def test_what_else_was_swept_makes_lines_and_words_stand_side_by_side_without_one() -> None:
    by_alpha = swept_chart([point for point in GRID if point.values], "alpha", "test-accuracy", "")
    assert [curve.label for curve in by_alpha.panels[0].curves] == ["optimizer=adam"]
    by_optimizer = swept_chart(GRID, "optimizer", "test-accuracy", "")
    assert by_optimizer.ticks == {0: "adam", 1: "sgd"}
    assert not any(curve.joined for curve in by_optimizer.panels[0].curves)


def test_the_words_above_say_whether_the_values_differ_and_where_the_trend_leads() -> None:
    points = [
        Point({"alpha": a}, tuple(a / 10 + s / 1000 for s in range(5)), 5, (0, 1, 2, 3, 4)) for a in (1, 2, 3)
    ]
    subtitle = swept_chart(points, "alpha", "test-accuracy", "", "16 of 200 filters").subtitle
    assert subtitle.startswith("16 of 200 filters. These 3 values of alpha differ in test accuracy")
    assert "it rises as alpha grows" in subtitle


def test_a_map_has_a_number_for_each_pair_that_has_results() -> None:
    axes, _ = heat_map_figure(GRID, ("alpha", "optimizer"), "test-accuracy", "").axes
    assert [text.get_text() for text in axes.texts] == ["0.1000", "0.2000"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["adam", "sgd"]


def test_above_a_map_stands_what_all_its_runs_share() -> None:
    cases = tuple(make_case(epochs=3, alpha=alpha) for alpha in (1.0, 2.0))
    draw = sweep_figure(
        Swept("a sweep", ("alpha", "optimizer"), (), tuple(GRID), cases=cases), "test-accuracy"
    )
    assert draw is not None
    assert "3 epochs" in [text.get_text() for text in draw().texts]


def test_values_whose_ratios_are_more_even_than_their_steps_count_as_logarithmic() -> None:
    assert is_logarithmic([0.25, 0.5, 1, 2, 4])
    assert is_logarithmic([1e-4, 3e-4, 8e-4, 1e-3, 3e-3])
    assert not is_logarithmic([1, 2, 3])
    assert not is_logarithmic([*range(1, 21)])
    assert not is_logarithmic([0, 1, 10])
    assert not is_logarithmic([1, 10])


def test_the_words_of_values_that_lie_close_do_not_touch() -> None:
    rates = (1e-4, 3e-4, 8e-4, 1e-3, 3e-3)
    points = [Point({"optimizer.learning_rate": rate}, (0.5, 0.6), 2) for rate in rates]
    figure = chart_figure(swept_chart(points, "optimizer.learning_rate", "test-accuracy", ""))
    figure.draw_without_rendering()
    labels = [label for label in figure.axes[0].get_xticklabels() if label.get_text()]
    assert {"0.0001", "0.003"} <= {label.get_text() for label in labels}
    boxes = [label.get_window_extent() for label in labels]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_lines_over_words_stand_around_these_and_are_called_by_the_last_words_of_their_keys() -> None:
    points = [
        Point({"optimizer.name": o, "optimizer.beta_2": b}, (0.5, 0.6), 2, (0, 1))
        for o in ("adam", "sgd")
        for b in (0.9, 0.99, 0.999)
    ]
    (panel,) = swept_chart(points, "optimizer.name", "test-accuracy", "").panels
    assert [curve.label for curve in panel.curves] == ["beta_2=0.9", "beta_2=0.99", "beta_2=0.999"]
    assert [sum(curve.x[place] for curve in panel.curves) for place in (0, 1)] == pytest.approx([0, 3])
    subtitle = swept_chart(points, "optimizer.beta_2", "test-accuracy", "", "10 epochs").subtitle
    assert subtitle.startswith(
        "10 epochs. optimizer=adam: 2 seeds cannot tell these 3 values of beta_2 apart"
    )
    assert ".." not in subtitle
