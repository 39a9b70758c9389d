"""Runs that an earlier version recorded (commit 4c44c0a, resumed once) are runs still."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import Run
from tests.cli.invoke import Celu

OLD_LOGS = Path(__file__).parent / "old_logs"


@pytest.fixture
def celu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Celu:
    return Celu(capsys, monkeypatch)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD_LOGS, tmp_path / "logs"))


def only_run(logs: Path) -> Run:
    (run,) = find_runs(logs).runs
    return run


def test_every_file_is_read(logs: Path) -> None:
    run = only_run(logs)
    assert (run.name, run.status, run.case.epochs) == (f"case-c/{run.path.name}", "completed", 3)
    assert [round(epoch.test_loss, 6) for epoch in run.metrics] == [2.327581, 2.319118, 2.312879]
    assert [len(epoch.fidelity) for epoch in run.metrics] == [2, 2, 2]
    (resumption,) = run.manifest.resumed
    assert (resumption.epoch, resumption.step, resumption.host) == (2, 4, "elsewhere")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare",), "0.0940"),
        (("plot",), "plots/fidelity-norm-ratio.png"),
        (("report", "-o", "report.html"), "report.html"),
        (("watch", "--all"), "3/3"),
        (("export", "--to", "csv"), "2.312879"),
    ],
)
def test_every_command_on_runs_takes_it(
    celu: Celu, logs: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(logs.parent)
    outcome = celu(*words)
    assert outcome.code == 0, outcome.err
    assert said in outcome.out


def test_it_is_resumed(celu: Celu, logs: Path) -> None:
    old = only_run(logs)
    outcome = celu("run", "--resume", str(old.path), "epochs=4")
    assert outcome.code == 0, outcome.err
    assert "Resuming after step 4 of 4 in epoch 3" in outcome.err
    run = only_run(logs)
    assert run.metrics[:3] == old.metrics
    assert (run.status, run.metrics.done, len(run.manifest.resumed)) == ("completed", 4, 2)
    assert (
        json.loads((run.path / "run.json").read_text())["initial_weights_hash"]
        == old.manifest.initial_weights_hash
    )
