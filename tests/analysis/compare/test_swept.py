"""A sweep's results: one row a combination, and plain words on what the best one is worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from celu_cli.analysis.compare.setting_columns import distinct_cases
from celu_cli.analysis.compare.swept import Point, Swept, best_point, compare_swept
from celu_cli.analysis.plots.labels import shared_text
from celu_cli.runs.run import read_run
from tests.runs.fakes import record_seeds

POINTS = (
    Point({"alpha": 0.5}, (0.50, 0.52, 0.54), 3),
    Point({"alpha": 1}, (0.60, 0.62), 3),
    Point({"alpha": 2.0}, (), 3),
)
SWEPT = Swept("alphas", ("alpha",), (), POINTS)


def test_each_combination_has_its_mean_interval_and_missing_seeds() -> None:
    first, second, third = compare_swept(SWEPT, "test-accuracy").plain
    assert first == {
        "alpha": 0.5,
        "metric": "test-accuracy",
        "seeds": 3,
        "missing": None,
        "mean": 0.52,
        "half_width": pytest.approx(4.302653 * 0.02 / 3**0.5, abs=1e-6),
        "deviation": 0.02,
        "lowest": 0.5,
        "highest": 0.54,
        "best": None,
        "verdict": None,
    }
    assert (second["best"], second["missing"]) == ("best", 1)
    assert (third["mean"], third["missing"]) == (None, 3)


def test_the_best_loss_is_the_smallest() -> None:
    assert best_point(POINTS, "test-loss") is POINTS[0]
    assert best_point(POINTS, "test-accuracy") is POINTS[1]
    assert best_point(POINTS[2:], "test-accuracy") is None


def test_the_notes_say_that_many_cells_make_a_winner_by_luck() -> None:
    records = compare_swept(SWEPT, "test-accuracy")
    notes = list(records.notes(records.columns, "terminal"))
    # e = sqrt((0.02**2 / 3 + 0.0141421**2 / 2) / 2) = 0.0108012; z((2 - .375) / 2.25) = 0.589456
    assert notes[-1] == (
        "the best of 2 wins partly by luck: if all were equal, it would still be expected "
        "about 0.0064 above their average"
    )
    assert notes[-2].startswith("best: 0.6100 ± 0.1271")


def test_the_verdict_over_all_values_stands_below_the_table() -> None:
    points = [
        Point({"alpha": alpha}, (0.5 + shift, 0.51 + shift, 0.53 + shift, 0.5 + shift), 4, (0, 1, 2, 3))
        for alpha, shift in ((4.0, 0.2), (1.0, 0.0), (2.0, 0.1))
    ]
    (verdict,) = compare_swept(Swept("", ("alpha",), (), tuple(points)), "test-accuracy").verdicts
    # Each seed has the same order, one of 6: p = 6 / 6**4 for any, 2 / 6**4 for the trend, corrected for two.
    assert verdict == (
        "These 3 values of alpha differ in test accuracy by more than chance, highest: alpha=4; "
        "it rises as alpha grows (p 0.0046 for any difference, 0.0031 for a trend; 4 seeds)."
    )
    assert compare_swept(SWEPT, "test-accuracy").verdicts == []


def test_what_is_shared_and_what_is_to_be_known_of_all_stands_below_the_table(tmp_path: Path) -> None:
    few = {"dataset": {"name": "cifar10", "hold_out": 45_000}, "network": {"filters": 8}}
    runs = [
        read_run(path)
        for alpha in (1.0, 2.0)
        for path in record_seeds(
            tmp_path, [-0.35, 0.1], alpha=alpha, published="case-c", batch_size=50, **few
        )
    ]
    swept = replace(SWEPT, cases=tuple(run.case for run in runs), runs=tuple(runs))
    records = compare_swept(swept, "test-accuracy")
    columns, (shared,) = records.shown("terminal")
    assert shared.startswith("all: CIFAR-10, celu, ")
    assert "alpha" not in shared
    assert shared.endswith(", 3 epochs, 5,000 of 50,000 images, 8 of 200 filters, batch 50")
    notes = list(records.notes(columns, "terminal"))[-3:]
    assert notes[0].endswith("alpha is only the scale of the input and the temperature of the softmax")
    assert notes[1].startswith("the published curve case-c is not shown")
    assert notes[2].startswith("no better than guessing in test accuracy: ")
    assert notes[2].count("seed0") == 2
    assert (
        shared_text(distinct_cases(swept.cases))
        == "5,000 of 50,000 images, 8 of 200 filters, batch 50, 3 epochs"
    )
