"""From a case's name or file, and overrides, to a checked `Case`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from celu_cli.case.catalog import find_case, shown
from celu_cli.case.document import Node, Place, Problem
from celu_cli.case.explain import explain, key_text, place_of
from celu_cli.case.files import case_error, read_with_extended
from celu_cli.case.memory import memory_problem
from celu_cli.case.merge import expand_words, merge
from celu_cli.case.network import NetworkPlan, PlanProblem, plan_network
from celu_cli.case.overrides import parse_override
from celu_cli.case.own_activation import missing_files, with_whole_paths
from celu_cli.case.schema import Case


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
        reference: A name is sought in ./cases and then among the shipped cases.
        overrides: ``key=value`` words such as ``optimizer.learning_rate=1e-3``, laid over the file one after
            another by the rule that `celu_cli.case.merge` states.
        to_train: Whether the files of the user's own activations must be there and the memory of this machine
            be enough; a run can be read without.

    Raises:
        CaseError: the case cannot be found or is not valid; the text lists everything that is wrong with it.
    """
    resolved = resolve_case(reference, overrides, to_train=to_train)
    if to_train and (message := memory_problem(resolved.case, resolved.plan)):
        place = place_of(("network",), resolved.root)
        raise case_error(resolved.files[0], [Problem(place, "network", message)])
    return resolved.case


def resolve_case(
    reference: str | Path, overrides: Sequence[str] = (), *, to_train: bool = True
) -> ResolvedCase:
    """As `load_case`, with the plan of the network and the places that the values came from."""
    path = find_case(reference)
    root, problems, files = read_with_extended(path)
    for number, text in enumerate(overrides, 1):
        upper, wrong = parse_override(number, text)
        problems += wrong
        if upper is not None:
            root = _override(root, with_whole_paths(upper, Path()), problems)
    root = _with_name(expand_words(root), path)
    case: Case | None = None
    try:
        case = Case.model_validate(root.plain())
    except ValidationError as error:
        problems += explain(error, root)
    if to_train:
        problems += missing_files(root)
    if case is None or problems:
        raise case_error(path, problems)
    try:
        plan = plan_network(case)
    except PlanProblem as problem:
        place = place_of(problem.location, root)
        raise case_error(path, [Problem(place, key_text(problem.location), problem.message)]) from None
    return ResolvedCase(case, plan, root, files)


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
    if not isinstance(root.value, dict) or named is not None:
        return root
    start = Place(shown(path), 1, 1)
    return replace(root, value={"name": Node(path.stem, start, start, path.stem), **root.value})
