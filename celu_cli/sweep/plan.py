"""From a request to cells: every case resolved and checked before the first is trained, then frozen on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from celu_cli.case.activations import user_files
from celu_cli.case.cost import cost_of
from celu_cli.case.identity import seedless_identity
from celu_cli.case.load import ResolvedCase, lay_over, memory_shortage
from celu_cli.case.plan import plan_network
from celu_cli.case.reading.document import Node
from celu_cli.case.reading.files import CaseText, read_case
from celu_cli.case.reading.values import MOST_CELLS, Axis, value_text
from celu_cli.case.schema import Case
from celu_cli.case.settings import value_text as setting_text
from celu_cli.errors import CaseError, RunError
from celu_cli.files import write_whole
from celu_cli.sweep.request import SEED, Request
from celu_cli.text import did_you_mean, listed, shown

CASE_KEY = "case"
SWEEPS_NAME = ".sweeps"
_MOST_LINES = 40
_MOST_WRONG_CELLS = 200


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: its case, its values of the swept keys, and the overrides that make it of the named case."""

    case: Case
    settings: Mapping[str, Any]
    overrides: tuple[str, ...]
    identity: str

    @property
    def label(self) -> str:
        """``case-c alpha=0.5 seed=0``"""
        return describe_settings(self.case.name, self.settings)


@dataclass(frozen=True)
class Plan:
    """A sweep's cells in the order of training: seeds outermost, so that it is balanced wherever it stops.

    `keys` are the swept keys, seed not among them; those of `logarithmic` were spaced so. `twins` counts cells that
    were left out because they train the same as an earlier one.
    """

    name: str
    keys: tuple[str, ...]
    logarithmic: tuple[str, ...]
    cells: tuple[Cell, ...]
    twins: int = 0

    def most_memory(self, threads: int) -> int:
        """Bytes of the tensors of its largest cell, trained with so many threads."""
        cases = {cell.case.model_copy(update={SEED: 0}) for cell in self.cells}
        return max(cost_of(case, plan_network(case), threads).memory for case in cases)


def describe_settings(case: str, settings: Mapping[str, Any]) -> str:
    """The case and the values of the swept keys in one line."""
    words = [f"{key}={setting_text(value)}" for key, value in settings.items() if key != CASE_KEY]
    return " ".join([case, *words])


def make_plan(request: Request) -> Plan:
    """Resolve and check every cell of `request`.

    Raises:
        CaseError: there are too many cells, or one is not valid; the text lists what is wrong and with which cells.
    """
    count = len(request.cases) * prod(len(group[0].values) for group in request.groups)
    seeds = request.seeds.values if request.seeds else (None,)
    if count * len(seeds) > MOST_CELLS:
        raise CaseError(f"{count * len(seeds):,} cells; one sweep may have {MOST_CELLS:,} at most")
    texts = [read_case(file) for file in request.case_files()]
    blocks = _Checker(request, count * len(seeds)).blocks(texts)
    several = len(texts) > 1
    cells: dict[str, Cell] = {}
    # One block is all seeds of one combination.
    for seed in seeds:
        for block, settings, overrides, identities in blocks:
            case = block if seed is None else block.model_copy(update={SEED: seed.value})
            its_settings = {CASE_KEY: case.name, **settings} if several else settings
            if seed is not None:
                its_settings = {**its_settings, SEED: seed.value}
                overrides = (*overrides, f"{SEED}={seed.value}")
            identity = identities(case.seed)
            cells.setdefault(identity, Cell(case, its_settings, overrides, identity))
    return Plan(
        request.name,
        tuple([CASE_KEY] if several else []) + tuple(axis.key for group in request.groups for axis in group),
        tuple(axis.key for group in request.groups for axis in group if axis.logarithmic),
        tuple(cells.values()),
        count * len(seeds) - len(cells),
    )


_Block = tuple[Case, dict[str, Any], tuple[str, ...], Callable[[int], str]]


class _Checker:
    """Resolves cells and collects what is wrong with them, each thing once."""

    def __init__(self, request: Request, count: int) -> None:
        self._request = request
        self._count = count
        self._wrong: dict[str, tuple[str, int]] = {}
        self._wrong_cells = 0

    def blocks(self, texts: Sequence[CaseText]) -> list[_Block]:
        """Every case with every combination of values, without regard to the seed but for whether each is valid."""
        seeds = self._request.seeds
        first_seed = [(seeds, seeds.values[0])] if seeds else []
        blocks = []
        for text in texts:
            for chosen in self._combinations():
                if resolved := self._check(text, [*chosen, *first_seed]):
                    settings = {axis.key: value.plain() for axis, value in chosen[len(self._request.fixed) :]}
                    overrides = tuple(f"{axis.key}={value_text(value)}" for axis, value in chosen)
                    code = user_files(layer.activation for layer in resolved.plan.layers)
                    identities = seedless_identity(resolved.case, map(_digest, code))
                    blocks.append((resolved.case, settings, overrides, identities))
                if self._wrong_cells >= _MOST_WRONG_CELLS:
                    self._refuse()
        if blocks and seeds:
            for seed in seeds.values[1:]:
                self._check(texts[0], [*next(self._combinations()), (seeds, seed)])
        if self._wrong:
            self._refuse()
        return blocks

    def _combinations(self) -> Iterator[list[tuple[Axis, Node]]]:
        """For each combination its keys with their values, the fixed ones first."""
        fixed = [(axis, axis.values[0]) for axis in self._request.fixed.values()]
        steps = [list(zip(*(axis.values for axis in group), strict=True)) for group in self._request.groups]
        axes = [axis for group in self._request.groups for axis in group]
        for combination in product(*steps):
            values = [value for step in combination for value in step]
            yield [*fixed, *zip(axes, values, strict=True)]

    def _check(self, text: CaseText, chosen: list[tuple[Axis, Node]]) -> ResolvedCase | None:
        uppers = [self._request.upper(axis, value) for axis, value in chosen]
        resolved, problems = lay_over(text, uppers)
        if resolved is not None and (shortage := memory_shortage(resolved)):
            problems = [shortage]
        if not problems:
            return resolved
        swept = {axis.key: value.plain() for axis, value in chosen[len(self._request.fixed) :]}
        label = describe_settings(text.files[0].stem, swept)
        for problem in dict.fromkeys(map(str, problems)):
            first, times = self._wrong.get(problem, (label, 0))
            self._wrong[problem] = first, times + 1
        self._wrong_cells += 1
        return None

    def _refuse(self) -> None:
        lines = [
            f"{problem} (in the cell {label}{f' and {times - 1:,} more' if times > 1 else ''})"
            for problem, (label, times) in self._wrong.items()
        ]
        head = f"{self._request.name}: not every cell is a valid case, so nothing was started:"
        raise CaseError(f"{head}\n" + listed(lines, _MOST_LINES, "\n"))


@cache
def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def freeze(plan: Plan, logs: Path) -> Path:
    """Write the plan below `logs`, beside earlier plans of that name, and return its file.

    The file is named after its content: the workers of a plan keep it when the same sweep is planned with more cells.

    Raises:
        RunError: it cannot be written.
    """
    cells = [
        {
            "identity": cell.identity,
            "settings": dict(cell.settings),
            "overrides": cell.overrides,
            "case": cell.case.model_dump(exclude_defaults=True),
        }
        for cell in plan.cells
    ]
    content = json.dumps(
        {"name": plan.name, "keys": plan.keys, "logarithmic": plan.logarithmic, "cells": cells}
    )
    directory = logs / SWEEPS_NAME / plan.name
    path = directory / f"plan-{sha256(content.encode()).hexdigest()[:12]}.json"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Again where it is there, so that the newest file is the last sweep's.
        write_whole(path, content, synced=True)
    except OSError as error:
        raise RunError(f"cannot write {shown(path)}: {error.strerror or error}") from error
    return path


def read_plan(path: Path) -> Plan:
    """The plan that `freeze` wrote.

    Raises:
        RunError: it cannot be read or is not a plan.
    """
    try:
        content = json.loads(path.read_bytes())
        cells = tuple(
            Cell(Case.model_validate(of["case"]), of["settings"], tuple(of["overrides"]), of["identity"])
            for of in content["cells"]
        )
        return Plan(content["name"], tuple(content["keys"]), tuple(content["logarithmic"]), cells)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{shown(path)} is not a sweep's plan: {error}") from error


def newest_plan(name: str, logs: Path) -> Plan:
    """The plan of the last sweep of that name in `logs`.

    Raises:
        RunError: there is none; the text lists the sweeps there are.
    """
    plans = sorted((logs / SWEEPS_NAME / name).glob("plan-*.json"), key=lambda path: path.stat().st_mtime)
    if plans and name:
        return read_plan(plans[-1])
    names = sorted({path.parent.name for path in (logs / SWEEPS_NAME).glob("*/plan-*.json")})
    known = f"there are {', '.join(names)}" if names else "no sweep has been started there"
    raise RunError(f"there is no sweep {name!r} in {shown(logs)}; {known}{did_you_mean(name, names)}")
