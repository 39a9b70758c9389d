from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from celu_cli.analysis.compare.epoch_columns import epochs_csv
from celu_cli.events import EpochDone, Fidelity
from celu_cli.runs.metrics import METRICS_NAME
from celu_cli.runs.recorder import RunRecorder
from celu_cli.runs.run import read_run
from tests.runs.fakes import make_case, make_metrics, record_run


def records_of(*paths: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(epochs_csv(map(read_run, paths)))))


def test_every_epoch_of_every_run_has_a_row_with_its_case_and_all_its_digits(tmp_path: Path) -> None:
    one = record_run(tmp_path, make_case(seed=4))
    other = record_run(tmp_path, make_case(name="mine", activation="relu", alpha=None), done=2)
    records = records_of(one, other)
    assert [(row["case"], row["seed"], row["epoch"]) for row in records] == [
        *(("case-c", "4", str(epoch)) for epoch in (1, 2, 3)),
        *(("mine", "0", str(epoch)) for epoch in (1, 2)),
    ]
    for row, metrics in zip(records, read_run(one).metrics, strict=False):
        for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "images_per_second"):
            assert float(row[name]) == getattr(metrics, name)
        assert (row["run"], row["time"]) == (f"case-c/{one.name}", metrics.time)
        assert (row["dataset"], row["optimizer"], row["alpha"]) == ("CIFAR-10", "amsgrad (tensor)", "2.0")
        assert (row["epochs_asked"], row["status"]) == ("3", "completed")
    assert (records[-1]["activation"], records[-1]["alpha"], records[-1]["status"]) == (
        "relu",
        "",
        "interrupted",
    )


def test_a_value_that_a_run_lacks_is_empty(tmp_path: Path) -> None:
    path = record_run(tmp_path, done=1)
    text = (path / METRICS_NAME).read_text()
    (path / METRICS_NAME).write_text(text.replace('"test_loss": 1.4', '"test_loss": null'))
    (row,) = records_of(path)
    assert (row["test_loss"], row["mean_cosine"], row["mean_norm_ratio"]) == ("", "", "")


def test_fidelity_is_a_mean_over_layers_and_measurements(tmp_path: Path) -> None:
    fidelity = (Fidelity(1, (1.0, 0.5), (2.0, 1.0)), Fidelity(3, (0.0, 0.75), (4.0, 1.0)))
    with RunRecorder.open(tmp_path, make_case()) as recorder:
        recorder(EpochDone(make_metrics(1, fidelity=fidelity)))
    (row,) = records_of(recorder.path)
    assert math.isclose(float(row["mean_cosine"]), 2.25 / 4)
    assert math.isclose(float(row["mean_norm_ratio"]), 8 / 4)


def test_a_run_without_an_epoch_has_no_row(tmp_path: Path) -> None:
    assert records_of(record_run(tmp_path, done=0)) == []
