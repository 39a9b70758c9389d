from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from celu_cli.errors import RunError
from celu_cli.events import LayersMeasured
from celu_cli.runs.directory import find_runs
from celu_cli.runs.run import read_run
from celu_cli.runs.tensorboard import export
from celu_cli.runs.tensorboard.export import export_events
from celu_cli.runs.tensorboard.writer import TensorBoardWriter
from tests.runs.fakes import make_case, record_run
from tests.runs.tensorboard.event_reader import read_curves


def files_under(directory: Path) -> list[Path]:
    return sorted(path.relative_to(directory) for path in directory.rglob("*") if path.is_file())


def test_a_run_is_exported_as_it_would_have_been_written_while_training(tmp_path: Path) -> None:
    path = record_run(tmp_path / "logs")
    board = TensorBoardWriter(read_run(path))
    board(LayersMeasured(3, (3.0, 4.0)))
    (place,) = export_events([read_run(path)], tmp_path / "out")
    assert place == tmp_path / "out" / "case-c" / path.name
    for name in ("", "train", "test"):
        curves = read_curves(place / name)
        assert curves == read_curves(path / name)
        assert curves
    assert read_curves(place / "train")["epoch_gradient_norm"] == [(3, 5.0)]


def test_an_older_export_is_replaced_and_others_stay(tmp_path: Path) -> None:
    old, new = record_run(tmp_path / "logs", done=1), record_run(tmp_path / "logs", make_case(name="case-d"))
    out = tmp_path / "out"
    export_events([read_run(old), read_run(new)], out)
    before = files_under(out)
    (kept,) = (out / "case-d" / new.name).glob("events*")
    content = kept.read_bytes()
    export_events([read_run(old)], out)
    assert len(files_under(out)) == len(before)
    assert kept.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("logs", "out")] == []


def test_nothing_is_there_when_one_of_the_runs_cannot_be_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [read_run(record_run(tmp_path / "logs", make_case(seed=seed))) for seed in (0, 1)]
    original, written = export.begin_files, []

    def full(run: Any, directory: Path) -> Any:
        if written:
            raise OSError(28, "No space left on device")
        written.append(run)
        return original(run, directory)

    monkeypatch.setattr(export, "begin_files", full)
    with pytest.raises(RunError, match=r"cannot write .*out: No space left on device"):
        export_events(runs, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_a_directory_with_more_than_event_files_is_not_touched(tmp_path: Path) -> None:
    path = record_run(tmp_path / "logs")
    before = files_under(tmp_path)
    with pytest.raises(RunError, match="holds more than event files; export into another directory"):
        export_events([read_run(path)], tmp_path / "logs")
    assert files_under(tmp_path) == before


def test_from_within_a_run_directory_its_export_alone_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (record_run(tmp_path / "logs", make_case(seed=seed)) for seed in (0, 1))
    out = tmp_path / "out"
    export_events([read_run(one), read_run(other)], out)
    (kept,) = (out / "case-c" / other.name).glob("events*")
    monkeypatch.chdir(one)
    (run,) = find_runs(Path("logs"), ["."]).runs
    assert export_events([run], Path("../../../out")) == [Path("../../../out/case-c") / one.name]
    assert kept.exists()
    assert {path.name for path in (out / "case-c").iterdir()} == {one.name, other.name}


def test_a_directory_of_exports_is_not_taken_for_an_export(tmp_path: Path) -> None:
    run = read_run(record_run(tmp_path / "logs"))
    export_events([run], tmp_path / "out" / run.name / "case-c")
    with pytest.raises(RunError, match="holds more than event files"):
        export_events([run], tmp_path / "out")


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    run = read_run(record_run(tmp_path / "logs"))
    with pytest.raises(RunError, match=f"two runs are called {run.name}"):
        export_events([run, run], tmp_path / "out")
