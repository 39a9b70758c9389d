"""From a case's name or file, and overrides, to a checked `Case`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from celu_cli.case.catalog import find_case, shipped_cases_directory, shown
from celu_cli.case.document import MOST_BYTES, Document, Node, Place, Problem, parse
from celu_cli.case.explain import explain, given, key_text, place_of
from celu_cli.case.merge import merge, without_own_keys
from celu_cli.case.network import NetworkPlan, PlanProblem, plan_network
from celu_cli.case.overrides import parse_override
from celu_cli.case.schema import Case
from celu_cli.errors import CaseError


@dataclass(frozen=True)
class ResolvedCase:
    """A case with what it was made from: the merged text, and its files from the one named to the last extended."""

    case: Case
    plan: NetworkPlan
    root: Node
    files: tuple[Path, ...]


def load_case(reference: str | Path, overrides: Sequence[str] = ()) -> Case:
    """The case that `reference` (a name, or the path of a YAML file) means, with `overrides` laid over it.

    Args:
        reference: A name is sought in ./cases and then among the shipped cases.
        overrides: ``key=value`` words such as ``optimizer.learning_rate=1e-3``, laid over the file one after another
            by the rule that `celu_cli.case.merge` states.

    Raises:
        CaseError: the case cannot be found or is not valid; the text lists everything that is wrong with it.
    """
    return resolve_case(reference, overrides).case


def resolve_case(reference: str | Path, overrides: Sequence[str] = ()) -> ResolvedCase:
    """As `load_case`, with the plan of the network and the places that the values came from."""
    path = find_case(reference)
    root, problems, files = _read_with_extended(path)
    for number, text in enumerate(overrides, 1):
        upper, wrong = parse_override(number, text)
        problems += wrong
        if upper is not None:
            root = _override(root, upper, problems)
    root = _with_name(root, path)
    case: Case | None = None
    try:
        case = Case.model_validate(root.plain())
    except ValidationError as error:
        problems += explain(error, root)
    if case is None or problems:
        raise _case_error(path, problems)
    try:
        plan = plan_network(case)
    except PlanProblem as problem:
        place = place_of(problem.location, root)
        raise _case_error(path, [Problem(place, key_text(problem.location), problem.message)]) from None
    return ResolvedCase(case, plan, root, files)


def _read_with_extended(path: Path) -> tuple[Node, list[Problem], tuple[Path, ...]]:
    """The file with everything it extends laid under it."""
    problems: list[Problem] = []
    roots: list[Node] = []
    files: list[Path] = []
    following: Path | None = path
    while following is not None:
        document = _read(following)
        problems += document.problems
        if document.root is None:
            raise _case_error(path, problems)
        files.append(following)
        roots.append(document.root)
        following = _extended(document.root, files, problems)
    root = roots.pop()
    while roots:
        root = merge(without_own_keys(root), roots.pop())
    if isinstance(root.value, dict):
        root = replace(root, value={key: node for key, node in root.value.items() if key != "extends"})
    return root, problems, tuple(files)


def _extended(root: Node, files: list[Path], problems: list[Problem]) -> Path | None:
    """The file that the last of `files` extends, if any."""
    node = root.child("extends")
    if node is None:
        return None
    if not isinstance(node.value, str):
        message = (
            f"{given(node)} given; accepted: the name of a case, or the path of a file relative to this one"
        )
        raise _case_error(files[0], [*problems, Problem(node.place, "extends", message)])
    here = files[-1]
    try:
        path = find_case(node.value, beside=here.parent)
        if path.resolve() == here.resolve() and node.value == here.stem:
            # A case in ./cases that extends its own name means the shipped case it stands before.
            path = find_case(shipped_cases_directory() / here.name)
    except CaseError as error:
        raise _case_error(files[0], [*problems, Problem(node.place, "extends", str(error))]) from None
    if path.resolve() in [file.resolve() for file in files]:
        circle = " -> ".join(shown(file) for file in [*files, path])
        raise _case_error(
            files[0], [*problems, Problem(node.place, "extends", f"goes in a circle: {circle}")]
        )
    return path


def _read(path: Path) -> Document:
    source = shown(path)
    start = Place(source, 1, 1)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Document(None, [Problem(Place(source), "", f"cannot be read: {error.strerror}")])
    if len(content) > MOST_BYTES:
        message = f"the file is larger than {MOST_BYTES // 1024} KiB; it cannot be a case"
        return Document(None, [Problem(start, "", message)])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        place = Place(source, line, column)
        return Document(None, [Problem(place, "", "not UTF-8 text; save the file with UTF-8 encoding")])
    document = parse(text, source)
    root = document.root
    if root is None and not document.problems or root is not None and root.value is None:
        message = "the file is empty; a case needs at least dataset, optimizer and epochs"
        return Document(None, [Problem(start, "", message)])
    if root is not None and not isinstance(root.value, dict):
        message = f"{given(root)} given; a case is a mapping: lines of key: value"
        return Document(None, [*document.problems, Problem(root.place, "", message)])
    return document


def _override(root: Node, upper: Node, problems: list[Problem]) -> Node:
    extends = upper.child("extends")
    if extends is not None:
        message = "cannot be overridden; name the other case instead"
        problems.append(Problem(extends.place, "extends", message))
        return root
    return merge(root, upper)


def _with_name(root: Node, path: Path) -> Node:
    """The case's name, where it gives none, is its file's."""
    named = root.child("name")
    if not isinstance(root.value, dict) or (named is not None and named.value != ""):
        return root
    start = Place(shown(path), 1, 1)
    return replace(root, value={"name": Node(path.stem, start, start, path.stem), **root.value})


def _case_error(path: Path, problems: list[Problem]) -> CaseError:
    """One line for each problem, in the order of the places."""
    lines = [str(problem) for problem in sorted(problems, key=lambda problem: _order(path, problem.place))]
    if len(lines) == 1:
        return CaseError(lines[0])
    return CaseError("\n".join([f"{shown(path)} has {len(lines)} errors:", *dict.fromkeys(lines)]))


def _order(path: Path, place: Place) -> tuple[bool, bool, Place]:
    return place.line == 0, place.source != shown(path), place
