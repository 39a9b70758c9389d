"""The command line: every command is registered here, and every expected error ends here."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from celu_cli import __version__
from celu_cli.cli.command import Command, Group
from celu_cli.cli.streams import NoReaderError, end_without_reader, forget_impossible_sizes, use_safe_streams
from celu_cli.errors import CeluError

COMMANDS = (
    *("run", "sweep", "watch", "plot", "compare", "report", "why", "predict", "export"),
    *("cases", "new", "show", "check", "bench", "activations", "schema", "data"),
)
"""Each is a module of `celu_cli.cli.commands`; in this order they stand in the help."""
# What is imported stays, and neither a command nor a training leaves garbage in circles: to look for some after every
# 700 new objects, as Python does unasked, takes a tenth of a short command.
_OBJECTS_UNTIL_COLLECTION = 100_000


def command_line(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """`celu` with these commands alone: one whose name is known need not wait until all others are imported."""
    app = typer.Typer(
        name="celu",
        cls=Group,
        help="Name an experiment in YAML, train it with gradients you can trust, and read the answer.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in names:
        module = import_module(f"celu_cli.cli.commands.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(cls=Command)(getattr(module, name))
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"celu {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; the only place where an error becomes a message and an exit code."""
    use_safe_streams()
    forget_impossible_sizes()
    # Cases are checked by pydantic, which would read a file of every installed package in search of plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS_UNTIL_COLLECTION)
    try:
        try:
            command_line([name for name in COMMANDS if name in sys.argv[1:2]] or COMMANDS)()
        finally:
            gc.set_threshold(*usual)
            sys.stdout.flush()
    except CeluError as error:
        # As it is: a line that celu broke could not be copied, and terminals break lines themselves.
        print(f"celu: {error}", file=sys.stderr)
        sys.exit(int(error.exit_code))
    except NoReaderError:
        end_without_reader()
