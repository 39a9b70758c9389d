from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.kills import kill_and_resume


@pytest.mark.slow
def test_a_run_killed_in_writes_and_at_random_ends_at_the_bits_of_one_left_alone(tmp_path: Path) -> None:
    figures = kill_and_resume(4, seed=1, directory=tmp_path)
    assert figures.kills >= 4
    assert figures.faults == []
