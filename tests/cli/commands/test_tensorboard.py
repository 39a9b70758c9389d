"""Event files of a real training, read by TensorBoard's reader and asked for from its server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pytest

from celu_cli.runs.checkpoint import CHECKPOINT_NAME
from celu_cli.runs.directory import find_runs
from celu_cli.runs.metrics import METRICS_NAME
from celu_cli.runs.run import Run, read_run
from celu_cli.runs.tensorboard import event_files as event_file
from tests.cli.invoke import Celu
from tests.cli.small import SMALL
from tests.runs.tensorboard.event_reader import read_curves, steps_of


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three epochs of four steps, with a checkpoint in the middle of each."""
    logs = tmp_path_factory.mktemp("logs")
    words = ["case-c", *SMALL, "epochs=3", "--checkpoint-steps", "2", "--fidelity", "2", "--logs", str(logs)]
    command = [sys.executable, "-m", "celu_cli", "run", *words, "--tensorboard-histograms"]
    subprocess.run(command, check=True, capture_output=True)
    (run,) = find_runs(logs).runs
    return run


def test_a_training_s_event_files_say_what_its_metrics_say(complete: Run) -> None:
    of_train, of_test = read_curves(complete.path / "train"), read_curves(complete.path / "test")
    for name, curve in (
        ("train_accuracy", of_train["epoch_accuracy"]),
        ("train_loss", of_train["epoch_loss"]),
        ("test_accuracy", of_test["epoch_accuracy"]),
        ("test_loss", of_test["epoch_loss"]),
        ("images_per_second", of_train["epoch_images_per_second"]),
        ("learning_rate", of_train["epoch_learning_rate"]),
    ):
        assert curve == [(epoch.epoch, np.float32(getattr(epoch, name))) for epoch in complete.metrics]
    for layer in range(3):
        means = [np.mean([entry.cosine[layer] for entry in epoch.fidelity]) for epoch in complete.metrics]
        shown = [value for _, value in of_train[f"fidelity_cosine/layer_{layer + 1}"]]
        np.testing.assert_allclose(shown, means, rtol=1e-6)
        for kind in ("gradient_norm", "activations", "gradients"):
            assert steps_of(of_train)[f"{kind}/layer_{layer + 1}"] == [1, 2, 3]
    assert all(value > 0 for _, value in of_train["epoch_gradient_norm"])


def test_a_run_taken_up_goes_on_with_its_curves_unasked(celu: Celu, complete: Run, tmp_path: Path) -> None:
    path = tmp_path / "case-c" / complete.path.name
    shutil.copytree(complete.path, path)
    max((path / CHECKPOINT_NAME).iterdir()).unlink()  # the run stands in the middle of its last epoch again
    lines = (path / METRICS_NAME).read_text().splitlines(keepends=True)
    (path / METRICS_NAME).write_text("".join(lines[:2]))
    text = (path / "run.json").read_text()
    (path / "run.json").write_text(text.replace('"status": "completed"', '"status": "interrupted"'))

    outcome = celu("run", "--resume", str(path))
    assert outcome.code == 0, outcome.err
    for name in ("train", "test"):
        curves, expected = read_curves(path / name), read_curves(complete.path / name)
        assert steps_of(curves) == steps_of(expected)
        for tag in set(curves) - {"epoch_images_per_second"}:
            assert curves[tag] == expected[tag], tag
    assert len(read_run(path).manifest.resumed) == 1


def test_a_plain_training_writes_no_event_files_and_is_the_same(
    celu: Celu, complete: Run, tmp_path: Path
) -> None:
    words = ("case-c", *SMALL, "epochs=1", "--fidelity", "2", "--logs", str(tmp_path))
    assert celu("run", *words).code == 0
    (run,) = find_runs(tmp_path).runs
    assert not {"train", "test"} & {path.name for path in run.path.iterdir()}
    assert run.metrics[0].test_loss == complete.metrics[0].test_loss


def test_without_tensorboard_no_run_is_begun(
    celu: Celu, complete: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_file, "find_spec", lambda _: None)
    for words in (("case-c", "--tensorboard"), ("--resume", str(complete.path), "epochs=4")):
        outcome = celu("run", *words, "--logs", str(tmp_path))
        assert (outcome.code, outcome.out) == (2, "")
        assert "pip install tensorboard" in outcome.err
    assert list(tmp_path.iterdir()) == []
    assert read_run(complete.path).manifest == complete.manifest


@pytest.fixture(scope="module")
def server(complete: Run) -> Iterator[str]:
    """The address of a TensorBoard that serves the directory of the runs."""
    logs = complete.path.parents[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"at (http://\S+:\d+/)", line):
                yield found[1]
                break
        process.terminate()
        if process.wait() == 1:
            pytest.fail("".join(said))


def ask(server: str, path: str, **query: str) -> Any:
    with urlopen(f"{server}data/{path}?{urlencode(query)}", timeout=30) as answer:
        return json.load(answer)


def test_the_tensorboard_of_the_logs_shows_runs_curves_and_histograms(complete: Run, server: str) -> None:
    assert set(ask(server, "runs")) == {complete.name, f"{complete.name}/train", f"{complete.name}/test"}
    for phase in ("train", "test"):
        run = f"{complete.name}/{phase}"
        for what in ("accuracy", "loss"):
            answer = ask(server, "plugin/scalars/scalars", run=run, tag=f"epoch_{what}")
            expected = [[e.epoch, np.float32(getattr(e, f"{phase}_{what}"))] for e in complete.metrics]
            assert [row[1:] for row in answer] == expected
    histograms = ask(server, "plugin/histograms/tags")[f"{complete.name}/train"]
    assert {"activations/layer_3", "gradients/layer_1"} <= set(histograms)
    (text,) = ask(server, "plugin/text/text", run=complete.name, tag="case")
    assert "name: case-c" in text["text"]
