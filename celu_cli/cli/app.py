"""The command line: every command is registered here, and every expected error ends here."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from celu_cli import __version__
from celu_cli.cli.command import Command, Group
from celu_cli.cli.commands.activations import activations
from celu_cli.cli.commands.bench import bench
from celu_cli.cli.commands.cases import cases
from celu_cli.cli.commands.check import check
from celu_cli.cli.commands.compare import compare
from celu_cli.cli.commands.data import app as data
from celu_cli.cli.commands.export import export
from celu_cli.cli.commands.new import new
from celu_cli.cli.commands.plot import plot
from celu_cli.cli.commands.predict import predict
from celu_cli.cli.commands.report import report
from celu_cli.cli.commands.run import run
from celu_cli.cli.commands.schema import schema
from celu_cli.cli.commands.show import show
from celu_cli.cli.commands.sweep import sweep
from celu_cli.cli.commands.watch import watch
from celu_cli.cli.commands.why import why
from celu_cli.cli.streams import NoReaderError, end_without_reader, forget_impossible_sizes, use_safe_streams
from celu_cli.errors import CeluError

app = typer.Typer(
    name="celu",
    cls=Group,
    help="Name an experiment in YAML, train it with gradients you can trust, and read the answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"celu {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


for _command in (
    run,
    sweep,
    watch,
    plot,
    compare,
    report,
    why,
    predict,
    export,
    cases,
    new,
    show,
    check,
    bench,
    activations,
    schema,
):
    app.command(cls=Command)(_command)
app.add_typer(data, name="data")


def main() -> None:
    """Run the command line; the only place where an error becomes a message and an exit code."""
    use_safe_streams()
    forget_impossible_sizes()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except CeluError as error:
        # As it is: a line that celu broke could not be copied, and terminals break lines themselves.
        print(f"celu: {error}", file=sys.stderr)
        sys.exit(int(error.exit_code))
    except NoReaderError:
        end_without_reader()
