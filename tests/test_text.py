"""Text that programs read."""

from __future__ import annotations

import json
import re
import shlex
from math import inf, nan
from pathlib import Path

import celu_cli.cli.commands
from celu_cli.text import celu_command, duration, four_decimals, joined, json_text


def test_json_has_null_for_what_is_no_finite_number_however_deep() -> None:
    value = {"loss": nan, "layers": ({"cosine": [1.0, -inf]}, "nan"), "epoch": 3}
    assert json.loads(json_text(value)) == {
        "loss": None,
        "layers": [{"cosine": [1.0, None]}, "nan"],
        "epoch": 3,
    }
    assert json_text(Path("logs"), default=str) == '"logs"'
    assert json_text([1, 2], indent=None) == "[1, 2]"


def test_a_number_too_large_for_four_decimals_is_no_row_of_digits() -> None:
    numbers = {2.30258: "2.3026", -0.5: "-0.5000", 694590770178583595.0: "6.946e+17", inf: "inf", nan: "nan"}
    assert [*map(four_decimals, numbers)] == [*numbers.values()]


def test_words_are_joined_as_in_a_sentence() -> None:
    assert [joined("abc"[:count]) for count in range(1, 4)] == ["a", "a and b", "a, b and c"]


def test_a_command_that_is_printed_works_when_pasted() -> None:
    words = ["run", "--resume", Path("my logs/it's/2026;x"), "description=attempt #2"]
    assert shlex.split(celu_command(*words)) == ["celu", *map(str, words)]


def test_every_command_that_a_text_is_put_into_is_quoted() -> None:
    commands = "|".join(path.stem for path in Path(celu_cli.cli.commands.__file__).parent.glob("*.py"))
    unquoted = re.compile(rf"celu ({commands}) [^`\"']*\{{")
    for path in Path(celu_cli.__file__).parent.rglob("*.py"):
        found = [
            line.strip() for line in path.read_text(encoding="utf-8").splitlines() if unquoted.search(line)
        ]
        assert found == [], path


def test_a_duration_that_was_not_recorded_is_a_dash() -> None:
    assert [duration(seconds) for seconds in (7.0, 11_100.0, nan, inf)] == ["0:07", "3:05:00", "-", "-"]
