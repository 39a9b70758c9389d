"""Colours, marks, formats and the style that all plots share."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from celu_cli.errors import RunError, UsageError
from celu_cli.files import write_result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Okabe and Ito's colours, which most colour-blind readers can distinguish; their yellow is too pale on white.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY, BLACK = "#CC79A7", "#E69F00", "#56B4E9", "#000000"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# Lines: the same hues, each on white and on a dark page with a contrast of at least 3 : 1. Ordered so that neighbours
# differ in darkness too, and each with a marker of its own for grey print.
LINE_COLOURS = (
    (BLUE, "#4C9BE8"),
    ("#B87F00", "#F0B43C"),
    (BLACK, "#E7EAED"),
    ("#3A9BD9", "#9ADAFF"),
    (VERMILLION, "#FF7F3F"),
    (PURPLE, "#E9A8CF"),
    (GREEN, "#35C79A"),
)
LINE_MARKS = "os^DvPX"
# Equal steps of Matplotlib's plasma, from dark to light: what is ordered keeps its order in grey too.
_PLASMA = ("0D0887", "46039F", "7201A8", "9C179E", "BD3786", "D8576B", "ED7953", "FB9F3A", "FDCA26", "F0F921")
_ON_WHITE, _ON_DARK = _PLASMA[:7], _PLASMA[4:]
GREY = "#555555"
FORMATS = ("png", "svg", "pdf")

_STAMPS = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}  # what would differ from file to file
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
    "pdf.fonttype": 42,  # letters stay letters, which journals ask for
}


def save_figure(draw: Callable[[], Figure], path: Path, file_format: str) -> None:
    """Write what `draw` makes, in celu's style, into the file `path`; the same figure gives the same bytes.

    Raises:
        RunError: the file cannot be written, or Matplotlib has no directory for its caches.
    """
    write_result(path, render_figure(draw, file_format))


def render_figure(draw: Callable[[], Figure], file_format: str) -> bytes:
    """The file of what `draw` makes, in celu's style; the same figure gives the same bytes."""
    content = BytesIO()
    with _style():
        from matplotlib.text import Text

        figure = draw()
        lacking = _use_fonts_for("".join(text.get_text() for text in figure.findobj(Text)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+")  # one line says it
            figure.savefig(content, format=file_format, dpi=200, metadata={_STAMPS[file_format]: None})
    if lacking:
        _report(lacking)
    return content.getvalue()


@cache  # not for every picture of a run
def _report(lacking: str) -> None:
    logging.getLogger(__name__).warning(
        "pictures show boxes for %s: no installed font has these letters; install one, such as Noto Sans CJK",
        lacking,
    )


def picture_format(path: Path) -> str:
    """The format that the name of a picture asks for.

    Raises:
        UsageError: it is none of `FORMATS`.
    """
    file_format = path.suffix.lower().removeprefix(".")
    if file_format not in FORMATS:
        accepted = f".{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}"
        raise UsageError(f"{path}: the name of a picture ends in {accepted}")
    return file_format


@contextmanager
def _style() -> Iterator[None]:
    """Matplotlib's own defaults with ours on top, whatever the user's matplotlibrc says."""
    try:
        import matplotlib
    except OSError as error:  # neither a home nor a temporary directory for its caches; it says what to set
        raise RunError(f"cannot draw: {error}") from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def _use_fonts_for(text: str) -> str:
    """Add to the fonts in use those that have the letters of `text` which they lack; the letters that no font has."""
    from matplotlib import font_manager, rcParams
    from matplotlib.ft2font import FT2Font

    def letters_of(file: str) -> set[str]:
        try:
            return set(map(chr, FT2Font(file).get_charmap()))
        except (OSError, RuntimeError):  # a font that has gone or that FreeType cannot read
            return set()

    lacking = {letter for letter in text if letter.isprintable() and not letter.isspace()}
    if all(letter < "\u0250" for letter in lacking):  # Latin letters, which Matplotlib's own font has
        return ""
    lacking -= letters_of(font_manager.findfont("DejaVu Sans"))
    installed = {
        font.name: font.fname
        for font in font_manager.fontManager.ttflist
        if font.style == "normal" and font.weight in (400, "normal", "regular", "book")
        # Matplotlib's last resort has a box for every letter.
        if not font.name.startswith("Last Resort")
    }
    families = list(rcParams["font.family"])
    # Fonts without serifs come first.
    for name in sorted(installed, key=lambda name: ("Sans" not in name and "Gothic" not in name, name)):
        if not lacking:
            break
        if found := lacking & letters_of(installed[name]):
            families.append(name)
            lacking -= found
    rcParams["font.family"] = families
    return "".join(sorted(lacking))


@dataclass(frozen=True)
class Look:
    """How a line looks: its colour on white and on a dark page, and its marker."""

    colour: str
    on_dark: str
    mark: str


def look_of(number: int) -> Look:
    """The look of a line; where colours repeat, they come with other markers."""
    rounds, colour = divmod(number, len(LINE_COLOURS))
    return Look(*LINE_COLOURS[colour], LINE_MARKS[(colour + rounds) % len(LINE_MARKS)])


def ordered_looks(count: int) -> list[Look]:
    """Looks for lines that stand in an order, as layers and the values of a parameter do, from dark to light."""
    places = [number / max(1, count - 1) for number in range(count)]
    return [
        Look(_between(_ON_WHITE, place), _between(_ON_DARK, place), LINE_MARKS[number % len(LINE_MARKS)])
        for number, place in enumerate(places)
    ]


def _between(colours: Sequence[str], place: float) -> str:
    """The colour at `place`, from 0 to 1, of a scale of `colours`."""
    low = min(int(place * (len(colours) - 1)), len(colours) - 2)
    share = place * (len(colours) - 1) - low
    parts = zip(bytes.fromhex(colours[low]), bytes.fromhex(colours[low + 1]), strict=True)
    return "#" + "".join(f"{round(one + share * (other - one)):02X}" for one, other in parts)
