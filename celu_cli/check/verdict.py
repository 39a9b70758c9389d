"""What a gradient check means: right, biased as declared, or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Annotated, Literal

from pydantic import Field

from celu_cli.check.faults import NOT_FINITE, RATES, READING, TAPE, Fault, find_faults
from celu_cli.check.measured import NEGATIVE, POOL, POSITIVE, GradientCheck, LayerCheck, PartCheck
from celu_cli.check.text import cosine_text, error_text, layers_text, short_number, within
from celu_cli.text import counted


@dataclass(frozen=True)
class Verdict:
    """`right`: the true gradient. `biased`: not that, but what the case declares. `wrong`: neither.

    The first of the `faults` is the one to look at. `findings` are sentences for a reader, the faults' among them.
    """

    kind: Annotated[Literal["right", "biased", "wrong"], Field(alias="verdict")]
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
    reasons = _bias(check) if check.declares_bias else _proof(check)
    kind: Literal["right", "biased"] = "biased" if check.declares_bias else "right"
    return Verdict(kind, (), (*reasons, *_differences(check), _rounding(check)))


def _consequences(fault: Fault) -> Iterator[str]:
    """What else the table shows, and why."""
    if fault.unused or fault.part in (NOT_FINITE, RATES):
        return
    if fault.part == READING:
        yield "Whether its gradients are right was compared with what it computes, not with what the case says."
    elif fault.part == TAPE:
        yield "All other comparisons rest on the tape: they prove nothing until this is fixed."
    elif fault.layer is None:
        yield "It enters at the loss: all layers below it are wrong for that reason alone."
    elif fault.layer > 1:
        yield (
            f"On the way from the loss down it enters at layer {fault.layer}: all below is wrong for that reason alone."
        )


def _proof(check: GradientCheck) -> Iterator[str]:
    by_tape = check.method == "auto"
    error = max(check.errors("exact"))
    method = "tape" if by_tape else "hand-written backprop"
    parts = "" if by_tape else ", and so does every part of each layer tried alone"
    yield f"Right. In float64 the {method} gives the true gradient in every layer, {within(error)}{parts}."


def _differences(check: GradientCheck) -> Iterator[str]:
    """That the tape, which stands for the true gradient, was checked in its turn."""
    measured, tensors = check.errors("differences"), 2 * len(check.layers)
    if not measured:
        yield "Finite differences measured none of these gradients, so it rests on the tape alone."
        return
    others = "; the others are too small, or have too many kinks, for them to measure"
    yield (
        f"The reference is the tape's gradient of a network written separately; finite differences of the loss confirm "
        f"it to {error_text(max(measured))} at coordinates sampled from {len(measured)} of {tensors} tensors"
        f"{others if len(measured) < tensors else ''}."
    )


def _rounding(check: GradientCheck) -> str:
    winograd = [layer.number for layer in check.layers if layer.winograd]
    algorithm = f" with Winograd's algorithm in {layers_text(winograd)}" if winograd else ""
    tape = max(layer.tape_rounding for layer in check.layers)
    return (
        f"As trained, in {check.precision}{algorithm}, rounding adds at most "
        f"{error_text(max(check.errors('trained')))} (the tape's: {error_text(tape)})."
    )


def _bias(check: GradientCheck) -> Iterator[str]:
    """Sentences that name each declared departure, prove that there is no other, and measure what it costs."""
    if check.rule == "article":
        yield from _article(check)
    if check.dilated_layers:
        yield from _dilated(check)
    yield from _cost(check)


def _article(check: GradientCheck) -> Iterator[str]:
    yield (
        f"Biased as declared. The rule article departs from the true gradient in three ways. First, the loss: its "
        f"gradient is {_factor(check.loss)} times the true one, because it is not divided by the number of images "
        f"(here {check.batch})."
    )
    pools: dict[str, list[LayerCheck]] = {}
    for layer in check.layers:
        if layer.plan.pool == "average":
            pools.setdefault(_factor(_part(layer, POOL)), []).append(layer)
    for factor, layers in pools.items():
        size = layers[0].plan.pool_size
        yield (
            f"Second, the pools of {layers_text([layer.number for layer in layers])}: each passes down {factor} times "
            f"the true gradient, because each cell of a {size} x {size} window gets all of it instead of 1/{size**2}."
        )
    positive = {_factor(_part(layer, POSITIVE)) for layer in check.layers}
    yield (
        f"Third, the activation of {layers_text([layer.number for layer in check.layers])}: CELU' is "
        f"{' or '.join(sorted(positive))} where x > 0 instead of 1, because the scripts add the mask of that side to "
        f"exp(0) = 1. Where x < 0 it is right ({within(_largest(check, NEGATIVE))})."
    )
    yield (
        f"Nothing else departs: {', '.join(_other_parts(check))} are right when tried alone, and all gradients "
        f"together equal the tape's gradients of a network with just these departures to "
        f"{error_text(max(check.errors('declared')))}."
    )


def _other_parts(check: GradientCheck) -> Iterator[str]:
    for part in ("filter gradient", "input gradient"):
        yield f"{part}s ({within(_largest(check, part))})"
    if any(layer.plan.residual for layer in check.layers):
        yield "residual sums"


def _dilated(check: GradientCheck) -> Iterator[str]:
    start = "Besides, dilated" if check.rule == "article" else "Biased as declared. Dilated"
    pairs = ", ".join(f"{number} from {number + 2}" for number in check.dilated_layers)
    yield (
        f"{start} backprop adds {check.rate:g} (the rate of epoch 1) times the gradient of two layers above: "
        f"into layer {pairs}. To {error_text(max(check.errors('declared')))} the result is the tape's gradient of the "
        f"loss with the terms added that this amounts to, rate <up(d of layer l + 2), y of layer l>."
    )


def _cost(check: GradientCheck) -> Iterator[str]:
    layers = check.layers
    worst = min(layers, key=lambda layer: layer.exact_weights.cosine)
    best = max(layers, key=lambda layer: layer.exact_weights.cosine)
    yield (
        f"The bias, against the true gradient of the weights: cosine from {cosine_text(best.exact_weights.cosine)} "
        f"(layer {best.number}) to {cosine_text(worst.exact_weights.cosine)} (layer {worst.number}); relative error "
        f"up to {error_text(max(layer.exact_weights.relative_error for layer in layers))}; norm ratio "
        f"{short_number(layers[-1].exact_weights.norm_ratio)} in layer {layers[-1].number}, "
        f"{short_number(layers[0].exact_weights.norm_ratio)} in layer {layers[0].number}."
    )
    if check.rule == "article":
        yield from _size(check)


def _size(check: GradientCheck) -> Iterator[str]:
    """The part of the first layer's norm ratio that constant factors make."""
    pools = [layer.plan.pool_size**2 for layer in check.layers if layer.plan.pool == "average"]
    constant = prod([check.batch, *pools])
    ratio = check.layers[0].exact_weights.norm_ratio
    yield (
        f"Of layer 1's {short_number(ratio)}, the batch and {counted(len(pools), 'pool')} make "
        f"{' x '.join(map(str, [check.batch, *pools]))} = {constant:,}; the activations make the other "
        f"{short_number(ratio / constant)}. A constant factor hardly matters to Adam and its kin, which divide by the "
        f"gradient's size; the activations also turn the gradient, and no optimizer turns it back."
    )


def _part(layer: LayerCheck, name: str) -> PartCheck:
    return next(part for part in layer.parts if part.part == name)


def _factor(part: PartCheck) -> str:
    return "no constant" if part.exact.factor is None else short_number(part.exact.factor, 6)


def _largest(check: GradientCheck, name: str) -> float:
    return max(_part(layer, name).exact.relative_error for layer in check.layers)
