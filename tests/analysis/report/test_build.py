from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from celu_cli.analysis.compare.columns import Column, Records
from celu_cli.analysis.compare.groups import Choice
from celu_cli.analysis.plots.style import ordered_looks
from celu_cli.analysis.report.build import Report
from celu_cli.analysis.report.page import render_page
from celu_cli.analysis.report.tables import Table, make_table
from celu_cli.errors import UsageError
from tests.analysis.report.reports import (
    SPREAD,
    change_manifest,
    change_metrics,
    check_text,
    record_many,
    report_of,
)
from tests.runs.fakes import make_case, record_run, record_seeds


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Report:
    logs = tmp_path_factory.mktemp("many")
    record_many(logs)
    return report_of(logs, baseline="case-b")


def column(table: Table, heading: str) -> list[str]:
    place = [one.heading for one in table.columns].index(heading)
    return [cells[place] for cells in table.cells]


def floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from floats(item)


def test_the_verdict_comes_first_and_then_the_best_case_of_each_dataset(many: Report) -> None:
    verdict, first, *others = many.results.sentences
    assert verdict.startswith(
        "These 3 cases differ in test accuracy by more than chance, highest: case-c (p 0."
    )
    assert verdict.endswith("; 2 to 6 seeds each).")
    assert first.startswith(
        "Highest test accuracy on CIFAR-10: case-c, 0.7486 ± 0.0032 after 12 epochs (6 seeds)"
    )
    assert any("case-c is 2.03 points above case-b, 95 % interval" in sentence for sentence in others)
    assert others[-1] == "Of 18 runs, not completed: 2 interrupted, 1 failed, 1 crashed."


def test_without_a_baseline_no_winner_is_called(tmp_path: Path) -> None:
    record_seeds(tmp_path, SPREAD, name="case-b")
    record_seeds(tmp_path, [0.1], name="case-c")
    sentences = report_of(tmp_path).results.sentences
    assert sentences[0] == (
        "So few seeds cannot tell these 2 cases apart in test accuracy: they span 9.92 points, "
        "and another seed may reverse it."
    )
    said = "Which pairs differ by more than chance can be said only against a baseline"
    assert said not in " ".join(sentences)  # nor against one: a pair of one seed has no test
    record_seeds(tmp_path, SPREAD, name="case-d")
    assert said in " ".join(report_of(tmp_path).results.sentences)
    best = report_of(tmp_path, Choice(metric="best-test-accuracy"))
    assert said not in " ".join(best.results.sentences)
    verdict, low, *_ = report_of(tmp_path, Choice(metric="test-loss")).results.sentences
    assert verdict.startswith("6 seeds cannot tell the 2 of 3 cases with several seeds apart in test loss")
    assert low.startswith("Lowest test loss on CIFAR-10")


@pytest.mark.parametrize(
    ("cases", "title"),
    [
        ([{"name": "case-b"}, {"name": "case-c"}], "4 runs of 2 cases"),
        ([{"alpha": 1.0}, {"alpha": 2.0}, {"alpha": 4.0}], "6 runs of 1 case with 3 settings"),
        ([{"name": "case-b"}, {"alpha": 2.0}, {"alpha": 4.0}], "6 runs of 2 cases with 3 settings"),
    ],
)
def test_a_case_with_several_settings_is_one_case(
    tmp_path: Path, cases: list[dict[str, Any]], title: str
) -> None:
    for changes in cases:
        record_seeds(tmp_path, [0.0, 0.01], **changes)
    assert report_of(tmp_path).title == title


def test_the_verdict_on_every_dataset_stands_above_the_tables(tmp_path: Path) -> None:
    for dataset in ("cifar10", "mnist"):
        for name in ("one", "two"):
            record_seeds(tmp_path, [0.0, 0.01], name=name, dataset={"name": dataset})
    report = report_of(tmp_path)
    assert [sentence.split(":")[0] for sentence in report.results.sentences[:2]] == ["CIFAR-10", "MNIST"]
    head, *_ = render_page(report).split("<table", 1)
    assert head.count('<p class="lead">') == 2


def test_one_case_is_told_without_a_contest(tmp_path: Path) -> None:
    record_run(tmp_path)
    assert report_of(tmp_path).results.sentences == (
        "Test accuracy on CIFAR-10: case-c, 0.3610 after 3 epochs (1 seed).",
    )


def test_runs_that_have_not_finished_leave_a_report_that_says_so(tmp_path: Path) -> None:
    record_run(tmp_path, done=0)
    report = report_of(tmp_path)
    assert report.results.sentences[0] == "No run counts yet: none has finished with a value to compare."
    assert report.alternatives["accuracy"] == "No run has finished an epoch, so there is no curve."


def test_every_run_is_shown_with_its_state(many: Report) -> None:
    states = column(many.results.runs, "status")
    assert sorted(set(states)) == ["completed", "crashed", "failed", "interrupted"]
    assert len(states) == 18
    assert column(many.origins, "status") == states
    crashed = column(many.origins, "error")[states.index("crashed")]
    assert crashed == "no heartbeat since 2026-11-20T00:00:00Z"


def test_columns_in_which_all_agree_are_said_once(many: Report) -> None:
    headings = [one.heading for one in many.results.groups.columns]
    assert "dataset" not in headings
    assert "activation" in headings
    assert many.results.groups.notes[0] == (
        "all: CIFAR-10, amsgrad (tensor), rate 0.0008, optimizer's beta_2 0.9, optimizer's epsilon 1e-08"
    )


def test_strips_show_where_each_seed_lies_on_one_scale(many: Report) -> None:
    strips = many.results.groups.strips
    assert [strip is None for strip in strips] == [False, False, False, True]
    lowest = min(value for strip in strips if strip for value in strip.values)
    highest = max(value for strip in strips if strip for value in strip.values)
    assert (lowest, highest) == pytest.approx((0.04, 0.96))
    assert all(strip.low <= strip.mean <= strip.high for strip in strips if strip)


def test_the_strips_of_one_dataset_have_a_scale_and_the_baseline_its_mark(many: Report) -> None:
    table = many.results.groups
    assert table.scale is not None
    low, high = map(float, table.scale)
    values = [
        value for row in table.records.rows for value in (row["lowest"], row["highest"]) if value is not None
    ]
    assert (high - low) * 0.92 == pytest.approx(max(values) - min(values), abs=2e-4)
    assert low < min(values) < max(values) < high
    assert {column(table, "case")[place]: word for place, word in table.marks.items()} == {
        "case-b": "baseline"
    }


def test_a_dataset_with_one_value_has_no_scale_and_leaves_that_of_the_other_above_the_strips(
    tmp_path: Path,
) -> None:
    record_seeds(tmp_path, [0.0, 0.1], name="full")
    record_seeds(tmp_path, [0.0], name="small", dataset={"name": "cifar10", "sample": True})
    table = report_of(tmp_path).results.groups
    assert [strip is None for strip in table.strips] == [False, True]
    assert table.scale is not None
    assert not any(" to " in note for note in table.notes if note.startswith("dots"))


def test_results_stand_before_settings(many: Report) -> None:
    headings = [one.heading for one in many.results.groups.columns]
    assert headings[:5] == ["case", "test accuracy", "± sd", "n", "difference"]
    assert headings.index("Holm") < headings.index("activation")


def test_what_all_runs_were_given_is_said_once(tmp_path: Path) -> None:
    for path, own in zip(record_seeds(tmp_path, SPREAD[:2]), ("alpha=1", "alpha=2 x"), strict=True):
        (path / "overrides.txt").write_text(f"epochs=3\ndescription=two words\n{own}\n")
    origins = report_of(tmp_path).origins
    assert column(origins, "overrides") == ["alpha=1", "alpha=2 x"]
    assert "all: overrides epochs=3 description=two words" in origins.notes
    assert origins.records.rows[0]["overrides"] == "epochs=3 description=two words alpha=1"


def test_layers_have_the_colours_of_the_pictures_of_the_run(many: Report) -> None:
    (measured, *_) = many.measured
    looks = ordered_looks(len(measured["cosine"]))
    assert [look["colour"] for look in measured["looks"]] == [[look.colour, look.on_dark] for look in looks]


def test_tables_carry_every_field_rounded_and_null_for_what_is_no_number(many: Report) -> None:
    records = many.results.runs.data
    failed = next(row for row in records["rows"] if row[records["columns"].index("status")] == "failed")
    assert failed[records["columns"].index("train_loss")] is None
    assert all(value == round(value, 6) for value in floats([table.data for table in many.tables]))
    json.dumps([table.data for table in many.tables], allow_nan=False)


def test_at_an_epoch_all_is_as_it_was_then(tmp_path: Path) -> None:
    record_seeds(tmp_path, SPREAD[:2], name="case-b", epochs=6)
    report = report_of(tmp_path, Choice(epoch=2))
    assert column(report.results.runs, "epochs") == ["2/6", "2/6"]
    assert report.curves["groups"][0]["epochs"] == 2


def test_an_unknown_baseline_is_refused(tmp_path: Path) -> None:
    record_run(tmp_path)
    with pytest.raises(UsageError, match="no such group"):
        report_of(tmp_path, baseline="case-x")


def test_the_case_is_shown_as_its_file_has_it(many: Report) -> None:
    case = many.cases[0]
    assert case.label == "case-b"
    assert case.runs == 6
    assert case.yaml.startswith("name: case-b\n")


def test_environments_are_told_apart_and_counted(many: Report) -> None:
    assert column(many.environments, "runs") == ["17", "1"]
    assert set(column(many.origins, "environment")) == {"1", "2"}


def test_a_resumed_run_names_every_environment(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    part = {"time": "2026-11-25T10:00:00Z", "epoch": 1, "step": 5, "pid": 1, "versions": {"celu": "9"}}
    machine = {"host": "other", "cpu_model": "other", "cpu_threads": 64}
    change_manifest(path, resumed=[part | machine])
    report = report_of(tmp_path)
    assert column(report.origins, "environment") == ["1, then 2"]
    assert column(report.environments, "host")[1] == "other"


def test_activations_are_drawn_and_jumps_told(many: Report) -> None:
    assert column(many.activations, "derivative at 0") == [
        "continuous",
        "jumps from 2 to 1",
        "jumps from 1.758 to 1.051",
    ]
    x = many.activation_curves["x"]
    zero = x.index(0.0)
    celu, elu, _ = (curve["derivative"] for curve in many.activation_curves["curves"])
    assert (celu[zero], elu[zero - 1 : zero + 2]) == (1.0, [2.0, None, 1.0])
    assert len(x) == len(celu) == len(elu)


def test_an_activation_from_a_file_is_named_and_its_code_not_run(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("raise SystemExit('was run')\n")
    record_run(tmp_path / "logs", make_case(activation=f"{code}:swish"))
    report = report_of(tmp_path / "logs")
    assert column(report.activations, "activation") == ["mine.py:swish"]
    assert report.activations.records.rows[0]["left"] is None
    assert report.activation_curves == {"x": [], "curves": []}


def test_fidelity_is_summed_up_by_layer(many: Report) -> None:
    assert column(many.fidelity, "layer") == ["1", "2"]
    assert column(many.fidelity, "mean cosine") == ["0.9000", "0.8000"]
    assert column(many.fidelity, "measured") == ["3", "3"]
    (measured,) = many.measured
    assert measured["cosine"] == [[0.9] * 3, [0.8] * 3]
    assert measured["epochs"] == [0.0, 0.008, 0.016]


def test_very_many_measurements_are_thinned_but_all_are_counted(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    entries = [{"step": step, "cosine": [0.5], "norm_ratio": [2.0]} for step in range(1, 12_501)]
    change_metrics(path, 0, fidelity=entries)
    report = report_of(tmp_path)
    assert report.measured[0]["every"] == 2
    assert len(report.measured[0]["epochs"]) == 6_250
    assert column(report.fidelity, "measured") == ["12500"]


def test_a_check_beside_a_run_is_shown_from_the_loss_down(many: Report) -> None:
    (check,) = many.checks
    assert (check.verdict, check.run.split("/")[0]) == ("biased", "case-d")
    assert column(check.table, "layer") == ["loss", "2", "1"]
    # What a stop passes down is the output of the layer below: the loss that of layer 2, layer 1 nothing.
    assert column(check.table, "weights: error") == ["", "0.5", "0.5"]
    assert column(check.table, "passed down: cosine") == ["1.0000", "1.0000", ""]
    assert column(check.table, "declared") == ["2e-15", "2e-15", "1e-15"]
    assert column(check.table, "finite") == ["", "1e-08", "1e-08"]  # of the outputs nothing was measured


def test_a_damaged_check_is_told_and_the_rest_is_shown(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    (path / "check.json").write_text(check_text(verdict="splendid"))
    report = report_of(tmp_path)
    assert report.checks == ()
    assert "check.json is not what celu check --json writes: verdict" in report.problems[0]


def test_a_table_without_rows_is_no_error() -> None:
    columns = (Column("a", str, "a"), Column("b", float, "b", number=True))
    table = make_table("empty", "Empty", Records(columns, ()))
    assert table.cells == []
    assert table.data == {"columns": ["a", "b"], "rows": []}
