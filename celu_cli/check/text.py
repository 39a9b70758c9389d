"""The numbers of a gradient check as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isclose, isfinite

from celu_cli.case.activations import activation_label
from celu_cli.check.measured import POOL, Deviation, GradientCheck, LayerCheck


def error_text(error: float) -> str:
    """A relative error, short: 0, 3e-16, 0.26, 7.3, 4.1e2."""
    if 0.0 < error < 1e-3:
        mantissa, _, exponent = f"{error:.0e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    return short_number(error, digits=2)


def short_number(value: float, digits: int = 3) -> str:
    """A number in at most `digits` digits, without the padding of an exponent: 8.25, 1.5e5, 3e-16."""
    text = f"{value:.{digits}g}"
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text


def layers_text(numbers: Sequence[int]) -> str:
    """layer 5; layers 2 to 6; layers 1, 3 and 5."""
    ordered = sorted(numbers)
    if len(ordered) == 1:
        return f"layer {ordered[0]}"
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"layers {ordered[0]} to {ordered[-1]}"
    return f"layers {', '.join(map(str, ordered[:-1]))} and {ordered[-1]}"


def within(error: float) -> str:
    """How near something is to its reference."""
    return "to the last bit" if error == 0.0 else f"to {error_text(error)}"


def activation_text(layer: LayerCheck, place: str) -> str:
    """The name of a layer's activation, with file and line where it is the user's own."""
    label = activation_label(layer.plan.activation)
    return f"{label.rpartition(':')[2]} ({place})" if place else label


def deviation_text(check: GradientCheck, layer: LayerCheck | None, part: str, found: Deviation) -> str:
    """What is off: by a factor where there is one, with what that factor may come from; otherwise how far and where."""
    rightful = "the true one" if not check.declares_bias else "the declared one"
    if found.factor is not None:
        if found.factor == 0.0:
            return "it is 0"
        causes = " or ".join(_causes(check, layer, part, found.factor))
        return f"it is {short_number(found.factor, 4)} times {rightful}" + (f" ({causes})" if causes else "")
    index = ", ".join(map(str, found.worst_index))
    if not isfinite(found.worst_value):
        return f"it is not finite, as at ({index})"
    return (
        f"it is {error_text(found.relative_error)} off {rightful} (cosine {found.cosine:.4f}, norm ratio "
        f"{short_number(found.norm_ratio)}), most at ({index}): {short_number(found.worst_value)}, "
        f"rightly {short_number(found.worst_reference)}"
    )


def _causes(check: GradientCheck, layer: LayerCheck | None, part: str, factor: float) -> Iterator[str]:
    """Numbers of the case that the factor equals."""
    plan = (layer or check.layers[-1]).plan
    known = [("the number of images, which the mean divides by", float(check.batch))]
    if part == POOL and layer is not None:
        known = [(f"the cells of a {plan.pool_size} x {plan.pool_size} window", float(plan.pool_size**2))]
    alpha = max(check.scale, plan.alpha)
    if alpha != 1.0 and part != POOL:
        known.append(("alpha", alpha))
    if factor < 0.0:
        yield "the sign is reversed"
    for meaning, value in known:
        if isclose(abs(factor), value):
            yield meaning
        elif isclose(abs(factor), 1.0 / value):
            yield f"1 / {meaning}"


def cosine_text(cosine: float) -> str:
    """Four digits, but 1 only where it is 1."""
    if abs(cosine - 1.0) <= 1e-12:
        return "1"
    text = f"{cosine:.4f}"
    return ">0.9999" if text == "1.0000" else text
