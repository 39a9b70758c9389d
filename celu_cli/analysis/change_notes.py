"""What is known beforehand of a difference between two cases, in a sentence each."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from celu_cli.analysis.effective import effective_parts, one_celu_alpha
from celu_cli.case.schema import AMSGrad, Case


def note_of(name: str, effect: str, a: Case, b: Case) -> str:
    """What is known of the change called `name`; empty where nothing is."""
    note = _NOTES.get(name)
    return note(a, b, effect) if note else ""


def _backprop_method(a: Case, b: Case, effect: str) -> str:
    methods = {a.backprop.method, b.backprop.method}
    if effect == "result":
        return "dilated backprop adds skip gradients, so its direction is not that of the loss's gradient"
    if "dilated" in methods:
        return "at rate 0 dilated backprop adds nothing: the gradient is that of manual"
    return (
        "the tape and the hand-written code give the same gradient up to rounding under the exact rule: "
        "not a likely cause"
    )


def _rule(*_: object) -> str:
    return (
        "article doubles the derivative of CELU on the positive side, which changes the direction, and leaves out "
        "two means, which Adam-like rules nearly cancel"
    )


def _alpha(a: Case, b: Case, _: str) -> str:
    if not (one_celu_alpha(a) and one_celu_alpha(b)):
        return ""
    return (
        "with no biases and one alpha, CELU(x, a) = a ELU(x / a, 1): alpha is only the scale of the input and "
        "the temperature of the softmax"
    )


def _bias_correction(a: Case, b: Case, _: str) -> str:
    corrected = next(case for case in (a, b) if effective_parts(case)["optimizer"].values["bias_correction"])
    values = effective_parts(corrected)["optimizer"].values
    beta_1, beta_2 = values["beta_1"], values["beta_2"]
    first, later = (sqrt(1 - beta_2**step) / (1 - beta_1**step) for step in (1, 1000))
    always = f"{values['name']} always corrects; " if values["name"] != "amsgrad" else ""
    return (
        f"{always}at beta_1 {beta_1:g} and beta_2 {beta_2:g} it multiplies the first step by {first:.3g} "
        f"and the 1000th by {later:.3g}"
    )


def _optimizer_rule(a: Case, b: Case, _: str) -> str:
    amsgrad = next((case.optimizer for case in (a, b) if isinstance(case.optimizer, AMSGrad)), None)
    if amsgrad is None or amsgrad.maximum == "elementwise":
        return ""
    return "this AMSGrad is the article's: it keeps the whole tensor with the larger sum, not each larger element"


def _maximum(*_: object) -> str:
    return "the elementwise maximum keeps every spike of the squared gradient, so steps shrink; tensor is the article's"


def _network(_: Case, __: Case, effect: str) -> str:
    return "written differently, but the layers are the same" if effect == "none" else ""


def _seed(*_: object) -> str:
    return "other initial weights and another order of the images; only several seeds tell a cause from luck"


def _convolution(*_: object) -> str:
    return "the same convolution with a little other rounding: not a likely cause"


def _epochs(_: Case, __: Case, effect: str) -> str:
    if effect == "result":
        return "the cosine schedule stretches to the last epoch, so the learning rates of all epochs differ"
    return "the epochs that both have are not touched by it"


_NOTES: dict[str, Callable[[Case, Case, str], str]] = {
    "alpha": _alpha,
    "backprop method": _backprop_method,
    "convolution algorithm": _convolution,
    "epochs": _epochs,
    "gradient rule": _rule,
    "network": _network,
    "optimizer rule": _optimizer_rule,
    "optimizer's bias correction": _bias_correction,
    "optimizer's maximum": _maximum,
    "seed": _seed,
}
