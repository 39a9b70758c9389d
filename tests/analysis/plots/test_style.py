from __future__ import annotations

import logging
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
