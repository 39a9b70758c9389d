"""`celu compare`: runs side by side, and statistics over their seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from celu_cli.cli.options import DEFAULT_LOGS, AtEpoch, Baseline, Logs, MetricOption, Runs, Unfinished, Where
from celu_cli.errors import UsageError
from celu_cli.files import path_with_home

_SMALLEST, _LARGEST = 4, 100  # centimetres of a picture


def compare(
    targets: Runs = None,
    logs: Logs = DEFAULT_LOGS,
    where: Where = None,
    sweep: Annotated[
        str | None,
        typer.Option("--sweep", help="Name of a sweep: one row for each combination of what it swept."),
    ] = None,
    newest: Annotated[
        bool,
        typer.Option(
            "--newest",
            help="Of runs that agree in case, settings and seed only the newest, completed if one is.",
        ),
    ] = False,
    by_run: Annotated[
        bool | None,
        typer.Option(
            "--runs/--groups",
            help="One row for each run, or one for all runs that differ only in their seed (default: groups if one has "
            "several seeds).",
        ),
    ] = None,
    baseline: Baseline = None,
    metric: MetricOption = "test-accuracy",
    at_epoch: AtEpoch = None,
    include_unfinished: Unfinished = False,
    sort_by: Annotated[
        str | None,
        typer.Option("--sort-by", help="Column of --format json; the best or smallest comes first."),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Reverse the order of the rows.")] = False,
    top: Annotated[
        int | None,
        typer.Option("--top", min=1, help="Only the first N rows: the best ones, or the first by --sort-by."),
    ] = None,
    only_changed: Annotated[
        bool, typer.Option("--only-changed", help="Only the columns in which rows differ.")
    ] = False,
    file_format: Annotated[
        Literal["table", "json", "csv", "md", "latex"],
        typer.Option(
            "--format",
            help="The table fits the terminal; csv, md and latex have what it prints at full width, json everything.",
        ),
    ] = "table",
    all_keys: Annotated[
        bool,
        typer.Option(
            "--all-keys",
            help="Every setting, even where all rows agree; with csv, md and latex every column there is.",
        ),
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="Only these columns, separated by commas: names as json has them.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="PATH",
            parser=path_with_home,
            help="Also draw the test accuracies, or the losses if --metric names one, into this file (.png, .svg or "
            ".pdf).",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="epoch|time|KEY",
            help="Draw over epochs (default), over training time, or over a key, as in --by alpha.",
        ),
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Draw the training values too, dashed.")] = False,
    band: Annotated[
        Literal["sd", "ci", "none"] | None,
        typer.Option(
            "--band",
            help="Draw one standard deviation or the 95 % interval of the mean around each line (default: sd for up "
            "to four groups).",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WIDTHxHEIGHT", help="Size of the picture in centimetres, as in 8x6."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Title of the picture.")] = None,
) -> None:
    """Compare runs: accuracies, gap, difference from the published value, time and status.

    Runs that differ only in their seed form a group with mean and sample standard deviation. docs/statistics.md
    explains what the statistics mean and what they cannot show.
    """
    from celu_cli.analysis.compare.group_columns import compare_groups
    from celu_cli.analysis.compare.groups import Choice, check_epoch, find_group, group_runs, until
    from celu_cli.analysis.compare.run_columns import compare_runs
    from celu_cli.analysis.compare.swept import compare_swept
    from celu_cli.analysis.plots.picture import Picture
    from celu_cli.cli.output.compare import print_records, print_table
    from celu_cli.cli.output.tables import results_console
    from celu_cli.cli.targets import read_targets
    from celu_cli.sweep.results import read_sweep

    if plot is None and (by or train or band or size or title is not None):
        raise UsageError(
            "--by, --train, --band, --size and --title are for a picture; name its file with --plot"
        )
    picture = Picture(plot, by, train, band, _size(size), title) if plot else None
    choice, best = Choice(metric, at_epoch, include_unfinished, newest), "mean"
    draw: Callable[[Picture], None]
    if sweep is not None:
        if targets or baseline or by_run is not None or newest:
            raise UsageError(
                "--sweep stands for the runs; leave out cases, runs, --baseline, --runs and --newest"
            )
        swept = read_sweep(sweep, logs, choice, where)
        records = compare_swept(swept, metric)
        draw = partial(Picture.draw_points, swept=swept, metric=metric)
    else:
        if by_run and baseline:
            raise UsageError("--runs with --baseline: a baseline is for groups; leave out one of the two")
        runs = read_targets(targets or (), logs, where)
        check_epoch(at_epoch, runs)
        runs = [until(run, at_epoch) for run in runs]
        groups = group_runs(runs, choice)
        chosen = find_group(groups, baseline) if baseline else None
        if by_run is None:
            by_run = not baseline and all(len(group.values) < 2 for group in groups)
        if by_run:
            records, best = compare_runs(runs, metric, all_keys, newest), metric
        else:
            records = compare_groups(groups, choice, chosen, all_keys)
        draw = partial(Picture.draw_groups, groups=groups, metric=metric)
    if sort_by is not None or top is not None:
        records = records.sorted_by(sort_by or best, reverse=reverse)
    elif reverse:
        records = replace(records, rows=records.rows[::-1])
    if top is not None and len(records.rows) > top:
        typer.echo(f"the first {top} of {len(records.rows)} rows", err=True)
        records = replace(records, rows=records.rows[:top])
    if columns:
        records = records.with_columns([name.strip() for name in columns.split(",")])
    if file_format == "table":
        print_table(records, results_console(), only_changed, all_keys)
    else:
        print_records(records, file_format, only_changed, all_keys)
    if picture:
        draw(picture)
        typer.echo(f"drawn {plot}", err=True)


def _size(text: str | None) -> tuple[float, float] | None:
    """Width and height in centimetres, as 14x9 writes them."""
    if text is None:
        return None
    try:
        width, height = map(float, text.lower().split("x"))
    except ValueError:
        width = height = 0.0
    if not all(_SMALLEST <= side <= _LARGEST for side in (width, height)):
        raise UsageError(
            f"--size {text}: width and height in centimetres, from {_SMALLEST} to {_LARGEST}, as in --size 14x9"
        )
    return width, height
