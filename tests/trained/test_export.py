"""Every file for other programs gives the logits that celu itself computes, on 100 images."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from celu_cli.case.load import load_recorded_case
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets.load import load_dataset
from celu_cli.engine import keras_model
from celu_cli.engine.inference import compute_logits
from celu_cli.errors import RunError, UsageError
from celu_cli.trained import onnx_model
from celu_cli.trained.export import MODEL_FORMATS, export_network
from celu_cli.trained.network import TrainedNetwork
from tests.engine.numpy_reference import forward
from tests.engine.small import ALPHAS, Batch, make_case

IMAGES = 100
# Every kind of operation, an even kernel (whose padding is lopsided) and a pool that drops a row and a column.
LAYERS = [
    {"kernel": 5, "filters": 6, "pool": "average"},
    {"kernel": 2, "filters": 6, "pool": "max", "pool_size": 3, "residual": 0.5},
    {"kernel": 3, "filters": 10, "pool": "average", "pool_size": 5},
]


def make_network(dataset: str = "cifar10", **changes: Any) -> TrainedNetwork:
    case = make_case(dataset, name="trial", **changes)
    plan, generator = plan_network(case), np.random.default_rng(7)
    weights = {
        name: generator.normal(0.0, (2.0 / one.inputs) ** 0.5, one.shape).astype(np.float32)
        for name, one in plan.weights.items()
    }
    return TrainedNetwork(case, plan, weights, "epoch 1 of 1")


def sample_images(dataset: str) -> NDArray[np.uint8]:
    return load_dataset(dataset, sample=True).test.images[:IMAGES]


def logits_of_file(file_format: str, path: Path, images: NDArray[np.uint8]) -> NDArray[Any]:
    """The logits, by nothing of celu's."""
    pixels = images.astype(np.float32)
    if file_format == "keras":
        return np.asarray(tf.keras.models.load_model(path)(pixels))
    if file_format == "savedmodel":
        loaded = tf.saved_model.load(path)
        return loaded.serve(pixels).numpy()
    session = onnxruntime.InferenceSession(path)
    (logits,) = session.run(None, {"images": pixels})
    return np.asarray(logits)


def assert_equal(actual: NDArray[Any], network: TrainedNetwork, images: NDArray[np.uint8]) -> None:
    expected = compute_logits(network.case, network.weights, images)
    assert actual.shape == expected.shape == (IMAGES, 10)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert np.ptp(expected, axis=0).max() > 0.1  # the images matter


@pytest.mark.parametrize("file_format", ["keras", "savedmodel", "onnx"])
@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_the_articles_network_gives_the_same_logits(dataset: str, file_format: Any, tmp_path: Path) -> None:
    network, images = make_network(dataset), sample_images(dataset)
    path = tmp_path / "new" / f"model.{file_format}"
    export_network(network, file_format, path)
    assert_equal(logits_of_file(file_format, path, images), network, images)


@pytest.mark.parametrize("file_format", ["keras", "onnx"])
@pytest.mark.parametrize("activation", list(ALPHAS))
def test_every_activation_and_operation_gives_the_same_logits(
    activation: str, file_format: Any, tmp_path: Path
) -> None:
    network = make_network(network={"layers": LAYERS}, activation=activation, alpha=ALPHAS[activation])
    path = tmp_path / f"model.{file_format}"
    export_network(network, file_format, path)
    assert_equal(
        logits_of_file(file_format, path, sample_images("cifar10")), network, sample_images("cifar10")
    )


def test_no_activation_is_forgotten() -> None:
    assert set(keras_model.ACTIVATIONS) == set(onnx_model.ACTIVATIONS) == set(ALPHAS)


@pytest.mark.parametrize(("file_format", "program"), [("keras", "Keras"), ("onnx", "ONNX")])
def test_an_activation_that_another_program_lacks_is_refused_in_words(
    file_format: Any, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (keras_model, onnx_model):
        monkeypatch.delitem(module.ACTIVATIONS, "tanh")
    network = make_network(network={"layers": LAYERS}, activation="tanh", alpha=None)
    with pytest.raises(UsageError, match=f"^{program} has nothing like tanh; --to npz writes the weights"):
        export_network(network, file_format, tmp_path / f"model.{file_format}")
    assert list(tmp_path.iterdir()) == []


def test_the_npz_has_the_weights_by_name_and_the_case_and_needs_no_pickle(tmp_path: Path) -> None:
    network = make_network(network={"layers": LAYERS})
    export_network(network, "npz", tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    (tmp_path / "case.yaml").write_text(str(arrays.pop("case")))
    assert load_recorded_case(tmp_path / "case.yaml") == network.case
    assert list(arrays) == [f"layer{number}.convolution.kernel" for number in (1, 2, 3)]
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, network.weights[name])


def test_a_keras_model_loads_where_celu_cannot_be_imported(tmp_path: Path) -> None:
    network = make_network()
    export_network(network, "keras", tmp_path / "model.keras")
    code = (
        "import sys; sys.modules['celu_cli'] = None\n"
        "import keras\n"
        "model = keras.models.load_model('model.keras')\n"
        "print(model.output_shape, [layer.name for layer in model.layers][:2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(None, 10) ['images', 'pixels']"


def test_an_export_leaves_no_settings_of_keras_in_the_home_directory(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "from pathlib import Path\n"
        "from celu_cli.trained.export import export_network\n"
        "from tests.trained.test_export import make_network\n"
        f"export_network(make_network(), 'keras', Path({str(tmp_path / 'model.keras')!r}))"
    )
    # The test's own imports of Keras must not be what writes or keeps from writing.
    words = [sys.executable, "-c", f"import celu_cli.engine.keras_model\n{code}"]
    root = Path(__file__).parents[2]
    subprocess.run(words, cwd=root, env={**os.environ, "HOME": str(home)}, capture_output=True, check=True)
    assert (tmp_path / "model.keras").is_file()
    assert not (home / ".keras").exists()


def test_an_onnx_graph_is_valid(tmp_path: Path) -> None:
    export_network(make_network(), "onnx", tmp_path / "model.onnx")
    onnx.checker.check_model(tmp_path / "model.onnx", full_check=True)
    assert {node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node} >= {"Celu", "AveragePool"}


def own_activation(tmp_path: Path) -> Case:
    (tmp_path / "mine.py").write_text(
        "from celu_cli.engine.activations import Activation\n"
        "cube = Activation(value=lambda x, _: x * x * x, derivative=lambda x, _: 3.0 * x * x, keeps='input')\n"
    )
    return make_case(activation=f"{tmp_path / 'mine.py'}:cube", alpha=None)


@pytest.mark.parametrize("file_format", ["keras", "savedmodel", "onnx"])
def test_an_activation_of_the_users_own_is_refused_in_words(file_format: Any, tmp_path: Path) -> None:
    network = make_network()
    case = own_activation(tmp_path)
    own = TrainedNetwork(case, plan_network(case), network.weights, network.trained)
    path = tmp_path / f"model.{file_format}"
    with pytest.raises(UsageError, match=r"mine\.py:cube is an activation of your own.*--to npz"):
        export_network(own, file_format, path)
    assert not path.exists()
    export_network(own, "npz", tmp_path / "weights.npz")


@pytest.mark.parametrize("file_format", MODEL_FORMATS)
def test_a_path_that_does_not_fit_is_refused_before_anything_is_made(
    file_format: Any, tmp_path: Path
) -> None:
    path = tmp_path / ("there" if file_format == "savedmodel" else "model.h5")
    if file_format == "savedmodel":
        path.mkdir()
    with pytest.raises(UsageError, match=r"exists|ends in \.(keras|onnx|npz)"):
        export_network(make_network(), file_format, path)
    assert not (tmp_path / "model.h5").exists()


@pytest.mark.parametrize("file_format", ["keras", "savedmodel"])
def test_a_model_is_written_without_a_temporary_directory_or_refused_in_words_as_by_keras(
    file_format: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    path = tmp_path / f"model.{file_format}"
    if file_format == "keras":
        with pytest.raises(RunError, match=r"cannot write .*: No usable temporary directory"):
            export_network(make_network(), file_format, path)
    else:
        export_network(make_network(), file_format, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ([] if file_format == "keras" else [path.name])
    with pytest.raises(RunError, match=r"cannot write .*: File name too long"):
        export_network(make_network(), file_format, Path(f"{'x' * 5_000}.{file_format}"))


def test_without_the_package_onnx_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celu_cli.trained.export.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'celu\[onnx\]'"):
        export_network(make_network(), "onnx", tmp_path / "model.onnx")


def test_celus_own_logits_are_those_of_numpy() -> None:
    """Against a forward pass in float64 that shares nothing with the engine."""
    network = make_network("mnist")
    images = sample_images("mnist")[:10]
    batch = Batch(images, np.zeros(len(images), np.uint8))
    _, expected = forward(network.plan, list(network.weights.values()), batch)
    np.testing.assert_allclose(
        compute_logits(network.case, network.weights, images),
        expected,
        rtol=0,
        atol=1e-5 * np.abs(expected).max(),
    )
