"""What holds when several processes want the same dataset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from celu_cli.datasets import cache
from celu_cli.datasets.cache import workspace
from celu_cli.errors import DataError
from tests.datasets.conftest import FakeMnist
from tests.datasets.recorder import RecordingReporter
from tests.datasets.server import FileServer, ServedFile

REPOSITORY = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from celu_cli.datasets import cache
from celu_cli.datasets.reporter import SilentReporter
cache.user_cache_path = lambda *_, **__: Path(sys.argv[1])
with cache.workspace("mnist", SilentReporter()):
    print("held", flush=True)
    sys.stdin.read()
"""


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_holder(tmp_path: Path) -> subprocess.Popen[str]:
    holder = start("-c", HOLD, str(tmp_path / "cache"))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_two_processes_at_once_fetch_each_file_once(
    made_mnist: FakeMnist, server: FileServer, tmp_path: Path
) -> None:
    for name, content in made_mnist.idx_gz.items():
        server.files[f"/{name}.gz"] = ServedFile(content, seconds=0.2)
    program = ("-m", "tests.datasets.load_made_mnist", server.address, json.dumps(made_mnist.sha256))
    processes = [start(*program, XDG_CACHE_HOME=str(tmp_path)) for _ in range(2)]
    sources = sorted(process.communicate(timeout=60)[0].strip() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert sources == [f"celu's cache ({tmp_path / 'celu' / 'datasets' / 'mnist'})", server.address]
    assert set(Counter(server.requests).values()) == {1}


def test_a_killed_process_leaves_no_lock(tmp_path: Path, reporter: RecordingReporter) -> None:
    holder = start_holder(tmp_path)
    holder.kill()
    holder.communicate()
    began = time.monotonic()
    with workspace("mnist", reporter):
        assert time.monotonic() - began < 1
    assert reporter.messages == []


def test_waiting_for_another_process_is_told_and_ends(
    tmp_path: Path, reporter: RecordingReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LOCK_SECONDS", 0.2)
    holder = start_holder(tmp_path)
    with pytest.raises(DataError, match=r"another celu has held .*mnist\.lock"), workspace("mnist", reporter):
        pass
    assert reporter.messages == ["another celu is fetching the same dataset; waiting for it"]
    holder.communicate("")
    with workspace("mnist", reporter):
        pass


def test_two_datasets_can_be_fetched_at_once(tmp_path: Path, reporter: RecordingReporter) -> None:
    holder = start_holder(tmp_path)
    with workspace("cifar10", reporter):
        assert reporter.messages == []
    holder.communicate("")
