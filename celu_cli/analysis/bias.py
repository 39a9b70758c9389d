"""How far a gradient that is biased on purpose lies from the true one, and for what reasons."""

from __future__ import annotations

from collections.abc import Iterator

from celu_cli.analysis.gradient_words import error_words, layers_words, short_number, within
from celu_cli.analysis.gradients import NEGATIVE, POOL, POSITIVE, GradientCheck, LayerCheck, PartCheck


def bias_findings(check: GradientCheck) -> Iterator[str]:
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
            f"Second, the pools of {layers_words([layer.number for layer in layers])}: each passes down {factor} times "
            f"the true gradient, because each cell of a {size} x {size} window gets all of it instead of 1/{size**2}."
        )
    positive = {_factor(_part(layer, POSITIVE)) for layer in check.layers}
    yield (
        f"Third, the activation of {layers_words([layer.number for layer in check.layers])}: CELU' is "
        f"{' or '.join(sorted(positive))} where x > 0 instead of 1, because the scripts add the mask of that side to "
        f"exp(0) = 1. Where x < 0 it is right ({within(_largest(check, NEGATIVE))})."
    )
    yield (
        f"Nothing else departs: {', '.join(_other_parts(check))} are right when tried alone, and all gradients "
        f"together equal the tape's gradients of a network with just these departures to "
        f"{error_words(_declared_error(check))}."
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
        f"into layer {pairs}. To {error_words(_declared_error(check))} the result is the tape's gradient of the loss "
        f"with the terms added that this amounts to, rate <up(d of layer l + 2), y of layer l>."
    )


def _cost(check: GradientCheck) -> Iterator[str]:
    layers = check.layers
    worst = min(layers, key=lambda layer: layer.exact_weights.cosine)
    best = max(layers, key=lambda layer: layer.exact_weights.cosine)
    yield (
        f"The bias, against the true gradient of the weights: cosine from {cosine_words(best.exact_weights.cosine)} "
        f"(layer {best.number}) to {cosine_words(worst.exact_weights.cosine)} (layer {worst.number}); relative error "
        f"up to {error_words(max(layer.exact_weights.relative_error for layer in layers))}; norm ratio "
        f"{short_number(layers[-1].exact_weights.norm_ratio)} in layer {layers[-1].number}, "
        f"{short_number(layers[0].exact_weights.norm_ratio)} in layer {layers[0].number}."
    )
    if check.rule == "article":
        yield from _size(check)


def _size(check: GradientCheck) -> Iterator[str]:
    """The part of the first layer's norm ratio that constant factors make."""
    pools = [layer.plan.pool_size**2 for layer in check.layers if layer.plan.pool == "average"]
    constant = check.batch
    for pool in pools:
        constant *= pool
    ratio = check.layers[0].exact_weights.norm_ratio
    yield (
        f"Of layer 1's {short_number(ratio)}, the batch and {len(pools)} pools make "
        f"{' x '.join(map(str, [check.batch, *pools]))} = {constant:,}; the activations make the other "
        f"{short_number(ratio / constant)}. A constant factor hardly matters to Adam and its kin, which divide by the "
        f"gradient's size; the activations also turn the gradient, and no optimizer turns it back."
    )


def cosine_words(cosine: float) -> str:
    """Four digits, but 1 only where it is 1."""
    if abs(cosine - 1.0) <= 1e-12:
        return "1"
    text = f"{cosine:.4f}"
    return ">.9999" if text == "1.0000" else text


def _part(layer: LayerCheck, name: str) -> PartCheck:
    return next(part for part in layer.parts if part.part == name)


def _factor(part: PartCheck) -> str:
    return "no constant" if part.exact.factor is None else short_number(part.exact.factor, 6)


def _largest(check: GradientCheck, name: str) -> float:
    return max(_part(layer, name).exact.relative_error for layer in check.layers)


def _declared_error(check: GradientCheck) -> float:
    return max(
        deviation.relative_error
        for layer in check.layers
        for deviation in (layer.declared_weights, layer.declared_output)
    )
