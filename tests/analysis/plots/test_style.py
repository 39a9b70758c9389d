from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from celu_cli.analysis.plots.style import save_figure


def draw(title: str) -> Any:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.suptitle(title)
    return figure


def test_letters_that_no_font_has_are_said_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "plot.png"
    save_figure(lambda: draw("a \U00012000\U00012001 b"), path, "png")  # cuneiform
    assert path.is_file()
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "pictures show boxes for \U00012000\U00012001: no installed font has these letters; install one, such as Noto "
        "Sans CJK"
    )


def test_letters_that_matplotlibs_own_font_lacks_are_drawn_in_an_installed_font(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Matplotlib brings STIX for mathematics, which stands here for a font of another script.
    save_figure(lambda: draw("\u1d81"), tmp_path / "letter.png", "png")
    assert caplog.records == []
    save_figure(lambda: draw("\U00012002"), tmp_path / "box.png", "png")
    assert len(caplog.records) == 1
    assert (tmp_path / "letter.png").read_bytes() != (tmp_path / "box.png").read_bytes()


def test_without_a_home_and_a_temporary_directory_a_picture_is_refused_in_words(tmp_path: Path) -> None:
    program = """
import sys, tempfile
from pathlib import Path
from celu_cli.analysis.plots.style import save_figure
from celu_cli.errors import RunError
def fail():
    raise FileNotFoundError(2, "No usable temporary directory found")
tempfile._get_default_tempdir = fail
try:
    save_figure(lambda: None, Path(sys.argv[1]), "png")
except RunError as error:
    print(error)
"""
    environment = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
    environment |= {"HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull, "XDG_CACHE_HOME": os.devnull}
    command = [sys.executable, "-c", program, str(tmp_path / "plot.png")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("cannot draw: ")
    assert "set the MPLCONFIGDIR environment variable" in result.stdout
