from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from celu_cli.runs.tensorboard import event_files as event_file
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run
from tests.runs.tensorboard.event_reader import read_curves

_TELL_OF_TENSORFLOW = """
import sys
from celu_cli.cli.app import main

try:
    main()
finally:
    print("tensorflow" in sys.modules)
"""


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    record_run(tmp_path / "logs", make_case(name="case-b"))
    record_run(tmp_path / "logs", done=2)
    return tmp_path / "logs"


def test_csv_goes_to_stdout_or_into_a_file(celu: Celu, logs: Path, tmp_path: Path) -> None:
    shown = celu("export", str(logs), "--to", "csv")
    assert (shown.code, shown.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert [(row["case"], row["epoch"]) for row in rows] == [
        *(("case-b", epoch) for epoch in "123"),
        *(("case-c", epoch) for epoch in "12"),
    ]
    file = tmp_path / "runs.csv"
    written = celu("export", "--logs", str(logs), "--to", "csv", "-o", str(file))
    assert (written.code, written.out) == (0, f"{file}\n")
    assert file.read_text() == shown.out


def test_csv_has_a_column_for_every_key_in_which_the_runs_differ(celu: Celu, tmp_path: Path) -> None:
    record_run(tmp_path / "logs", make_case(network={"filters": 8, "initializer": {"name": "he_normal"}}))
    record_run(tmp_path / "logs", make_case(batch_size=50))
    rows = list(csv.DictReader(io.StringIO(celu("export", str(tmp_path / "logs"), "--to", "csv").out)))
    keys = ("network.filters", "network.initializer.name", "batch_size")
    assert {tuple(row[key] for key in keys) for row in rows} == {
        ("8", "he_normal", "100"),
        ("200", "normal", "50"),
    }
    assert "optimizer.beta_1" not in rows[0]
    assert len(set(rows[0])) == len(rows[0])


def test_only_the_runs_named_are_exported(celu: Celu, logs: Path, tmp_path: Path) -> None:
    outcome = celu("export", str(logs), "case-c", "--to", "tensorboard", "-o", str(tmp_path / "out"))
    assert outcome.code == 0, outcome.err
    (place,) = map(Path, outcome.out.splitlines())
    assert place.parent == tmp_path / "out" / "case-c"
    assert [step for step, _ in read_curves(place / "test")["epoch_accuracy"]] == [1, 2]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["case-c"]


@pytest.mark.parametrize("kind", ["csv", "tensorboard"])
def test_no_tensorflow_is_needed(logs: Path, tmp_path: Path, kind: str) -> None:
    words = ["export", str(logs), "--to", kind, "-o", str(tmp_path / "out")]
    result = subprocess.run(
        [sys.executable, "-c", _TELL_OF_TENSORFLOW, *words], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "False"
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "tensorboard"), "--to tensorboard needs a directory to write to: -o DIRECTORY"),
        (("--to", "csv", "-o", "."), "cannot write"),
        (("--to", "csv", "case-x"), "no run in"),
        (("--to", "tensorboard", "-o", "logs"), "holds more than event files"),
    ],
)
def test_what_cannot_be_exported_is_said(
    celu: Celu, logs: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(logs.parent)
    outcome = celu("export", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_csv_needs_no_tensorboard_and_event_files_say_how_to_get_it(
    celu: Celu, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_file, "find_spec", lambda _: None)
    assert celu("export", str(logs), "--to", "csv").code == 0
    outcome = celu("export", str(logs), "--to", "tensorboard", "-o", str(tmp_path / "out"))
    assert outcome.code == 2
    assert "pip install tensorboard" in outcome.err
    assert not (tmp_path / "out").exists()
