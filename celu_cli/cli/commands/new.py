"""`celu new`: a case to begin from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from celu_cli.errors import UsageError
from celu_cli.files import path_with_home


def new(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", parser=path_with_home, help="The case file to write, .yaml.")
    ],
) -> None:
    """Write a new case file, in which every key is explained and has its usual value as a comment.

    An existing file is left as it is.
    """
    from celu_cli.case.catalog import SWEEP_SUFFIXES
    from celu_cli.case.template import case_template
    from celu_cli.text import celu_command

    if file.suffix not in (".yaml", ".yml") or file.name.endswith(SWEEP_SUFFIXES):
        raise UsageError(f"{file}: the name of a case file ends in .yaml, but not in .sweep.yaml")
    try:
        text = case_template(file.stem)
    except ValueError:
        raise UsageError(
            f"{file}: a case has its file's name, which may have letters, digits and _ . + -, at most 100"
        ) from None
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already; name another file") from None
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    typer.echo(file)
    typer.echo(f"look at it with: {celu_command('show', file)}", err=True)
