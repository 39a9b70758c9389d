"""`celu watch`: the runs in progress, read from their files."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from celu_cli.cli.options import DEFAULT_LOGS, Logs
from celu_cli.files import is_directory, path_with_home

if TYPE_CHECKING:
    from rich.console import Console

    from celu_cli.cli.signals import StopRequest
    from celu_cli.runs.watch import Watcher


_PAUSE = 0.1
# Of runs one after another, the next needs some seconds until it has its directory.
_QUIET_SECONDS = 5.0


def watch(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="LOGS_DIR", parser=path_with_home, help="Directory of the run directories."),
    ] = None,
    logs: Logs = DEFAULT_LOGS,
    everything: Annotated[bool, typer.Option("--all", help="Show the runs that have ended too.")] = False,
    once: Annotated[
        bool,
        typer.Option("--once", help="Print one frame and exit, as always where stdout is not a terminal."),
    ] = False,
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, max=3600.0, help="Seconds between frames.")
    ] = 1.0,
) -> None:
    """Watch the runs in progress; ends with Ctrl-C, or when no run is left.

    Runs that end meanwhile stay on the screen, and those that crashed in the last day are shown. Metrics are those of
    finished epochs.
    """
    from celu_cli.cli.output.tables import print_whole, results_console
    from celu_cli.cli.output.watch import frame_lines
    from celu_cli.errors import RunError
    from celu_cli.runs.manifest import utc_now
    from celu_cli.runs.watch import Watcher
    from celu_cli.text import shown

    logs = directory or logs
    if not is_directory(logs):
        raise RunError(
            f"there is no directory {shown(logs)}; name that of the runs, or train one with: celu run case-a --sample"
        )
    console = results_console()
    watcher = Watcher(logs, everything)
    if once or not sys.stdout.isatty() or console.is_dumb_terminal:
        print_whole(console, frame_lines(watcher.look(utc_now()), shown(logs), console.width))
    else:
        _watch(watcher, console, shown(logs), interval)


def _watch(watcher: Watcher, console: Console, place: str, interval: float) -> None:
    """Draw until nothing is running.

    Raises:
        InterruptedByUser: Ctrl-C or SIGTERM; the last frame stays and the cursor is back.
    """
    from rich.live import Live

    from celu_cli.cli.output.watch import Frame
    from celu_cli.cli.signals import StopRequest
    from celu_cli.runs.manifest import utc_now

    quiet_since: float | None = None
    with StopRequest() as stop, Live(console=console, auto_refresh=False) as live:
        while True:
            view = watcher.look(utc_now())
            live.update(Frame(view, place), refresh=True)
            at = time.monotonic()
            quiet_since = None if view.running else quiet_since or at
            if quiet_since is not None and (
                not watcher.has_seen_running or at - quiet_since > _QUIET_SECONDS
            ):
                break
            _wait(interval, stop)
    if watcher.has_seen_running:  # otherwise the frame has said so
        typer.echo(f"nothing is running any more in {place}", err=True)


def _wait(seconds: float, stop: StopRequest) -> None:
    """Pause; a signal ends it soon."""
    begin = time.monotonic()
    while True:
        if (request := stop()) is not None:
            raise request
        time.sleep(_PAUSE)
        if not time.monotonic() - begin < seconds:
            return
