"""`celu check`: prove a case's gradients before training with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from celu_cli.cli.options import DEFAULT_LOGS, AsJson, Logs, Overrides
from celu_cli.errors import GradientError, UsageError
from celu_cli.files import with_home, write_result
from celu_cli.text import json_text, shown

if TYPE_CHECKING:
    from celu_cli.case.schema import Case
    from celu_cli.check.verdict import Verdict


def check(
    case: Annotated[
        str | None,
        typer.Argument(
            metavar="[CASE|RUN]",
            parser=with_home,
            help="Name of a case, path of a YAML file, a run (its directory, or case/directory), or FILE.py:NAME, an "
            "activation of your own, which is checked in a small network.",
        ),
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
        bool, typer.Option("--strict", help="Also fail where the gradient is biased as the case declares.")
    ] = False,
    save: Annotated[
        bool,
        typer.Option("--save", help="Write check.json into the run's directory, where celu report finds it."),
    ] = False,
    logs: Logs = DEFAULT_LOGS,
    as_json: AsJson = False,
) -> None:
    """Prove the gradients of a case, layer by layer, on real images of the embedded sample.

    They are compared with the tape's, the tape with finite differences, all in float64; then each part is tried alone.
    The exit code is 4 when they are wrong.
    """
    if check_all == (case is not None):
        raise UsageError("name a case to check, or give --all without one")
    if save and (check_all or overrides):
        raise UsageError("--save keeps the check of a run as it was trained: name a run, without KEY=VALUE")
    if check_all:
        _check_all(strict, as_json)
    else:
        assert case is not None
        _check_one(case, overrides or [], strict, as_json, save, logs)


def _check_one(
    reference: str, overrides: list[str], strict: bool, as_json: bool, save: bool, logs: Path
) -> None:
    from celu_cli.check.file import CHECK_NAME, json_values
    from celu_cli.check.verdict import judge
    from celu_cli.cli.output.check import print_check

    case, run = _find(reference, overrides, logs)
    if save and run is None:
        raise UsageError(f"--save keeps the check of a run, and {reference} is not a run: name one")
    typer.echo(f"Checking the gradients of {case.name} …", err=True)
    # TensorFlow takes seconds to import: only now is it sure to be needed.
    from celu_cli.engine.check.gradients import check_on_sample

    measured = check_on_sample(case)
    verdict = judge(measured)
    if as_json:
        typer.echo(json_text(json_values(measured, verdict)))
    else:
        print_check(case, measured, verdict)
    if save and run is not None:
        write_result(run / CHECK_NAME, json_text(json_values(measured, verdict)) + "\n")
        typer.echo(f"Saved as {shown(run / CHECK_NAME)}", err=True)
    if not verdict.passes(strict):
        raise GradientError(_failure(case, verdict))


def _find(reference: str, overrides: list[str], logs: Path) -> tuple[Case, Path | None]:
    """The case to check, and the directory of the run if a run was named."""
    from celu_cli.analysis.why.subject import case_file
    from celu_cli.case.activations import user_activation, with_whole_path
    from celu_cli.case.load import load_case
    from celu_cli.check.combinations import small_case

    if user_activation(reference) is not None:
        if overrides:
            raise UsageError(f"{reference} alone has no keys to set: name a case, and activation={reference}")
        return small_case(with_whole_path(reference, Path())), None
    path, run = case_file(reference, logs)
    return load_case(path, overrides), run


def _check_all(strict: bool, as_json: bool) -> None:
    from celu_cli.check.combinations import combinations
    from celu_cli.check.file import json_values
    from celu_cli.check.verdict import judge
    from celu_cli.cli.output.check import MatrixTable

    chosen = combinations()
    typer.echo(f"Checking {len(chosen)} combinations; shipped cases with 8 filters and he_normal …", err=True)
    from celu_cli.engine.check.gradients import check_on_sample

    table = None if as_json else MatrixTable(chosen)
    failed, records = 0, []
    for combination in chosen:
        measured = check_on_sample(combination.case, combination.samples)
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


def _failure(case: Case, verdict: Verdict) -> str:
    if verdict.kind == "biased":
        return f"the gradients of {case.name} are biased, as it declares, and --strict asks for the true ones"
    first = verdict.faults[0]
    place = "the loss" if first.layer is None else f"layer {first.layer}"
    part = f"{first.part}, {first.place}" if first.place else first.part
    if first.unused:
        return f"the derivative at {place} of {case.name} is wrong, though auto does not use it: {part}"
    return f"the gradients of {case.name} are wrong; it enters at {place}: {part}"
