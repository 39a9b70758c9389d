"""`celu activations`: draw activations with their derivatives, and prove the derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from celu_cli.cli.options import output_option
from celu_cli.errors import GradientError, UsageError

if TYPE_CHECKING:
    from celu_cli.analysis.plots.activation_curves import ActivationCurve


_DEFAULT_NAMES = ("celu", "elu")
# At 1 the two are the same function: only other alphas show a difference.
_DEFAULT_ALPHAS = {"celu": (0.5, 1.0, 2.0), "elu": (0.5, 1.0, 2.0)}

_NOTE = (
    "largest error: how far the derivative that training uses is from central differences of the value, relative, in "
    "float64, for x from {low:g} to {high:g} but not at a kink"
)
_NOTE_WIDTH = 100


def activations(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Activations by name, or FILE.py:NAME for one of your own; celu and elu when none is named.",
        ),
    ] = None,
    alphas: Annotated[
        list[float] | None,
        typer.Option(
            "--alpha",
            help="Alpha for those that take one, once for each curve; by default 0.5, 1, 2 or its own default.",
        ),
    ] = None,
    output: Annotated[Path, output_option("FILE", "The picture, .png, .svg or .pdf.")] = Path(
        "activations.png"
    ),
) -> None:
    """Draw activations above their derivatives, and measure each derivative against finite differences.

    The values are those that training computes, in float64. A derivative that jumps at 0 is marked.
    A file of your own is Python code, which celu runs. The exit code is 4 when a derivative is wrong: the picture then
    has the finite differences dashed beside it.
    """
    from celu_cli.analysis.plots.style import picture_format

    file_format = picture_format(output)
    wanted = _checked(names or _DEFAULT_NAMES, alphas or ())
    curves = [_measure(name, alpha) for name, alpha in wanted]

    from celu_cli.analysis.plots.activations import draw_activations

    draw_activations(curves, output, file_format)
    _print_table(curves)
    typer.echo(f"Drawn into {output}", err=True)
    if wrong := [_wrong(curve, name) for curve, (name, _) in zip(curves, wanted, strict=True) if curve.wrong]:
        raise GradientError("\n".join(wrong))


def _checked(names: Sequence[str], alphas: Sequence[float]) -> list[tuple[str, float | None]]:
    """Each activation with each of its alphas, None where it has none."""
    from celu_cli.case.activations import alpha_problem, known_alpha_rule, with_whole_path

    wanted: dict[tuple[str, float | None], None] = {}
    for name in names:
        rule = known_alpha_rule(name)
        if rule is None:
            wanted[name, None] = None
            continue
        for alpha in alphas or _DEFAULT_ALPHAS.get(name, (rule.default,)):
            if problem := alpha_problem(name, alpha):
                raise UsageError(f"--alpha {alpha:g}: {problem}")
            wanted[with_whole_path(name, Path()), alpha] = None
    if alphas and all(alpha is None for _, alpha in wanted):
        raise UsageError(f"--alpha: there is none in {', '.join(dict.fromkeys(names))}; leave it out")
    return list(wanted)


def _measure(name: str, alpha: float | None) -> ActivationCurve:
    from celu_cli.analysis.plots.activation_curves import measure_activation
    from celu_cli.case.activations import activation_label
    from celu_cli.engine.user_activations import find_activation, float64_functions

    value, derivative = float64_functions(name, 1.0 if alpha is None else alpha)
    return measure_activation(activation_label(name), alpha, find_activation(name).formula, value, derivative)


def _print_table(curves: Sequence[ActivationCurve]) -> None:
    from celu_cli.analysis.plots.activation_curves import HIGH, LOW
    from celu_cli.cli.output.tables import Column, fit, print_lines, print_prose, results_console, table_lines

    console = results_console()
    columns = [
        Column("activation", [curve.label for curve in curves]),
        Column("alpha", ["" if curve.alpha is None else f"{curve.alpha:g}" for curve in curves], right=True),
        Column("formula", [curve.formula for curve in curves], leaves=0),
        Column("derivative at 0", [_at_zero(curve) for curve in curves]),
        Column("largest error", [_error(curve) for curve in curves], right=True),
    ]
    print_lines(console, table_lines(fit(columns, console.width)))
    console.print()
    print_prose(console, _NOTE.format(low=LOW, high=HIGH), "dim", most=_NOTE_WIDTH)


def _wrong(curve: ActivationCurve, name: str) -> str:
    """What is wrong, with file and line where it is the user's own."""
    from celu_cli.engine.user_activations import places_of

    value_at, derivative_at = places_of(name)
    of = curve.label if curve.alpha is None else f"{curve.label} with alpha {curve.alpha:g}"
    if curve.not_finite_at is not None:
        place = f" ({value_at})" if value_at else ""
        return (
            f"{of}{place} is wrong: value or derivative is NaN or infinite at x = {curve.not_finite_at:.3g}"
        )
    place = f" ({derivative_at})" if derivative_at else ""
    return (
        f"the derivative of {of}{place} is wrong: its relative error against finite differences of the value is "
        f"{curve.error:.3g} at x = {curve.error_at:.3g}"
    )


def _at_zero(curve: ActivationCurve) -> str:
    if not all(map(isfinite, (curve.left, curve.at_zero, curve.right))):
        return "NaN or infinite"
    return f"jumps from {curve.left:.4g} to {curve.right:.4g}" if curve.jumps else "continuous"


def _error(curve: ActivationCurve) -> str:
    if curve.not_finite_at is not None:
        return f"wrong: NaN or infinite at x = {curve.not_finite_at:.3g}"
    if curve.error is None:
        return "not known: kinks everywhere"
    found = f"{curve.error:.0e}" if curve.error < 1e-6 else f"{curve.error:.3g} at x = {curve.error_at:.3g}"
    return f"wrong: {found}" if curve.wrong else found
