"""docs/trained.md: its terminal shows what celu shows, and its Python works on what celu writes."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from celu_cli.trained.export import export_network
from scripts.capture_predict import COMMANDS, capture
from tests.trained.test_export import make_network

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "trained.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def shape_of(text: str) -> list[str]:
    """The lines, without what another network would make different: digits, places, the class."""
    lines = [re.sub(r"\d", "0", line.replace("\xa0", " ")).rstrip() for line in text.splitlines()]
    return [re.sub(r"(jpg\s+)\S+", r"\1class", re.sub(r"\s+", " ", line)) for line in lines if line.strip()]


def test_the_terminal_of_the_page_shows_what_the_commands_print_now() -> None:
    svg = (DOCS / "predict.svg").read_text(encoding="utf-8")
    assert "url(http" not in svg  # it looks the same without a network
    rows: dict[float, str] = {}
    for row, text in re.findall(r'<text class="terminal-[^"]*-r\d"[^>]* y="([\d.]+)"[^>]*>(.*?)</text>', svg):
        rows[float(row)] = rows.get(float(row), "") + unescape(text)
    drawn = "\n".join(rows[row] for row in sorted(rows))
    smaller = ("network.filters=4", "epochs=1", "network.initializer=he_normal")
    now = capture(smaller).export_text()
    assert shape_of(drawn) == shape_of(now)
    assert [line for line in now.splitlines() if line.startswith("$ ")] == [
        f"$ {words}" for words in COMMANDS
    ]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_python_of_the_page_works_on_what_celu_writes(block: str, tmp_path: Path) -> None:
    network = make_network("mnist")
    for file_format in ("keras", "onnx", "npz"):
        export_network(network, file_format, tmp_path / f"digits.{file_format}")
    subprocess.run([sys.executable, "-c", block], cwd=tmp_path, check=True, capture_output=True)
