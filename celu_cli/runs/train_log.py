"""train.log: the run for the user to read, one key=value line an event, ended by the article's two lines."""

from __future__ import annotations

import json
from pathlib import Path

from celu_cli.events import EpochMetrics, Epochs
from celu_cli.files import append_text
from celu_cli.runs.manifest import utc_now
from celu_cli.text import iso_time

LOG_NAME = "train.log"


def append_log(run_path: Path, *lines: str) -> None:
    """Add lines to train.log."""
    append_text(run_path / LOG_NAME, "".join(f"{line}\n" for line in lines))


def log_line(event: str, **values: object) -> str:
    """One line: UTC time, event, then the values; text with spaces is quoted."""
    return _join({"time": iso_time(utc_now()), "event": event, **values})


def epoch_line(metrics: EpochMetrics) -> str:
    """The line of one finished epoch."""
    return _join(
        {
            "time": metrics.time.replace("+00:00", "Z"),
            "event": "epoch",
            "epoch": metrics.epoch,
            "train_loss": f"{metrics.train_loss:.6f}",
            "train_accuracy": f"{metrics.train_accuracy:.4f}",
            "test_loss": f"{metrics.test_loss:.6f}",
            "test_accuracy": f"{metrics.test_accuracy:.4f}",
            "learning_rate": f"{metrics.learning_rate:g}",
            "dilated_rate": f"{metrics.dilated_rate:g}",
            "seconds": f"{metrics.seconds:.1f}",
            "images_per_second": f"{metrics.images_per_second:.1f}",
        }
    )


def summary_lines(epochs: Epochs) -> list[str]:
    """The article's two lines: accuracies of the last epoch, and the best of each with its epoch."""
    last, train, test = epochs.last, epochs.best("train"), epochs.best()
    if last is None or train is None or test is None:
        return []
    return [
        f"last  train_accuracy={last.train_accuracy:.4f} test_accuracy={last.test_accuracy:.4f} "
        f"epoch={last.epoch}",
        f"best  train_accuracy={train.train_accuracy:.4f} test_accuracy={test.test_accuracy:.4f} "
        f"train_epoch={train.epoch} test_epoch={test.epoch}",
    ]


def _join(values: dict[str, object]) -> str:
    return " ".join(f"{key}={_quoted(str(value))}" for key, value in values.items())


def _quoted(text: str) -> str:
    plain = text and not any(character.isspace() or character in "\"'=" for character in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
