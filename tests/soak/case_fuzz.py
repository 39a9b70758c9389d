"""Cases damaged in every way, read as `celu show` and `celu run` read them."""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from celu_cli.case.catalog import shipped_cases_directory
from celu_cli.case.cost import cost_of
from celu_cli.case.dump import dump_case
from celu_cli.case.load import load_case, resolve_case
from celu_cli.errors import CaseError

BROKEN_CASES = Path(__file__).parents[1] / "broken_cases"
MOST_SECONDS = 2.0

# A line of a message that says where: a file with line and column, or what cannot have one.
_PLACED = re.compile(r".+\.ya?ml:\d+:\d+: .+|.+\.ya?ml has \d+ errors:|and \d+ more", re.DOTALL)

_TOKENS = [
    *("0", "-1", "1e400", "1e39", "1e-300", "9" * 400, "9" * 5_000, "0x" + "f" * 290, "0o777", ".nan", "-.inf"),
    *("null", "~", "no", "true", "1e9", "''", '"\\0"', '"\\Uffffffff"', '"\\ud800"', "'", '"', "|", ">-", "&a 1", "*a"),
    *("!!int 1", "[", "]", "{", "}", "[" * 14, "{a: {a: {a: 1}}}", "- - - 1", "? x", "<<: *a", "%YAML 1.9", "---"),
    *("...", "\t", "../x", "/dev/zero", "x.py:y", "..", "é模型", "\u2028", "\ufeff", "\x85", "a" * 3_000, "case-c"),
    *("extends: case-d", "alpha: 1", "layers: []", "filters: 1000000000", "network: {residual: 2}", "amsgrad", "#"),
]  # fmt: skip
_VALUES: list[Any] = [
    *(0, -1, 1, 2, 29, 10**9, 2**31, 2**63, 2**64, 10**300, 0.0, 1e-300, 1e39, 1e300),
    *(float("nan"), float("inf"), True, None, "", "no", "1e-3", "adam", "dilated", "celu", "relu", "case-c", "x" * 200),
    *([], {}, [1, "a"], {"a": {"b": 1}}, [{"kernel": 1, "filters": 10}], {"name": "sgd"}, {"filters": 7}),
]  # fmt: skip


@dataclass
class CaseFuzzFigures:
    """What became of the cases; the lists hold the text of each that should not be."""

    cases: int = 0
    valid: int = 0
    refused: int = 0
    tracebacks: list[str] = field(default_factory=list)
    without_position: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        """Everything that breaks a promise."""
        return [*self.tracebacks, *self.without_position, *self.slow]


def fuzz_cases(count: int, seed: int) -> CaseFuzzFigures:
    """Damage and load `count` cases; the same `seed` damages them in the same way."""
    choose = random.Random(seed)
    whole, broken = _contents(shipped_cases_directory()), _contents(BROKEN_CASES)
    figures = CaseFuzzFigures()
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(count):
            content = choose.choice(choose.choice([whole, whole, broken]))
            for _ in range(choose.choice([1, 1, 2, 3])):
                content = choose.choice(_DAMAGES)(content, choose)
            _load(Path(directory) / "case.yaml", content, figures)
    return figures


def _contents(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(directory.glob("*.yaml"))]


def _load(path: Path, content: bytes, figures: CaseFuzzFigures) -> None:
    path.write_bytes(content)
    figures.cases += 1
    began = time.process_time()
    try:
        _use(path)
        figures.valid += 1
    except CaseError as error:
        figures.refused += 1
        if not all(map(_PLACED.fullmatch, str(error).split("\n"))):
            figures.without_position.append(f"{error} for {content!r}")
    except Exception as error:
        figures.tracebacks.append(f"{error!r} for {content!r}")
    seconds = time.process_time() - began
    figures.slowest_seconds = max(figures.slowest_seconds, seconds)
    if seconds > MOST_SECONDS:
        figures.slow.append(f"{seconds:.1f} s for {content!r}")


def _use(path: Path) -> None:
    """What `celu show` and `celu run` do with a case before anything is built, and what a run directory does."""
    resolved = resolve_case(path)
    cost_of(resolved.case, resolved.plan)
    again = path.with_name("copy.yaml")
    again.write_text(dump_case(resolved.case), encoding="utf-8")
    copy = resolve_case(again).case
    if copy != resolved.case:
        raise AssertionError(f"{resolved.case} comes back as {copy}")
    load_case(path)


def _change_bytes(content: bytes, choose: random.Random) -> bytes:
    copy = bytearray(content or b"a: 1")
    for _ in range(choose.randint(1, 4)):
        place = choose.randrange(len(copy))
        match choose.randrange(3):
            case 0:
                copy[place] = choose.randrange(256)
            case 1:
                copy[place:place] = bytes([choose.randrange(256)])
            case _:
                copy[place] ^= 1 << choose.randrange(8)
    return bytes(copy)


def _cut_or_double(content: bytes, choose: random.Random) -> bytes:
    start, end = sorted(choose.randrange(len(content) + 1) for _ in range(2))
    times = choose.choice([0, 2, 2, 3, 500])
    return (content[:start] + content[start:end] * times + content[end:])[:200_000]


def _change_a_token(content: bytes, choose: random.Random) -> bytes:
    """Put a word of YAML, or one that celu knows, where another word stood."""
    words = list(re.finditer(rb"[^\s:,\[\]{}]+", content))
    token = choose.choice(_TOKENS).encode("utf-8")
    if not words:
        return token
    word = choose.choice(words)
    end = word.end() if choose.random() < 0.7 else word.start()
    return content[: word.start()] + token + content[end:]


def _change_a_line(content: bytes, choose: random.Random) -> bytes:
    lines = content.split(b"\n")
    line = choose.randrange(len(lines))
    indent = b" " * choose.randint(0, 6)
    change: Callable[[bytes], bytes] = choose.choice(
        [
            lambda text: indent + text,
            lambda text: text + b"\n" + text,
            lambda _: b"",
            lambda text: text.strip(),
        ]
    )
    lines[line] = change(lines[line])
    return b"\n".join(lines)


def _change_a_value(content: bytes, choose: random.Random) -> bytes:
    """Replace, remove or add a value and write the mapping anew; what is no mapping stays."""
    try:
        values = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        return content
    if not isinstance(values, dict) or not values:
        return content
    holder: Any = values
    key = choose.choice(list(values))
    while isinstance(holder[key], dict | list) and holder[key] and choose.random() < 0.7:
        holder = holder[key]
        key = choose.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key] = choose.choice(_VALUES)
    return yaml.safe_dump(values, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")


_DAMAGES = (_change_bytes, _cut_or_double, _change_a_token, _change_a_token, _change_a_line, _change_a_value)
