"""Case files: reading one, and following what it extends."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from celu_cli.case.activations import user_activation, with_whole_path
from celu_cli.case.catalog import exists, find_case, resolved, shipped_case
from celu_cli.case.reading.document import Document, Node, Place, Problem, given, key_text, parse
from celu_cli.case.reading.document import Path as KeyPath
from celu_cli.case.reading.merge import NOT_INHERITED, merge, without
from celu_cli.errors import CaseError
from celu_cli.text import listed, shortened, shown

MOST_BYTES = 128 * 1024
_MOST_LINES = 40
_LONGEST_CHAIN = 200


@dataclass(frozen=True)
class CaseText:
    """A case file over everything it extends, before overrides, and what is wrong with their YAML."""

    root: Node
    problems: list[Problem]
    files: tuple[Path, ...]


def read_case(reference: str | Path) -> CaseText:
    """The text of the case that `reference` means.

    Raises:
        CaseError: there is no such case, or a file of it cannot be read.
    """
    path = find_case(reference)
    problems: list[Problem] = []
    roots: list[Node] = []
    files: list[Path] = []
    following: Path | None = path
    while following is not None:
        document = read_document(following, "case", "dataset, optimizer and epochs")
        problems += document.problems
        if document.root is None:
            raise case_error(path, problems)
        files.append(following)
        roots.append(with_whole_paths(document.root, following.parent))
        following = _extended(document.root, files, problems)
    root = roots.pop()
    while roots:
        root = merge(without(root, NOT_INHERITED), roots.pop())
    return CaseText(without(root, {"extends"}), problems, tuple(files))


def _extended(root: Node, files: list[Path], problems: list[Problem]) -> Path | None:
    """The file that the last of `files` extends, if any."""
    node = root.child("extends")
    if node is None:
        return None
    place = node.place

    def refusal(message: str) -> CaseError:
        return case_error(files[0], [*problems, Problem(place, "extends", message)])

    if not isinstance(node.value, str):
        accepted = "the name of a case, or the path of a file relative to this one"
        raise refusal(f"{given(node)} given; accepted: {accepted}")
    here = files[-1]
    try:
        path = find_case(node.value, beside=here.parent)
        if resolved(path) == resolved(here) and node.value == here.stem:
            # A case in ./cases that extends its own name means the shipped case it stands before.
            path = shipped_case(node.value) or path
    except CaseError as error:
        raise refusal(str(error)) from None
    if len(files) > _LONGEST_CHAIN:
        raise refusal(f"more than {_LONGEST_CHAIN} cases extend one another")
    if resolved(path) in map(resolved, files):
        raise refusal(f"goes in a circle: {' -> '.join(map(shown, [*files, path]))}")
    return path


def read_document(path: Path, kind: str, least: str) -> Document:
    """The YAML file `path`, which must be a mapping: a `kind` of file that has at least the keys `least`."""
    source = shown(path)
    start = Place(source, 1, 1)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Document(None, [Problem(Place(source), "", f"cannot be read: {error.strerror}")])
    if len(content) > MOST_BYTES:
        message = f"the file is larger than {MOST_BYTES // 1024} KiB; it cannot be a {kind}"
        return Document(None, [Problem(start, "", message)])
    content = content.removeprefix(BOM_UTF8)
    try:
        document = parse(content.decode("utf-8"), source)
    except UnicodeDecodeError as error:
        lines = content[: error.start].decode("utf-8").split("\n")
        place = Place(source, len(lines), len(lines[-1]) + 1)
        return Document(None, [Problem(place, "", "not UTF-8 text; save the file with UTF-8 encoding")])
    root = document.root
    if not document.problems and (root is None or root.value is None):
        message = f"the file is empty; a {kind} needs at least {least}"
        return Document(None, [Problem(start, "", message)])
    if root is not None and not isinstance(root.value, dict):
        message = f"{given(root)} given; a {kind} is a mapping: lines of key: value"
        return Document(None, [*document.problems, Problem(root.place, "", message)])
    return document


def case_error(path: Path, problems: list[Problem]) -> CaseError:
    """The error that lists `problems`, one a line, in the order of their places."""
    named = shown(path)
    # The places of the file that was named come first, those of no file last.
    ordered = sorted(problems, key=lambda one: (one.place.line == 0, one.place.source != named, one.place))
    lines = list(dict.fromkeys(map(str, ordered)))
    if len(lines) == 1:
        return CaseError(lines[0])
    return CaseError(f"{named} has {len(lines)} errors:\n" + listed(lines, _MOST_LINES, "\n"))


def with_whole_paths(node: Node, folder: Path, key: str = "") -> Node:
    """The text of a case, or of its `key`, in which every activation from a file has its absolute path."""
    if key == "activation" and isinstance(node.value, str):
        return replace(node, value=with_whole_path(node.value, folder))
    if isinstance(node.value, list):
        return replace(node, value=[with_whole_paths(item, folder) for item in node.value])
    if isinstance(node.value, dict):
        whole = {key: with_whole_paths(below, folder, key) for key, below in node.value.items()}
        return replace(node, value=type(node.value)(whole))
    return node


def missing_files(node: Node, path: KeyPath = ()) -> Iterator[Problem]:
    """A problem for each activation whose file is not there."""
    if isinstance(node.value, list):
        for index, item in enumerate(node.value):
            yield from missing_files(item, (*path, index))
    elif isinstance(node.value, dict):
        for key, below in node.value.items():
            yield from missing_files(below, (*path, key))
    elif path and path[-1] == "activation" and isinstance(node.value, str):
        users = user_activation(node.value)
        if users is not None and not exists(users.file.is_file):
            yield Problem(node.place, key_text(path), f"there is no file {shortened(shown(users.file), 200)}")
