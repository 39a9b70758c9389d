"""Where runs live: ``logs/<case>/<UTC time>-seed<k>/``, claimed so that no two runs share one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from celu_cli.case.catalog import find_cases, resolved
from celu_cli.case.where import parse_group_name
from celu_cli.errors import RunError
from celu_cli.files import is_directory
from celu_cli.processes import lock_file
from celu_cli.runs.manifest import MANIFEST_NAME, read_manifest, utc_now
from celu_cli.runs.metrics import METRICS_NAME
from celu_cli.runs.run import Run, read_run
from celu_cli.text import celu_command, did_you_mean, listed, shown

if TYPE_CHECKING:
    from filelock import BaseFileLock


def claim_run_directory(logs: Path, case_name: str, seed: int) -> Path:
    """Make and return a directory that belongs to one run alone.

    Raises:
        RunError: the directory cannot be made.
    """
    parent = logs / case_name
    started = utc_now().strftime("%Y-%m-%dT%H-%M-%SZ")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for attempt in count(1):
            path = parent / (f"{started}-seed{seed}" + (f"-{attempt}" if attempt > 1 else ""))
            try:
                path.mkdir()  # atomic: of two runs that try at once, one gets FileExistsError
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise RunError(
            f"cannot make a run directory in {shown(parent)}: {error.strerror}; "
            "name another place with --logs DIR"
        ) from error
    raise AssertionError("count() never ends")


@dataclass(frozen=True)
class FoundRuns:
    """The runs asked for, newest last, and a text for each directory that cannot be read."""

    runs: tuple[Run, ...]
    problems: tuple[str, ...]


def find_runs(logs: Path, names: Sequence[str] = ()) -> FoundRuns:
    """Read the runs in `logs` that `names` mean, or all of them.

    A name is a case, a group as it is printed (``case-b alpha=1``), a directory of a run or of many, a run's own name
    (``case/directory`` or the directory), or a piece of such a name that only one run has.

    Raises:
        RunError: there are no runs, or a name means none or several of them; the text lists what there is.
    """
    paths = runs_under(logs)
    if names:
        paths = [path for name in names for path in _meant(name, logs, paths)]
    elif not paths:
        raise RunError(_no_runs(logs))
    links_first = sorted(
        paths, key=Path.is_symlink, reverse=True
    )  # a run has its own name where that is there too
    return _read_all({path.resolve(): path for path in links_first}.values())


def is_directory_of_cases(name: str, logs: Path) -> bool:
    """Whether `name` is a directory as ``logs/`` is: no run, no case in `logs`, no folder of runs."""
    here = Path(name)
    if not is_directory(here):
        return name.endswith("/")
    of_case = len(here.parts) == 1 and is_directory(logs / name)
    of_runs = any(here.glob(MANIFEST_NAME)) or any(here.glob(f"*/{MANIFEST_NAME}"))
    return not (of_case or of_runs)


def runs_under(directory: Path) -> list[Path]:
    """Runs at `directory` and up to two levels below; a directory is a run when it has a manifest, or once had.

    One with epochs but without a manifest is damaged, which whoever reads it reports.

    Every path has a name, which is the run's: ``.`` is the directory that it means.
    """
    if directory.name in ("", ".."):
        directory = resolved(directory)
    found = {
        path.parent
        for pattern in ("", "*/", "*/*/")
        for name in (MANIFEST_NAME, METRICS_NAME)
        for path in directory.glob(pattern + name)
    }
    return sorted(found, key=lambda path: (path.name, path))


def _meant(name: str, logs: Path, paths: list[Path]) -> list[Path]:
    of_case = [path for path in paths if path.parent.name == name]
    if of_case:
        return of_case
    if "=" in name and not is_directory(Path(name)):
        return _of_group(name, logs, paths)
    here = Path(name)
    if is_directory(here) and (under := runs_under(here)):
        return under
    exact = [path for path in paths if name in (path.name, _run_name(path))]
    meant = exact or [path for path in paths if name in _run_name(path)]
    if len(meant) == 1:
        return meant
    if meant:
        raise RunError(f"{name!r} is in the name of {len(meant)} runs: {listed(map(_run_name, meant))}")
    if is_directory(here):
        raise RunError(f"there are no runs in {shown(here)}")
    raise RunError(_unknown(name, logs, paths))


def _of_group(name: str, logs: Path, paths: list[Path]) -> list[Path]:
    """The runs that a group's printed name means."""
    parsed = parse_group_name(name)
    if parsed is None:
        raise RunError(
            f"{name!r} names no case; write a group's name in quotes, such as 'case-b {name}', or choose runs by their "
            f"values: {celu_command('compare', '--where', name)}"
        )
    case, where = parsed
    of_case = _meant(case, logs, paths)
    runs = _read_all(of_case).runs
    chosen = where.choose([run.case for run in runs])
    others = {run.path for run, wanted in zip(runs, chosen, strict=True) if not wanted}
    return [path for path in of_case if path not in others]  # with those that cannot be read, to be reported


def _run_name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _read_all(paths: Iterable[Path]) -> FoundRuns:
    runs, problems = [], []
    for path in paths:
        try:
            runs.append(read_run(path))
        except RunError as error:
            problems.append(str(error))
    return FoundRuns(tuple(sorted(runs, key=lambda run: run.manifest.started)), tuple(problems))


def _no_runs(logs: Path) -> str:
    return f"there are no runs in {shown(logs)} yet; train one with: celu run case-a --sample"


def _unknown(name: str, logs: Path, paths: list[Path]) -> str:
    if name in {entry.name for entry in find_cases()}:
        return (
            f"there are no runs of {name} in {shown(logs)} yet; train one with: {celu_command('run', name)}"
        )
    if not paths:
        return _no_runs(logs)
    cases = sorted({path.parent.name for path in paths})
    meant = did_you_mean(name, [*cases, *(path.name for path in paths)])
    return f"no run in {shown(logs)} is called {name!r}; there are runs of {listed(cases)}{meant}"


LOCK_NAME = ".lock"


def lock_run(run_path: Path) -> BaseFileLock | None:
    """Hold the run for this process until the lock is released or the process ends, however it ends.

    None where the filesystem has no such locks: then run.json alone says who trains the run.

    Raises:
        RunError: another process holds it.
        OSError: the lock cannot be made.
    """
    from filelock import Timeout

    try:
        return lock_file(run_path / LOCK_NAME)
    except Timeout as error:
        raise RunError(_who_holds(run_path)) from error


def _who_holds(run_path: Path) -> str:
    with suppress(RunError):
        process = read_manifest(run_path).trainer
        if process.life() == "suspended":
            return (
                f"the run {shown(run_path)} is suspended in process {process.pid}; "
                f"let that go on (kill -CONT {process.pid}) or end it (kill -KILL {process.pid})"
            )
    return f"another process is training the run {shown(run_path)}; wait for it or stop it"
