"""A column is described once and shown everywhere."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from celu_cli.analysis.compare import group_columns, run_columns
from celu_cli.analysis.compare.columns import Column
from tests.analysis.report.reports import report_of
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run, record_seeds

TOY = Column(
    "toy_value", lambda of: len(of.case.name) / 4, "toy", "{:.3f}", number=True, note="toy: a test's"
)


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    logs = Path("logs")
    record_seeds(logs, [0.0, 0.001], name="case-b")
    record_seeds(logs, [0.0, 0.002], name="longer", precision="bfloat16")
    return logs


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry among the columns of runs, and one among those of groups."""
    of_groups = group_columns.group_columns
    monkeypatch.setattr(run_columns, "RUN_COLUMNS", (*run_columns.RUN_COLUMNS, TOY))
    monkeypatch.setattr(group_columns, "group_columns", lambda *words: (*of_groups(*words), TOY))


@pytest.mark.usefixtures("logs", "toy")
@pytest.mark.parametrize("view", ["--runs", "--groups"])
def test_a_column_described_once_is_in_every_format(celu: Celu, view: str) -> None:
    def shown(*words: str) -> str:
        return celu("compare", view, *words).out

    heading, first, *others = shown().splitlines()
    end = heading.index("toy") + len("toy")
    assert first[:end].endswith(" 1.500")
    assert "toy: a test's" in others
    assert next(csv.DictReader(io.StringIO(shown("--format", "csv"))))["toy_value"] == "1.5"
    assert json.loads(shown("--format", "json", "--sort-by", "toy-value", "--reverse"))[0]["toy_value"] == 1.5
    for words, name, value in ((), "toy", "1.500"), (("--all-keys",), "toy_value", "1.5"):
        lines = shown("--format", "md", *words).splitlines()
        names, _, row, *_ = (line.strip("| ").split(" | ") for line in lines)
        assert row[names.index(name)] == value


@pytest.mark.usefixtures("toy")
def test_a_column_described_once_is_in_the_report(logs: Path) -> None:
    results = report_of(logs).results
    for table in (results.runs, results.groups):
        place = [column.name for column in table.columns].index("toy_value")
        assert {cells[place] for cells in table.cells} == {"1.500"}
        assert table.data["columns"][-1] == "toy_value"
        assert "toy: a test's" in table.notes


def test_a_setting_described_once_is_known_of_runs_groups_and_epochs(celu: Celu, logs: Path) -> None:
    for view in ("--runs", "--groups"):
        heading, *lines = celu("compare", view).out.splitlines()
        assert "precision" in heading, view
        assert any("bfloat16" in line for line in lines), view
    results = report_of(logs).results
    for table in (results.runs, results.groups):
        place = [column.name for column in table.columns].index("precision")
        assert [cells[place] for cells in table.cells][-1] == "bfloat16"
    assert "precision" in celu("export", "--to", "csv").out


def test_a_precision_other_than_float32_that_all_share_is_said_once(celu: Celu, tmp_path: Path) -> None:
    record_seeds(tmp_path, [0.0, 0.002], name="only", precision="bfloat16")
    for view in ("--runs", "--groups"):
        assert ", bfloat16, " in celu("compare", str(tmp_path), view).out
    results = report_of(tmp_path).results
    assert all(", bfloat16" in table.notes[0] for table in (results.runs, results.groups))


def test_float32_is_never_mentioned(celu: Celu, tmp_path: Path) -> None:
    record_run(tmp_path, make_case())
    for view in ("--runs", "--groups"):
        assert "float32" not in celu("compare", str(tmp_path), view).out
    assert "float32" in celu("compare", str(tmp_path), "--format", "csv").out
