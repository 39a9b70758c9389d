"""What is trained, as plots, tables and the live display say it."""

from __future__ import annotations

from celu_cli.case.activations import activation_label
from celu_cli.case.schema import AMSGrad, AutoBackprop, Case
from celu_cli.case.settings import alpha_of, changed_settings
from celu_cli.datasets.registry import DATASETS


def describe_case(case: Case) -> str:
    """What is trained and how, in one line, with whatever the run was given besides, such as "16 of 200 filters"."""
    parts = [
        describe_dataset(case),
        describe_activation(case),
        f"{describe_backprop(case)} backprop",
        f"{describe_optimizer(case)} {case.optimizer.learning_rate:g}",
        *([case.precision] if case.precision != "float32" else []),
        f"seed {case.seed}",
    ]
    return "; ".join([", ".join(parts), *filter(None, [", ".join(changed_settings(case).values())])])


def describe_dataset(case: Case) -> str:
    """The dataset's title, and whether only its embedded sample is used."""
    return DATASETS[case.dataset.name].title + (" sample" if case.dataset.sample else "")


def describe_activation(case: Case) -> str:
    """The activation with its alpha, where it has one."""
    alpha = alpha_of(case)
    label = activation_label(case.activation)
    return label if alpha is None else f"{label} alpha {alpha:g}"


def describe_backprop(case: Case) -> str:
    """The method, and the rule where it is not the exact gradient."""
    if isinstance(case.backprop, AutoBackprop) or case.backprop.rule == "exact":
        return case.backprop.method
    return f"{case.backprop.method} ({case.backprop.rule})"


def describe_optimizer(case: Case) -> str:
    """The optimizer, and in what its AMSGrad is not the paper's."""
    optimizer = case.optimizer
    if not isinstance(optimizer, AMSGrad):
        return optimizer.name
    own = ["tensor"] * (optimizer.maximum == "tensor") + ["old moment"] * (optimizer.moment == "old")
    return f"{optimizer.name} ({', '.join(own)})" if own else optimizer.name
