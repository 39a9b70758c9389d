"""celu: train an experiment named in YAML with gradients you can trust.

What stands in `__all__` is promised: it changes only with the major version. It is imported when it is first used, so
that `import celu_cli` costs next to nothing; docs/python.md describes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from celu_cli.api import (
        ActivationFunctions,
        Case,
        CeluError,
        Prediction,
        Run,
        Training,
        Verdict,
        activation,
        check_gradients,
        compare,
        epochs_frame,
        export,
        load_case,
        predict,
        read_runs,
        train,
    )

__all__ = [
    "ActivationFunctions",
    "Case",
    "CeluError",
    "Prediction",
    "Run",
    "Training",
    "Verdict",
    "activation",
    "check_gradients",
    "compare",
    "epochs_frame",
    "export",
    "load_case",
    "predict",
    "read_runs",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'celu_cli' has no attribute {name!r}")
    from celu_cli import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
