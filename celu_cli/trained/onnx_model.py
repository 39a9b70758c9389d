"""A trained network as an ONNX graph, which any of its runtimes computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celu_cli.errors import UsageError
from celu_cli.trained.network import TrainedNetwork

if TYPE_CHECKING:
    import onnx

_OPSET = 20  # the first with Gelu
_IR_VERSION = 9  # what ONNX Runtime 1.17, the first for that opset, reads
_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}  # Klambauer et al. 2017, arXiv:1706.02515

# ONNX's operator and its attributes; None: x itself.
ACTIVATIONS: dict[str, Callable[[float], tuple[str, dict[str, Any]] | None]] = {
    "celu": lambda alpha: ("Celu", {"alpha": alpha}),
    "elu": lambda alpha: ("Elu", {"alpha": alpha}),
    "relu": lambda _: ("Relu", {}),
    "leaky_relu": lambda alpha: ("LeakyRelu", {"alpha": alpha}),
    "selu": lambda _: ("Selu", _SELU),
    "gelu": lambda _: ("Gelu", {}),
    "silu": lambda _: ("Sigmoid", {}),  # times x
    "softplus": lambda _: ("Softplus", {}),
    "tanh": lambda _: ("Tanh", {}),
    "identity": lambda _: None,
}


class _Graph:
    """Nodes one after the other, each with the name of what it puts out."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], output, **attributes))
        return output

    def constant(self, array: Any) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name


def onnx_model(network: TrainedNetwork) -> onnx.ModelProto:
    """Pixels 0 to 255, float32 [b, h, w, c] -> logits [b, classes], computed in float32.

    Raises:
        UsageError: an operation has no counterpart in ONNX.
    """
    import numpy as np
    from onnx import TensorProto, helper

    graph, left = _Graph(), iter(network.weights.values())
    scaled = graph.add("Mul", "images", graph.constant(np.array(1 / 255, np.float32)))
    x = graph.add("Transpose", scaled, perm=[0, 3, 1, 2])
    for layer in network.plan.layers:
        layer_input = x
        for operation in layer.operations:
            weights = [next(left) for _ in operation.parameters]
            x = _apply(graph, operation, x, layer_input, weights, f"layer{layer.number}_{operation.name}")
    graph.add("Flatten", x, name="logits")
    shape = network.dataset.image_shape
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.case.name,
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *shape])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", network.dataset.classes])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="celu",
    )


def _apply(graph: _Graph, operation: Any, x: str, layer_input: str, weights: list[Any], name: str) -> str:
    import numpy as np

    match operation.name:
        case "convolution":
            kernel = np.ascontiguousarray(weights[0].transpose(3, 2, 0, 1))  # [k, k, c, f] -> [f, c, k, k]
            return graph.add("Conv", x, graph.constant(kernel), name=name, auto_pad="SAME_UPPER")
        case "activation" if operation.activation in ACTIVATIONS:
            found = ACTIVATIONS[operation.activation](operation.alpha)
            if found is None:
                return x
            y = graph.add(found[0], x, **found[1])
            return graph.add("Mul", x, y, name=name) if operation.activation == "silu" else y
        case "residual":
            part = graph.add("Mul", layer_input, graph.constant(np.array(operation.value, np.float32)))
            return graph.add("Add", x, part, name=name)
        case "average_pool" | "max_pool":
            window = [operation.size] * 2
            kind = "AveragePool" if operation.name == "average_pool" else "MaxPool"
            return graph.add(kind, x, name=name, kernel_shape=window, strides=window)
    what = getattr(operation, "activation", operation.name)
    raise UsageError(f"ONNX has nothing like {what}; --to npz writes the weights alone")
