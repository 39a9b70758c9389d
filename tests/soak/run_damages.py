"""What happens to a run's directory: each damage takes the run, another one and a source of chance.

What it returns is where the run is to be found afterwards; None where there is none any more.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Damage = Callable[[Path, Path, random.Random], Path | None]

_STRAY = (
    b"\n",
    b"x\n",
    b"\xff\xfe\0\n",
    b"{}\n",
    b"[1]\n",
    b'{"epoch": 2}\n',
    b'{"epoch": "x"}\n',
    b"null\n",
    b"\0" * 50,
)
_ODD = (None, "", "x", -1, 1e400, [], {}, True, "\ud800", 10**30, "2026-13-45T99:00:00Z")
_NAMES = ("a b", "模型", "x", "-v", "it's", "a" * 200, "2026-11-28T00-00-00Z-seed7", "#1", "case-a")


def lose(run: Path, _: Path, choose: random.Random) -> Path:
    file = _entry(run, choose)
    shutil.rmtree(file) if file.is_dir() else file.unlink()
    return run


def empty(run: Path, _: Path, choose: random.Random) -> Path:
    _file(run, choose).write_bytes(b"")
    return run


def cut(run: Path, _: Path, choose: random.Random) -> Path:
    file = _file(run, choose)
    content = file.read_bytes()
    file.write_bytes(
        content[: choose.choice([1, choose.randrange(len(content) + 1), max(0, len(content) - 2)])]
    )
    return run


def add_stray_lines(run: Path, _: Path, choose: random.Random) -> Path:
    file = _file(run, choose)
    lines = file.read_bytes().splitlines(keepends=True)
    lines.insert(choose.randrange(len(lines) + 1), choose.choice(_STRAY))
    file.write_bytes(b"".join(lines))
    return run


def flip(run: Path, _: Path, choose: random.Random) -> Path:
    file = _file(run, choose)
    content = bytearray(file.read_bytes())
    for _ in range(choose.randint(1, 3) if content else 0):
        content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
    file.write_bytes(content)
    return run


def change_a_value(run: Path, _: Path, choose: random.Random) -> Path:
    """As another version of celu would have it: a key more, a key less, a value of another kind."""
    name = choose.choice(["run.json", "case.yaml", "metrics.jsonl"])
    content = (run / name).read_text(encoding="utf-8")
    if name == "metrics.jsonl":
        lines = content.splitlines()
        number = choose.randrange(len(lines))
        lines[number] = json.dumps(_changed(json.loads(lines[number]), choose))
        content = "\n".join(lines) + "\n"
    elif name == "run.json":
        content = json.dumps(_changed(json.loads(content), choose), indent=2)
    else:
        content = yaml.safe_dump(_changed(yaml.safe_load(content), choose))
    (run / name).write_text(content, encoding="utf-8", errors="replace")
    return run


def take_from_another(run: Path, other: Path, choose: random.Random) -> Path:
    file = _file(run, choose)
    shutil.copyfile(other / file.relative_to(run), file)
    return run


def put_something_else(run: Path, _: Path, choose: random.Random) -> Path:
    """Something that is no file under the name of one."""
    file = _file(run, choose)
    file.unlink()
    make: list[Callable[[Path], object]] = [Path.mkdir, os.mkfifo, lambda place: place.symlink_to(place.name)]
    choose.choice(
        [*make, lambda place: place.symlink_to("nowhere"), lambda place: place.symlink_to("/dev/zero")]
    )(file)
    return run


def link_to_another(run: Path, other: Path, choose: random.Random) -> Path:
    file = _file(run, choose)
    file.unlink()
    target = other / file.relative_to(run)
    file.symlink_to(target) if choose.random() < 0.5 else file.hardlink_to(target)
    return run


def rename(run: Path, _: Path, choose: random.Random) -> Path:
    if choose.random() < 0.5:
        return run.rename(run.with_name(choose.choice(_NAMES)))
    return run.parent.rename(run.parent.with_name(choose.choice(_NAMES))) / run.name


def move(run: Path, other: Path, choose: random.Random) -> Path:
    return run.rename(choose.choice([run.parents[1], other.parent]) / f"moved-{run.name}")


def replace_by_a_link(run: Path, _: Path, choose: random.Random) -> Path:
    away = run.rename(run.parents[2] / "away")
    run.symlink_to(choose.choice([away, Path(os.path.relpath(away, run.parent))]))
    return run


def link_besides(run: Path, _: Path, choose: random.Random) -> Path:
    place = choose.choice([run.parent / "again", run.parents[1] / "again", run / "plots" / "again"])
    place.symlink_to(choose.choice([run, run.parent, run.parents[1]]))
    return run


def copy(run: Path, _: Path, choose: random.Random) -> Path:
    shutil.copytree(run, run.with_name(choose.choice(_NAMES)), symlinks=True)
    return run


def replace_by_a_file(run: Path, _: Path, __: random.Random) -> None:
    shutil.rmtree(run)
    run.write_text("a run was here\n")


DAMAGES: tuple[Damage, ...] = (
    *(
        lose,
        empty,
        cut,
        add_stray_lines,
        flip,
        change_a_value,
        change_a_value,
        take_from_another,
        put_something_else,
    ),
    *(link_to_another, rename, move, replace_by_a_link, link_besides, copy, replace_by_a_file),
)


def _entry(run: Path, choose: random.Random) -> Path:
    return choose.choice(sorted(run.iterdir()))


def _file(run: Path, choose: random.Random) -> Path:
    """A file of the run, run.json and the like more often than a plot."""
    files = sorted(path for path in run.rglob("*") if path.is_file())
    return choose.choice([path for path in files if path.parent == run or choose.random() < 0.3])


def _changed(values: dict[str, Any], choose: random.Random) -> dict[str, Any]:
    key = choose.choice(list(values))
    match choose.randrange(4):
        case 0:
            values["of_a_later_version"] = choose.choice(_ODD)
        case 1:
            del values[key]
        case 2:
            values[f"old_{key}"] = values.pop(key)
        case _:
            values[key] = choose.choice(_ODD)
    return values
