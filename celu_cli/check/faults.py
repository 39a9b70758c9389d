"""Where a gradient goes wrong, and why.

The search follows the gradient from the loss down: whatever lies below a fault deviates too, so only the first place
counts. Parts tried alone come first, as they name the very function; then what is made of right parts; then the
arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from celu_cli.check.measured import (
    DERIVATION_TOLERANCE,
    DIFFERENCES_TOLERANCE,
    LOSS_TOLERANCE,
    NEGATIVE,
    NO_SHARE_IN,
    POSITIVE,
    PRECISION_TOLERANCE,
    ROUNDING_MARGIN,
    GradientCheck,
    LayerCheck,
    PartCheck,
)
from celu_cli.check.text import activation_text, deviation_text, error_text, layers_text

LOSS = "loss"
SKIP = "skip gradient"
ASSEMBLY = "assembly of layers"
ARITHMETIC = "arithmetic"
TAPE = "tape"
READING = "what the case says"
RATES = "dilated rates"
NOT_FINITE = "NaN or infinity"


@dataclass(frozen=True)
class Fault:
    """What is wrong, where it enters (`layer` is None for the loss), and a sentence that says so.

    `place` is file and line where they are known. `unused`: nothing that the training does rests on it.
    """

    layer: int | None
    part: str
    text: str
    place: str = ""
    unused: bool = False


def find_faults(check: GradientCheck) -> tuple[Fault, ...]:
    """The faults that a check shows, the first to look at first; empty when all is as declared."""
    searches = (
        _not_finite,
        _misread,
        _doubt,
        _wrong_parts,
        _wrong_assembly,
        _wrong_arithmetic,
        _wrong_unused,
    )
    for search in searches:
        if found := tuple(search(check)):
            return found
    return ()


def deviates(error: float) -> bool:
    """Whether a gradient taken in float64 is off; NaN is."""
    return not error <= DERIVATION_TOLERANCE


def _downwards(check: GradientCheck) -> Iterator[tuple[LayerCheck | None, LayerCheck]]:
    """Every layer from the last to the first, with the one above it, which is None for the last."""
    downwards = check.layers[::-1]
    return zip((None, *downwards), downwards, strict=False)


def _not_finite(check: GradientCheck) -> Iterator[Fault]:
    """Where NaN or infinity begins; nothing above it and no gradient means anything."""
    for layer in check.layers:
        if layer.not_finite:
            own = layer.not_finite == "activation"
            name = f"activation {activation_text(layer, layer.value_at)}" if own else layer.not_finite
            text = (
                f"Layer {layer.number}, {name}: it makes NaN or infinity of finite numbers. All outputs above it and "
                f"all gradients are made of that."
            )
            yield Fault(layer.number, NOT_FINITE, text, layer.value_at if own else "")
            return


def _misread(check: GradientCheck) -> Iterator[Fault]:
    """Where the engine computes something other than the case says, whatever its gradients are."""
    for layer in check.layers:
        if layer.reading is not None and deviates(layer.reading):
            yield Fault(
                layer.number,
                READING,
                f"Layer {layer.number} does not compute what the case says: of the same input, a second reading of the "
                f"case makes an output from which it is {error_text(layer.reading)} off. The value of "
                f"{layer.plan.activation}, alpha, kernel, pool or residual is not the case's.",
            )
    if deviates(check.dilated_rates):
        yield Fault(
            None,
            RATES,
            f"The dilated rates are not those that the case says: over its epochs they are "
            f"{error_text(check.dilated_rates)} off rate / (1 + decay (epoch - 1)).",
        )


def _doubt(check: GradientCheck) -> Iterator[Fault]:
    """Where the tape itself and finite differences disagree, nothing else can be judged."""
    for above, layer in _downwards(check):
        for error, of, culprit in (
            (layer.output_differences, "output", above),
            (layer.weights_differences, "weights", layer),
        ):
            if error is not None and not error <= DIFFERENCES_TOLERANCE:
                through = (
                    "the loss"
                    if culprit is None
                    else f"layer {culprit.number} ({activation_text(culprit, culprit.value_at)})"
                )
                yield Fault(
                    culprit.number if culprit else None,
                    TAPE,
                    f"The reference itself is in doubt: on the gradient of layer {layer.number}'s {of}, the tape and "
                    f"finite differences of the loss disagree by {error_text(error)}. The tape's derivative of "
                    f"{through} is not that of its value.",
                )
                return


def _wrong_parts(check: GradientCheck) -> Iterator[Fault]:
    """Each part that is wrong when tried alone, with all layers in which it is, from the loss down."""
    if check.method != "auto":
        yield from _parts_alone(check)


def _wrong_unused(check: GradientCheck) -> Iterator[Fault]:
    """Derivatives that the tape does not use, and that would be wrong if another method did."""
    for fault in _parts_alone(check):
        text = f"{fault.text} Backprop auto does not use it: the gradients of this case are right."
        yield replace(fault, text=text, unused=True)


def _parts_alone(check: GradientCheck) -> Iterator[Fault]:
    wrong: dict[str, list[tuple[LayerCheck | None, PartCheck]]] = {}
    if not check.loss.right:
        wrong[LOSS] = [(None, check.loss)]
    for _, layer in _downwards(check):
        names = {part.part for part in layer.parts if not part.right}
        for part in layer.parts:
            made_of = names - NO_SHARE_IN.get(part.part, names) - {part.part}
            if not part.right and not made_of:
                wrong.setdefault(part.part, []).append((layer, part))
    for name, ((highest, first), *rest) in wrong.items():
        where, place = "The gradient of the loss", ""
        if highest is not None:
            where = f"Layer {highest.number}, {name},"
            if name in (POSITIVE, NEGATIVE):
                place = highest.derivative_at
                where += f" the derivative of {activation_text(highest, place)},"
        text = f"{where} is wrong when tried alone: {deviation_text(check, highest, name, first.declared)}."
        if others := [layer.number for layer, _ in rest if layer is not None]:
            text += f" The same is wrong in {layers_text(others)}."
        yield Fault(highest.number if highest else None, name, text, place)


def _wrong_assembly(check: GradientCheck) -> Iterator[Fault]:
    """All parts are right, but what backprop makes of them is not."""
    right = "Every part is right when tried alone"
    for above, layer in _downwards(check):
        if deviates(layer.declared_output.relative_error):
            found = deviation_text(check, above, ASSEMBLY, layer.declared_output)
            if above is None:
                text = f"but not the gradient that the last layer gets from the loss: {found}."
            else:
                text = (
                    f"but not what layer {above.number} passes down to layer {layer.number}: {found}. Backprop seems "
                    f"to run layer {above.number} on other weights or kept values than the forward pass did."
                )
            yield Fault(above.number if above else None, ASSEMBLY, f"{right}, {text}")
            return
        if deviates(layer.declared_weights.relative_error):
            found = deviation_text(check, layer, ASSEMBLY, layer.declared_weights)
            skip = layer.number in check.dilated_layers
            text = f"but not what backprop makes of it for the layer's weights: {found}."
            if skip:
                text = (
                    f"but not the skip gradient that it gets from layer {layer.number + 2} besides. Its weights' "
                    f"gradient shows it: {found}."
                )
            gets = f"and so is what layer {layer.number} gets from above"
            yield Fault(layer.number, SKIP if skip else ASSEMBLY, f"{right}, {gets}, {text}")
            return


def _wrong_arithmetic(check: GradientCheck) -> Iterator[Fault]:
    """The formulas are right in float64, but not what the precision of the training makes of them."""
    if not check.trained_loss <= LOSS_TOLERANCE[check.precision]:
        yield Fault(
            None,
            ARITHMETIC,
            f"In float64 everything is right, but as trained ({check.precision}) the gradient of the loss is "
            f"{error_text(check.trained_loss)} off when tried alone, which is more than rounding.",
        )
        return
    for above, layer in _downwards(check):
        allowed = max(PRECISION_TOLERANCE[check.precision], ROUNDING_MARGIN * layer.tape_rounding)
        for found, of, culprit in (
            (layer.trained_output, "the gradient it gets from above", above),
            (layer.trained_weights, "its weights' gradient", layer),
        ):
            if not found.relative_error <= allowed:
                algorithm = ", Winograd's algorithm" if culprit is not None and culprit.winograd else ""
                yield Fault(
                    culprit.number if culprit else None,
                    ARITHMETIC,
                    f"In float64 everything is right, but as trained ({check.precision}{algorithm}) layer "
                    f"{layer.number} is not: {of} is {error_text(found.relative_error)} off, where the tape's in that "
                    f"precision is only {error_text(layer.tape_rounding)} off.",
                )
                return
