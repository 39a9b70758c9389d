"""Colours, marks, formats and the style that all plots share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celu_cli.files import write_result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe and Ito's colours, which most colour-blind readers can distinguish; their yellow is too pale on white.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY, BLACK = "#CC79A7", "#E69F00", "#56B4E9", "#000000"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# Ordered so that neighbours differ in darkness too, and each with a marker of its own for grey print.
LINE_COLOURS = (BLUE, ORANGE, BLACK, SKY, VERMILLION, PURPLE, GREEN)
LINE_MARKS = "os^DvPX"
GREY = "#555555"
TITLE: dict[str, Any] = {"fontsize": 13, "fontweight": "bold"}

FORMATS = ("png", "svg")

_STYLE = {
    "font.size": 10,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "svg.fonttype": "none",
    "svg.hashsalt": "celu",  # element ids would differ from file to file
}


def save_figure(draw: Callable[[], Figure], path: Path, file_format: str) -> None:
    """Write what `draw` makes, in celu's style, into the file `path`; the same figure gives the same bytes.

    Raises:
        RunError: the file cannot be written.
    """
    metadata = {"Date": None} if file_format == "svg" else {"Software": None}
    with _style():
        figure = draw()
        write_result(path, lambda file: figure.savefig(file, format=file_format, dpi=150, metadata=metadata))


@contextmanager
def _style() -> Iterator[None]:
    """Matplotlib's own defaults with ours on top, whatever the user's matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def count_epochs(axes: Axes) -> None:
    """Make the x axis one of epochs, with ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def look_of(number: int) -> tuple[str, str]:
    """Colour and marker of a line; where colours repeat, they come with other markers."""
    rounds, colour = divmod(number, len(LINE_COLOURS))
    return LINE_COLOURS[colour], LINE_MARKS[(colour + rounds) % len(LINE_MARKS)]
