"""Rows as JSON, CSV or Markdown: every field, or only those that differ."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

import typer

from celu_cli.text import finite, json_text

RecordFormat = Literal["json", "csv", "md"]


def print_records(rows: Sequence[Any], file_format: RecordFormat, only_changed: bool) -> None:
    """Write the dataclass instances `rows`, one kind and at least one, to stdout."""
    records = [{key: _rounded(value) for key, value in asdict(row).items()} for row in rows]
    if only_changed and len(records) > 1:
        first, *changing = records[0]  # the first field names the row
        changing = [key for key in changing if len({record[key] for record in records}) > 1]
        records = [{key: record[key] for key in (first, *changing)} for record in records]
    match file_format:
        case "json":
            typer.echo(json_text(records))
        case "csv":
            writer = csv.DictWriter(sys.stdout, list(records[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)
        case "md":
            names = list(records[0])
            lines = [names, ["---"] * len(names)]
            lines += [
                ["" if value is None else str(value) for value in record.values()] for record in records
            ]
            for line in lines:
                typer.echo("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |")


def _rounded(value: Any) -> Any:
    """Six digits, as many as the published logs have; JSON has no NaN."""
    return finite(round(value, 6)) if isinstance(value, float) else value
