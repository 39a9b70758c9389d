"""`celu schema`: the JSON Schema of case files and sweep files."""

from __future__ import annotations

from typing import Annotated

import typer


def schema(
    sweep: Annotated[bool, typer.Option("--sweep", help="The schema of sweep files instead.")] = False,
) -> None:
    """Print the JSON Schema of case files, with which an editor completes and checks them."""
    from celu_cli.case.json_schema import case_json_schema
    from celu_cli.sweep.request import sweep_json_schema
    from celu_cli.text import json_text

    typer.echo(json_text(sweep_json_schema() if sweep else case_json_schema()))
