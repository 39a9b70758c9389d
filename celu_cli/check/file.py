"""check.json: what ``celu check --json`` writes, and ``celu report`` reads where it lies in a run's directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from celu_cli.check.measured import GradientCheck
from celu_cli.check.verdict import Verdict
from celu_cli.errors import RunError

CHECK_NAME = "check.json"
_CHECK, _VERDICT = TypeAdapter(GradientCheck), TypeAdapter(Verdict)


def json_values(check: GradientCheck, verdict: Verdict) -> dict[str, Any]:
    """The content of check.json: the verdict, then what was measured; null for what is infinite or not a number."""
    texts = _VERDICT.dump_json(verdict, by_alias=True), _CHECK.dump_json(check)
    return {key: value for text in texts for key, value in json.loads(text).items()}


def read_check(run_path: Path) -> tuple[GradientCheck, Verdict] | None:
    """The check in a run's directory; None where there is none.

    Raises:
        RunError: the file cannot be read or is no check.
    """
    path = run_path / CHECK_NAME
    try:
        text = path.read_bytes()
        return _CHECK.validate_json(text), _VERDICT.validate_json(text)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(
            f"{path} is not what celu check --json writes: {where + ': ' if where else ''}{first['msg']}"
        ) from error
