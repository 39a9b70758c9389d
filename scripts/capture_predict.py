"""Write docs/predict.svg: a terminal in which a network is trained and then asked about a picture of one's own.

The commands are really run, in a directory that holds nothing but the picture docs/digit.jpg.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parents[1] / "docs"
PICTURE = DOCS / "digit.jpg"
COMMANDS = (
    "celu run case-a --sample epochs=4",
    "celu predict case-a digit.jpg --ink",
    "celu export case-a --to keras -o digits.keras",
)
WIDTH = 92


def capture(smaller: tuple[str, ...] = ()) -> Console:
    """The terminal after the commands; `smaller` are further overrides of the training."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    with TemporaryDirectory() as directory:
        shutil.copy(PICTURE, directory)
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "green"), (command, "bold")))
            words = [*command.split()[1:], *(smaller if " run " in command else ())]
            done = subprocess.run(
                [sys.executable, "-m", "celu_cli", *words],
                cwd=directory,
                stdout=subprocess.PIPE,
                check=True,
                text=True,
                env={**os.environ, "COLUMNS": str(WIDTH)},
            )
            console.print(Text(done.stdout.rstrip("\n")), soft_wrap=True)
    return console


def without_remote_fonts(svg: str) -> str:
    """The picture with the reader's own fixed-width font: it must look the same without a network."""
    before, _, rest = svg.partition("@font-face")
    return before + rest[rest.rindex("}", 0, rest.index(".terminal-")) + 1 :].lstrip() if rest else svg


def main() -> None:
    """Run the commands and write the picture."""
    svg = without_remote_fonts(capture().export_svg(title="celu"))
    (DOCS / "predict.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
