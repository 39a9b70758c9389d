from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from celu_cli.events import Checkpoint
from celu_cli.runs.checkpoint import CHECKPOINT_NAME, read_checkpoint, write_checkpoint


def make_checkpoint(epoch: int, step: int, steps: int = 10) -> Checkpoint:
    arrays = {
        "weights/0": np.full((2, 3), epoch + step / 16, np.float32),
        "optimizer/step": np.array(step, np.int64),
        "sums/0": np.array(np.nan),
    }
    return Checkpoint(epoch, step, steps, 1.5, arrays)


def files(run: Path) -> list[Path]:
    return sorted((run / CHECKPOINT_NAME).iterdir())


def test_what_was_written_is_read_again_bit_for_bit(tmp_path: Path) -> None:
    written = make_checkpoint(2, 7)
    write_checkpoint(tmp_path, written)
    found = read_checkpoint(tmp_path)
    assert found.problems == ()
    assert found.checkpoint is not None
    assert (found.checkpoint.epoch, found.checkpoint.step, found.checkpoint.seconds) == (2, 7, 1.5)
    for name, array in written.arrays.items():
        read = found.checkpoint.arrays[name]
        assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_a_run_without_checkpoints_has_none(tmp_path: Path) -> None:
    found = read_checkpoint(tmp_path)
    assert (found.checkpoint, found.problems) == (None, ())


def test_the_newest_and_the_one_before_are_kept(tmp_path: Path) -> None:
    for epoch, step in ((1, 9), (1, 10), (2, 3)):
        write_checkpoint(tmp_path, make_checkpoint(epoch, step))
    assert [path.name[:24] for path in files(tmp_path)] == [
        "epoch-00001-step-0000010",
        "epoch-00002-step-0000003",
    ]


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty", "another file's bytes"])
def test_a_damaged_newest_falls_back_to_the_one_before_and_is_named(tmp_path: Path, damage: str) -> None:
    write_checkpoint(tmp_path, make_checkpoint(1, 5))
    write_checkpoint(tmp_path, make_checkpoint(1, 6))
    older, newest = files(tmp_path)
    content = newest.read_bytes()
    middle = len(content) // 2
    newest.write_bytes(
        {
            "truncated": content[:middle],
            "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "empty": b"",
            "another file's bytes": older.read_bytes(),
        }[damage]
    )
    found = read_checkpoint(tmp_path)
    assert found.checkpoint is not None
    assert found.checkpoint.step == 5
    (problem,) = found.problems
    assert str(newest) in problem
    assert "SHA-256" in problem


def test_one_that_cannot_be_written_leaves_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, make_checkpoint(1, 5))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(tmp_path, make_checkpoint(1, 6))
    found = read_checkpoint(tmp_path)
    assert found.problems == ()
    assert found.checkpoint is not None
    assert found.checkpoint.step == 5


@pytest.mark.parametrize(("step", "trained"), [(9, 1), (10, 2)])
def test_an_epoch_counts_as_trained_with_its_last_step(step: int, trained: int) -> None:
    assert make_checkpoint(2, step).epochs_trained == trained
