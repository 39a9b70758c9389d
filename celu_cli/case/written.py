"""Cases that celu wrote itself into run directories: checked as any other, but quickly, as there may be thousands."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from celu_cli.case.document import parse
from celu_cli.case.files import MOST_BYTES
from celu_cli.case.load import load_case
from celu_cli.case.network import PlanProblem, plan_network
from celu_cli.case.schema import Case

# A key at the start of a line belongs to the case itself, and no text can go on there. One longer is for the checks.
_SEED = re.compile(r"^seed: (\d{1,18})$", re.MULTILINE)


def load_written_case(path: Path) -> Case:
    """The case in the file `path`, as ``load_case(path, to_train=False)`` reads it.

    Raises:
        CaseError: the file cannot be read or is no valid case.
    """
    return _quickly(path) or load_case(path, to_train=False)


def _quickly(path: Path) -> Case | None:
    """The case; None where it is not valid or says something that depends on where the file lies."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if "extends" in text or ".py:" in text:
        return None
    seeds = _SEED.findall(text)
    if len(seeds) != 1:
        return _parsed(text)
    # Seeds apart, most cases of a sweep say the same.
    case = _parsed(_SEED.sub("seed: 0", text))
    return case and case.model_copy(update={"seed": int(seeds[0])})


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Case | None:
    document = parse(text, "", quick=True)
    if document.root is None or document.problems:
        return None
    values = document.root.plain()
    if not isinstance(values, dict) or "name" not in values:
        return None
    try:
        case = Case.model_validate(values)
        plan_network(case)
    except (ValidationError, PlanProblem):
        return None
    return case
