"""`celu show`: a case as it will be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from celu_cli.cli.options import DEFAULT_LOGS, AsJson, CaseOrRun, Logs, Overrides

if TYPE_CHECKING:
    from celu_cli.case.cost import Cost
    from celu_cli.case.load import ResolvedCase


def show(
    case: CaseOrRun,
    overrides: Overrides = None,
    logs: Logs = DEFAULT_LOGS,
    as_json: AsJson = False,
) -> None:
    """Show a case: its layers, what it costs to train, and every value with the place it comes from."""
    from celu_cli.analysis.why.subject import case_file
    from celu_cli.case.cost import cost_of
    from celu_cli.case.load import resolve_case
    from celu_cli.text import json_text

    resolved = resolve_case(case_file(case, logs)[0], overrides or ())
    cost = cost_of(resolved.case, resolved.plan)
    if as_json:
        typer.echo(json_text(_values(resolved, cost)))
    else:
        from celu_cli.cli.output.show import print_case

        print_case(resolved, cost)


def _values(resolved: ResolvedCase, cost: Cost) -> dict[str, Any]:
    from celu_cli.case.activations import alpha_rule, user_files
    from celu_cli.case.cost import layer_memory
    from celu_cli.text import shown

    case, plan = resolved.case, resolved.plan
    layers = [
        {
            "number": layer.number,
            "kernel": layer.kernel,
            "input_shape": layer.input_shape,
            "output_shape": layer.output_shape,
            "filters": layer.filters,
            "activation": layer.activation,
            "alpha": None if alpha_rule(layer.activation) is None else layer.alpha,
            "pool": layer.pool,
            "pool_size": None if layer.pool == "none" else layer.pool_size,
            "residual": layer.residual,
            "parameters": layer.parameters,
            "forward_flops_per_image": layer.forward_flops,
            "memory_bytes": layer_memory(case, layer, cost.images_at_once),
            "receives_skip_gradient": case.backprop.method == "dilated"
            and layer.number in plan.dilated_layers,
        }
        for layer in plan.layers
    ]
    return {
        "case": case.model_dump(mode="json"),
        "files": [shown(path) for path in resolved.files],
        "code": [shown(path) for path in user_files(layer.activation for layer in plan.layers)],
        "layers": layers,
        "parameters": plan.parameters,
        "forward_flops_per_image": plan.forward_flops,
        "training_flops_per_image": plan.training_flops,
        "training_flops_per_epoch": cost.training_flops_per_epoch,
        "train_images": cost.train_images,
        "test_images": cost.test_images,
        "steps_per_epoch": cost.steps_per_epoch,
        "memory_bytes": {
            "activations": cost.activation_memory,
            "passing_gradients": cost.passing_gradient_memory,
            "weights_and_optimizer": cost.weight_memory,
            "total": cost.memory,
        },
    }
