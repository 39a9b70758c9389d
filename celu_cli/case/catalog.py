"""Where cases live: ./cases first, then the ones shipped with celu. No file is opened here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from celu_cli.errors import CaseError
from celu_cli.files import path_with_home
from celu_cli.text import did_you_mean, printable, shortened, shown

LOCAL_DIRECTORY = Path("cases")
_SUFFIXES = (".yaml", ".yml")
SWEEP_SUFFIXES = (".sweep.yaml", ".sweep.yml")
"""How the files end that describe sweeps of cases; they lie beside the cases."""


@dataclass(frozen=True)
class CaseEntry:
    """A case that can be called by name; `local` ones are in ./cases, `shadowed` ones are hidden by those."""

    name: str
    path: Path
    local: bool = False
    shadowed: bool = False


def shipped_cases_directory() -> Path:
    """The cases that come with celu: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "shipped_cases"
    return installed if installed.is_dir() else package.parent / "cases"


def find_cases() -> list[CaseEntry]:
    """Every case that has a name, by name; a shadowed case follows the one that hides it."""
    shipped = shipped_cases_directory()
    local_files = [] if resolved(LOCAL_DIRECTORY) == resolved(shipped) else _case_files(LOCAL_DIRECTORY)
    local_names = {path.stem for path in local_files}
    entries = [CaseEntry(path.stem, path, local=True) for path in local_files]
    entries += [
        CaseEntry(path.stem, path, shadowed=path.stem in local_names) for path in _case_files(shipped)
    ]
    return sorted(entries, key=lambda entry: (entry.name, entry.shadowed))


def find_case(reference: str | Path, *, beside: Path | None = None) -> Path:
    """The file that `reference` means.

    A reference with a folder or a ``.yaml`` ending is a path, relative to the folder `beside` of the file
    that extends, or otherwise to the working directory. Any other is a name, looked for in `beside`, ./cases and
    the shipped cases.

    Raises:
        CaseError: there is no such file; the text lists what there is.
    """
    text = printable(str(reference))
    if text.startswith("~"):  # in a file, where no shell sees it
        reference = path_with_home(reference)
    if isinstance(reference, Path) or "/" in text or "\\" in text or text.endswith(_SUFFIXES):
        path = (beside or Path()) / reference
        if exists(path.is_file):
            return path
        raise CaseError(_no_such_path(path, text))
    directories = [LOCAL_DIRECTORY, shipped_cases_directory()]
    for directory in directories if beside is None else [beside, *directories]:
        for suffix in _SUFFIXES:
            if exists((path := directory / f"{text}{suffix}").is_file):
                return path
    raise CaseError(_no_such_name(text))


def shipped_case(name: str) -> Path | None:
    """The shipped case of that name, whatever ./cases holds."""
    return next((path for path in _case_files(shipped_cases_directory()) if path.stem == name), None)


def published_curve(name: str) -> Path | None:
    """The CSV of a published curve, from ./cases/published or otherwise the shipped ones."""
    for directory in (LOCAL_DIRECTORY, shipped_cases_directory()):
        path = directory / "published" / f"{name}.csv"
        if path.name == f"{name}.csv" and exists(path.is_file):
            return path
    return None


def resolved(path: Path) -> Path:
    """The path without links; as it is where links lead in a circle or the working directory is gone."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path


def _case_files(directory: Path) -> list[Path]:
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix in _SUFFIXES and path.is_file())
        return [path for path in files if not path.name.endswith(SWEEP_SUFFIXES)]
    except OSError:  # no such directory, or none that may be read
        return []


def exists(look: Callable[[], bool]) -> bool:
    """False too for what cannot be a path at all, such as a name of a thousand letters."""
    try:
        return look()
    except (OSError, ValueError):
        return False


def _no_such_path(path: Path, text: str) -> str:
    if exists(path.is_dir):
        return f"{text} is a directory; name a YAML file in it"
    text = shortened(text, 200)
    if exists(path.exists):
        return f"{text} is a pipe or a device; a case is a file"
    if exists(path.is_symlink):
        return f"{text} is a link that leads to no file"
    named = path.stem in (entry.name for entry in find_cases())
    return f"there is no file {text}" + (
        f"; to use the case {path.stem}, leave out the ending" if named else ""
    )


def _no_such_name(text: str) -> str:
    for suffix in _SUFFIXES:
        if exists((path := Path(f"{text}{suffix}")).is_file):
            return f"there is no case {text!r} in cases/, but a file here; name it with its ending: {shown(path)}"
    names = sorted({entry.name for entry in find_cases()})
    known = f"there are {', '.join(names)}{did_you_mean(text, names)}"
    return f"there is no case {shortened(text, 200)!r}; {known}"
