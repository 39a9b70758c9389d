"""What docs/fidelity.md tells to run does run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "docs" / "fidelity" / "longest_step.py"


def test_the_longest_step_of_the_paper_s_amsgrad_is_no_longer_than_the_rate() -> None:
    values = ["dataset.sample=true", "network.filters=4", "batch_size=50", "optimizer.learning_rate=1e-3"]
    command = [sys.executable, SCRIPT, "case-c-amsgrad", *values]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.fullmatch(r"(\d+) weights: median (\S+), longest (\S+) (\S+) (\S+)\n", printed)
    assert found
    median, *longest = map(float, found.groups()[1:])
    assert 0 < median <= min(longest)
    assert max(longest) <= 1e-3
    assert int(found[1]) == 4 * (25 * 3) + 2 * 9 * 4 * 4 + 2 * 4 * 4 + 4 * 4 * 4 + 4 * 10
