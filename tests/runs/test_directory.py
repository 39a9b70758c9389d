from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from celu_cli.errors import RunError
from celu_cli.runs.directory import claim_run_directory, find_runs, runs_under
from tests.runs.fakes import make_case, record_run


def test_a_run_directory_is_named_by_case_time_and_seed(tmp_path: Path) -> None:
    path = claim_run_directory(tmp_path / "logs", "case-c", 7)
    assert path.parent == tmp_path / "logs" / "case-c"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-seed7", path.name)


def test_threads_that_claim_at_once_never_share_a_directory(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        paths = list(pool.map(lambda _: claim_run_directory(tmp_path, "case-c", 0), range(64)))
    assert len(set(paths)) == 64


def _claim(logs: Path) -> Path:
    return claim_run_directory(logs, "case-c", 0)


def test_processes_that_claim_at_once_never_share_a_directory(tmp_path: Path) -> None:
    with get_context("spawn").Pool(2) as pool:
        paths = pool.map(_claim, [tmp_path] * 40, chunksize=1)
    assert len(set(paths)) == 40


def test_where_a_file_stands_in_the_way_the_error_says_so(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    with pytest.raises(RunError, match=r"cannot make a run directory in .*logs.*--logs DIR"):
        claim_run_directory(tmp_path / "logs", "case-c", 0)


_CLAIM = """
import os, sys
from pathlib import Path
from celu_cli.errors import RunError
from celu_cli.runs.directory import claim_run_directory
if os.geteuid() == 0:
    os.seteuid(65534)  # root may write everywhere
try:
    claim_run_directory(Path(sys.argv[1]), "case-c", 0)
except RunError as error:
    print(error)
"""


def test_an_unwritable_directory_is_a_clear_error() -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o555)
        command = [sys.executable, "-c", _CLAIM, place]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        assert f"cannot make a run directory in {place}" in result.stdout
        assert "Permission denied" in result.stdout
        assert list(Path(place).iterdir()) == []


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    for name, seed in (("case-c", 0), ("case-c", 1), ("case-d", 0)):
        record_run(logs, make_case(name=name, seed=seed))
    return logs


def names(logs: Path, *asked: str) -> list[tuple[str, int]]:
    return [(run.case.name, run.case.seed) for run in find_runs(logs, asked).runs]


def test_all_runs_are_found_newest_last(logs: Path) -> None:
    assert names(logs) == [("case-c", 0), ("case-c", 1), ("case-d", 0)]


def test_runs_of_one_name_are_always_found_in_the_same_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"case-{letter}" / "2026-01-01T00-00-00Z-seed0" for letter in "fbdaecgh"]
    for path in paths:
        path.mkdir(parents=True)
        (path / "run.json").write_text("{}")
    assert runs_under(tmp_path) == sorted(paths)


def test_a_case_means_all_its_runs(logs: Path) -> None:
    assert names(logs, "case-c") == [("case-c", 0), ("case-c", 1)]


def test_a_path_means_the_runs_in_it(logs: Path) -> None:
    run = find_runs(logs, ["case-d"]).runs[0]
    assert names(logs, str(run.path)) == [("case-d", 0)]
    assert names(Path("elsewhere"), str(logs / "case-c")) == [("case-c", 0), ("case-c", 1)]
    assert len(names(Path("elsewhere"), str(logs))) == 3


def test_a_run_is_found_by_its_name_or_a_piece_that_is_its_alone(logs: Path) -> None:
    run = find_runs(logs, ["case-d"]).runs[0]
    assert names(logs, run.name) == [("case-d", 0)]
    assert names(logs, "seed1") == [("case-c", 1)]


def test_a_run_named_twice_is_found_once(logs: Path) -> None:
    assert names(logs, "case-d", "case-d", str(logs / "case-d")) == [("case-d", 0)]


def test_a_piece_that_several_runs_have_is_refused_with_their_names(logs: Path) -> None:
    with pytest.raises(RunError, match=r"'seed0' is in the name of 2 runs: case-\w/.*, case-\w/"):
        find_runs(logs, ["seed0"])


def test_an_unknown_name_lists_what_there_is_and_the_nearest_word(logs: Path) -> None:
    with pytest.raises(RunError, match=r"'case-cc'; there are runs of case-c, case-d; did you mean case-c\?"):
        find_runs(logs, ["case-cc"])


def test_a_case_without_runs_says_how_to_train_it(logs: Path) -> None:
    with pytest.raises(RunError, match=r"no runs of case-a .* celu run case-a"):
        find_runs(logs, ["case-a"])


@pytest.mark.parametrize("make", [True, False])
def test_no_runs_at_all_says_how_to_make_one(tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "logs").mkdir()
    with pytest.raises(RunError, match=r"no runs in .*logs yet; train one with: celu run case-a --sample"):
        find_runs(tmp_path / "logs")


def test_a_run_that_cannot_be_read_becomes_a_problem_beside_the_others(logs: Path) -> None:
    broken = find_runs(logs, ["case-d"]).runs[0].path
    (broken / "case.yaml").write_text("dataset: 3\n")
    found = find_runs(logs)
    assert [run.case.name for run in found.runs] == ["case-c", "case-c"]
    (problem,) = found.problems
    assert str(broken) in problem


def test_a_directory_just_claimed_is_not_a_run_yet(logs: Path) -> None:
    claim_run_directory(logs, "case-d", 5)
    assert len(find_runs(logs).runs) == 3


def test_a_run_that_lost_its_manifest_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    whole, damaged = record_run(tmp_path), record_run(tmp_path)
    (damaged / "run.json").unlink()
    found = find_runs(tmp_path)
    assert [run.path for run in found.runs] == [whole]
    assert found.problems == (f"cannot read {damaged / 'run.json'}: No such file or directory",)


def test_a_run_keeps_its_own_name_beside_a_link_to_it(tmp_path: Path) -> None:
    path = record_run(tmp_path)
    for link in (tmp_path / "zzz", path.parent / "again"):
        link.symlink_to(path)
    assert [run.path for run in find_runs(tmp_path).runs] == [path]
