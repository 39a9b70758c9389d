"""docs/celu.ipynb runs from top to bottom, and its outputs are what it puts out now."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
COMMITTED = nbformat.read(ROOT / "docs" / "celu.ipynb", as_version=4)


def outputs_of(notebook: Any) -> list[tuple[int, str, str]]:
    """Cell, kind and text of every output; numbers, which differ between processors, as 0."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            kind = output.output_type + ("" if "image/png" not in data else " picture")
            text = output.get("text", "") or data.get("text/plain", "")
            found.append((number, kind, re.sub(r"[-+]?\d[\d.,e+-]*", "0", text)))
    return found


def text_of(notebook: Any, kind: str = "stream") -> str:
    return "".join(
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == kind
    )


@pytest.mark.slow
def test_it_runs_in_under_three_minutes_and_puts_out_what_is_committed(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.ipynb"
    begun = time.monotonic()
    subprocess.run([sys.executable, ROOT / "scripts" / "run_notebook.py", fresh], check=True, cwd=tmp_path)
    assert time.monotonic() - begun < 180
    now = nbformat.read(fresh, as_version=4)
    assert [cell.source for cell in now.cells] == [cell.source for cell in COMMITTED.cells]
    verdicts = re.compile(
        r"^(case-\S+: (?:right|biased)|layer \d: .* below 1e-1\d|celu: within \S+;).*", re.M
    )
    assert verdicts.findall(text_of(now)) == verdicts.findall(text_of(COMMITTED))
    # A slow machine sends in two messages what a fast one sends in one.
    kinds, committed = (
        list(dict.fromkeys((number, kind) for number, kind, _ in outputs_of(one))) for one in (now, COMMITTED)
    )
    assert kinds == committed


def test_its_outputs_are_all_there_and_without_warnings_or_places_of_a_machine() -> None:
    code = [cell for cell in COMMITTED.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert {output.output_type for cell in code for output in cell.outputs} <= {
        *("stream", "display_data", "execute_result"),
    }
    streams = [output for cell in code for output in cell.outputs if output.output_type == "stream"]
    assert {output.name for output in streams} == {"stdout"}
    text = nbformat.writes(COMMITTED)
    assert not re.search(r"/(?:root|home|tmp)/", text)


def test_the_live_display_is_one_output_however_long_the_training() -> None:
    (cell,) = [cell for cell in COMMITTED.cells if ".finish()" in cell.source]
    (output,) = cell.outputs
    assert output.output_type == "display_data"
    assert "best test accuracy" in output.data["text/html"]


def test_every_function_of_the_python_face_that_trains_or_reads_is_used_in_it() -> None:
    source = "".join(cell.source for cell in COMMITTED.cells)
    for name in ("activation", "load_case", "train", "check_gradients", "epochs_frame", "compare"):
        assert f"celu.{name}(" in source
