"""Activations of the user's own train as celu's do, and what is wrong with one is told with its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from celu_cli.case.load import resolve_case
from celu_cli.case.plan import plan_network
from celu_cli.engine.activations import ACTIVATIONS
from celu_cli.engine.network import build_network
from celu_cli.engine.operations.activation import ActivationOperation
from celu_cli.engine.user_activations import find_activation, load_activation, try_activation
from celu_cli.errors import CaseError
from tests.engine.small import make_batch, make_tiny_case, make_weights

HEAD = "import tensorflow as tf\nfrom celu_cli.engine.activations import Activation\n"
SWISH = f"""{HEAD}
def slope(x, alpha):
    s = tf.sigmoid(alpha * x)
    return s + alpha * x * s * (1.0 - s)

swish = Activation(value=lambda x, alpha: x * tf.sigmoid(alpha * x), derivative=slope, keeps="input")
"""
DTYPES = pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16, tf.float64], ids=lambda dtype: dtype.name)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str) -> str:
    """The case's word for `swish` in a file of that text."""
    path = Path("mine.py").absolute()
    path.write_text(text, encoding="utf-8")
    return f"{path}:swish"


def refusal(text: str) -> str:
    """What is said of a file of that text when a network is built with its `swish`."""
    plan = plan_network(make_tiny_case(activation=write(text)))
    with pytest.raises(CaseError) as caught:
        build_network(plan, tf.float32)
    return str(caught.value)


def test_celu_s_own_activations_need_no_file() -> None:
    assert all(find_activation(name) is ACTIVATIONS[name] for name in ACTIVATIONS)


@DTYPES
def test_a_network_gives_what_it_gives_with_the_same_activation_of_celu(dtype: Any) -> None:
    weights = [tf.constant(w, dtype) for w in make_weights(plan_network(make_tiny_case()).layers)]
    images = make_batch("mnist").images
    logits = []
    for name in ("silu", write(SWISH)):
        network = build_network(plan_network(make_tiny_case(activation=name, alpha=None)), dtype)
        logits.append(network.forward(weights, network.inputs(images))[0].numpy())
    np.testing.assert_allclose(logits[1], logits[0], rtol=0.05 if dtype == tf.bfloat16 else 1e-5, atol=1e-6)


@DTYPES
def test_its_derivative_is_the_tape_s(dtype: Any) -> None:
    swish = find_activation(write(SWISH))
    x = tf.cast(np.linspace(-4.0, 4.0, 33), dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = swish.value(x, 2.0)
    backward = swish.backward(tf.ones_like(x), x, 2.0)
    tolerance = 0.05 if dtype == tf.bfloat16 else 1e-5
    np.testing.assert_allclose(
        tf.cast(backward, tf.float64),
        tf.cast(tape.gradient(y, x), tf.float64),
        rtol=tolerance,
        atol=tolerance,
    )


def test_alpha_reaches_it() -> None:
    swish = find_activation(write(SWISH))
    x = np.array([-1.0, 2.0])
    np.testing.assert_allclose(swish.value(tf.constant(x), 3.0), x / (1 + np.exp(-3.0 * x)), rtol=1e-12)


def test_a_case_file_is_enough(folder: Path) -> None:
    write(SWISH)
    network = "network: {layers: [{kernel: 3, filters: 10, pool: max, pool_size: 28}]}\n"
    text = f"dataset: mnist\noptimizer: adam\nepochs: 1\nactivation: ./mine.py:swish\n{network}"
    (folder / "one.yaml").write_text(text)
    built = build_network(resolve_case("one.yaml").plan, tf.float32)
    activation = built.layers[0].operations[1]
    assert isinstance(activation, ActivationOperation)
    assert activation.function is find_activation(f"{folder}/mine.py:swish")


def test_a_file_runs_once_a_process_so_that_both_passes_are_of_one_version() -> None:
    name = write(f"{SWISH}\nwith open('count', 'a') as file:\n    file.write('x')\n")
    first = find_activation(name)
    write(SWISH.replace("alpha * x", "x"))
    assert find_activation(name) is first
    assert Path("count").read_text() == "x"


def test_a_file_leaves_nothing_beside_it(folder: Path) -> None:
    load_activation(write(SWISH))
    assert [path.name for path in folder.iterdir()] == ["mine.py"]


def test_a_file_may_hold_dataclasses() -> None:
    extra = "from __future__ import annotations\nimport dataclasses\n"
    shape = "@dataclasses.dataclass\nclass Shape:\n    steepness: float = 1.0\n"
    swish = load_activation(write(extra + SWISH + shape))
    assert float(swish.value(tf.constant(2.0), 1.0)) == pytest.approx(2 / (1 + np.exp(-2)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n", "mine.py:1: SyntaxError: invalid syntax"),
        ("x = 1\n1 / 0\n", "mine.py:2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "mine.py:2: SystemExit: 3"),
        ("import nothing_at_all\n", "mine.py:1: ModuleNotFoundError: No module named 'nothing_at_all'"),
        ("raise ValueError\n", "mine.py:1: ValueError"),
        (
            HEAD + "swich = Activation(value=lambda x, a: x, derivative=lambda x, a: x)\n",
            "mine.py: defines no swish; it defines swich; did you mean swich?",
        ),
        ("", "mine.py: defines no swish"),
        (
            "def swish(x):\n    return x\n",
            "mine.py: swish is of type function, not a celu_cli.engine.activations.Activation; "
            "write swish = Activation(value=..., derivative=..., keeps='input')",
        ),
        (
            HEAD + "swish = Activation(value=lambda x, a: x, derivative=lambda x, a: x, keeps='both')\n",
            "mine.py: swish keeps 'both'; accepted: 'input', 'output'",
        ),
        (
            HEAD + "swish = Activation(value=lambda x, a: x, derivative=lambda x, a: 1.0)\n",
            "mine.py: the derivative of swish turns shape 2 x 3 x 3 x 5 into (); it must give one number for each",
        ),
        (
            HEAD + "swish = Activation(lambda x, a: tf.reduce_sum(x, -1), lambda x, a: x)\n",
            "mine.py: the value of swish turns shape 2 x 3 x 3 x 5 into 2 x 3 x 3; it must give one number for each",
        ),
        (
            HEAD + "swish = Activation(lambda x, a: x, lambda x, a: tf.cast(x, tf.float64))\n",
            "mine.py: the derivative of swish turns float32 into float64; keep x.dtype",
        ),
        (
            HEAD + "swish = Activation(lambda x: x, lambda x, a: x)\n",
            "mine.py: the value of swish: TypeError: <lambda>() takes 1 positional argument but 2 were given",
        ),
        (
            HEAD + "swish = Activation(lambda x, a: x.numpy(), lambda x, a: x)\n",
            "mine.py:3: the value of swish: AttributeError: 'SymbolicTensor' object has no attribute 'numpy'",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(text: str, message: str) -> None:
    assert refusal(text) == message


def test_a_branch_on_a_tensor_is_told_at_its_line() -> None:
    text = f"{HEAD}def value(x, a):\n    if x > 0:\n        return x\n    return 0 * x\n"
    said = refusal(text + "swish = Activation(value, lambda x, a: x)\n")
    assert said.startswith("mine.py:4: the value of swish: OperatorNotAllowedInGraphError: ")
    assert "\n" not in said


def test_a_fused_backward_is_tried_too() -> None:
    fused = "fused_backward=lambda g, y, a: tf.reduce_sum(g)"
    said = refusal(HEAD + f"swish = Activation(lambda x, a: x, lambda x, a: x, {fused})\n")
    assert said.startswith("mine.py: the fused_backward of swish turns shape")


def test_it_is_tried_in_the_precision_that_trains() -> None:
    name = write(
        HEAD + "swish = Activation(lambda x, a: x * tf.constant(2.0), lambda x, a: 2.0 * tf.ones_like(x))\n"
    )
    try_activation(name, 1.0, tf.float32)
    with pytest.raises(CaseError, match=r"^mine.py:3: the value of swish: "):
        try_activation(name, 1.0, tf.bfloat16)


def test_a_file_that_has_gone_is_told() -> None:
    with pytest.raises(CaseError, match=r"^gone.py: cannot be read: No such file or directory$"):
        find_activation(str(Path("gone.py").absolute()) + ":swish")


def test_a_name_of_neither_kind_is_refused() -> None:
    with pytest.raises(CaseError, match=r"neither an activation of celu nor FILE\.py:NAME"):
        find_activation("swishy")
