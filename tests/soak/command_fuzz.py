"""Random command lines in odd surroundings: python -m tests.soak.command_fuzz COUNT SEED DIRECTORY [light]

A process of its own, which forks one for each command line after it has imported everything but TensorFlow; prints what
became of them as JSON. With ``light``, commands that need TensorFlow are only tried where they are refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from celu_cli.errors import ExitCode
from tests.soak.forked import MOST_SECONDS, Invocation, import_all_but_tensorflow, in_new_process, run_forked
from tests.soak.odd_words import (
    ARGUMENTS,
    LANGUAGES,
    ODD_NAMES,
    OVERRIDES,
    RIGHT,
    RIGHT_TRAINING,
    RUNS,
    SIZES,
    SMALL,
    SOUND,
    TERMINALS,
    TRAINING,
    VALUES,
)


@dataclass
class CommandFuzzFigures:
    """What became of the command lines; the lists hold the text of each that should not be."""

    commands: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    tracebacks: list[str] = field(default_factory=list)
    codes_of_no_table: list[str] = field(default_factory=list)
    silent_refusals: list[str] = field(default_factory=list)
    written_elsewhere: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that breaks a promise."""
        return [
            *self.tracebacks,
            *self.codes_of_no_table,
            *self.silent_refusals,
            *self.written_elsewhere,
            *self.slow,
        ]


def fuzz_commands(count: int, seed: int, directory: Path, *, light: bool = False) -> CommandFuzzFigures:
    """Try `count` command lines in a new process; the same `seed` tries the same."""
    rest = ["light"] if light else []
    return CommandFuzzFigures(**in_new_process(__name__, count, seed, directory, *rest))


class _World:
    """A directory with cases and runs, of which every command line gets a fresh copy."""

    def __init__(self, directory: Path) -> None:
        self.template, self.place = directory / "template", directory / "place"
        self.template.mkdir(parents=True)
        for name in ("home", "tmp", "cases"):
            (self.template / name).mkdir()
        (self.template / "file").write_text("no directory\n")
        Image.new("L", (40, 30), 200).save(self.template / "image.png")
        tiny = "dataset: {name: mnist, sample: true}\noptimizer: adam\nepochs: 1\nbatch_size: 1000\n"
        tiny += "network: {layers: [{kernel: 3, filters: 10, pool: average, pool_size: 28}]}\n"
        (self.template / "cases" / "tiny.yaml").write_text(tiny)
        for name in ODD_NAMES:
            (self.template / "cases" / f"{name}.yaml").write_text(
                f"extends: tiny\nname: x\ndescription: of {name!r}\n"
            )
        (self.template / "cases" / "broken.yaml").write_text("epochs: [\n")
        celu = [sys.executable, "-m", "celu_cli", "run", "cases/tiny.yaml", "seed=3"]
        subprocess.run(celu, cwd=self.template, capture_output=True, check=True)
        [run] = self.template.glob("logs/tiny/*")
        for name in ODD_NAMES:
            shutil.copytree(run, self.template / "logs" / name / run.name)
        shutil.copytree(run, run.with_name(" a run's ✗"))

        self.sound = {"": (0, 0)}

    def fresh(self) -> dict[str, tuple[int, int]]:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.template, self.place)
        self.sound = self.files()
        return self.sound

    def files(self) -> dict[str, tuple[int, int]]:
        found = {}
        for path in self.place.rglob("*"):
            with contextlib.suppress(OSError):
                state = path.lstat()
                found[str(path.relative_to(self.place))] = (state.st_mtime_ns, state.st_size)
        return {name: state for name, state in found.items() if not (self.place / name).is_dir()}


class _Fuzz:
    def __init__(self, seed: int, directory: Path, light: bool) -> None:
        import typer

        from celu_cli.cli.app import command_line

        self.choose = random.Random(seed)
        self.light = light
        self.world = _World(directory)
        self.output = directory / "output"
        self.figures = CommandFuzzFigures()
        self.codes: Counter[str] = Counter()
        root: Any = typer.main.get_command(command_line())
        self.commands = {(name,): command for name, command in root.commands.items() if name != "data"}
        self.commands |= {("data", name): command for name, command in root.commands["data"].commands.items()}

    def run(self, count: int) -> CommandFuzzFigures:
        for _ in range(count):
            self._try(self._invocation())
        self.figures.codes = dict(sorted(self.codes.items()))
        return self.figures

    def _invocation(self) -> Invocation:
        choose = self.choose
        words = self._words()
        environment = {
            "PATH": "/nowhere",
            "HOME": choose.choice(["home", "home", "nowhere", "/proc", "file", ""]),
            "TMPDIR": choose.choice(["tmp", "tmp", "nowhere", "/proc", "file"]),
            "LANG": choose.choice(LANGUAGES),
            "TERM": choose.choice(TERMINALS),
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
        }
        for name, values in {
            "COLUMNS": ("0", "1", "-5", "x", "30", "100000", "9" * 30),
            "LINES": ("0", "x", "5"),
            "NO_COLOR": ("", "1"),
            "FORCE_COLOR": ("", "1"),
            "CELU_DATA_DIR": ("", "nowhere", "~/x", "file", "\udcff"),
            "XDG_CACHE_HOME": ("", "/proc", "file"),
            "MPLBACKEND": ("x", "TkAgg"),
            "PYTHONIOENCODING": ("ascii", "utf-16"),
        }.items():
            if choose.random() < 0.15:
                environment[name] = choose.choice(values)
        kinds = ("pipe", "pipe", "pipe", "terminal", "terminal", "closed", "full", "no reader")
        streams = (choose.choice(["null", "closed", "terminal"]), choose.choice(kinds), choose.choice(kinds))
        return Invocation(
            words, environment, streams, choose.choice(SIZES), choose.random() < 0.1, choose.random() < 0.03
        )

    def _words(self) -> list[str]:
        choose = self.choose
        if choose.random() < 0.2:
            return choose.choice(RIGHT if self.light else RIGHT + RIGHT_TRAINING).split()
        name = choose.choice(list(self.commands))
        if name[0] in TRAINING and choose.random() < 0.5:
            name = choose.choice(list(self.commands))
        parameters = self.commands[name].params
        words = []
        for one in parameters:
            if hasattr(one, "is_flag") and choose.random() < 0.25:
                words.append(choose.choice([*one.opts, *one.secondary_opts]))
                if not one.is_flag:
                    sound = SOUND.get(one.opts[0], VALUES) if choose.random() < 0.8 else VALUES
                    words.append(choose.choice(sound))
        arguments = [self._argument(name[-1]) for _ in range(choose.choice([0, 1, 1, 2, 2, 3]))]
        for word in arguments:
            words.insert(choose.randrange(len(words) + 1), word)
        if name[0] in TRAINING or (self.light and name[0] == "predict"):
            words = self._affordable(name[0], words)
        if choose.random() < 0.05:
            words.insert(
                choose.randrange(len(words) + 1),
                choose.choice(["--", "-", "--nope", "-h", "--help", "--version"]),
            )
        return [*name, *words]

    def _argument(self, command: str) -> str:
        choose = self.choose
        if choose.random() < 0.5:
            return choose.choice(ARGUMENTS.get(command, RUNS))
        if command in ("run", "show", "check", "bench") and choose.random() < 0.5:
            return choose.choice(OVERRIDES)
        return choose.choice(
            [
                *(
                    "case-a",
                    "case-d",
                    "case-c-as-run",
                    "tiny",
                    "broken",
                    "cases/tiny.yaml",
                    "logs",
                    "logs/",
                    ".",
                    "nope",
                ),
                *(
                    choose.choice(ODD_NAMES),
                    f"logs/{choose.choice(ODD_NAMES)}",
                    f"cases/{choose.choice(ODD_NAMES)}.yaml",
                ),
                *(
                    "mnist",
                    "celu",
                    "relu",
                    "acts.py:f",
                    "logs/tiny/ a run's ✗",
                    "seed3",
                    choose.choice(VALUES),
                ),
            ]
        )

    def _affordable(self, command: str, words: list[str]) -> list[str]:
        """What ends in time: small networks and one epoch, or a refusal."""
        if self.light:
            return [*words, "no-such-case=1" if command != "activations" else "no-such-activation"]
        words = [word for word in words if word not in ("--all", "--repeats", "1e9", "9" * 30)]
        small = {
            "activations": (),
            "sweep": ("--dry-run",),
            "run": SMALL,
            "bench": (*SMALL[1:], "--repeats", "1"),
        }
        return [*words, *small.get(command, SMALL[1:])]

    def _try(self, invocation: Invocation) -> None:
        before = self.world.files()
        if before != self.world.sound:
            before = self.world.fresh()
        begun = time.monotonic()
        code, *texts = run_forked(invocation, self.world.place, self.output)
        text = "".join(texts)
        seconds = time.monotonic() - begun
        self.figures.commands += 1
        self.codes[str(code)] += 1
        told = f"{code}: {invocation}"
        if "Traceback (most recent call last)" in text or "Exception ignored" in text:
            self.figures.tracebacks.append(f"{told}: {text[-1500:]}")
        # A command whose reader has gone ends as others do, by 1 or as if by SIGPIPE.
        gone = "no reader" in invocation.streams and code in (1, 141, -signal.SIGPIPE)
        if code not in {int(one) for one in ExitCode} - {1} and not gone:
            self.figures.codes_of_no_table.append(f"{told}: {text[-600:]}")
        if code in (2, 3) and not text and invocation.streams[2] in ("pipe", "terminal"):
            self.figures.silent_refusals.append(told)
        if seconds > MOST_SECONDS:
            self.figures.slow.append(f"{seconds:.0f} s: {told}")
        elsewhere = [
            name
            for name, state in self.world.files().items()
            if before.get(name) != state and not _asked_for(name, invocation.words)
        ]
        lost = sorted(before.keys() - self.world.files().keys())
        if elsewhere or lost:
            self.figures.written_elsewhere.append(f"{told}: wrote {elsewhere}, removed {lost}")


def _asked_for(name: str, words: list[str]) -> bool:
    """Whether this command line may write the file `name` of its world."""
    named = [word.partition("=")[2] if word.startswith("--") and "=" in word else word for word in words]
    named = [os.path.normpath(os.path.expanduser(word.replace("~/", "home/", 1))) for word in named if word]  # noqa: PTH111
    return (
        "." in named
        or any(name == one or name.startswith(f"{one}/") for one in named)
        or (words[0] == "run" and name.startswith("logs/"))
        or (words[0] == "plot" and "/plots/" in name)
        or name in {"report": ("report.html",), "activations": ("activations.png",)}.get(words[0], ())
        or name.removeprefix("nowhere/").removeprefix("home/").startswith((".cache/", ".config/matplotlib"))
    )


if __name__ == "__main__":
    count, seed, directory, *rest = sys.argv[1:]
    import_all_but_tensorflow()
    figures = _Fuzz(int(seed), Path(directory).absolute(), bool(rest)).run(int(count))
    print(json.dumps(asdict(figures)))
