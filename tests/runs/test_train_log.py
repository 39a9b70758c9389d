from __future__ import annotations

import shlex
from pathlib import Path

from celu_cli.events import Epochs
from celu_cli.runs.train_log import log_line, summary_lines
from tests.runs.fakes import make_case, make_metrics, record_run


def test_every_line_of_the_log_is_key_value_with_utc_time(tmp_path: Path) -> None:
    lines = (record_run(tmp_path) / "train.log").read_text().splitlines()
    for line in lines[:-2]:
        values = dict(word.split("=", 1) for word in shlex.split(line))
        assert values["time"].endswith("Z")
        assert values["event"] in {"start", "epoch", "end"}
    assert [line.split()[1] for line in lines[:-2]] == ["event=start", *["event=epoch"] * 3, "event=end"]


def test_the_log_ends_with_the_last_and_the_best_accuracies() -> None:
    epochs = Epochs(
        [
            make_metrics(1, train_accuracy=0.5, test_accuracy=0.4),
            make_metrics(2, train_accuracy=0.9, test_accuracy=0.8),
            make_metrics(3, train_accuracy=0.95, test_accuracy=0.75),
        ]
    )
    assert summary_lines(epochs) == [
        "last  train_accuracy=0.9500 test_accuracy=0.7500 epoch=3",
        "best  train_accuracy=0.9500 test_accuracy=0.8000 train_epoch=3 test_epoch=2",
    ]


def test_a_run_without_an_epoch_has_no_accuracies_to_tell(tmp_path: Path) -> None:
    lines = (record_run(tmp_path, make_case(), done=0) / "train.log").read_text().splitlines()
    assert lines[-1].split()[1] == "event=end"


def test_text_with_spaces_stays_one_value() -> None:
    line = log_line("end", error='the loss is "NaN"\nin epoch 2')
    assert "\n" not in line
    assert line.endswith(r'error="the loss is \"NaN\"\nin epoch 2"')
