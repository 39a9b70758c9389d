from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from celu_cli.errors import RunError
from celu_cli.events import Fidelity
from celu_cli.runs.metrics import METRICS_NAME, append_metrics, read_metrics
from tests.runs.fakes import make_metrics


def write_epochs(path: Path, *epochs: int) -> None:
    for epoch in epochs:
        append_metrics(path, make_metrics(epoch))


def test_no_file_means_no_epoch_yet(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == ()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    write_epochs(tmp_path, 1, 2)
    whole = (tmp_path / METRICS_NAME).read_bytes()
    for length in range(whole.index(b"\n") + 1, len(whole)):
        (tmp_path / METRICS_NAME).write_bytes(whole[:length])
        assert [metrics.epoch for metrics in read_metrics(tmp_path)] == [1]


def test_writing_after_a_torn_line_removes_it(tmp_path: Path) -> None:
    write_epochs(tmp_path, 1)
    with (tmp_path / METRICS_NAME).open("ab") as file:
        file.write(b'{"epoch": 2, "trai')
    write_epochs(tmp_path, 2)
    assert read_metrics(tmp_path) == (make_metrics(1), make_metrics(2))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json", "Expecting"),
        ("[1, 2]", "not a JSON object"),
        ('{"epoch": 2}', "train_loss is missing"),
        ("\x00\x00", "Expecting"),
    ],
)
def test_a_corrupt_middle_line_is_an_error_naming_file_and_line(
    tmp_path: Path, line: str, reason: str
) -> None:
    write_epochs(tmp_path, 1)
    path = tmp_path / METRICS_NAME
    path.write_text(path.read_text() + line + "\n" + path.read_text())
    with pytest.raises(RunError, match=reason) as raised:
        read_metrics(tmp_path)
    assert f"{path}, line 2" in str(raised.value)


def test_a_value_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    write_epochs(tmp_path, 1)
    path = tmp_path / METRICS_NAME
    path.write_text(path.read_text().replace('"train_loss": 1.7', '"train_loss": "1.7"'))
    with pytest.raises(RunError, match=r"line 1.*train_loss is '1.7'"):
        read_metrics(tmp_path)


def test_an_epoch_trained_again_replaces_itself_and_what_followed(tmp_path: Path) -> None:
    write_epochs(tmp_path, 1, 2, 3)
    again = make_metrics(2, test_accuracy=0.99)
    append_metrics(tmp_path, again)
    assert read_metrics(tmp_path) == (make_metrics(1), again)


def test_a_loss_that_is_no_number_is_valid_json_and_reads_back_as_nan(tmp_path: Path) -> None:
    append_metrics(tmp_path, make_metrics(1, test_loss=math.nan, train_loss=math.inf))
    (line,) = (tmp_path / METRICS_NAME).read_text().splitlines()
    assert json.loads(line, parse_constant=lambda name: pytest.fail(name))["test_loss"] is None
    (metrics,) = read_metrics(tmp_path)
    assert math.isnan(metrics.test_loss)


def test_a_fidelity_that_is_no_number_reads_back_as_nan_too(tmp_path: Path) -> None:
    append_metrics(tmp_path, make_metrics(1, fidelity=(Fidelity(1, (math.nan, 1.0), (math.inf, 2.0)),)))
    ((measured,),) = (metrics.fidelity for metrics in read_metrics(tmp_path))
    assert math.isnan(measured.cosine[0])
    assert math.isnan(measured.norm_ratio[0])
    assert (measured.step, measured.cosine[1], measured.norm_ratio[1]) == (1, 1.0, 2.0)
