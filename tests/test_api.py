"""The Python face: what is promised is there, and says what the command line says."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

import celu_cli as celu
from celu_cli.events import EpochDone, RunOpened, StepsDone, TrainingEnded
from celu_cli.runs.checkpoint import read_checkpoint
from tests.cli.invoke import Celu
from tests.cli.small import SMALL
from tests.runs.fakes import make_case, record_seeds

PROMISED = {
    *("load_case", "train", "read_runs", "epochs_frame", "compare", "check_gradients", "activation"),
    *(
        "predict",
        "export",
        "Training",
        "ActivationFunctions",
        "Case",
        "Run",
        "Verdict",
        "Prediction",
        "CeluError",
    ),
}
WORDS = ("dataset.sample=true", *SMALL[1:], "epochs=2")


def test_what_is_promised_is_there_and_nothing_else() -> None:
    assert set(celu.__all__) == PROMISED
    assert set(dir(celu)) >= PROMISED
    for name in PROMISED:
        assert inspect.getdoc(getattr(celu, name)), name
    with pytest.raises(AttributeError, match="has no attribute 'tain'"):
        celu.tain  # type: ignore[attr-defined]  # noqa: B018


def test_importing_it_brings_neither_tensorflow_nor_anything_else_that_is_slow() -> None:
    slow = ("tensorflow", "numpy", "pydantic", "rich", "typer")
    code = f"import sys, celu_cli; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_reading_runs_and_comparing_them_needs_no_tensorflow(tmp_path: Path) -> None:
    record_seeds(tmp_path / "logs", [0.0, 0.01])
    code = (
        "import sys, celu_cli as celu; celu.compare(celu.read_runs()); print(celu.load_case('case-c').alpha)\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "2.0\nFalse\n"


def test_a_case_is_that_of_the_command_line_and_cannot_be_changed(celu_command: Celu) -> None:
    case = celu.load_case("case-c", "alpha=1", "epochs=3")
    assert (case.alpha, case.epochs, case.optimizer.name) == (1.0, 3, "amsgrad")
    with pytest.raises((FrozenInstanceError, ValueError)):
        case.alpha = 2.0  # type: ignore[misc]
    with pytest.raises(celu.CeluError, match="alpah") as raised:
        celu.load_case("case-c", "alpah=1")
    assert str(raised.value) in celu_command("show", "case-c", "alpah=1").err


def test_a_training_yields_its_events_and_then_has_its_run(tmp_path: Path) -> None:
    training = celu.train(celu.load_case("case-b", *WORDS), logs=tmp_path, plots=False)
    assert training.run is None
    events = list(training)
    assert isinstance(events[0], RunOpened)
    assert isinstance(events[-1], TrainingEnded)
    accuracies = [event.metrics.test_accuracy for event in events if isinstance(event, EpochDone)]
    assert training.run is not None
    assert training.run.status == "completed"
    assert [epoch.test_accuracy for epoch in training.run.metrics] == accuracies
    assert celu.read_runs(logs=tmp_path) == [training.run]


def test_a_training_that_is_stopped_has_a_checkpoint_and_ends_the_same_when_it_is_resumed(
    tmp_path: Path,
) -> None:
    case = celu.load_case("case-b", *WORDS, "batch_size=100")
    whole = celu.train(case, logs=tmp_path / "whole", plots=False).finish(show=False)
    training = celu.train(case, logs=tmp_path / "parts", plots=False)
    for event in training:
        if isinstance(event, StepsDone) and event.step >= 5:
            training.stop()
    stopped = training.run
    assert stopped is not None
    assert stopped.status == "interrupted"
    checkpoint = read_checkpoint(stopped.path).checkpoint
    assert checkpoint is not None
    assert (checkpoint.epoch, checkpoint.step < checkpoint.steps) == (1, True)
    resumed = celu.train(case, resume=stopped.path, plots=False).finish(show=False)
    assert [epoch.test_loss for epoch in resumed.metrics] == [epoch.test_loss for epoch in whole.metrics]


def test_leaving_the_loop_leaves_an_interrupted_run(tmp_path: Path) -> None:
    for event in celu.train(celu.load_case("case-b", *WORDS), logs=tmp_path, plots=False):
        if isinstance(event, EpochDone):
            break
    (run,) = celu.read_runs(logs=tmp_path)
    assert (run.status, run.metrics.done) == ("interrupted", 1)


def test_frames_and_comparisons_say_what_the_command_line_says(tmp_path: Path, celu_command: Celu) -> None:
    logs = tmp_path / "logs"
    record_seeds(logs, [0.0, 0.01, 0.02, 0.0, 0.01, 0.03])
    record_seeds(logs, [0.05, 0.04, 0.06, 0.05, 0.07, 0.06], name="case-d")
    runs = celu.read_runs(logs=logs)
    frame = celu.epochs_frame(runs)
    assert len(frame) == 12 * make_case().epochs
    assert celu_command("export", str(logs), "--to", "csv").out == frame.to_csv(index=False)
    found = celu.compare(runs, baseline="case-c")
    shown = celu_command("compare", str(logs), "--baseline", "case-c", "--format", "json")
    assert found == json.loads(shown.out)
    assert "above case-c" in found[1]["sentence"]
    with pytest.raises(celu.CeluError, match="accepted: test-accuracy"):
        celu.compare(runs, metric="accuracy")  # type: ignore[arg-type]


def test_an_activation_has_its_value_and_derivative() -> None:
    found = celu.activation("celu", alpha=2.0)
    x = np.linspace(-5, 5, 101)
    expected = np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0) / 2))
    np.testing.assert_allclose(found.value(x), expected, rtol=1e-14)
    slopes = (found.value(x + 1e-6) - found.value(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(found.derivative(x), slopes, atol=1e-6)
    for name, alpha, problem in (
        ("clue", None, "there are celu, .*did you mean celu"),
        ("relu", 2.0, "relu has no alpha"),
    ):
        with pytest.raises(celu.CeluError, match=problem):
            celu.activation(name, alpha)


def test_gradients_are_checked() -> None:
    small = ("network.filters=4", "network.initializer=he_normal")
    verdict = celu.check_gradients(celu.load_case("case-c", *small))
    assert verdict.kind == "right"
    assert verdict.findings[0].startswith("Right.")
    assert celu.check_gradients(celu.load_case("case-c-as-run", *small)).kind == "biased"


@pytest.fixture
def celu_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Celu:
    return Celu(capsys, monkeypatch)
