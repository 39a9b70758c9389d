"""What a case costs, worked out before it is trained: images, steps, FLOPs, memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod, sqrt

from celu_cli.case.plan import LayerPlan, NetworkPlan
from celu_cli.case.schema import Case
from celu_cli.case.shares import count_shares, images_at_once
from celu_cli.datasets.registry import DATASETS, SAMPLE_TEST_IMAGES, SAMPLE_TRAIN_IMAGES
from celu_cli.machine import machine_memory
from celu_cli.text import counted

_ONE_SIDED = 1.645  # the 95 % quantile of the standard normal distribution
_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Cost:
    """Counts for one run of a case; memory is in bytes, FLOPs count a multiply-add as 2."""

    train_images: int
    test_images: int
    steps_per_epoch: int
    training_flops_per_epoch: int
    images_at_once: int
    activation_memory: int
    passing_gradient_memory: int
    weight_memory: int

    @property
    def memory(self) -> int:
        """What the tensors need at least: TensorFlow, the images and the convolutions' scratch come on top."""
        return self.activation_memory + self.passing_gradient_memory + self.weight_memory


def cost_of(case: Case, plan: NetworkPlan, threads: int | None = None) -> Cost:
    """The cost of training `case`, whose network is `plan`, with `threads`, by default those of this process."""
    train_images, test_images = split_sizes(case)
    at_once = min(images_at_once(case, plan, threads), train_images)
    # Two gradients are alive at a time while they pass down: the one arriving and the one being made.
    passing = sorted((_bytes(case, at_once, layer.activation_shape) for layer in plan.layers), reverse=True)[
        :2
    ]
    # Weights, their gradient and the optimizer's state.
    tensors = 2 + case.optimizer.state_tensors
    return Cost(
        train_images,
        test_images,
        steps_per_epoch=ceil(train_images / case.batch_size),
        training_flops_per_epoch=plan.training_flops * train_images,
        images_at_once=at_once,
        activation_memory=sum(layer_memory(case, layer, at_once) for layer in plan.layers),
        passing_gradient_memory=sum(passing),
        weight_memory=plan.parameters * tensors * _FLOAT32_BYTES,
    )


def split_sizes(case: Case) -> tuple[int, int]:
    """How many images a run of `case` trains and tests on."""
    if case.dataset.sample:
        return SAMPLE_TRAIN_IMAGES, SAMPLE_TEST_IMAGES
    dataset = DATASETS[case.dataset.name]
    return dataset.train_images - case.dataset.hold_out, dataset.test_images


def guessing_accuracy(case: Case) -> float:
    """The highest test accuracy that guessing reaches 19 times out of 20: p + 1.645 sqrt(p (1 - p) / n).

    p is one in as many as there are classes, n the number of test images (the normal approximation).
    """
    p, (_, images) = 1 / DATASETS[case.dataset.name].classes, split_sizes(case)
    return p + _ONE_SIDED * sqrt(p * (1 - p) / images)


def layer_memory(case: Case, layer: LayerPlan, images: int) -> int:
    """Bytes a layer keeps of `images` until its gradient is done, above all its activation and the pool's output."""
    return sum(_bytes(case, images, one.output_shape) for one in layer.operations if one.keeps_output)


def _bytes(case: Case, images: int, image_shape: tuple[int, ...]) -> int:
    return images * prod(image_shape) * (2 if case.precision == "bfloat16" else _FLOAT32_BYTES)


_UNITS = ("MB", "GB", "TB", "PB", "EB")


def memory_problem(case: Case, plan: NetworkPlan) -> str | None:
    """What is wrong where the tensors alone are more than the machine can hold."""
    needed, there = cost_of(case, plan).memory, machine_memory()
    if there is None or needed <= there:
        return None
    shares = count_shares(case, plan)
    more = f", or more than {counted(shares, 'share')}" if shares < case.batch_size else ""
    return (
        f"training needs at least {_size_text(needed)} of memory and this machine has {_size_text(there)}; "
        f"accepted: fewer filters{more}"
    )


def _size_text(count: int) -> str:
    """Bytes in decimal units; the largest takes whatever is left."""
    size = count / 1e6
    for unit in _UNITS[:-1]:
        if size < 1_000:
            return f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:,.1f} {_UNITS[-1]}"
