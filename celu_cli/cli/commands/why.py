"""`celu why`: what differs between two cases or runs."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from celu_cli.cli.options import DEFAULT_LOGS, Logs, Where
from celu_cli.files import with_home

_HELP = "A case (name or YAML file), a run (its directory, or case/directory) or a group as it is printed, in quotes."


def why(
    a: Annotated[str, typer.Argument(metavar="A", parser=with_home, help=_HELP)],
    b: Annotated[
        str, typer.Argument(metavar="B", parser=with_home, help="The other one, which A is compared with.")
    ],
    logs: Logs = DEFAULT_LOGS,
    where: Where = None,
    file_format: Annotated[
        Literal["text", "json", "md"],
        typer.Option("--format", help="Text fits the terminal; JSON carries every value."),
    ] = "text",
) -> None:
    """Show what differs between two cases or runs, and which differences their results cannot separate.

    A name that is a case means the case, even when there are runs of it, unless --where selects one of them. Of a
    group one run is compared: the newest of the lowest seed.
    """
    from celu_cli.analysis.why.explain import explain
    from celu_cli.analysis.why.subject import find_subject
    from celu_cli.case.where import parse_where
    from celu_cli.cli.output.why import print_explanation

    chosen = parse_where(where) if where is not None else None
    print_explanation(explain(find_subject(a, logs, chosen), find_subject(b, logs, chosen)), file_format)
