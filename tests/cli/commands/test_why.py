from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from celu_cli.case.load import load_case
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run


def test_the_text_names_what_changed_what_it_can_do_and_how_to_separate_it(celu: Celu) -> None:
    outcome = celu("why", "case-b", "case-c")
    assert (outcome.code, outcome.err) == (0, "")
    headings = [line for line in outcome.out.splitlines() if line and not line.startswith((" ", "A ", "B "))]
    assert headings == [
        "Can change the result",
        "Changes only rounding",
        "Cannot change the result",
        "Start",
        "Result",
        "Verdict",
        "To separate them, change one thing at a time",
    ]
    assert ["optimizer.bias_correction", "true", "(always)", "false"] in map(
        str.split, outcome.out.splitlines()
    )
    assert "    celu run case-b optimizer.beta_2=0.9\n" in outcome.out
    assert "0.7428 (epoch 51) and 0.7808 (epoch 51): +3.80 points" in outcome.out


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_text_fits_its_terminal_but_commands_stay_whole(
    width: int, celu: Celu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = celu("why", "case-b", "case-d").out.splitlines()
    assert all(len(line) <= width or line.startswith("    celu run ") for line in lines)
    assert all(line == line.rstrip() for line in lines)
    assert "    celu run case-d optimizer.bias_correction=true" in lines


def test_runs_are_compared_with_their_start_and_their_results(celu: Celu, tmp_path: Path) -> None:
    a = record_run(tmp_path, make_case(name="case-c"))
    b = record_run(tmp_path, make_case(name="case-c", epochs=5), done=2)
    out = celu("why", a.name, str(b), "--logs", str(tmp_path)).out
    assert f"A  case-c/{a.name} (completed run)" in out
    assert f"B  case-c/{b.name} (interrupted run)" in out
    assert "initial weights: the same by their hashes" in out
    assert "all metrics are equal in the 2 epochs that both have" in out
    assert "in epoch 2 of 5" in out


def test_a_case_that_has_runs_says_how_to_name_them(celu: Celu, tmp_path: Path) -> None:
    run = record_run(tmp_path, make_case(name="case-c"))
    out = celu("why", "case-c", "case-d", "--logs", str(tmp_path)).out
    assert f"case-c means the case; to compare a run of it, name the run: case-c/{run.name}" in out


def test_json_carries_every_value(celu: Celu, tmp_path: Path) -> None:
    run = record_run(tmp_path, load_case("case-b", ["epochs=2"]))
    values = json.loads(celu("why", str(run), "case-c", "--format", "json").out)
    assert (values["a"]["kind"], values["b"]["kind"]) == ("run", "case")
    assert values["a"]["run"]["initial_weights_hash"] == "sha256:weights"
    assert len(values["confounded"]) == 3
    changes = {change["name"]: change for change in values["changes"]}
    assert changes["optimizer's beta_2"]["values"][0]["a"] == 0.999
    assert {proposal["change"] for proposal in values["proposals"]} == {
        *values["confounded"],
        "backprop method",
    }


def test_markdown_is_one_table_with_as_many_cells_in_each_row(celu: Celu) -> None:
    lines = celu("why", "case-b", "case-d", "--format", "md").out.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) > 8
    assert {line.count("|") for line in table} == {6}
    assert any("`celu run case-b optimizer.beta_2=0.9`" in line for line in lines)


def test_an_unknown_name_is_one_message_without_a_traceback(celu: Celu, tmp_path: Path) -> None:
    outcome = celu("why", "case-b", "case-x", "--logs", str(tmp_path))
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("celu: there is no case 'case-x'; there are case-a, ")
    assert "?; and there are no runs in " in outcome.err
    record_run(tmp_path, make_case(name="mine"))
    unknown = celu("why", "case-b", "nothing", "--logs", str(tmp_path)).err
    assert unknown.count("no case") == unknown.count("there are runs of mine") == 1
    assert unknown.count("nothing") == 2  # once as a case and once as a run


def test_tensorflow_is_not_loaded() -> None:
    program = (
        "import sys\n"
        "from celu_cli.cli.app import command_line\n"
        "command_line(['why'])(['why', 'case-b', 'case-c'], standalone_mode=False)\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
