"""The whole benchmark, on networks so small that only its working is tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.shared import PARTS, TABLES, has_torch

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_part_measures_and_writes_what_it_found(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {part: json.loads((tmp_path / f"{part}.json").read_text("utf-8")) for part in PARTS}
    (step,) = found["step"]["cases"].values()
    expected = {
        *("celu manual", "celu manual, epoch", "floor: convolutions alone", "arithmetic limit"),
        *("article's graph", "Keras fit"),
        *(["PyTorch, channels_last"] if has_torch() else []),
    }
    assert step["rows"].keys() == expected, step["not_measured"]
    (loop,) = found["loop"]["cases"].values()
    assert loop["rows"].keys() == {
        *("celu run, whole epoch", "celu run, epoch without its test", "celu run, steps of an epoch"),
        "steps alone",
    }, loop["not_measured"]
    assert all(times for times in found["profile"]["milliseconds"].values())
    assert found["startup"]["first_step"]["not_measured"] == {}
    assert "typer" in found["startup"]["import_milliseconds"]["celu --help"]
    assert found["memory"]["not_measured"] == {}
    assert len(found["memory"]["peak_bytes"]) == 1
    assert found["scaling"]["not_measured"] == {}
    (of_shares,) = found["scaling"]["shares"]
    assert of_shares["rows"].keys() == {"5 images a share", "10 images a share"}, of_shares["not_measured"]
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / TABLES).read_text("utf-8") == done.stdout.removesuffix("\n")
    assert done.stdout.count("\n## ") + done.stdout.startswith("## ") == len(PARTS)
