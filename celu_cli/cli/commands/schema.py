"""`celu schema`: the JSON Schema of a case file."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of case files, with which an editor completes and checks them."""
    from celu_cli.case.json_schema import case_json_schema

    typer.echo(json.dumps(case_json_schema(), indent=2))
