"""An activation of the user's own, named in a case as ``path.py:name``. Its file is sought here and never run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from celu_cli.case.catalog import shown
from celu_cli.case.document import Node, Problem
from celu_cli.case.document import Path as KeyPath
from celu_cli.case.explain import key_text
from celu_cli.case.vocabulary import OWN_ACTIVATION_PATTERN
from celu_cli.case.words import shortened


@dataclass(frozen=True)
class OwnActivation:
    """A Python file and the name of an activation in it."""

    file: Path
    name: str


def own_activation(activation: str) -> OwnActivation | None:
    """The file and the name in it; None where `activation` is one of celu's words."""
    if not re.fullmatch(OWN_ACTIVATION_PATTERN, activation):
        return None
    file, _, name = activation.rpartition(":")
    return OwnActivation(Path(file), name)


def activation_label(activation: str) -> str:
    """What tables and plots call an activation: one from a file without the folders before it."""
    own = own_activation(activation)
    return f"{own.file.name}:{own.name}" if own else activation


def own_files(activations: Iterable[str]) -> list[Path]:
    """The Python files that these activations come from, each once."""
    return list(dict.fromkeys(own.file for own in map(own_activation, activations) if own))


def with_whole_path(activation: str, folder: Path) -> str:
    """`activation`, its file (if it has one) as an absolute path; a relative one is taken from `folder`."""
    own = own_activation(activation)
    if own is None:
        return activation
    return f"{os.path.normpath(folder.absolute() / own.file)}:{own.name}"


def with_whole_paths(node: Node, folder: Path) -> Node:
    """The text of a case in which every activation from a file has its absolute path."""
    if isinstance(node.value, list):
        return replace(node, value=[with_whole_paths(item, folder) for item in node.value])
    if isinstance(node.value, dict):
        return replace(node, value={key: _of_key(key, below, folder) for key, below in node.value.items()})
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
        own = own_activation(node.value)
        if own is not None and not _is_file(own.file):
            yield Problem(node.place, key_text(path), f"there is no file {shortened(shown(own.file), 200)}")


def _of_key(key: str, node: Node, folder: Path) -> Node:
    if key == "activation" and isinstance(node.value, str):
        return replace(node, value=with_whole_path(node.value, folder))
    return with_whole_paths(node, folder)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # what cannot be a path at all
        return False
