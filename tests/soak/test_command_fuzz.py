from __future__ import annotations

from pathlib import Path

from tests.soak.command_fuzz import fuzz_commands


def test_no_command_line_and_no_surroundings_end_in_a_traceback_or_a_file_nobody_asked_for(
    tmp_path: Path,
) -> None:
    figures = fuzz_commands(60, 1, tmp_path, light=True)
    assert figures.faults == []
    assert figures.commands == sum(figures.codes.values()) == 60
    # Some do what they are asked and some are refused, or the command lines are of one kind alone.
    assert figures.codes["0"] >= 5
    assert figures.codes["2"] >= 20
