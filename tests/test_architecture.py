"""The house: which part may import which, no circles, TensorFlow in one room alone, modules short enough to read."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import celu_cli

PACKAGE = Path(celu_cli.__file__).parent
GROUND = {"errors", "text", "files", "events", "machine", "processes", "timing"}
# Each part and what it may import besides itself. What is not written here is not meant.
MAY_IMPORT: Mapping[str, set[str]] = {
    "errors": set(),
    "text": set(),
    "files": {"errors", "text"},
    "events": {"errors", "text"},
    "machine": {"errors", "text"},
    "processes": {"errors", "text"},
    "timing": {"errors", "text"},
    "datasets": GROUND,
    "case": GROUND | {"datasets"},
    "check": GROUND | {"case"},
    "runs": GROUND | {"case"},
    "engine": GROUND | {"datasets", "case", "check"},
    "analysis": GROUND | {"case", "check", "runs"},
    "execute": GROUND | {"datasets", "case", "runs", "engine", "analysis"},
    "trained": GROUND | {"datasets", "case", "runs", "engine"},
    "sweep": GROUND | {"case", "runs", "analysis", "execute"},
    "cli": GROUND
    | {"sweep", "datasets", "case", "check", "runs", "engine", "analysis", "execute", "trained"},
    "__main__": {"cli"},
    "api": GROUND | {"analysis", "case", "check", "cli", "datasets", "engine", "execute", "runs", "trained"},
    "__init__": {"api"},
}
LONGEST = 350


def modules_of(package: Path) -> dict[str, Path]:
    """Every module below `package`, subpackages included, by its dotted name within the package."""
    return {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(package.rglob("*.py"))
    }


def names_in(node: ast.AST) -> list[str]:
    """The dotted names that `node` imports; of one that is put together for `import_module`, its beginning."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names):
            # `from package import module` names a module behind the import.
            return [f"{module}.{alias.name}" for alias in names]
        case ast.Call(
            func=ast.Name(id="import_module"),
            args=[
                ast.Constant(value=str(name)) | ast.JoinedStr(values=[ast.Constant(value=str(name)), *_]),
                *_,
            ],
        ):
            return [name.rstrip(".")]
    return []


def imports_of(path: Path, modules: Mapping[str, Path]) -> Iterator[tuple[int, str]]:
    """Line and module of every import of celu's own modules, lazy ones included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        relative = isinstance(node, ast.ImportFrom) and node.level
        assert not relative, f"{path}:{node.lineno}: a relative import; write celu_cli in full"
        for name in names_in(node):
            first, _, inner = name.partition(".")
            if first == "celu_cli" and inner != "__version__":
                yield node.lineno, inner if inner in modules else inner.rpartition(".")[0]


def forbidden_imports(package: Path) -> list[str]:
    """The imports that no entry of `MAY_IMPORT` allows."""
    modules, found = modules_of(package), []
    for name, path in modules.items():
        part = name.split(".")[0]
        assert part in MAY_IMPORT, f"{part} is new: say in this test what it may import"
        for line, imported in imports_of(path, modules):
            to = imported.split(".")[0]
            if to != part and to not in MAY_IMPORT[part]:
                found.append(f"{path.relative_to(package)}:{line} imports {imported}")
    return found


def circle_in(package: Path) -> list[str]:
    """Modules that import each other in a circle, lazy imports included; empty where there is none."""
    modules = modules_of(package)
    graph = {name: {to for _, to in imports_of(path, modules)} - {name} for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def heavy_imports(package: Path) -> list[str]:
    """The modules outside the engine that import TensorFlow or Keras."""
    return [
        f"{name}:{node.lineno}"
        for name, path in modules_of(package).items()
        if name.split(".")[0] != "engine"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for imported in names_in(node)
        if imported.split(".")[0] in ("tensorflow", "keras")
    ]


def long_modules(package: Path) -> dict[str, int]:
    """The modules of more than `LONGEST` lines, and how long they are."""
    lengths = {
        name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules_of(package).items()
    }
    return {name: length for name, length in lengths.items() if length > LONGEST}


def test_only_the_meant_imports_are_made() -> None:
    assert forbidden_imports(PACKAGE) == []


def test_there_is_no_circle() -> None:
    assert circle_in(PACKAGE) == []


def test_only_the_engine_imports_tensorflow() -> None:
    assert heavy_imports(PACKAGE) == []


def test_modules_stay_short_enough_to_read() -> None:
    assert long_modules(PACKAGE) == {}


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("__init__.py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A small package in which a test plants a fault."""
    (tmp_path / "runs" / "tensorboard").mkdir(parents=True)
    for name in (
        "__init__",
        "errors",
        "runs/__init__",
        "runs/tensorboard/__init__",
        "runs/tensorboard/writer",
    ):
        (tmp_path / f"{name}.py").write_text('"""A room."""\n')
    return tmp_path


def test_an_upward_import_in_a_subpackage_is_seen(planted: Path) -> None:
    assert forbidden_imports(planted) == []
    (planted / "runs/tensorboard/writer.py").write_text("def f():\n    from celu_cli.analysis.why import x\n")
    assert forbidden_imports(planted) == ["runs/tensorboard/writer.py:2 imports analysis.why"]


def test_what_import_module_imports_is_seen(planted: Path) -> None:
    lines = ("import_module('celu_cli.runs.tensorboard')", "import_module(f'celu_cli.analysis.why.{name}')")
    (planted / "runs/tensorboard/writer.py").write_text("\n".join((*lines, "import_module('keras.ops')")))
    assert forbidden_imports(planted) == ["runs/tensorboard/writer.py:2 imports analysis"]
    assert heavy_imports(planted) == ["runs.tensorboard.writer:3"]


def test_a_circle_of_lazy_imports_is_seen(planted: Path) -> None:
    assert circle_in(planted) == []
    (planted / "runs/one.py").write_text("from celu_cli.runs import two\n")
    (planted / "runs/two.py").write_text("def f():\n    from celu_cli.runs.one import x\n")
    assert set(circle_in(planted)) == {"runs.one", "runs.two"}


def test_tensorflow_in_a_subpackage_is_seen(planted: Path) -> None:
    assert heavy_imports(planted) == []
    (planted / "runs/tensorboard/writer.py").write_text("import tensorflow.summary\n")
    assert heavy_imports(planted) == ["runs.tensorboard.writer:1"]


def test_a_long_module_in_a_subpackage_is_seen(planted: Path) -> None:
    assert long_modules(planted) == {}
    (planted / "runs/tensorboard/writer.py").write_text("x = 0\n" * (LONGEST + 1))
    assert long_modules(planted) == {"runs.tensorboard.writer": LONGEST + 1}
