"""`celu check`: prove a case's gradients before training with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from celu_cli.cli.options import AsJson, Overrides
from celu_cli.errors import GradientError, UsageError
from celu_cli.files import with_home
from celu_cli.text import json_text

if TYPE_CHECKING:
    from celu_cli.case.schema import Case
    from celu_cli.check.measured import GradientCheck
    from celu_cli.check.verdict import Verdict


def check(
    case: Annotated[
        str | None,
        typer.Argument(metavar="[CASE]", parser=with_home, help="Name of a case, or path of a YAML file."),
    ] = None,
    overrides: Overrides = None,
    check_all: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Check every activation, method and precision on a small network, and every shipped case made narrow.",
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail too where the gradient is biased as the case declares.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove the gradients of a case, layer by layer, on real images of the embedded sample.

    They are compared with the tape's, the tape with finite differences, all in float64; then each part is tried alone.
    The exit code is 4 when they are wrong.
    """
    if check_all == (case is not None):
        raise UsageError("name a case to check, or give --all without one")
    if check_all:
        _check_all(strict, as_json)
    else:
        assert case is not None
        _check_one(case, overrides or [], strict, as_json)


def _check_one(reference: str, overrides: list[str], strict: bool, as_json: bool) -> None:
    from celu_cli.case.load import load_case
    from celu_cli.check.file import json_values
    from celu_cli.check.verdict import judge
    from celu_cli.cli.output.check import print_check

    case = load_case(reference, overrides)
    typer.echo(f"Checking the gradients of {case.name} …", err=True)
    measured = _measure(case)
    verdict = judge(measured)
    if as_json:
        typer.echo(json_text(json_values(measured, verdict)))
    else:
        print_check(case, measured, verdict)
    if not verdict.passes(strict):
        raise GradientError(_failure(case, verdict))


def _check_all(strict: bool, as_json: bool) -> None:
    from celu_cli.check.combinations import combinations
    from celu_cli.check.file import json_values
    from celu_cli.check.verdict import judge
    from celu_cli.cli.output.check import MatrixTable

    chosen = combinations()
    typer.echo(f"Checking {len(chosen)} combinations; shipped cases with 8 filters and he_normal …", err=True)
    table = None if as_json else MatrixTable(chosen)
    failed, records = 0, []
    for combination in chosen:
        measured = _measure(combination.case, samples=combination.samples)
        verdict = judge(measured)
        failed += not verdict.passes(strict)
        if table is not None:
            table.print_row(combination, measured, verdict)
        else:
            records.append(json_values(measured, verdict))
    if as_json:
        typer.echo(json_text(records))
    if failed:
        raise GradientError(f"{failed} of {len(chosen)} combinations failed")


def _measure(case: Case, samples: int | None = None) -> GradientCheck:
    from celu_cli.datasets.load import load_dataset

    sample = load_dataset(case.dataset.name, sample=True)
    # TensorFlow takes seconds to import: only now is it sure to be needed.
    from celu_cli.engine.check.gradients import SAMPLES, check_gradients

    return check_gradients(case, sample.train, SAMPLES if samples is None else samples)


def _failure(case: Case, verdict: Verdict) -> str:
    if verdict.kind == "biased":
        return f"the gradients of {case.name} are biased, as it declares, and --strict asks for the true ones"
    first = verdict.faults[0]
    place = "the loss" if first.layer is None else f"layer {first.layer}"
    part = f"{first.part}, {first.place}" if first.place else first.part
    if first.unused:
        return f"the derivative at {place} of {case.name} is wrong, though auto does not use it: {part}"
    return f"the gradients of {case.name} are wrong; it enters at {place}: {part}"
