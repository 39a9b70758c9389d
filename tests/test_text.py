"""Text that programs read."""

from __future__ import annotations

import json
from math import inf, nan
from pathlib import Path

from celu_cli.text import json_text


def test_json_has_null_for_what_is_no_finite_number_however_deep() -> None:
    value = {"loss": nan, "layers": ({"cosine": [1.0, -inf]}, "nan"), "epoch": 3}
    assert json.loads(json_text(value)) == {
        "loss": None,
        "layers": [{"cosine": [1.0, None]}, "nan"],
        "epoch": 3,
    }
    assert json_text(Path("logs"), default=str) == '"logs"'
    assert json_text([1, 2], indent=None) == "[1, 2]"
