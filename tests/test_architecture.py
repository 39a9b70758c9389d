"""The house: imports go down only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import celu_cli

PACKAGE = Path(celu_cli.__file__).parent
# From the roof to the ground. A part may import itself and what is below it.
STOREYS = ["cli", "sweep", "execute", "engine", "datasets", "analysis", "runs", "case", "errors"]
ROOTS = {"__init__", "__main__"}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def storey_of(module: str) -> int:
    """How far down ``celu_cli.<part>...`` lies; the package itself holds only the version and lies lowest."""
    part = module.split(".")[1] if "." in module else ""
    return STOREYS.index(part) if part else len(STOREYS)


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of every import of celu's own modules, lazy ones included."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write celu_cli in full"
            module = node.module or ""
            # ``from celu_cli import runs`` names a part behind the import; ``__version__`` is no part.
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "celu_cli" else [module]
            names = [name for name in names if name != "celu_cli.__version__"]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "celu_cli")


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_go_down_only(path: Path) -> None:
    part = path.parts[0].removesuffix(".py")
    if part in ROOTS:
        return
    assert part in STOREYS, f"{part} has no storey yet: give it one in this test"
    here = STOREYS.index(part)
    upward = [f"{path}:{line} imports {name}" for line, name in imports_of(path) if storey_of(name) < here]
    assert upward == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.parts[0] != "engine"], ids=str)
def test_only_the_engine_imports_tensorflow(path: Path) -> None:
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"tensorflow", "keras"}


@pytest.mark.parametrize("part", [part for part in STOREYS if (PACKAGE / part).is_dir()])
def test_modules_stay_small_enough_to_read(part: str) -> None:
    long = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in (PACKAGE / part).glob("*.py")
    }
    assert {name: lines for name, lines in long.items() if lines > 350} == {}
