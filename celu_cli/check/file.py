"""check.json: what ``celu check --json`` writes, and ``celu report`` reads where it lies in a run's directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from celu_cli.check.measured import GradientCheck
from celu_cli.check.verdict import Verdict
from celu_cli.files import read_parsed

CHECK_NAME = "check.json"
_CHECK, _VERDICT = TypeAdapter(GradientCheck), TypeAdapter(Verdict)


def json_values(check: GradientCheck, verdict: Verdict) -> dict[str, Any]:
    """The content of check.json: the verdict, then what was measured; null for what is infinite or not a number."""
    texts = _VERDICT.dump_json(verdict, by_alias=True), _CHECK.dump_json(check)
    return {key: value for text in texts for key, value in json.loads(text).items()}


def read_check(run_path: Path) -> tuple[GradientCheck, Verdict] | None:
    """The check in a run's directory; None where there is none.

    Raises:
        RunError: the file cannot be read or is not a check.
    """
    path = run_path / CHECK_NAME
    if not path.exists():
        return None
    return read_parsed(
        path,
        lambda text: (_CHECK.validate_json(text), _VERDICT.validate_json(text)),
        "what celu check --json writes",
    )
