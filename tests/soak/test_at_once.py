from __future__ import annotations

from pathlib import Path

from tests.soak.at_once import start_at_once


def test_runs_that_start_at_once_each_get_a_complete_directory(tmp_path: Path) -> None:
    assert start_at_once(2, tmp_path) == []
