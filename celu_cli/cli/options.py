"""Arguments and options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CaseReference = Annotated[str, typer.Argument(metavar="CASE", help="Name of a case, or path of a YAML file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...", help="Values that replace the case's: alpha=1 optimizer.learning_rate=1e-3"
    ),
]
Logs = Annotated[Path, typer.Option("--logs", help="Directory of the run directories.")]
DataDirectory = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar="CELU_DATA_DIR", help="Directory that holds the dataset's files already."
    ),
]
DEFAULT_LOGS = Path("logs")
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
