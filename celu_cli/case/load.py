"""From a case's name or file, and overrides, to a checked `Case`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from celu_cli.case.cost import memory_problem
from celu_cli.case.plan import NetworkPlan, PlanProblem, plan_network
from celu_cli.case.reading.document import Node, Place, Problem, key_text, parse, place_of
from celu_cli.case.reading.files import (
    MOST_BYTES,
    CaseText,
    case_error,
    missing_files,
    read_case,
    with_whole_paths,
)
from celu_cli.case.reading.merge import expand_shorthands, merge
from celu_cli.case.reading.overrides import combine, parse_override
from celu_cli.case.schema import Case
from celu_cli.text import shown


@dataclass(frozen=True)
class ResolvedCase:
    """A case with what it was made from: the merged text, and the files from the one named to the base."""

    case: Case
    plan: NetworkPlan
    root: Node
    files: tuple[Path, ...]


def load_case(reference: str | Path, overrides: Sequence[str] = (), *, to_train: bool = True) -> Case:
    """The case that `reference` (a name, or the path of a YAML file) means, with `overrides` laid over it.

    Args:
        reference: A name is looked for in ./cases and then among the shipped cases.
        overrides: ``key=value`` texts such as ``optimizer.learning_rate=1e-3``, laid over the file as
            `celu_cli.case.reading.overrides` states.
        to_train: Whether the files of the user's own activations must be there and the memory of this machine
            be enough; a run can be read without.

    Raises:
        CaseError: the case cannot be found or is not valid; the text lists everything that is wrong with it.
    """
    resolved = resolve_case(reference, overrides, to_train=to_train)
    if to_train and (problem := memory_shortage(resolved)):
        raise case_error(resolved.files[0], [problem])
    return resolved.case


def memory_shortage(resolved: ResolvedCase) -> Problem | None:
    """What is wrong where the tensors of `resolved` alone are more than this machine can hold."""
    message = memory_problem(resolved.case, resolved.plan)
    return Problem(place_of(("network",), resolved.root), "network", message) if message else None


def resolve_case(
    reference: str | Path, overrides: Sequence[str] = (), *, to_train: bool = True
) -> ResolvedCase:
    """As `load_case`, with the plan of the network and the places that the values came from."""
    text = read_case(reference)
    uppers, problems = [], []
    for number, override in enumerate(overrides, 1):
        upper, wrong = parse_override(number, override)
        problems += wrong
        if upper is not None:
            uppers.append(with_whole_paths(upper, Path()))
    resolved, found = lay_over(text, uppers, to_train=to_train)
    if resolved is None or problems:
        raise case_error(text.files[0], [*problems, *found])
    return resolved


def lay_over(
    text: CaseText, uppers: Sequence[Node], *, to_train: bool = True
) -> tuple[ResolvedCase | None, list[Problem]]:
    """The case that `text` is with `uppers` over it; None with all that is wrong where it is not valid."""
    root, problems = text.root, list(text.problems)
    upper = combine(uppers, problems)
    if upper is not None:
        extends = upper.child("extends")
        if extends is None:
            root = merge(root, upper, (), problems)
        else:
            message = "cannot be overridden; name the other case instead"
            problems.append(Problem(extends.place, "extends", message))
    root = _with_name(expand_shorthands(root), text.files[0])
    case: Case | None = None
    try:
        case = Case.model_validate(root.plain())
    except ValidationError as error:
        from celu_cli.case.reading.explain import explain  # most cases need no explanation

        problems += explain(error, root)
    if to_train:
        problems += missing_files(root)
    if case is None or problems:
        return None, problems
    try:
        return ResolvedCase(case, plan_network(case), root, text.files), []
    except PlanProblem as problem:
        place = place_of(problem.location, root)
        return None, [Problem(place, key_text(problem.location), problem.message)]


def _with_name(root: Node, path: Path) -> Node:
    """The case's name, where it gives none, is its file's."""
    named = root.child("name")
    if not isinstance(root.value, dict) or named is not None:
        return root
    start = Place(shown(path), 1, 1)
    return replace(root, value={"name": Node(path.stem, start, start, path.stem), **root.value})


# A key at the start of a line belongs to the case itself, and no text can go on there. One longer is for the checks.
_SEED = re.compile(r"^seed: (\d{1,18})$", re.MULTILINE)


def load_recorded_case(path: Path) -> Case:
    """The case in the file `path`, as ``load_case(path, to_train=False)`` reads it.

    Raises:
        CaseError: the file cannot be read or is not a valid case.
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
