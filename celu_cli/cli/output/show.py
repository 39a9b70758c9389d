"""What `celu show` prints: layers, cost, and the resolved YAML with the origin of its values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from celu_cli.case.activations import activation_label, alpha_rule, user_files
from celu_cli.case.catalog import published_curve
from celu_cli.case.cost import Cost, layer_memory
from celu_cli.case.describe import describe_dataset
from celu_cli.case.dump import dump_case
from celu_cli.case.load import ResolvedCase
from celu_cli.case.operations import Shape
from celu_cli.case.plan import LayerPlan, NetworkPlan
from celu_cli.case.reading.document import Node, Path, parse
from celu_cli.case.schema import AutoBackprop, Case, DilatedBackprop, NormalInitializer
from celu_cli.case.settings import one_celu_alpha
from celu_cli.cli.output.tables import (
    Column,
    fit,
    print_lines,
    print_prose,
    print_whole,
    results_console,
    table_lines,
)
from celu_cli.runs.published import why_not_published
from celu_cli.text import counted, printable, shown, wrapped

_ORIGIN_STYLES = {"override": "bold yellow", "default": "dim"}
_WIDEST_MARKED_LINE = 50
_BFLOAT16 = (
    "bfloat16 is for seeing what its rounding does: on a processor, float32 takes no longer, thanks to Winograd's "
    "algorithm. bfloat16 is faster only with convolution=direct or without wide 3 x 3 convolutions, and only where the "
    "processor has instructions for it"
)


def print_case(resolved: ResolvedCase, cost: Cost) -> None:
    """Write everything to stdout."""
    console = results_console()
    case, plan = resolved.case, resolved.plan
    title = Text(case.name, style="bold")
    description = [Text(printable(case.description))] if case.description else []
    layers = table_lines(fit(_layer_columns(case, plan, cost.images_at_once), console.width))
    print_lines(console, [title, *description])
    print_prose(console, ", extends ".join(map(shown, resolved.files)), "dim")
    print_lines(console, [Text(), *layers, Text()])
    for heading, text in _properties(case, plan, cost):
        _print_lines(console, _paragraph(heading, text, console.width))
    _print_lines(console, [Text(), *_yaml_with_origins(resolved)])


def _print_lines(console: Console, lines: Iterable[Text]) -> None:
    """Cut lines that are too long, but for those with a path."""
    for line in lines:
        (print_whole if re.search(r"/\w", line.plain) else print_lines)(console, [line])


def _paragraph(heading: str, text: str, width: int) -> Iterator[Text]:
    """A heading with its text beside it."""
    indent = 11
    for number, line in enumerate(wrapped(text, width - indent)):
        yield Text.assemble((("" if number else heading).ljust(indent), "dim"), line)


def _layer_columns(case: Case, plan: NetworkPlan, at_once: int) -> list[Column]:
    """The columns worth showing: what is the same in all layers is said below instead."""
    layers = plan.layers
    columns = [
        Column("layer", [str(layer.number) for layer in layers], right=True),
        Column("kernel", [f"{layer.kernel}x{layer.kernel}" for layer in layers]),
        Column("input", [_shape(layer.input_shape) for layer in layers], leaves=4),
        Column("output", [_shape(layer.output_shape) for layer in layers]),
        Column("filters", [str(layer.filters) for layer in layers], right=True, leaves=1),
    ]
    if len({_activation(layer) for layer in layers}) > 1:
        columns.append(Column("activation", [_activation(layer) for layer in layers]))
    pools = ["" if layer.pool == "none" else f"{layer.pool} {layer.pool_size}" for layer in layers]
    columns.append(Column("pool", pools))
    settings = [{one.name: f"{one.value:g}" for one in layer.operations if one.value} for layer in layers]
    for name in dict.fromkeys(name for each in settings for name in each):
        columns.append(Column(name, [each.get(name, "") for each in settings]))
    if isinstance(case.backprop, DilatedBackprop):
        skips = [
            f"from {layer.number + 2}" if layer.number in plan.dilated_layers else "" for layer in layers
        ]
        columns.append(Column("skip", skips))
    return [
        *columns,
        Column("weights", [f"{layer.parameters:,}" for layer in layers], right=True),
        Column("MFLOP", [_millions(layer.forward_flops) for layer in layers], right=True, leaves=3),
        Column(
            "memory", [decimal(layer_memory(case, layer, at_once)) for layer in layers], right=True, leaves=2
        ),
    ]


def _properties(case: Case, plan: NetworkPlan, cost: Cost) -> Iterator[tuple[str, str]]:
    activations = list(dict.fromkeys(map(_activation, plan.layers)))
    if len(activations) == 1:
        yield "layers", f"convolution (stride 1, SAME), {activations[0]}, then the pool"
    if files := user_files(layer.activation for layer in plan.layers):
        yield "code", f"training runs the Python code in {', '.join(map(shown, files))}"
    if note := _alpha_note(case, plan.layers[0].alpha):
        yield "alpha", note
    if dropped := list(_dropped(plan)):
        yield "pools", f"what does not fill a window is left out: {'; '.join(dropped)}"
    yield "gradients", _gradients(case, plan)
    unheld = "; nothing is held out of a sample" if case.dataset.sample and case.dataset.hold_out else ""
    yield (
        "data",
        f"{describe_dataset(case)}: {cost.train_images:,} train and {cost.test_images:,} test images; "
        f"{counted(cost.steps_per_epoch, 'step')} of {case.batch_size:,} an epoch, "
        f"{counted(case.epochs, 'epoch')}{unheld}",
    )
    if case.precision == "bfloat16":
        yield "precision", _BFLOAT16
    yield "weights", f"{plan.parameters:,}, at first {_initializer(case)}"
    yield (
        "work",
        f"{_flops(plan.forward_flops)} forward and {_flops(plan.training_flops)} in training an image; "
        f"{_flops(cost.training_flops_per_epoch)} an epoch",
    )
    at_once = (
        f" for {cost.images_at_once:,} images at a time" if cost.images_at_once < case.batch_size else ""
    )
    yield (
        "memory",
        f"{decimal(cost.memory)} of tensors{at_once}: {decimal(cost.activation_memory)} activations, "
        f"{decimal(cost.passing_gradient_memory)} their gradients, {decimal(cost.weight_memory)} weights, their "
        f"gradients and {case.optimizer.name}'s memory; TensorFlow, the images and scratch space come on top",
    )
    if case.published is not None:
        path = published_curve(case.published)
        reason = why_not_published(case)
        beside = f"; not shown beside runs, as they have {reason}" if path and reason else ""
        yield "published", f"{case.published}: {shown(path) if path else 'there is no such curve'}{beside}"


def _dropped(plan: NetworkPlan) -> Iterator[str]:
    """The rows and columns at the end that a pool leaves out."""
    for layer in plan.layers:
        height, width = layer.activation_shape[:2]
        rows, columns = height % layer.pool_size, width % layer.pool_size
        if layer.pool != "none" and (rows or columns):
            yield (
                f"the pool of layer {layer.number}, {layer.pool_size} x {layer.pool_size} on {height} x {width}, drops "
                f"{counted(rows, 'row')} and {counted(columns, 'column')}"
            )


def _alpha_note(case: Case, alpha: float) -> str:
    """What the first layer's alpha amounts to where it is that of all: CELU(x, a) = a ELU(x / a, 1)."""
    if alpha == 1 or not one_celu_alpha(case):
        return ""
    return (
        f"as there are no biases, {alpha:g} is the same as 1 with the first layer's weights divided by {alpha:g} "
        f"and the logits multiplied by {alpha:g}"
    )


def _gradients(case: Case, plan: NetworkPlan) -> str:
    backprop = case.backprop
    if isinstance(backprop, AutoBackprop):
        return "tf.GradientTape"
    rule = "" if backprop.rule == "exact" else ", as the article's scripts compute them"
    if not isinstance(backprop, DilatedBackprop):
        return f"{'hand-written' if backprop.method == 'manual' else backprop.method}{rule}"
    into = ", ".join(map(str, plan.dilated_layers))
    return (
        f"hand-written{rule}, plus {backprop.rate:g} / (1 + {backprop.decay:g} (epoch - 1)) times the gradient "
        f"of two layers above, into layers {into}"
    )


def _initializer(case: Case) -> str:
    initializer = case.network.initializer
    if isinstance(initializer, NormalInitializer):
        return f"normal with standard deviation {initializer.standard_deviation:g}"
    return initializer.name


def _yaml_with_origins(resolved: ResolvedCase) -> Iterator[Text]:
    """The dump of the case; a value that the named file does not give itself says where it comes from."""
    text = dump_case(resolved.case)
    root = parse(text, "").root
    assert root is not None
    origins = {line: _origin(resolved, path) for line, path in _lines_of_values(root)}
    lines = text.splitlines()
    marked = [len(line) for number, line in enumerate(lines, 1) if origins.get(number)]
    column = max((length for length in marked if length <= _WIDEST_MARKED_LINE), default=0)
    for number, line in enumerate(lines, 1):
        if origin := origins.get(number):
            yield Text.assemble(line.ljust(column), (f"  # {origin}", _ORIGIN_STYLES.get(origin, "cyan")))
        else:
            yield Text(line)


def _lines_of_values(node: Node, path: Path = ()) -> Iterator[tuple[int, Path]]:
    """Each value that has a line to itself, with its key path."""
    if isinstance(node.value, dict) and (not path or isinstance(path[-1], str)):
        for key, below in node.value.items():
            yield from _lines_of_values(below, (*path, key))
    elif isinstance(node.value, list):
        for index, below in enumerate(node.value):
            yield from _lines_of_values(below, (*path, index))
    else:
        yield node.place.line, path


def _origin(resolved: ResolvedCase, path: Path) -> str:
    node = resolved.root.at(path)
    if node is None:
        return "default"
    if node.place.line == 0:
        return "override"
    return "" if node.place.source == shown(resolved.files[0]) else PurePath(node.place.source).name


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _activation(layer: LayerPlan) -> str:
    label = activation_label(layer.activation)
    return label if alpha_rule(layer.activation) is None else f"{label} alpha {layer.alpha:g}"


def _millions(count: int) -> str:
    return f"{count / 1e6:,.1f}" if count >= 50_000 else "<0.1"


def _flops(count: int) -> str:
    value, prefixes = float(count), iter(("", "k", "M", "G", "T", "P", "E"))
    prefix = next(prefixes)
    while value >= 999.5 and (larger := next(prefixes, None)) is not None:
        value, prefix = value / 1000, larger
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {prefix}FLOP"
