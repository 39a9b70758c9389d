"""Arguments and options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from celu_cli.analysis.compare.metric import Metric
from celu_cli.files import path_with_home, with_home

CaseReference = Annotated[
    str, typer.Argument(metavar="CASE", parser=with_home, help="Name of a case, or path of a YAML file.")
]
CaseOrRun = Annotated[
    str,
    typer.Argument(
        metavar="CASE|RUN",
        parser=with_home,
        help="Name of a case, path of a YAML file, or a run (its directory, or case/directory).",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...", help="Values that replace the case's: alpha=1 optimizer.learning_rate=1e-3"
    ),
]
Logs = Annotated[
    Path,
    typer.Option("--logs", metavar="PATH", parser=path_with_home, help="Directory of the run directories."),
]
DataDirectory = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="PATH",
        parser=path_with_home,
        envvar="CELU_DATA_DIR",
        help="Directory that already holds the dataset's files.",
    ),
]
DEFAULT_LOGS = Path("logs")


def output_option(metavar: str, meaning: str) -> Any:
    """The option -o for what a command writes, a file or a directory."""
    return typer.Option("--output", "-o", metavar=metavar, parser=path_with_home, help=meaning)


AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
Runs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="LOGS_DIR|CASE|GROUP|RUN",
        parser=with_home,
        help="Directory of runs, then cases, groups as they are printed (in quotes) or runs in it; all runs in --logs "
        "when nothing is named.",
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="'KEY=VALUES ...'",
        help="Only runs with these values, written as for celu sweep: --where 'alpha=1,4 seed=0..3'.",
    ),
]
MetricOption = Annotated[
    Metric,
    typer.Option(
        "--metric",
        metavar="METRIC",
        help="What to compare: test-accuracy, train-accuracy, test-loss or train-loss, of the last epoch; with best- "
        "before it, such as best-test-loss, the best of all epochs.",
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        help="Case, group or run to measure the other groups against: difference, interval, test and a sentence.",
    ),
]
AtEpoch = Annotated[
    int | None,
    typer.Option(
        "--at-epoch",
        min=1,
        help="Compare the runs as they were after this epoch, however many were asked for.",
    ),
]
Unfinished = Annotated[
    bool,
    typer.Option(
        "--include-unfinished", help="Count interrupted, failed, crashed and running runs in the statistics."
    ),
]
