"""The activations that a case may name: celu's, with the meaning of alpha, and those in a user's file."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from celu_cli.case.annotations import SIZES, fits_float32
from celu_cli.errors import UsageError
from celu_cli.files import path_with_home
from celu_cli.text import did_you_mean, printable

# One of the user's own: the name of an activation in a Python file.
USER_ACTIVATION_PATTERN = r"^.+\.py:[A-Za-z_]\w*$"


@dataclass(frozen=True)
class Alpha:
    """What alpha means to an activation: range (open below, closed above where finite) and default.

    `trial` is the alpha that checks and tests try: neither the default nor 1, so that one that is forgotten shows.
    """

    meaning: str
    default: float
    trial: float
    above: float = 0.0
    at_most: float = math.inf


ALPHA: dict[str, Alpha | None] = {
    "celu": Alpha("negative side is alpha (exp(x / alpha) - 1)", default=1.0, trial=2.0),
    "elu": Alpha("negative side is alpha (exp(x) - 1)", default=1.0, trial=0.7),
    "relu": None,
    "leaky_relu": Alpha("slope of the negative side", default=0.3, trial=0.2, at_most=1.0),
    "selu": None,
    "gelu": None,
    "silu": None,
    "softplus": None,
    "tanh": None,
    "identity": None,
}
if TYPE_CHECKING:
    ActivationName: TypeAlias = str  # mypy reads no Literal from a table
else:
    ActivationName = Literal[tuple(ALPHA)]

_ALPHA_OF_A_FILE = Alpha("what the file makes of it", default=1.0, trial=1.0, above=-math.inf)


def alpha_rule(activation: str) -> Alpha | None:
    """What alpha is to `activation`, which may be one from a file; None where it has none."""
    return ALPHA.get(activation, _ALPHA_OF_A_FILE)


def known_alpha_rule(activation: str) -> Alpha | None:
    """`alpha_rule` of an activation that somebody named.

    Raises:
        UsageError: there is none of that name; the text lists them.
    """
    if activation not in ALPHA and user_activation(activation) is None:
        raise UsageError(
            f"there is no activation {printable(activation)!r}; there are {', '.join(ALPHA)}, and FILE.py:NAME for one "
            f"of your own{did_you_mean(activation, ALPHA)}"
        )
    return alpha_rule(activation)


def alpha_problem(activation: str, alpha: float) -> str | None:
    """What is wrong with giving `activation` this alpha, if anything."""
    rule = alpha_rule(activation)
    if rule is None:
        return f"{activation} has no alpha"
    # NaN fails both comparisons, infinity the second where there is no upper bound.
    if rule.above < alpha <= rule.at_most and alpha < math.inf:
        return None if fits_float32(alpha) else f"{activation} needs an alpha {SIZES}, not {alpha:g}"
    if rule.above == -math.inf:
        return f"{activation} needs a finite alpha, not {alpha:g}"
    upper = "finite" if rule.at_most == math.inf else f"at most {rule.at_most:g}"
    return f"{activation} needs an alpha above {rule.above:g} and {upper}, not {alpha:g}"


@dataclass(frozen=True)
class UserActivation:
    """A Python file and the name of an activation in it."""

    file: Path
    name: str


def user_activation(activation: str) -> UserActivation | None:
    """The file and the name in it; None where `activation` is one of celu's."""
    if not re.fullmatch(USER_ACTIVATION_PATTERN, activation):
        return None
    file, _, name = activation.rpartition(":")
    return UserActivation(Path(file), name)


def activation_label(activation: str) -> str:
    """What tables and plots call an activation: one from a file without the folders before it."""
    users = user_activation(activation)
    return f"{users.file.name}:{users.name}" if users else activation


def user_files(activations: Iterable[str]) -> list[Path]:
    """The Python files that these activations come from, each once."""
    return list(dict.fromkeys(users.file for users in map(user_activation, activations) if users))


def with_whole_path(activation: str, folder: Path) -> str:
    """`activation`, its file (if it has one) as an absolute path; a relative one is taken from `folder`."""
    users = user_activation(activation)
    if users is None:
        return activation
    return f"{os.path.normpath(folder.absolute() / path_with_home(users.file))}:{users.name}"
