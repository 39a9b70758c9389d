"""A trained network as a Keras model, which loads without celu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from celu_cli.case.plan import NetworkPlan
from celu_cli.engine.runtime import settings_unwritten
from celu_cli.errors import UsageError

with settings_unwritten():
    import keras

ACTIVATIONS: dict[str, Callable[[Any, float], Any]] = {
    "celu": lambda x, alpha: keras.ops.celu(x, alpha=alpha),
    "elu": lambda x, alpha: keras.ops.elu(x, alpha=alpha),
    "relu": lambda x, _: keras.ops.relu(x),
    "leaky_relu": lambda x, alpha: keras.ops.leaky_relu(x, negative_slope=alpha),
    "selu": lambda x, _: keras.ops.selu(x),
    "gelu": lambda x, _: keras.ops.gelu(x, approximate=False),
    "silu": lambda x, _: keras.ops.silu(x),
    "softplus": lambda x, _: keras.ops.softplus(x),
    "tanh": lambda x, _: keras.ops.tanh(x),
    "identity": lambda x, _: x,
}


def keras_model(plan: NetworkPlan, weights: Mapping[str, NDArray[Any]], name: str) -> keras.Model:
    """Pixels 0 to 255, float32 [b, h, w, c] -> logits [b, classes], computed in float32.

    Raises:
        UsageError: an operation has no counterpart in Keras.
    """
    images = keras.Input(plan.layers[0].input_shape, name="images")
    x, left = keras.layers.Rescaling(1 / 255, name="pixels")(images), iter(plan.weights)
    given: dict[str, list[NDArray[Any]]] = {}
    for layer in plan.layers:
        layer_input = x
        for operation in layer.operations:
            title = f"layer{layer.number}_{operation.name}"
            x = _apply(operation, x, layer_input, title)
            if operation.parameters:
                given[title] = [weights[next(left)] for _ in operation.parameters]
    model = keras.Model(images, keras.layers.Flatten(name="logits")(x), name=name)
    for title, arrays in given.items():
        model.get_layer(title).set_weights(arrays)
    return model


def _apply(operation: Any, x: Any, layer_input: Any, title: str) -> Any:
    layers = keras.layers
    match operation.name:
        case "convolution":
            return layers.Conv2D(
                operation.filters, operation.kernel, padding="same", use_bias=False, name=title
            )(x)
        case "activation" if operation.activation in ACTIVATIONS:
            return ACTIVATIONS[operation.activation](x, operation.alpha)
        case "residual":
            return layers.Add(name=title)([x, layers.Rescaling(operation.value)(layer_input)])
        case "average_pool":
            return layers.AveragePooling2D(operation.size, name=title)(x)
        case "max_pool":
            return layers.MaxPooling2D(operation.size, name=title)(x)
    what = getattr(operation, "activation", operation.name)
    raise UsageError(f"Keras has nothing like {what}; --to npz writes the weights alone")
