from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from celu_cli.case.load import load_case
from celu_cli.errors import RunError, UsageError
from celu_cli.events import Checkpoint, CheckpointReached, EpochDone, Fidelity, Histogram, LayersMeasured
from celu_cli.runs.recorder import RunRecorder
from celu_cli.runs.run import read_run
from celu_cli.runs.tensorboard import event_files as event_file
from celu_cli.runs.tensorboard.event_files import PATTERN, read_events, require_tensorboard
from celu_cli.runs.tensorboard.writer import TensorBoardWriter, recorded_detail
from tests.runs.fakes import make_case, make_metrics, record_run
from tests.runs.tensorboard.event_reader import read_curves, steps_of

HISTOGRAM = Histogram(-1.0, 2.0, (1, 0, 5))


def measured(epoch: int, histograms: bool = True) -> LayersMeasured:
    """Two layers whose gradients have the norms 3 and 4 times the epoch."""
    kinds = ((HISTOGRAM, HISTOGRAM),) * 2 if histograms else ()
    return LayersMeasured(epoch, (3.0 * epoch, 4.0 * epoch), *kinds)


def train(recorder: RunRecorder, *epochs: int, told: int | None = None, histograms: bool = True) -> Path:
    """Let `epochs` happen to a run and its event files, but stop before more than `told` of them are told."""
    with recorder:
        board = TensorBoardWriter(recorder.run)
        for epoch in epochs:
            recorder(CheckpointReached(Checkpoint(epoch, 4, 4, 1.0, {"weights": np.zeros(1)})))
            board(measured(epoch, histograms))
            if epoch - 1 == told:
                break
            for observer in (recorder, board):
                observer(EpochDone(make_metrics(epoch)))
    return recorder.path


def test_train_and_test_curves_have_the_names_of_keras_and_the_numbers_of_the_metrics(tmp_path: Path) -> None:
    path = train(RunRecorder.open(tmp_path, make_case()), 1, 2)
    epochs = [make_metrics(1), make_metrics(2)]
    of_train, of_test = read_curves(path / "train"), read_curves(path / "test")
    for curves, phase in ((of_train, "train"), (of_test, "test")):
        for what in ("accuracy", "loss"):
            expected = [(e.epoch, np.float32(getattr(e, f"{phase}_{what}"))) for e in epochs]
            assert curves[f"epoch_{what}"] == expected
    assert set(of_test) == {"epoch_accuracy", "epoch_loss"}
    for tag, name in (
        ("epoch_learning_rate", "learning_rate"),
        ("epoch_images_per_second", "images_per_second"),
    ):
        assert of_train[tag] == [(e.epoch, np.float32(getattr(e, name))) for e in epochs]


def test_layers_have_their_norms_and_histograms(tmp_path: Path) -> None:
    curves = read_curves(train(RunRecorder.open(tmp_path, make_case()), 1, 2) / "train")
    assert curves["epoch_gradient_norm"] == [(1, 5.0), (2, 10.0)]
    assert curves["gradient_norm/layer_2"] == [(1, 4.0), (2, 8.0)]
    rows = [[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 2.0, 5.0]]
    for tag in ("activations/layer_1", "activations/layer_2", "gradients/layer_1", "gradients/layer_2"):
        assert curves[tag] == [(1, rows), (2, rows)]


def test_what_only_some_cases_have_is_shown_for_those_alone(tmp_path: Path) -> None:
    case = make_case(backprop={"method": "dilated", "rate": 1e-4})
    recorder = RunRecorder.open(tmp_path, case)
    board = TensorBoardWriter(recorder.run)
    fidelity = (Fidelity(1, (1.0, 0.5), (2.0, 1.0)), Fidelity(3, (0.0, 0.75), (4.0, 1.0)))
    board(EpochDone(replace(make_metrics(1), dilated_rate=0.25, fidelity=fidelity)))
    curves = read_curves(recorder.path / "train")
    assert curves["epoch_dilated_rate"] == [(1, 0.25)]
    assert curves["fidelity_cosine/layer_1"] == [(1, 0.5)]
    assert curves["fidelity_cosine/layer_2"] == [(1, 0.625)]
    assert curves["fidelity_norm_ratio/layer_1"] == [(1, 3.0)]
    plain = read_curves(train(RunRecorder.open(tmp_path, make_case()), 1, histograms=False) / "train")
    assert [tag for tag in plain if "dilated" in tag or "fidelity" in tag] == []


def test_the_case_is_there_as_a_text_and_as_hyperparameters(tmp_path: Path) -> None:
    case = make_case(seed=7)
    path = train(RunRecorder.open(tmp_path, case), 1)
    ((step, [text]),) = [(step, np.ravel(value)) for step, value in read_curves(path)["case"]]
    fence, *lines, end = text.decode().splitlines()
    (tmp_path / "again.yaml").write_text("\n".join(lines))
    assert (step, fence, end) == (0, "```yaml", "```")
    assert load_case(tmp_path / "again.yaml") == case

    (value,) = (
        value
        for event in read_events(path)
        for value in event.summary.value
        if value.tag == "_hparams_/session_start_info"
    )
    session = HParamsPluginData.FromString(value.metadata.plugin_data.content).session_start_info
    values = session.hparams
    assert values["case"].string_value == "case-c"
    assert values["optimizer.learning_rate"].number_value == 8e-4
    assert values["seed"].number_value == 7
    assert values["dataset.sample"].HasField("bool_value")


@pytest.mark.parametrize("told", [0, 1, 2, 3])
def test_a_resumed_run_goes_on_with_its_curves_and_repeats_nothing(tmp_path: Path, told: int) -> None:
    case = make_case()
    path = train(RunRecorder.open(tmp_path, case), 1, 2, 3, told=told)
    for name in ("train", "test"):
        (file,) = (path / name).glob(PATTERN)
        file.rename(file.with_name("events.out.tfevents.0000000001.elsewhere.1"))
    kept = told
    if told == 3:  # the last checkpoint is lost, so that an epoch told is trained again
        max((path / "checkpoint").iterdir()).unlink()
        kept = 2
    recorder = RunRecorder.reopen(path, case)
    assert recorder.run.metrics.done == kept
    train(recorder, *range(kept + 1, 4))
    expected = train(RunRecorder.open(tmp_path / "expected", case), 1, 2, 3)
    for name in ("train", "test"):
        assert read_curves(path / name) == read_curves(expected / name)
        assert len(list((path / name).iterdir())) == 1


def test_a_record_that_a_kill_left_torn_costs_that_record_alone(tmp_path: Path) -> None:
    path = train(RunRecorder.open(tmp_path, make_case()), 1, told=1)
    (file,) = (path / "train").glob(PATTERN)
    file.write_bytes(file.read_bytes()[:-3])
    TensorBoardWriter(read_run(path))
    steps = steps_of(read_curves(path / "train"))
    assert steps["epoch_loss"] == steps["gradients/layer_2"] == [1]


def test_a_run_that_began_without_event_files_has_its_first_epochs_too(tmp_path: Path) -> None:
    path = record_run(tmp_path, done=2)
    assert recorded_detail(path) is None
    board = TensorBoardWriter(read_run(path))
    board(EpochDone(make_metrics(3)))
    assert steps_of(read_curves(path / "test"))["epoch_accuracy"] == [1, 2, 3]


@pytest.mark.parametrize(("histograms", "detail"), [(True, "histograms"), (False, "norms")])
def test_event_files_tell_what_was_asked_for(tmp_path: Path, histograms: bool, detail: str) -> None:
    path = train(RunRecorder.open(tmp_path, make_case()), 1, histograms=histograms)
    assert recorded_detail(path) == detail


def test_files_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    (path / "train").write_text("in the way")
    with pytest.raises(
        RunError, match=r"cannot read or write the event files in .*: (File exists|Not a dir)"
    ):
        TensorBoardWriter(read_run(path))


def test_an_epoch_without_a_time_is_named(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    text = (path / "metrics.jsonl").read_text()
    (path / "metrics.jsonl").write_text(text.replace("2026-11-23T14:02:00Z", "yesterday"))
    with pytest.raises(RunError, match="the time of epoch 2 is 'yesterday'"):
        TensorBoardWriter(read_run(path))


def test_without_tensorboard_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_tensorboard("this test")
    monkeypatch.setattr(event_file, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"this test needs TensorBoard.*pip install tensorboard"):
        require_tensorboard("this test")
