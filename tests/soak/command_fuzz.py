"""Random command lines in odd surroundings: python -m tests.soak.command_fuzz COUNT SEED DIRECTORY [light]

A process of its own, which forks one for each command line after it has imported everything but TensorFlow; prints what
became of them as JSON. With ``light``, commands that need TensorFlow are only tried where they are refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import pkgutil
import pty
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from celu_cli.errors import ExitCode

MOST_SECONDS = 120.0
ODD_NAMES = (
    "模型",
    "ケース",
    "مثال",
    "עברית",
    "é̂",
    "it's",
    "a b",
    " ",
    "-x",
    "a\u202eb",
    "😀",
    "x\ty",
    "a;b",
    "$HOME",
    "~",
    "#1",
)
_TRAINING = ("run", "check", "bench", "activations", "sweep")
_SMALL = ("--sample", "network.filters=2", "batch_size=1000", "epochs=1")
_OVERRIDES = (
    *("alpha=1", "epochs=2", "epochs=0", "alpha=0,5", "optimizer=adam", "optimizer.epsilon=1e-3", "x", "="),
    *("network.layers[1].filters=8", "network.layers[0]=1", "network.layers=[]", "description=a #b", "name=模型"),
    *("name=../x", "dataset=mnist", "dataset.sample=true", "backprop=auto", "fidelity.every=1", "seed=99999999999999"),
    *("alpha=" + "9" * 400, "alpha=[", "a." * 20 + "b=1", "alpha=\x1b[2J", "extends=case-a", "seed=0x", "a=="),
    *("description=\udcff", "network={layers: [", "description='a' b", "epochs=null"),
)  # fmt: skip
_VALUES = (
    *(
        "",
        " ",
        "0",
        "1",
        "-1",
        "1e9",
        "nan",
        "inf",
        "9" * 30,
        "x",
        "x" * 5_000,
        "../..",
        "/",
        "/dev/null",
        "/dev/full",
    ),
    *(
        "/proc/none",
        "/proc/self/fd/9",
        "nowhere/x",
        "file/x",
        "out",
        "out/é.png",
        "a b.svg",
        "模型.html",
        "x.pdf",
        "~/x",
    ),
    *(
        "json",
        "csv",
        "md",
        "table",
        "tensorboard",
        "test-loss",
        "train-accuracy",
        "case-a",
        "tiny",
        "logs",
        "2",
    ),
)
_SOUND = {
    "--logs": ("logs", "logs", "out"), "--data-dir": ("nowhere",), "--format": ("json", "csv", "md", "table", "text"),
    "--output": ("out/x.png", "out.html", "a b.svg", "out"), "--plot": ("out/é.png", "out.svg"),
    "--to": ("csv", "tensorboard"),
    "--metric": ("test-loss", "test-accuracy"), "--baseline": ("tiny", "模型", "x"), "--at-epoch": ("1",),
    "--top": ("1", "3"),
    "--sort-by": ("epoch", "test_accuracy", "case"), "--interval": ("0.1", "1"), "--alpha": ("1", "0.5"),
}  # fmt: skip
_ARGUMENTS = {
    "run": ("tiny", "case-a", "logs/tiny"), "show": ("case-a", "tiny", "case-d", "模型"), "check": ("tiny",),
    "bench": ("tiny",), "activations": ("celu", "relu"), "fetch": ("nope",), "verify": ("mnist",), "list": ("x",),
}  # fmt: skip
# Command lines that are right as they stand: what odd surroundings do to work, and not to refusals alone.
_RIGHT = (
    *(
        "cases",
        "schema",
        "show tiny",
        "show case-d network.filters=8",
        "data list",
        "compare",
        "compare logs/",
    ),
    *(
        "compare tiny --format csv",
        "compare --runs --format json",
        "compare --plot out.svg",
        "plot logs/ --terminal",
    ),
    *(
        "plot logs/",
        "watch logs/ --all --once",
        "export --to csv -o out/x.csv",
        "report -o out.html",
        "why tiny case-a",
    ),
)
_RUNS = ("logs", "logs/", "tiny", ".", "模型", "logs/it's", "a b", "tiny/ a run's ✗")
_LANGUAGES = ("C", "C.UTF-8", "POSIX", "de_DE.UTF-8", "xx_YY", "", "tr_TR.ISO-8859-9")
_TERMINALS = ("dumb", "xterm-256color", "", "unknown", "vt100")
_SIZES = ((0, 0), (1, 1), (7, 3), (20, 5), (40, 10), (80, 24), (300, 80), (65_535, 65_535))


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
    words = [
        sys.executable,
        "-m",
        __name__,
        str(count),
        str(seed),
        str(directory),
        *(["light"] if light else []),
    ]
    root = Path(__file__).parents[2]
    ended = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
    return CommandFuzzFigures(**json.loads(ended.stdout.splitlines()[-1]))


@dataclass
class _Invocation:
    words: list[str]
    environment: dict[str, str]
    streams: tuple[str, str, str]
    size: tuple[int, int]
    nobody: bool
    lost_directory: bool

    def __str__(self) -> str:
        return ascii(
            (self.words, self.environment, self.streams, self.size, self.nobody, self.lost_directory)
        )


class _World:
    """A directory with cases and runs, of which every command line gets a fresh copy."""

    def __init__(self, directory: Path) -> None:
        self.template, self.place = directory / "template", directory / "place"
        self.template.mkdir(parents=True)
        for name in ("home", "tmp", "cases"):
            (self.template / name).mkdir()
        (self.template / "file").write_text("no directory\n")
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

        from celu_cli.cli.app import app

        self.choose = random.Random(seed)
        self.light = light
        self.world = _World(directory)
        self.output = directory / "output"
        self.figures = CommandFuzzFigures()
        self.codes: Counter[str] = Counter()
        root: Any = typer.main.get_command(app)
        self.commands = {(name,): command for name, command in root.commands.items() if name != "data"}
        self.commands |= {("data", name): command for name, command in root.commands["data"].commands.items()}

    def run(self, count: int) -> CommandFuzzFigures:
        for _ in range(count):
            self._try(self._invocation())
        self.figures.codes = dict(sorted(self.codes.items()))
        return self.figures

    def _invocation(self) -> _Invocation:
        choose = self.choose
        words = self._words()
        environment = {
            "PATH": "/nowhere",
            "HOME": choose.choice(["home", "home", "nowhere", "/proc", "file", ""]),
            "TMPDIR": choose.choice(["tmp", "tmp", "nowhere", "/proc", "file"]),
            "LANG": choose.choice(_LANGUAGES),
            "TERM": choose.choice(_TERMINALS),
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
        return _Invocation(
            words, environment, streams, choose.choice(_SIZES), choose.random() < 0.1, choose.random() < 0.03
        )

    def _words(self) -> list[str]:
        choose = self.choose
        if choose.random() < 0.2:
            return choose.choice(_RIGHT).split()
        name = choose.choice(list(self.commands))
        if name[0] in _TRAINING and choose.random() < 0.5:
            name = choose.choice(list(self.commands))
        parameters = self.commands[name].params
        words = []
        for one in parameters:
            if hasattr(one, "is_flag") and choose.random() < 0.25:
                words.append(choose.choice([*one.opts, *one.secondary_opts]))
                if not one.is_flag:
                    sound = _SOUND.get(one.opts[0], _VALUES) if choose.random() < 0.8 else _VALUES
                    words.append(choose.choice(sound))
        arguments = [self._argument(name[-1]) for _ in range(choose.choice([0, 1, 1, 2, 2, 3]))]
        for word in arguments:
            words.insert(choose.randrange(len(words) + 1), word)
        if name[0] in _TRAINING:
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
            return choose.choice(_ARGUMENTS.get(command, _RUNS))
        if command in ("run", "show", "check", "bench") and choose.random() < 0.5:
            return choose.choice(_OVERRIDES)
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
                    choose.choice(_VALUES),
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
            "run": _SMALL,
            "bench": (*_SMALL[1:], "--repeats", "1"),
        }
        return [*words, *small.get(command, _SMALL[1:])]

    def _try(self, invocation: _Invocation) -> None:
        before = self.world.files()
        if before != self.world.sound:
            before = self.world.fresh()
        begun = time.monotonic()
        code, text = _fork(invocation, self.world.place, self.output)
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
    stem = name.rpartition(".")[0]
    beginnings = [one.rpartition(".")[0] or one for one in named]
    return (
        "." in named
        or any(name == one or name.startswith(f"{one}/") for one in named)
        or (
            words[0] == "compare" and any(stem.startswith(one) for one in beginnings)
        )  # FILE-time beside FILE
        or (words[0] == "run" and name.startswith("logs/"))
        or (words[0] == "plot" and "/plots/" in name)
        or name in {"report": ("report.html",), "activations": ("activations.png",)}.get(words[0], ())
        or name.removeprefix("nowhere/").removeprefix("home/").startswith((".cache/", ".config/matplotlib"))
    )


def _fork(invocation: _Invocation, place: Path, output: Path) -> tuple[int, str]:
    """Run the command line in a child; its exit code, negative for a signal, and what it said."""
    output.write_bytes(b"")
    main, terminal = pty.openpty()
    columns, lines = invocation.size
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(main)
        _become(invocation, place, output, terminal)
    os.close(terminal)
    said = bytearray()
    end = time.monotonic() + MOST_SECONDS + 10
    while True:
        ready, _, _ = select.select([main], [], [], 0.02)
        with contextlib.suppress(OSError):
            said += os.read(main, 65536) if ready else b""
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
    with contextlib.suppress(OSError):
        while select.select([main], [], [], 0)[0] and (more := os.read(main, 65536)):
            said += more
    os.close(main)
    return os.waitstatus_to_exitcode(status), (bytes(said) + output.read_bytes()).decode("utf-8", "replace")


def _become(invocation: _Invocation, place: Path, output: Path, terminal: int) -> None:
    """The child: take on the surroundings, run the command line as an interpreter would, and end."""
    os.chdir(place)
    if invocation.lost_directory:
        (place / "gone").mkdir()
        os.chdir(place / "gone")
        (place / "gone").rmdir()
    os.environ.clear()
    for name, value in invocation.environment.items():
        inside = name in ("HOME", "TMPDIR") and value and not value.startswith("/")
        os.environ[name] = str(place / value) if inside else value
    if invocation.nobody:
        _be_nobody()
    with open(output, "ab", buffering=0) as errors:  # noqa: PTH123
        last = os.dup(errors.fileno())
    sources = {kind: os.open(f"/dev/{kind}", os.O_RDWR) for kind in ("full", "null")}
    sources |= {"terminal": terminal, "pipe": last, "no reader": os.pipe()[1]}
    for number, kind in enumerate(invocation.streams):
        _open_stream(number, kind, sources)
    os.closerange(3, last)  # whatever is opened next gets the number of a stream that is closed
    os.closerange(last + 1, 200)
    sys.argv = ["celu", *invocation.words]
    code = 70
    try:
        from celu_cli.cli.app import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        import traceback

        os.write(last, traceback.format_exc().encode("utf-8", "replace"))
        code = 1
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        os._exit(code & 255)


def _open_stream(number: int, kind: str, sources: dict[str, int]) -> None:
    name = ("stdin", "stdout", "stderr")[number]
    if kind == "closed":
        os.close(number)
        setattr(sys, name, None)
        setattr(sys, f"__{name}__", None)
        return
    os.dup2(sources[kind], number)
    encoding = os.environ.get("PYTHONIOENCODING") or (
        "ascii" if os.environ["LANG"] in ("", "POSIX") else "utf-8"
    )
    stream = open(  # noqa: SIM115
        number,
        "r" if number == 0 else "w",
        buffering=1 if kind == "terminal" or number == 2 else -1,
        encoding=encoding,
        errors="backslashreplace" if number == 2 else "strict",
        closefd=False,
    )
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def _be_nobody() -> None:
    """A user that the system knows no name and no home of, as in a container; the rights stay."""
    import pwd

    def unknown(_: object) -> None:
        raise KeyError("uid not found")

    pwd.getpwuid = pwd.getpwnam = unknown  # type: ignore[assignment]
    os.getuid = os.geteuid = lambda: 54321
    os.environ.pop("HOME", None)


def _import_all_but_tensorflow() -> None:
    import celu_cli

    for module in _modules(celu_cli.__path__, "celu_cli."):
        importlib.import_module(module)
    for name in (
        "matplotlib.backends.backend_agg",
        "matplotlib.backends.backend_svg",
        "rich.live",
        "rich.table",
    ):
        importlib.import_module(name)


def _modules(paths: Any, prefix: str) -> Iterator[str]:
    for found in pkgutil.iter_modules(paths, prefix):
        if (
            found.name in ("celu_cli.engine", "celu_cli.execute", "celu_cli.__main__")
            or "tensorboard" in found.name
        ):
            continue
        yield found.name
        if found.ispkg:
            yield from _modules(
                [str(Path(path) / found.name.rpartition(".")[2]) for path in paths], f"{found.name}."
            )


if __name__ == "__main__":
    count, seed, directory, *rest = sys.argv[1:]
    _import_all_but_tensorflow()
    assert "tensorflow" not in sys.modules
    figures = _Fuzz(int(seed), Path(directory).absolute(), bool(rest)).run(int(count))
    print(json.dumps(asdict(figures)))
