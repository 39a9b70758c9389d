"""The report as one HTML page that needs nothing beside itself: no network, no other file."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celu_cli.analysis.plots.style import LINE_MARKS
from celu_cli.analysis.report.build import Report
from celu_cli.errors import UsageError
from celu_cli.files import write_result

if TYPE_CHECKING:
    from markupsafe import Markup

SUFFIXES = (".html", ".htm")

_ASSETS = Path(__file__).parent / "assets"
_UPLOT = "uplot-1.6.32"
_STYLES = (f"{_UPLOT}/uPlot.min.css", "report.css")
_HEAD_SCRIPT = "theme.js"
_SCRIPTS = ("downloads.js", "tables.js", "marks.js", "labels.js", "plots.js", "curves.js", "gradients.js")


def check_target(path: Path) -> Path:
    """Refuse a path where a report should not be written, before any work is done for it; return where it leads.

    A link stays, and what it points at is replaced.

    Raises:
        UsageError: the name is not that of a page, or something other than a file is there.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{path}: the name of a report ends in {' or '.join(SUFFIXES)}, as in -o report.html"
        )
    try:
        target = path.resolve()
        circular, taken = target.is_symlink(), target.exists() and not target.is_file()
    except RuntimeError:  # how Python before 3.13 reports a circle
        circular = True
    except OSError as error:  # a name too long, or a directory that may not be searched
        raise UsageError(f"{path} cannot be written: {error.strerror}; name another file with -o") from error
    if circular:
        raise UsageError(f"{path} is a link that leads nowhere; name a file with -o")
    if taken:
        kind = "a directory" if target.is_dir() else "a pipe or a device"
        raise UsageError(f"{path} is {kind}, which a report does not replace; name a file with -o")
    return target


def write_page(report: Report, path: Path) -> int:
    """Write the page of `report` into the file `path`, which appears when it is whole; returns its bytes.

    Raises:
        UsageError: as `check_target`.
        RunError: it cannot be written.
    """
    target = check_target(path)
    content = render_page(report).encode("utf-8", errors="replace")
    write_result(target if path.is_symlink() else path, content)  # a link stays
    return len(content)


def render_page(report: Report) -> str:
    """The HTML of `report`. Every text of it is escaped by the template, and the data by `json_in_html`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["whole"] = _whole
    styles = "\n".join(map(_asset, _STYLES))
    scripts = [_asset(_HEAD_SCRIPT), _uplot(), *map(_asset, _SCRIPTS)]
    data = {
        "tables": {table.key: table.data for table in report.tables},
        "curves": report.curves,
        "fidelity": report.measured,
        "activations": report.activation_curves,
        "marks": LINE_MARKS,
    }
    return environment.get_template("report.html").render(
        report=report,
        styles=styles,
        head_script=scripts[0],
        scripts=scripts[1:],
        policy=_policy(styles, scripts),
        data=json_in_html(data),
    )


def _whole(text: str) -> Markup:
    """`text` as HTML, in which no option or name is broken at its hyphens unless a line is too short for it."""
    from markupsafe import Markup, escape

    marked = (
        Markup('<span class="whole">{}</span>').format(word) if "-" in word else escape(word)
        for word in text.split(" ")
    )
    return Markup(" ").join(marked)


def json_in_html(data: Any) -> str:
    """JSON that no HTML parser takes for anything else, wherever in a script element it stands."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # These stand in texts alone, never in the syntax.
    return text.translate({ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"})


def _policy(styles: str, scripts: list[str]) -> str:
    """A Content-Security-Policy that allows what is in the page, by its hash, and nothing from anywhere."""
    allowed = " ".join(map(_source, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_source(styles)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def _uplot() -> str:
    """uPlot behind its licence, which asks to go with every copy."""
    return f"/*!\n{_asset(f'{_UPLOT}/LICENSE')}\n*/\n{_asset(f'{_UPLOT}/uPlot.iife.min.js')}"


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
