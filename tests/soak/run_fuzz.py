"""Damaged run directories and every command that reads them: python -m tests.soak.run_fuzz COUNT SEED DIRECTORY

A process of its own, which forks one for each command; prints what became of them as JSON. Where a command trains, the
training is made up: what is tried is which files are read, kept and written.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from celu_cli.case.schema import Case
from celu_cli.errors import ExitCode
from celu_cli.events import Checkpoint, CheckpointReached, EpochDone, Event, TrainingEnded, TrainingStarted
from celu_cli.runs.metrics import read_metrics
from celu_cli.runs.recorder import RunRecorder
from tests.runs.fakes import make_case, make_metrics
from tests.soak.forked import Invocation, import_all_but_tensorflow, in_new_process, run_forked
from tests.soak.run_damages import DAMAGES

_SECONDS = 30.0
_STEPS = 10
_READ = (
    *("compare", "compare tiny", "compare --plot out.svg", "plot logs/ --terminal"),
    *("report -o out.html", "watch --all --once", "export --to csv -o out.csv"),
    *(
        "export logs/ --to tensorboard -o out-tb",
        "why {run} {other}",
        "plot {run} -o out",
        "compare {run} {other}",
    ),
    *("show {run}/case.yaml", "export {run} --to csv"),
)


@dataclass
class RunFuzzFigures:
    """What became of the damaged runs; the lists hold the text of each that should not be."""

    damages: int = 0
    commands: int = 0
    still_read: int = 0
    named: int = 0
    resumed: int = 0
    resumption_refused: int = 0
    tracebacks: list[str] = field(default_factory=list)
    codes_of_no_table: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    not_named: list[str] = field(default_factory=list)
    others_not_read: list[str] = field(default_factory=list)
    changed_by_reading: list[str] = field(default_factory=list)
    changed_by_a_refusal: list[str] = field(default_factory=list)
    lost_by_resuming: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that breaks a promise."""
        return [fault for value in vars(self).values() if isinstance(value, list) for fault in value]


def fuzz_runs(count: int, seed: int, directory: Path) -> RunFuzzFigures:
    """Damage `count` runs in a new process; the same `seed` damages the same."""
    return RunFuzzFigures(**in_new_process(__name__, count, seed, directory))


def _train(case: Case, _: object, *, epochs_recorded: int, **__: object) -> Iterator[Event]:
    """A training that takes no time."""
    yield TrainingStarted(case.epochs, _STEPS, 2_000, 500, "sha256:weights", "sha256:order", 2)
    for epoch in range(epochs_recorded + 1, case.epochs + 1):
        arrays = {"weights": np.full(3, epoch, "float32")}
        yield CheckpointReached(Checkpoint(epoch, _STEPS, _STEPS, 1.0, arrays))
        yield EpochDone(make_metrics(epoch))
    yield TrainingEnded(case.epochs)


def _imitate_training() -> None:
    train: Any = ModuleType("celu_cli.engine.training.train")
    train.train, train.Checkpoints = _train, lambda *_: None
    programs: Any = ModuleType("celu_cli.engine.training.programs")
    programs.Programs = type("Programs", (), {"of": lambda *_: None})
    sys.modules |= {train.__name__: train, programs.__name__: programs}


def _record(logs: Path, name: str, seed: int, done: int | None = None) -> Path:
    case = make_case(name=name, seed=seed, dataset={"name": "mnist", "sample": True})
    with RunRecorder.open(logs, case, [f"seed={seed}"]) as recorder:
        for event in _train(case, None, epochs_recorded=0):
            if done is not None and isinstance(event, CheckpointReached) and event.checkpoint.epoch > done:
                break
            recorder(event)
    (recorder.path / "plots").mkdir()
    (recorder.path / "plots" / "train.png").write_bytes(b"PNG")
    return recorder.path


class _Fuzz:
    def __init__(self, seed: int, directory: Path) -> None:
        self.choose = random.Random(seed)
        self.template, self.place = directory / "template", directory / "place"
        self.output = directory / "output"
        (self.template / "home").mkdir(parents=True)
        logs = self.template / "logs"
        self.victims = [_record(logs, "tiny", 0), _record(logs, "tiny", 1, done=2)]
        self.others = [_record(logs, "other", 0), _record(logs, "other", 1, done=2)]
        self.figures = RunFuzzFigures()

    def run(self, count: int) -> RunFuzzFigures:
        for _ in range(count):
            self._try()
        return self.figures

    def _try(self) -> None:
        choose, place = self.choose, self.place
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.template, place)
        victim, other = (self._here(choose.choice(runs)) for runs in (self.victims, self.others))
        names = []
        run: Path | None = victim
        for _ in range(choose.choice([1, 1, 1, 2])):
            damage = choose.choice(DAMAGES)
            if run is None or not (run / "run.json").is_file():
                break
            try:
                run = damage(run, other, choose)
            except (OSError, ValueError, IndexError):
                continue  # a second damage for which the first left no place
            names.append(damage.__name__)
        self.figures.damages += 1
        self.what = f"{victim.name[-5:]}: {', '.join(names)}; run {run}; {self._differences()}"
        before = _files(place / "logs")
        told = self._see_the_runs(run)
        for command in choose.sample(_READ, 2):
            words = command.split()
            shown = str(run or victim)
            self._command([word.format(run=shown, other=other) for word in words])
        if changed := _changes(before, _files(place / "logs")):
            self.figures.changed_by_reading.append(f"{self.what}: {changed}")
        if run is not None:
            self._resume(run, told)

    def _here(self, run: Path) -> Path:
        return self.place / run.relative_to(self.template)

    def _differences(self) -> list[str]:
        return _changes(_files(self.template / "logs"), _files(self.place / "logs"))[:4]

    def _command(self, words: list[str]) -> tuple[int, str, str]:
        invocation = Invocation(words, streams=("null", "pipe", "terminal"), size=(200, 50))
        code, err, out = run_forked(invocation, self.place, self.output, _SECONDS)
        self.figures.commands += 1
        told = f"{self.what}: {words}: {code}"
        if "Traceback (most recent call last)" in err + out or "Exception ignored" in err + out:
            self.figures.tracebacks.append(f"{told}: {(err + out)[-1500:]}")
        elif code < 0:
            self.figures.hangs.append(told)
        elif code not in {int(one) for one in ExitCode} - {1}:
            self.figures.codes_of_no_table.append(f"{told}: {(err + out)[-600:]}")
        return code, err, out

    def _see_the_runs(self, run: Path | None) -> str:
        """Every other run is read as ever, and the damaged one is read or named."""
        code, err, out = self._command(["compare", "--runs", "--format", "json"])
        rows = {row["run"]: row for row in json.loads(out)} if code == 0 else {}
        for other in self.others:
            row = rows.get(f"other/{other.name}", {})
            if (row.get("epochs"), row.get("test_accuracy")) != self._sound(other):
                self.figures.others_not_read.append(f"{self.what}: {other.name}: {row}: {code}: {err[-600:]}")
        if run is not None:
            read = any(name.endswith(f"/{run.name}") for name in rows)
            named = run.name in err
            self.figures.still_read += read
            self.figures.named += named
            if not read and not named:
                self.figures.not_named.append(f"{self.what}: {err[-600:]}")
        return err

    def _sound(self, run: Path) -> tuple[int, float]:
        last = read_metrics(run).last
        assert last is not None
        return last.epoch, round(last.test_accuracy, 6)

    def _resume(self, run: Path, told: str) -> None:
        before = _files(self.place / "logs")
        epochs = _epochs(run)
        code, err, _ = self._command(["run", "--resume", str(run)])
        after = _files(self.place / "logs")
        changed = _changes(before, after)
        elsewhere = [
            name
            for name in changed
            if not Path(self.place, "logs", name).resolve().is_relative_to(run.resolve())
        ]
        if code:
            self.figures.resumption_refused += 1
            if changed:
                self.figures.changed_by_a_refusal.append(f"{self.what}: {changed}: {err[-600:]}")
            return
        self.figures.resumed += 1
        kept = _epochs(run)
        lost = [epoch for epoch in epochs if epoch not in kept]
        status = json.loads((run / "run.json").read_bytes())["status"]
        if lost or elsewhere or status != "completed":
            self.figures.lost_by_resuming.append(
                f"{self.what}: lost {lost}; {elsewhere}; {status}: {told[-300:]}"
            )


def _epochs(run: Path) -> list[str]:
    """What the whole lines of metrics.jsonl say, every key of them; no code of celu reads them."""
    found: list[str] = []
    if not (run / "metrics.jsonl").is_file():
        return found
    for line in (run / "metrics.jsonl").read_bytes().split(b"\n")[:-1]:
        with contextlib.suppress(ValueError):
            if isinstance(values := json.loads(line), dict):
                found.append(json.dumps(values, sort_keys=True))
    return found


def _files(directory: Path) -> dict[str, object]:
    """Every file below, by name, with its content or where it leads; locks apart."""
    found: dict[str, object] = {}
    for root, directories, names in os.walk(directory):
        for name in [*directories, *names]:
            path = Path(root, name)
            relative = str(path.relative_to(directory))
            if path.is_symlink():
                found[relative] = str(path.readlink())
            elif path.is_file() and name != ".lock":
                found[relative] = path.read_bytes()
    return found


def _changes(before: dict[str, object], after: dict[str, object]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


if __name__ == "__main__":
    count, seed, directory = sys.argv[1:]
    import_all_but_tensorflow()
    _imitate_training()
    print(json.dumps(asdict(_Fuzz(int(seed), Path(directory).absolute()).run(int(count)))))
