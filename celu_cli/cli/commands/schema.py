"""`celu schema`: the JSON Schema of a case file."""

from __future__ import annotations

import typer


def schema() -> None:
    """Print the JSON Schema of case files, with which an editor completes and checks them."""
    from celu_cli.case.json_schema import case_json_schema
    from celu_cli.text import json_text

    typer.echo(json_text(case_json_schema()))
