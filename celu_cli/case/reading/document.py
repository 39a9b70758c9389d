"""YAML as a case uses it: one document, every value with the place where it was written.

The rules are those of the YAML 1.2 core schema: ``1e-3`` is a number, ``no`` and ``1_000`` are texts, and
only ``true`` and ``false`` are truth values. Anchors, aliases and tags are refused, so a file cannot be
larger than it looks and cannot name a Python object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from celu_cli.text import printable, shortened

Scalar = None | bool | int | float | str
Path = tuple[str | int, ...]

DEEPEST = 12
"""How many lists and mappings may lie in one another."""
# Twice what 200 layers with every key written out need.
_MOST_VALUES = 4_000

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUTH = re.compile(r"(?P<true>true|True|TRUE)|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


@dataclass(frozen=True, order=True)
class Place:
    """Where something was written; line and column count from 1, and are 0 in a source without lines."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a case: where, which key (may be empty) and what to do about it."""

    place: Place
    key: str
    message: str

    def __str__(self) -> str:
        return printable(": ".join(filter(None, (str(self.place), shortened(self.key), self.message))))


@dataclass(frozen=True)
class Node:
    """A value with its place, the place of the key it belongs to, and a scalar's text as it was written."""

    value: Scalar | dict[str, Node] | list[Node]
    place: Place
    key_place: Place | None = None
    text: str = ""

    def plain(self) -> object:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, step: str | int) -> Node | None:
        """The value under a key or at an index, if there is one."""
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def at(self, path: Path) -> Node | None:
        """The value at `path`, if there is one."""
        node: Node | None = self
        for step in path:
            node = node.child(step) if node else None
        return node

    def nearest(self, path: Path) -> Node:
        """The value at `path`, or the innermost that would hold it."""
        return next(node for length in range(len(path), -1, -1) if (node := self.at(path[:length])))


class Steps(dict[str, Node]):
    """A mapping that no text spells out: what the dots of a key, or the numbers in its brackets, lead through."""

    @property
    def of_a_list(self) -> bool:
        """Whether its keys are the numbers, from 1, of items of a list."""
        return all(key.isdecimal() for key in self)


def key_text(path: Path) -> str:
    """``network.layers[3].kernel``: items count from 1, as layers do everywhere in the output."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def place_of(path: Path, root: Node) -> Place:
    """Where the user should look for the value at `path`: at it, or at the key of what should hold it."""
    node = root.at(path)
    return node.place if node else holder_place(path, root)


def given(node: Node) -> str:
    """A value as a message quotes it: text in quotes, other scalars as written."""
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list" if node.value else "an empty list"
    if node.value is None:
        return node.text or "nothing"
    text = shortened(node.text)
    return repr(text) if isinstance(node.value, str) else text


def holder_place(path: Path, root: Node) -> Place:
    """The place of the innermost value that would hold `path`, but for what a key of an override only leads through."""
    held = [node for length in range(len(path)) if (node := root.at(path[:length]))]
    node = next((node for node in reversed(held) if not isinstance(node.value, Steps)), root)
    return node.key_place or node.place


def resolve_scalar(text: str) -> Scalar:
    """What an unquoted `text` means in the YAML 1.2 core schema."""
    if _NULL.fullmatch(text):
        return None
    if match := _TRUTH.fullmatch(text):
        return match["true"] is not None
    if _INTEGER.fullmatch(text):
        # Python refuses to read integers of thousands of digits; no field accepts one that float cannot hold,
        # as it holds 250 hexadecimal ones.
        bases = {"0o": 8, "0x": 16}
        return int(text, bases.get(text[:2], 10)) if len(text) < 250 else float("inf")
    if _FLOAT.fullmatch(text):
        return float(text.replace(".i", "i").replace(".I", "I").replace(".n", "n").replace(".N", "N"))
    return text


@dataclass
class Document:
    """What a text says (`root` is None where nothing could be read), and what is wrong with its YAML."""

    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)


def parse(text: str, source: str, *, with_lines: bool = True, quick: bool = False) -> Document:
    """Read one YAML document; never raises, whatever the text.

    `quick` reads with LibYAML where there is one: the same values, but errors have other texts.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader) if quick else yaml.SafeLoader
    return _Builder(source, with_lines, loader).build(text)


class _StopReading(Exception):  # noqa: N818 - the error itself is among the problems
    """What follows cannot be understood."""


class _Builder:
    """Builds nodes from PyYAML's events: they carry marks and come one by one, so it can stop at a depth."""

    def __init__(self, source: str, with_lines: bool, loader: Any) -> None:
        self._source = source
        self._loader = loader
        self._with_lines = with_lines
        self._document = Document()
        self._readable = True
        self._events: Iterator[Any] = iter(())
        self._values = 0

    def build(self, text: str) -> Document:
        try:
            self._read(self._loader(text))
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            column = error.position - text.rfind("\n", 0, error.position)
            place = Place(self._source, line, column) if self._with_lines else Place(self._source)
            self._say(place, f"a control character, #x{ord(text[error.position]):04x}; remove it")
        except yaml.MarkedYAMLError as error:
            mark, message = _explain(error)
            self._say(self._place(mark), message)
        except _StopReading:
            pass
        return self._document

    def _read(self, loader: Any) -> None:
        self._events = iter(loader.get_event, None)
        try:
            root = self._root()
            self._document.root = root if self._readable else None
        except (ValueError, OverflowError):  # PyYAML trusts that every number in an escape is a character
            self._say(
                self._place(loader.get_mark()), "not valid YAML: a number too large for what it stands for"
            )

    def _root(self) -> Node | None:
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._say(self._place(event.start_mark), "a second document (---); a file holds one")
                    break
                root = self._node(next(self._events), None, 0)
        return root

    def _node(self, event: Any, key_place: Place | None, depth: int) -> Node:
        place = self._place(event.start_mark)
        self._values += 1
        if self._values > _MOST_VALUES:
            self._say(place, f"more than {_MOST_VALUES:,} keys and values; it cannot be a case")
            raise _StopReading
        self._refuse_anchor_and_tag(event, place)
        if isinstance(event, yaml.ScalarEvent):
            if any("\ud800" <= character <= "\udfff" for character in event.value):
                self._say(place, "half of a surrogate pair, which is not text; remove it")
            plain = not event.style  # LibYAML says "" where PyYAML says None
            return Node(resolve_scalar(event.value) if plain else event.value, place, key_place, event.value)
        if depth == DEEPEST:
            self._say(place, f"nested more than {DEEPEST} deep")
            raise _StopReading
        if isinstance(event, yaml.SequenceStartEvent):
            items = [self._node(item, None, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
            return Node(items, place, key_place)
        if isinstance(event, yaml.MappingStartEvent):
            return Node(self._mapping(depth), place, key_place)
        return Node(None, place, key_place)  # an alias, already refused

    def _mapping(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, None, depth + 1)
            value = self._node(next(self._events), key.place, depth + 1)
            if isinstance(key.value, (dict, list)):
                self._say(key.place, "a key must be one word")
            elif (first := entries.get(key.text)) is not None:
                before = first.key_place
                where = f" on line {before.line}" if before and before.line else ""
                self._say(key.place, f"duplicate key, already given{where}; keep one of the two", key.text)
            else:
                entries[key.text] = value
        return entries

    def _until(self, end: type[yaml.Event]) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _refuse_anchor_and_tag(self, event: Any, place: Place) -> None:
        """What stands there instead is not known, so nothing else is said of the document."""
        before = len(self._document.problems)
        if getattr(event, "anchor", None) is not None:
            self._say(
                place, "anchors and aliases (& and *) are not accepted; write the value out, or use extends"
            )
        if getattr(event, "tag", None) is not None:
            self._say(place, f"tags ({event.tag}) are not accepted; write the value alone")
        self._readable &= len(self._document.problems) == before

    def _place(self, mark: Any) -> Place:
        if mark is None or not self._with_lines:
            return Place(self._source)
        return Place(self._source, mark.line + 1, mark.column + 1)

    def _say(self, place: Place, message: str, key: str = "") -> None:
        self._document.problems.append(Problem(place, key, message))


# What PyYAML says, as the start of its text, and what the user can do about it.
_ADVICE = (
    ("found character '\\t'", "a tab; YAML is indented with spaces"),
    (
        "mapping values are not allowed",
        "a colon where no key can be; quote the text, or check the indentation",
    ),
    ("could not find expected ':'", "a key without a colon; write key: value"),
    ("expected the node content", "a value is missing here"),
    ("expected <block end>", "the indentation does not fit the lines above"),
)
_NOT_CLOSED = (
    ("found unexpected end of stream", "quotes that are not closed"),
    ("expected ',' or ']'", "a list in [ ] that is not closed, or lacks a comma"),
    ("expected ',' or '}'", "a mapping in { } that is not closed, or lacks a comma"),
)


def _explain(error: yaml.MarkedYAMLError) -> tuple[Any, str]:
    """Where to look and what to say."""
    said = error.problem or error.context or "cannot be read"
    for start, advice in _NOT_CLOSED:
        if said.startswith(start):
            return error.context_mark or error.problem_mark, f"not valid YAML: {advice}"
    advice = next((advice for start, advice in _ADVICE if said.startswith(start)), said)
    return error.problem_mark or error.context_mark, f"not valid YAML: {advice}"
