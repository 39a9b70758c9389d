"""What a sweep is asked for, on the command line or in a file NAME.sweep.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from celu_cli.case.catalog import LOCAL_DIRECTORY, SWEEP_SUFFIXES, exists, find_case, shipped_cases_directory
from celu_cli.case.reading.document import Node, Place, Problem, given
from celu_cli.case.reading.files import case_error, read_document, with_whole_paths
from celu_cli.case.reading.overrides import KEY, under_key
from celu_cli.case.reading.values import Axis, ValueProblem, checked_axis, read_axis, spaced_values
from celu_cli.errors import CaseError, UsageError
from celu_cli.text import celu_command, did_you_mean, shortened, shown

SEED = "seed"
_NOT_IN_A_NAME = re.compile(r"[^\w.+-]+")

KEYS = {
    "description": "one line on what the sweep is to answer",
    "cases": "the case, or a list of cases, that every cell begins from",
    "set": "keys with one value, for all cells",
    "grid": "keys with several values each; every combination is a cell",
    "zip": "keys with equally many values each, which change together",
    "seeds": "the seeds of every cell: 0..4, or a list",
}
"""The keys of a sweep file, and what each is for."""


@dataclass
class Request:
    """What to train: every case with `fixed` keys, every combination of `groups` and every seed.

    The axes of one group change together. `folder` is what names of cases and files are relative to; None on the
    command line.
    """

    name: str = ""
    cases: list[tuple[str, Place]] = field(default_factory=list)
    fixed: dict[str, Axis] = field(default_factory=dict)
    groups: list[list[Axis]] = field(default_factory=list)
    seeds: Axis | None = None
    folder: Path | None = None

    def swept_keys(self) -> list[Axis]:
        """The axes in the order they were written, seeds last."""
        return [*(axis for group in self.groups for axis in group), *([self.seeds] if self.seeds else [])]

    def case_files(self) -> list[Path]:
        """The files of the cases.

        Raises:
            CaseError: one does not exist; the text says where it is named.
        """
        files = []
        for reference, place in self.cases:
            try:
                files.append(find_case(reference, beside=self.folder))
            except CaseError as error:
                raise CaseError(f"{place}: {error}" if place.line else str(error)) from None
        return files

    def upper(self, axis: Axis, value: Node) -> Node:
        """What is laid over a case where `axis` has `value`."""
        return with_whole_paths(under_key(axis.key, value, axis.place), self.folder or Path())


def read_request(words: Sequence[str], name: str | None = None) -> Request:
    """What the words of the command line ask for: cases or one sweep file, and ``key=values``, which win over the file.

    Raises:
        UsageError: the words do not make a sweep; the text lists everything that is wrong with them.
    """
    request, problems = Request(), []
    named = [word for word in words if "=" not in word]
    files = [path for word in named if (path := find_sweep_file(word))]
    if files and len(named) > 1:
        raise UsageError(f"{files[0].name} names its cases itself; leave out the other cases and sweep files")
    if files:
        request = read_sweep_file(files[0])
    else:
        request.cases = [(word, Place(word)) for word in named]
    seen: set[str] = set()
    for word in words:
        key, equals, text = word.partition("=")
        place = Place(f'"{shortened(word)}"')
        if not equals:
            continue
        if key in seen:
            problems.append(Problem(place, key, "given twice; list all its values after one ="))
        elif message := _key_problem(key):
            problems.append(Problem(place, "", message))
        else:
            try:
                _replace(request, read_axis(key, text, place))
            except ValueProblem as error:
                problems.append(Problem(place, key, str(error)))
        seen.add(key)
    if not request.cases:
        raise UsageError("no case is named; for example: celu sweep case-c alpha=0.5,1,2 seed=0..4")
    if problems:
        raise CaseError("\n".join(map(str, problems)))
    if not request.swept_keys() and len(request.cases) == 1:
        raise UsageError(
            "nothing is swept: give a key several values, such as seed=0..4; "
            f"for a single run: {celu_command('run', request.cases[0][0])}"
        )
    if name is not None and (_NOT_IN_A_NAME.search(name) or not name or name.startswith(".")):
        raise UsageError(f"--name {shortened(name)!r}: a name has letters, digits and _ . + - only")
    request.name = name or request.name or _made_name(request)
    return request


def find_sweep_file(word: str) -> Path | None:
    """The sweep file that `word` is the path of, or the name of in ./cases or among the shipped ones."""
    if word.endswith(SWEEP_SUFFIXES):
        if not exists(Path(word).is_file):
            raise CaseError(f"there is no file {shortened(word, 200)}")
        return Path(word)
    if "/" in word:
        return None
    places = (LOCAL_DIRECTORY, shipped_cases_directory())
    files = (place / f"{word}{suffix}" for place in places for suffix in SWEEP_SUFFIXES)
    return next((path for path in files if exists(path.is_file)), None)


def read_sweep_file(path: Path) -> Request:
    """The request in the file `path`.

    Raises:
        CaseError: it cannot be read or is not valid; the text lists everything that is wrong, with line and column.
    """
    document = read_document(path, "sweep", "cases, and grid, zip or seeds")
    reader = _Reader(path, list(document.problems))
    if document.root is not None:
        reader.read(document.root)
    if reader.problems:
        raise case_error(path, reader.problems)
    return reader.request


class _Reader:
    """Fills a request from the mapping of a sweep file and notes what is wrong with it."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.problems = problems
        name = path.name.removesuffix(".yml").removesuffix(".yaml").removesuffix(".sweep")
        self.request = Request(name=_NOT_IN_A_NAME.sub("-", name), folder=path.parent)
        self._seen: dict[str, str] = {}

    def read(self, root: Node) -> None:
        assert isinstance(root.value, dict)
        for key, node in root.value.items():
            if key not in KEYS:
                message = f"unknown key; accepted: {', '.join(KEYS)}{did_you_mean(key, KEYS)}"
                self._say(node.key_place or node.place, key, message)
        if "cases" not in root.value:
            self._say(root.place, "cases", "missing; accepted: the name of a case, or a list of them")
        else:
            self._cases(root.value["cases"])
        for key, axis in self._mapping(root, "set"):
            self.request.fixed[key] = Axis(key, axis.key_place or axis.place, (axis,))
        self.request.groups += [[axis] for axis in self._axes(root, "grid")]
        zipped = list(self._axes(root, "zip"))
        lengths = {len(axis.values) for axis in zipped}
        if len(lengths) > 1:
            counts = ", ".join(f"{axis.key} {len(axis.values)}" for axis in zipped)
            self._say(root.value["zip"].place, "zip", f"its keys have unequal numbers of values: {counts}")
        elif zipped:
            self.request.groups.append(zipped)
        if (seeds := root.value.get("seeds")) is not None:
            self.request.seeds = self._axis(SEED, seeds, "seeds")
        if not self.problems and not self.request.swept_keys() and len(self.request.cases) == 1:
            self._say(root.place, "", "nothing is swept; give grid, zip or seeds at least one key or value")

    def _cases(self, node: Node) -> None:
        items = node.value if isinstance(node.value, list) else [node]
        names = [item for item in items if isinstance(item.value, str) and item.value]
        for item in items:
            if item not in names:
                self._say(item.place, "cases", f"{given(item)} given; accepted: the name of a case")
            elif item.value in [name for name, _ in self.request.cases]:
                self._say(item.place, "cases", f"{item.value} is given twice")
            else:
                self.request.cases.append((str(item.value), item.place))
        if not items:
            self._say(node.place, "cases", "an empty list; name at least one case")

    def _axes(self, root: Node, section: str) -> Iterator[Axis]:
        for key, node in self._mapping(root, section):
            if axis := self._axis(key, node, f"{section}.{key}"):
                yield axis

    def _axis(self, key: str, node: Node, name: str) -> Axis | None:
        try:
            return _axis(key, node)
        except ValueProblem as error:
            self._say(node.place, name, str(error))
            return None

    def _mapping(self, root: Node, section: str) -> Iterator[tuple[str, Node]]:
        """The keys of a section that may stand there."""
        node = root.child(section)
        if node is None:
            return
        if not isinstance(node.value, dict) or not node.value:
            what = "an empty mapping" if node.value == {} else given(node)
            self._say(node.place, section, f"{what} given; accepted: a mapping of keys, such as alpha: …")
            return
        for key, value in node.value.items():
            where = value.key_place or value.place
            if key == SEED:
                self._say(where, f"{section}.{key}", "write seeds at the top of the file: seeds: 0..4")
            elif message := _key_problem(key):
                self._say(where, section, message)
            elif key in self._seen:
                self._say(where, f"{section}.{key}", f"already in {self._seen[key]}; keep one of the two")
            else:
                self._seen[key] = section
                yield key, value

    def _say(self, place: Place, key: str, message: str) -> None:
        self.problems.append(Problem(place, key, message))


def _axis(key: str, node: Node) -> Axis:
    """The values that a sweep file gives a key: a list, or one text such as 0..4 or log:1e-4:1e-1:7."""
    place = node.key_place or node.place
    if isinstance(node.value, list):
        values: list[Node] = []
        logarithmic = False
        for item in node.value:
            found = _of_item(item)
            values += found.values if found else [replace(item, key_place=place)]
            logarithmic |= found is not None and found.logarithmic
        return checked_axis(key, place, values, logarithmic)
    if found := _of_item(node):
        return replace(found, key=key)
    raise ValueProblem(f"{given(node)} given; accepted: a list, or 0..4, log:1e-4:1e-1:7, linear:0:1:5")


def _of_item(node: Node) -> Axis | None:
    spaced = spaced_values(node.text.strip()) if isinstance(node.value, str) else None
    if spaced is None:
        return None
    numbers, logarithmic = spaced
    values = tuple(Node(number, node.place, node.key_place, text) for number, text in numbers)
    return Axis("", node.key_place or node.place, values, logarithmic)


def _replace(request: Request, axis: Axis) -> None:
    """Lay an axis of the command line over what a file says of its key."""
    for group in request.groups:
        if len(group) > 1 and axis.key in [zipped.key for zipped in group]:
            raise ValueProblem("the file changes it together with other keys (zip); change the file instead")
    request.groups = [group for group in request.groups if group[0].key != axis.key]
    request.fixed.pop(axis.key, None)
    if axis.key == SEED:
        request.seeds = axis
    elif len(axis.values) > 1:
        request.groups.append([axis])
    else:
        request.fixed[axis.key] = axis


def _key_problem(key: str) -> str:
    if not KEY.fullmatch(key):
        return f"{shortened(key)!r} is not a key; write alpha, or optimizer.learning_rate"
    if key in ("extends", "name"):
        return f"{key} cannot be swept; name several cases instead"
    return ""


def _made_name(request: Request) -> str:
    """A name for a sweep of the command line: its cases and the keys that it sweeps, the same for the same words."""
    cases = "+".join(Path(shown(Path(case))).name.removesuffix(".yaml") for case, _ in request.cases)
    keys = [axis.key.rpartition(".")[2] for axis in request.swept_keys()]
    return _NOT_IN_A_NAME.sub("-", "-".join([cases, *keys]))[:100]


def sweep_json_schema() -> dict[str, Any]:
    """The JSON Schema of a sweep file; the loader remains the judge of the values."""
    text = {"type": "string"}
    values = {"anyOf": [{"type": "array", "minItems": 1}, text]}
    keys = {"type": "object", "minProperties": 1}
    types: dict[str, dict[str, Any]] = {
        "description": text,
        "cases": {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]},
        "set": keys,
        "grid": {**keys, "additionalProperties": values},
        "zip": {**keys, "additionalProperties": values},
        "seeds": {"anyOf": [{"type": "array", "minItems": 1, "items": {"type": "integer"}}, text]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "celu sweep",
        "type": "object",
        "properties": {key: {"description": KEYS[key], **types[key]} for key in KEYS},
        "required": ["cases"],
        "additionalProperties": False,
    }
