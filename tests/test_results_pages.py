"""What docs/results.md and docs/study.md quote is what celu prints of the runs that lie beside them."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.invoke import Celu

DOCS = Path(__file__).parents[1] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def flat(text: str) -> str:
    """Text without line breaks, so that it can be found wherever it is wrapped."""
    return " ".join(text.split())


@pytest.fixture
def celu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Celu:
    monkeypatch.chdir(tmp_path)
    return Celu(capsys, monkeypatch)


def test_the_table_of_results_is_the_one_that_its_command_prints(celu: Celu) -> None:
    (quoted,) = re.findall(
        r"\$ celu compare --logs docs/results\n```\n\n<!-- .*? -->\n\n```text\n(.*?)```",
        page("results.md"),
        re.DOTALL,
    )
    assert celu("compare", "--logs", str(DOCS / "results")).out == quoted


def test_the_tables_of_results_are_written_from_the_runs(tmp_path: Path) -> None:
    shutil.copy(DOCS / "results.md", tmp_path)
    script = DOCS.parent / "scripts" / "write_results.py"
    subprocess.run([sys.executable, script, tmp_path], check=True)
    assert (tmp_path / "results.md").read_text(encoding="utf-8") == page("results.md"), f"run {script.name}"


def test_results_have_our_accuracy_and_the_published_one_at_each_published_epoch() -> None:
    (table,) = re.findall(
        r"<!-- table: published epochs -->\n\n(.*?)\n<!-- end -->", page("results.md"), re.DOTALL
    )
    head, _, *rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert head[1::2] == ["case-b", "case-c", "case-c-as-run", "case-d"]
    assert [row[0] for row in rows] == [str(epoch) for epoch in range(1, 52, 2)]
    for column, case in enumerate(head[1::2]):
        longest = max(
            (DOCS / "results" / case).glob("*/metrics.jsonl"), key=lambda path: len(path.read_bytes())
        )
        own = {
            line["epoch"]: f"{line['test_accuracy']:.4f}"
            for line in map(json.loads, longest.read_text(encoding="utf-8").splitlines())
        }
        curve = DOCS.parent / "cases" / "published" / f"{case[:6]}.csv"
        published = {
            row["epoch"]: f"{float(row['test_accuracy']):.4f}"
            for row in csv.DictReader(curve.read_text(encoding="utf-8").splitlines())
        }
        assert [row[1 + 2 * column] for row in rows] == [own.get(epoch, "") for epoch in range(1, 52, 2)]
        assert [row[2 + 2 * column] for row in rows] == [published[row[0]] for row in rows]


def test_results_tell_how_each_run_ends_and_where_it_was_at_its_best() -> None:
    (table,) = re.findall(r"<!-- table: end -->\n\n(.*?)\n<!-- end -->", page("results.md"), re.DOTALL)
    head, _, *rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    cells = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
    for case in ("case-b", "case-c", "case-c-as-run", "case-d"):
        (path,) = (DOCS / "results" / case).glob("*/metrics.jsonl")
        epochs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        tests = [epoch["test_accuracy"] for epoch in epochs]
        losses = [epoch["test_loss"] for epoch in epochs]
        settled = int(cells["test accuracy within half a point of the last from epoch"][case])
        assert max(abs(test - tests[50]) for test in tests[settled - 1 :]) <= 0.005
        assert abs(tests[settled - 2] - tests[50]) > 0.005
        assert cells["last test accuracy"][case] == f"{tests[50]:.4f}"
        assert cells["best test accuracy"][case] == f"{max(tests):.4f}"
        assert cells["… first in epoch"][case] == str(1 + tests.index(max(tests)))
        train = [epoch["train_accuracy"] for epoch in epochs]
        learnt = [number for number, accuracy in enumerate(train, 1) if accuracy >= 0.99]
        assert cells["train accuracy of 0.99 first in epoch"][case] == (str(learnt[0]) if learnt else "never")
        gap = cells["train minus test accuracy at the end, in points"][case]
        assert gap == f"{100 * (train[50] - tests[50]):.2f}"
        assert cells["last test loss"][case] == f"{losses[50]:.3f}"
        assert cells["lowest test loss"][case] == f"{min(losses):.3f}"
        assert cells["… in epoch"][case] == str(1 + losses.index(min(losses)))
    assert cells["last test accuracy"]["published, case-d"] == "0.7799"


def test_the_readme_has_the_means_of_the_study(celu: Celu) -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| `(case-\w)` \| (\d+) \| (0\.\d+) \| (0\.\d+) \|$", readme, re.MULTILINE)
    rows = json.loads(celu("compare", "--logs", str(DOCS / "study"), "--format", "json").out)
    assert quoted == [
        (row["group"], str(row["n"]), f"{row['mean']:.4f}", f"{row['deviation']:.4f}") for row in rows
    ]


def test_numbers_stand_in_the_docs_as_celu_prints_them_with_a_zero_before_the_point() -> None:
    pages = [DOCS.parent / "README.md", *DOCS.glob("*.md")]
    bare = [
        (path.name, line)
        for path in pages
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"(?<![\w.)\]/])\.\d", line)
    ]
    assert len(pages) > 10
    assert bare == []


@pytest.mark.parametrize("baseline", ["case-b", "case-c"])
def test_the_study_quotes_what_celu_says_of_its_runs(baseline: str, celu: Celu) -> None:
    printed = celu("compare", "--logs", str(DOCS / "study"), "--baseline", baseline).out
    text = page("study.md")
    if baseline == "case-b":
        (table,) = re.findall(r"```text\n(case +backprop.*?)```", text, re.DOTALL)
        # The page leaves out the last column, the time, of which it says that it means nothing.
        widths = map(len, table.splitlines())
        rows = zip(printed.splitlines()[:4], widths, strict=True)
        assert table.splitlines() == [row[:width].rstrip() for row, width in rows]
    sentences = [
        flat(sentence)
        for sentence in re.findall(r"^- (case-\w is .*?rows\).*?\.)$", text, re.DOTALL | re.MULTILINE)
    ]
    assert len(sentences) == 3
    assert [sentence for sentence in sentences if f" {baseline}," in sentence] != []
    assert [s for s in sentences if f" {baseline}," in s and s not in flat(printed)] == []
