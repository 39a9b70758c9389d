"""Runs of earlier and later versions of celu: what can be read is, and what cannot is said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celu_cli import __version__
from celu_cli.events import Checkpoint
from celu_cli.runs.checkpoint import write_checkpoint
from celu_cli.runs.directory import find_runs
from celu_cli.runs.recorder import RunRecorder
from celu_cli.runs.run import read_run
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, make_events, record_run

COMMANDS = (
    ("compare",),
    ("compare", "--format", "csv"),
    ("compare", "--plot", "curves.png"),
    ("plot",),
    ("plot", "--terminal"),
    ("report", "-o", "report.html"),
    ("export", "--to", "csv"),
    ("watch", "--all", "--once"),
)


@pytest.fixture
def celu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Celu:
    return Celu(capsys, monkeypatch)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A run of this version, and one that a test makes another version's."""
    monkeypatch.chdir(tmp_path)
    return record_run(Path("logs")), record_run(Path("logs"), make_case(seed=1))


def edit(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(change(json.loads(line)))}\n" for line in whole_values(path)))


def whole_values(path: Path) -> list[str]:
    text = path.read_text()
    return text.splitlines() if path.suffix == ".jsonl" else [text]


def make_earlier(path: Path) -> None:
    needed = {"status", "started", "heartbeat"}
    edit(path / "run.json", lambda values: {key: values[key] for key in values if key in needed})
    measured = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
    edit(path / "metrics.jsonl", lambda values: {key: values[key] for key in measured})
    for name in ("overrides.txt", "train.log", ".lock"):
        (path / name).unlink(missing_ok=True)


def make_later(path: Path) -> None:
    more = {"energy": 1.5, "nodes": [{"host": "a"}]}
    edit(path / "run.json", lambda values: {**values, **more, "versions": {"celu": "9.0", "jax": "1"}})
    edit(path / "metrics.jsonl", lambda values: {**values, **more, "fidelity": []})
    (path / "profile").mkdir()
    (path / "profile" / "run.json").mkdir()


@pytest.mark.parametrize("make", [make_earlier, make_later])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_run_with_fields_that_this_version_lacks_or_has_not_is_read_by_every_command(
    celu: Celu, runs: tuple[Path, Path], make: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    make(runs[1])
    outcome = celu(*words)
    assert outcome.code == 0, outcome.err
    assert "left out" not in outcome.err
    found = find_runs(Path("logs"))
    assert (len(found.runs), found.problems) == (2, ())
    assert [epoch.test_loss for epoch in found.runs[0].metrics] == [
        epoch.test_loss for epoch in found.runs[1].metrics
    ]


@pytest.mark.parametrize("make", [make_earlier, make_later])
def test_what_another_version_did_not_record_is_no_difference_of_code(
    celu: Celu, runs: tuple[Path, Path], make: Callable[[Path], None]
) -> None:
    make(runs[1])
    outcome = celu("why", *(path.name for path in runs))
    assert outcome.code == 0, outcome.err
    assert "seed" in outcome.out
    assert "None" not in outcome.out


def test_what_a_later_version_recorded_stays_when_the_run_is_resumed(tmp_path: Path) -> None:
    path = record_run(tmp_path, done=2)
    write_checkpoint(path, Checkpoint(2, 500, 500, 1.0, {"weights/0": np.zeros(3)}))
    with RunRecorder.reopen(path, read_run(path).case):
        pass
    make_later(path)
    edit(path / "run.json", lambda values: {**values, "resumed": [{**values["resumed"][0], "queue": "long"}]})
    epochs = (path / "metrics.jsonl").read_text()
    with RunRecorder.reopen(path, read_run(path).case) as recorder:
        for event in list(make_events(3))[-4:]:
            recorder(event)
    values = json.loads((path / "run.json").read_text())
    assert (values["energy"], values["nodes"], values["status"]) == (1.5, [{"host": "a"}], "completed")
    assert [one.get("queue") for one in values["resumed"]] == ["long", None]
    assert (path / "metrics.jsonl").read_text().startswith(epochs)
    assert read_run(path).metrics.done == 3


def test_runs_without_the_times_of_their_epochs_are_not_drawn_over_time_and_that_is_said(
    celu: Celu, runs: tuple[Path, Path]
) -> None:
    over_time = ("compare", "--plot", "curves.svg", "--by", "time")
    make_earlier(runs[1])
    outcome = celu(*over_time, runs[1].name)
    assert outcome.code == 2
    assert "how long an epoch took is not recorded for" in outcome.err
    other = record_run(Path("logs"), make_case(alpha=1.0))
    assert celu(*over_time, runs[1].name, other.name).code == 0
    assert "times not recorded: " in Path("curves.svg").read_text()


def test_an_epoch_without_its_time_cannot_go_to_tensorboard_and_that_is_said(
    celu: Celu, runs: tuple[Path, Path]
) -> None:
    make_earlier(runs[1])
    outcome = celu("export", "--to", "tensorboard", "-o", "out", runs[1].name)
    assert outcome.code == 2
    assert "the time of epoch 1 is ''" in outcome.err
    assert not Path("out").exists()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_key_that_this_version_does_not_know_is_named_and_the_other_runs_are_read(
    celu: Celu, runs: tuple[Path, Path], words: tuple[str, ...]
) -> None:
    make_later(runs[1])
    case = runs[1] / "case.yaml"
    case.write_text(case.read_text() + "normalization: batch\n")
    outcome = celu(*words)
    assert outcome.code == 0, outcome.err
    if words[0] == "watch":
        assert "1 cannot be read" in outcome.out
    else:
        assert re.search(rf"left out: .*{runs[1]}.*case.yaml:\d+:1: normalization", outcome.err, re.DOTALL)
        assert f"celu 9.0 made this run, and this is celu {__version__}" in outcome.err


def test_a_run_of_another_version_is_named_where_it_is_the_only_one(
    celu: Celu, runs: tuple[Path, Path]
) -> None:
    make_later(runs[1])
    (runs[1] / "metrics.jsonl").write_text('{"epoch": 1, "losses": [1.5, 1.4]}\n')
    outcome = celu("compare", runs[1].name)
    assert outcome.code == 2
    assert "metrics.jsonl, line 1: not an epoch's metrics: train_loss is missing" in outcome.err
    assert "celu 9.0 made this run" in outcome.err
    assert read_run(runs[0]).metrics.done == 3
