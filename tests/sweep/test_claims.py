"""Claims: one cell, one owner, until the owner lets go or is dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from celu_cli.sweep.claims import Claims


def test_a_cell_has_one_owner_at_a_time(tmp_path: Path) -> None:
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        assert one.take("cell")
        assert not other.take("cell")
        assert not one.take("cell")
        assert other.take("another")
        one.release("cell")
        assert other.take("cell")


def test_of_many_that_try_at_once_one_gets_the_cell(tmp_path: Path) -> None:
    claims = [Claims(tmp_path) for _ in range(16)]
    for number in range(20):
        with ThreadPoolExecutor(16) as pool:
            taken = list(pool.map(lambda one, cell=f"cell-{number}": one.take(cell), claims))
        assert sum(taken) == 1


def test_what_is_held_is_let_go_at_the_end(tmp_path: Path) -> None:
    with Claims(tmp_path) as claims:
        claims.take("cell")
    assert not (tmp_path / "cell").exists()


def test_the_cell_of_a_dead_process_is_taken_over_by_one_alone(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from celu_cli.sweep.claims import Claims; import os\n"
    script += f"c = Claims(Path({str(tmp_path)!r})); c.take('cell'); os._exit(0)"
    subprocess.run([sys.executable, "-c", script], check=True)
    claims = [Claims(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda one: one.take("cell"), claims)) == 1


def test_a_worker_that_outlives_its_sweep_keeps_the_cell(tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with Claims(tmp_path) as claims:
        Claims(tmp_path).take("cell", (worker.pid,))
        owner = json.loads((tmp_path / "cell" / "owner.json").read_text())
        gone = subprocess.Popen(["true"])
        gone.wait()
        owner["processes"][0][0] = gone.pid
        (tmp_path / "cell" / "owner.json").write_text(json.dumps(owner))
        assert not claims.take("cell")
        worker.communicate(b"\n")
        assert claims.take("cell")


def test_the_cell_of_a_silent_machine_is_taken_over_and_of_a_beating_one_is_not(tmp_path: Path) -> None:
    owner = {"token": "t", "processes": [[os.getpid(), "another-machine", "another boot", 1]]}
    for name in ("silent", "beating"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "owner.json").write_text(json.dumps(owner))
        os.utime(tmp_path / name / "owner.json", (2**31, 2**31))  # its clock is wrong by years
    with Claims(tmp_path, stale_seconds=0.1) as claims:
        assert not claims.take("silent")
        assert not claims.take("beating")
        time.sleep(0.2)
        os.utime(tmp_path / "beating" / "owner.json", (2**31 + 10, 2**31 + 10))
        assert claims.take("silent")
        assert not claims.take("beating")


def test_what_was_taken_over_is_not_let_go_by_its_first_owner(tmp_path: Path) -> None:
    first = Claims(tmp_path)
    first.take("cell")
    (tmp_path / "cell" / "owner.json").write_text(json.dumps({"token": "other", "processes": []}))
    first.release("cell")
    assert (tmp_path / "cell").is_dir()
