from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from celu_cli import machine as environment
from celu_cli.errors import RunError
from celu_cli.runs.manifest import (
    Manifest,
    new_manifest,
    read_manifest,
    resumed_manifest,
    utc_now,
    write_manifest,
)


def test_a_manifest_reads_back_as_written(tmp_path: Path) -> None:
    manifest = new_manifest(seed=3, dataset_source="sample")
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_where_the_data_came_from_does_not_tell_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    def written(home: str, source: str) -> str | None:
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("USERPROFILE", home)
        return new_manifest(seed=0, dataset_source=source).dataset_source

    inside, beside = f"the cache (/home/ada{os.sep}x)", f"the cache (/home/adam{os.sep}x)"
    assert written("/home/ada", inside) == f"the cache (~{os.sep}x)"
    assert written("/home/ada", beside) == beside
    assert written("/", inside) == inside


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"pid_space": "another-boot pid:[4026531836]"},
        {"pid_space": None, "process_started": None, "host": "another-host"},  # a run of an older celu
    ],
)
def test_a_run_that_cannot_be_looked_up_and_is_silent_for_a_minute_has_crashed(
    elsewhere: dict[str, str | None],
) -> None:
    manifest = new_manifest(seed=0).model_copy(update=elsewhere)
    assert manifest.status_at(utc_now()) == "running"
    assert manifest.status_at(utc_now() + timedelta(seconds=59)) == "running"
    assert manifest.status_at(utc_now() + timedelta(seconds=62)) == "crashed"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_run_whose_process_lives_has_not_crashed_however_long_it_was_silent() -> None:
    """As after a sleep of the machine, or a correction of its clock."""
    manifest = new_manifest(seed=0)
    for shift in (timedelta(days=-1), timedelta(seconds=62), timedelta(days=1)):
        assert manifest.status_at(utc_now() + shift) == "running"


@pytest.mark.skipif(os.name != "posix", reason="asks for a process by its id")
@pytest.mark.parametrize("recorded", [{}, {"pid_space": None, "process_started": None}])
def test_a_run_whose_process_is_gone_has_crashed_at_once_where_its_number_is_known_only(
    recorded: dict[str, None],
) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    manifest = new_manifest(seed=0).model_copy(update={"pid": child.pid} | recorded)
    assert manifest.status_at(utc_now()) == "crashed"
    for elsewhere in ({"pid_space": "another-boot x"}, {"pid_space": None, "host": "another-host"}):
        assert manifest.model_copy(update=elsewhere).status_at(utc_now()) == "running"


def test_a_resumed_run_keeps_the_process_that_began_it_and_lives_with_the_one_that_resumed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    begun = new_manifest(seed=0).model_copy(update={"pid": child.pid})
    resumed = resumed_manifest(begun, 2, 3)
    assert (resumed.host, resumed.pid) == (platform.node(), child.pid)
    assert (resumed.process.host, resumed.process.pid) == (platform.node(), os.getpid())
    assert resumed.status_at(utc_now()) == "running"

    monkeypatch.setattr(platform, "node", lambda: "second")
    moved = resumed_manifest(resumed, 3, 0)
    assert [moved.host, *(process.host for process in moved.resumed)] == [begun.host, begun.host, "second"]
    assert moved.process.host == "second"


def recorded_with(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Manifest:
    """The manifest of a run that begins in a process with these environment variables."""
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return new_manifest(seed=0)


@pytest.mark.parametrize(("asked", "threads"), [("1", 1), (" 7 ", 7), ("0", 3), ("x", 3), ("", 3), (None, 3)])
def test_threads_and_cores_are_recorded_as_they_take_effect(
    asked: str | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "usable_cores", lambda: [0, 1, 4])
    variables = {} if asked is None else {"TF_NUM_INTRAOP_THREADS": asked}
    manifest = recorded_with(monkeypatch, **variables)
    assert (manifest.cpu_threads, manifest.cores) == (threads, "0-1,4")
    assert manifest.environment is not None
    assert manifest.environment.get("TF_NUM_INTRAOP_THREADS") == asked


def test_what_a_resumed_run_computes_with_and_did_not_before_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment, "usable_cores", lambda: [0, 1])
    begun = recorded_with(monkeypatch, OMP_NUM_THREADS="4")
    assert resumed_manifest(begun, 1, 0).machine_changes() == []
    monkeypatch.setattr(environment, "usable_cores", lambda: [1])
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert resumed_manifest(begun, 1, 0).machine_changes() == [
        "number of threads: 1, previously 2",
        "cores: 1, previously 0-1",
        "CUDA_VISIBLE_DEVICES: , previously unset",
        "OMP_NUM_THREADS: unset, previously 4",
    ]
    older = begun.model_copy(update={"cores": None, "environment": None})
    assert resumed_manifest(older, 1, 0).machine_changes() == ["number of threads: 1, previously 2"]


def test_a_finished_run_never_turns_into_a_crash() -> None:
    manifest = new_manifest(seed=0).model_copy(update={"status": "completed"})
    assert manifest.status_at(utc_now() + timedelta(days=365)) == "completed"


def test_a_field_of_a_newer_celu_means_nothing_and_stays(tmp_path: Path) -> None:
    manifest = new_manifest(seed=3)
    text = manifest.model_dump_json().replace("{", '{"moon_phase": "full", ', 1)
    (tmp_path / "run.json").write_text(text)
    read = read_manifest(tmp_path)
    assert read.model_dump(exclude={"moon_phase"}) == manifest.model_dump()
    write_manifest(tmp_path, read)
    assert json.loads((tmp_path / "run.json").read_text())["moon_phase"] == "full"


@pytest.mark.parametrize(
    ("text", "reason"), [('{"status": "runn', "Invalid JSON"), ("{}", "status"), ("[]", "object")]
)
def test_a_broken_manifest_is_an_error_that_names_the_file(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=reason) as raised:
        read_manifest(tmp_path)
    assert str(tmp_path / "run.json") in str(raised.value)


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_CHECKOUT", tmp_path)
    assert environment.git_commit() is None
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert environment.git_commit() is None
