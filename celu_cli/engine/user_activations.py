"""The user's activations: the Python file that a case names is run, once a process, and what it gives is tried.

Whatever goes wrong in that file is reported with its file and line.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.activations import UserActivation, user_activation
from celu_cli.engine.activations import ACTIVATIONS, Activation
from celu_cli.errors import CaseError
from celu_cli.text import did_you_mean, printable, shown

_LONGEST_REASON = 300


@cache  # the forward and the backward pass must be of one version of the file
def load_activation(name: str) -> Activation:
    """What the file of ``path.py:name`` defines under that name.

    Raises:
        CaseError: the file cannot be read or run, or gives no `Activation` under that name.
    """
    own = user_activation(name)
    if own is None:
        raise CaseError(f"{name!r} is neither an activation of celu nor FILE.py:NAME")
    names = vars(_run(str(own.file)))
    if own.name not in names:
        found = [key for key, value in names.items() if isinstance(value, Activation)]
        listed = f"; it defines {', '.join(found)}" if found else ""
        raise _error(own, f"defines no {own.name}{listed}{did_you_mean(own.name, found)}")
    activation = names[own.name]
    if not isinstance(activation, Activation):
        wrong = f"is of type {type(activation).__name__}, not a celu_cli.engine.activations.Activation"
        form = f"write {own.name} = Activation(value=..., derivative=..., keeps='input')"
        raise _error(own, f"{own.name} {wrong}; {form}")
    if activation.keeps not in ("input", "output"):
        raise _error(own, f"{own.name} keeps {activation.keeps!r}; accepted: 'input', 'output'")
    return activation


def try_activation(name: str, alpha: float, dtype: tf.DType) -> None:
    """Trace an activation of the user's own on a few numbers, as a training would.

    Raises:
        CaseError: it fails, or one of its functions changes shape or dtype.
    """
    own = user_activation(name)
    if own is None:
        return
    activation = find_activation(name)

    @tf.function(autograph=False)
    def trace(x: Any) -> None:
        y = _call(own, "value", x, lambda: activation.value(x, alpha))
        kept = y if activation.keeps == "output" else x
        _call(own, "derivative", x, lambda: activation.derivative(kept, alpha))
        if activation.fused_backward is not None:
            _call(own, "fused_backward", x, lambda: activation.backward(x, kept, alpha))

    trace.get_concrete_function(tf.TensorSpec([2, 3, 3, 5], dtype))


@cache
def _run(path: str) -> ModuleType:
    own = user_activation(f"{path}:_")
    assert own is not None
    try:
        source = own.file.read_bytes()
    except OSError as error:
        raise CaseError(f"{shown(own.file)}: cannot be read: {error.strerror}") from None
    module = ModuleType(f"celu_user_{sha256(path.encode()).hexdigest()[:12]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses and pickle look a class's module up there
    try:
        exec(compile(source, path, "exec"), vars(module))
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise _failure(own, "", error) from error
    return module


def _call(own: UserActivation, what: str, like: Any, function: Callable[[], Any]) -> Any:
    """What `function` gives, which must have the shape and dtype of `like`."""
    name = f"the {what} of {own.name}"
    try:
        result = tf.convert_to_tensor(function())
    except Exception as error:
        raise _failure(own, f"{name}: ", error) from error
    if result.dtype != like.dtype:
        raise _error(own, f"{name} turns {like.dtype.name} into {result.dtype.name}; keep x.dtype")
    if result.shape != like.shape:
        shapes = f"{_shape(like)} into {_shape(result)}"
        raise _error(own, f"{name} turns shape {shapes}; it must give one number for each")
    return result


def _failure(own: UserActivation, what: str, error: BaseException) -> CaseError:
    """The error for an exception that the user's code raised, at the last of its lines that was under way."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(own.file) and frame.lineno]
    line, said = lines[-1] if lines else None, str(error)
    if isinstance(error, SyntaxError) and error.filename == str(own.file):
        line, said = error.lineno, error.msg
    reason = printable(said.strip().split("\n")[0][:_LONGEST_REASON])
    place = f"{shown(own.file)}:{line}" if line else shown(own.file)
    return CaseError(f"{place}: {what}{type(error).__name__}" + (f": {reason}" if reason else ""))


def _error(own: UserActivation, message: str) -> CaseError:
    return CaseError(f"{shown(own.file)}: {message}")


def _shape(tensor: Any) -> str:
    return " x ".join(map(str, tensor.shape.as_list())) or "()"


def find_activation(name: str) -> Activation:
    """The activation that a case calls `name`: one of the table, or one of the user's own as ``path.py:name``.

    Raises:
        CaseError: the user's file gives no such activation.
    """
    return ACTIVATIONS[name] if name in ACTIVATIONS else load_activation(name)


Function: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def float64_functions(name: str, alpha: float) -> tuple[Function, Function]:
    """Value and derivative as functions of the input; the derivative is the backward pass of a gradient of ones.

    Raises:
        CaseError: `name` is an activation of the user's own that cannot be used.
    """
    try_activation(name, alpha, tf.float64)
    activation = find_activation(name)

    def value(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(activation.value(tf.constant(x), alpha))

    def derivative(x: NDArray[np.float64]) -> NDArray[np.float64]:
        kept = tf.constant(value(x) if activation.keeps == "output" else x)
        return np.asarray(activation.backward(tf.ones_like(kept), kept, alpha))

    return value, derivative


def places_of(name: str) -> tuple[str, str]:
    """File name and line of an activation's value and of its derivative; empty for celu's own."""
    own = user_activation(name)
    if own is None:
        return "", ""
    activation = find_activation(name)
    return _place(own, activation.value), _place(own, activation.fused_backward or activation.derivative)


def _place(own: UserActivation, function: Callable[..., Any]) -> str:
    """The file, and the line where the function begins if it is written there."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or code.co_filename != str(own.file):
        return own.file.name
    return f"{own.file.name}:{code.co_firstlineno}"
