"""What a gradient check means: right, biased as declared, or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from celu_cli.analysis.bias import bias_findings
from celu_cli.analysis.faults import TAPE, Fault, find_faults
from celu_cli.analysis.gradient_words import error_words, layers_words, within
from celu_cli.analysis.gradients import GradientCheck


@dataclass(frozen=True)
class Verdict:
    """`right`: the true gradient. `biased`: not that, but what the case declares. `wrong`: neither.

    The first of the `faults` is the one to look at. `findings` are sentences for a reader, the faults' among them.
    """

    kind: Literal["right", "biased", "wrong"]
    faults: tuple[Fault, ...]
    findings: tuple[str, ...]

    def passes(self, strict: bool = False) -> bool:
        """A declared bias passes, but not where the caller is strict."""
        return self.kind == "right" or (self.kind == "biased" and not strict)


def judge(check: GradientCheck) -> Verdict:
    """Find out what the numbers of a check mean."""
    faults = find_faults(check)
    if faults:
        return Verdict("wrong", faults, (*(fault.text for fault in faults), *_consequences(faults[0])))
    reasons = bias_findings(check) if check.declares_bias else _proof(check)
    kind: Literal["right", "biased"] = "biased" if check.declares_bias else "right"
    return Verdict(kind, (), (*reasons, *_differences(check), _rounding(check)))


def _consequences(fault: Fault) -> Iterator[str]:
    """What else the table shows, and why."""
    if fault.part == TAPE:
        yield "All other comparisons rest on the tape: they prove nothing until this is mended."
    elif fault.layer is None:
        yield "It enters at the loss: all layers below it are wrong for that reason alone."
    elif fault.layer > 1:
        yield (
            f"On the way from the loss down it enters at layer {fault.layer}: all below is wrong for that reason alone."
        )


def _proof(check: GradientCheck) -> Iterator[str]:
    by_tape = check.method == "auto"
    error = max(
        max(one.exact_weights.relative_error, one.exact_output.relative_error) for one in check.layers
    )
    method = "tape" if by_tape else "hand-written backprop"
    parts = "" if by_tape else ", and so does every part of each layer tried alone"
    yield f"Right. In float64 the {method} gives the true gradient in every layer, {within(error)}{parts}."


def _differences(check: GradientCheck) -> Iterator[str]:
    """That the tape, which stands for the truth, was checked in its turn."""
    errors = [error for one in check.layers for error in (one.weights_differences, one.output_differences)]
    measured = [error for error in errors if error is not None]
    if not measured:
        yield "Finite differences measured none of these gradients, so it rests on the tape alone."
        return
    others = "; the others are too small, or have too many kinks, for them to measure"
    yield (
        f"The truth is the tape's gradient of a network written anew; finite differences of the loss confirm it to "
        f"{error_words(max(measured))} at coordinates sampled from {len(measured)} of {len(errors)} tensors"
        f"{others if len(measured) < len(errors) else ''}."
    )


def _rounding(check: GradientCheck) -> str:
    error = max(
        max(one.trained_weights.relative_error, one.trained_output.relative_error) for one in check.layers
    )
    winograd = [layer.number for layer in check.layers if layer.winograd]
    algorithm = f" with Winograd's algorithm in {layers_words(winograd)}" if winograd else ""
    tape = max(layer.tape_rounding for layer in check.layers)
    return (
        f"As trained, in {check.precision}{algorithm}, rounding adds at most {error_words(error)} (the tape's: "
        f"{error_words(tape)})."
    )
