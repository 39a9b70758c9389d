"""Trained networks as files for other programs."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from celu_cli.case.activations import activation_label, user_activation
from celu_cli.case.dump import dump_case
from celu_cli.errors import RunError, UsageError
from celu_cli.files import write_result
from celu_cli.trained.network import TrainedNetwork

ModelFormat = Literal["keras", "savedmodel", "onnx", "npz"]
MODEL_FORMATS: tuple[ModelFormat, ...] = get_args(ModelFormat)


def export_network(network: TrainedNetwork, file_format: ModelFormat, path: Path) -> None:
    """Write the network to `path`: a file that ends as its format, or for ``savedmodel`` a new directory.

    The models take pixels 0 to 255, float32 [b, h, w, c], and give logits [b, classes], all in float32. The ``npz``
    holds the weights by name, and the case as YAML under ``case``.

    Raises:
        UsageError: the path does not fit the format, the package that writes it is missing, or the network has
            something that other programs do not have.
        RunError: the file cannot be written.
    """
    _check_path(file_format, path)
    if file_format != "npz":
        _refuse_own_activations(network)
    _WRITERS[file_format](network, path)


def _check_path(file_format: ModelFormat, path: Path) -> None:
    if file_format == "savedmodel":
        if os.path.lexists(path):
            raise UsageError(f"{path} exists; name a directory that does not")
    elif path.suffix != f".{file_format}":
        raise UsageError(f"{path}: the name of such a file ends in .{file_format}")
    if file_format == "onnx" and find_spec("onnx") is None:
        raise UsageError("--to onnx needs the package onnx; install it with: pip install 'celu[onnx]'")


def _refuse_own_activations(network: TrainedNetwork) -> None:
    own = [layer.activation for layer in network.plan.layers if user_activation(layer.activation)]
    if own:
        raise UsageError(
            f"{activation_label(own[0])} is an activation of your own, which other programs do not have; "
            "--to npz writes the weights alone"
        )


def _write_keras(network: TrainedNetwork, path: Path) -> None:
    from celu_cli.engine.keras_model import keras_model

    model = keras_model(network.plan, network.weights, network.case.name)
    _write_beside(path, model.save)


def _write_savedmodel(network: TrainedNetwork, path: Path) -> None:
    from celu_cli.engine.keras_model import keras_model

    model = keras_model(network.plan, network.weights, network.case.name)
    _write_beside(path, lambda whole: model.export(str(whole), format="tf_saved_model", verbose=False))


def _write_beside(path: Path, save: Callable[[Path], None]) -> None:
    """Have `save` write in a directory beside `path`, then rename: it is there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as workspace:
            whole = Path(workspace) / path.name
            save(whole)
            whole.replace(path)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error


def _write_onnx(network: TrainedNetwork, path: Path) -> None:
    from celu_cli.trained.onnx_model import onnx_model

    write_result(path, onnx_model(network).SerializeToString())


def _write_npz(network: TrainedNetwork, path: Path) -> None:
    import numpy as np

    arrays = {"case": np.array(dump_case(network.case)), **network.weights}
    write_result(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


_WRITERS: dict[ModelFormat, Callable[[TrainedNetwork, Path], None]] = {
    "keras": _write_keras,
    "savedmodel": _write_savedmodel,
    "onnx": _write_onnx,
    "npz": _write_npz,
}
