"""Time one training step of a case for each way of taking it, interleaved in one process.

Usage: python benchmarks/step.py [--case case-c] [--repeats 10] [--output benchmarks/step.json] [KEY=VALUE ...]

Prints a Markdown table: median, smallest and largest time of a step, and the ratio of medians to the first row. The
last row is the floor: the step's convolutions alone, each by TensorFlow's own kernel.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

import tensorflow as tf

from celu_cli.case.load import load_case
from celu_cli.case.network import NetworkPlan, plan_network
from celu_cli.case.schema import Case
from celu_cli.datasets import Dataset, load_dataset
from celu_cli.engine import trainer
from celu_cli.engine.optimizers import build_optimizer
from celu_cli.engine.randomness import batch_order, initial_weights
from celu_cli.runs.environment import cpu_model, cpu_threads, package_versions

VARIANTS = {
    "manual": "backprop=manual",
    "manual, direct convolutions": "backprop=manual convolution=direct",
    "dilated": "backprop=dilated",
    "auto": "backprop=auto",
    "manual, bfloat16": "backprop=manual precision=bfloat16",
}


def step_of(case: Case, dataset: Dataset) -> Callable[[], None]:
    """A function that runs the same step of `case` each time it is called."""
    weights = tuple(
        map(tf.constant, initial_weights(plan_network(case), case.network.initializer, case.seed))
    )
    state = build_optimizer(case.optimizer).init(weights)
    run_steps = trainer.compile_steps(case, trainer.network_of(case), dataset.train)
    order = tf.constant(batch_order(len(dataset.train.images), case.seed, 1))
    rates = tf.fill([1], tf.constant(case.optimizer.learning_rate, tf.float32))
    sums = trainer.empty_sums(case, 1, len(weights))
    first, last, skip = tf.constant(0), tf.constant(1), tf.constant(1e-4)

    def step() -> None:
        _, _, (loss, *_) = run_steps(weights, state, sums, order, rates, skip, first, last)
        loss.numpy()

    return step


def floor_of(plan: NetworkPlan, batch: int) -> Callable[[], None]:
    """All convolutions of a step: forward, filter gradient and (but for layer 1) input gradient."""
    arrays = []
    for layer in plan.layers:
        x = tf.random.normal([batch, *layer.input_shape])
        weights = tf.random.normal(layer.weights_shape)
        arrays.append((layer, x, weights, tf.random.normal([batch, *layer.activation_shape])))

    @tf.function(autograph=False)
    def convolutions() -> list[tf.Tensor]:
        strides, results = [1, 1, 1, 1], []
        for layer, x, weights, gradient in arrays:
            results.append(tf.nn.conv2d(x, weights, strides, "SAME"))
            results.append(
                tf.raw_ops.Conv2DBackpropFilter(
                    input=x,
                    filter_sizes=weights.shape,
                    out_backprop=gradient,
                    strides=strides,
                    padding="SAME",
                )
            )
            if layer.number > 1:
                results.append(
                    tf.raw_ops.Conv2DBackpropInput(
                        input_sizes=x.shape,
                        filter=weights,
                        out_backprop=gradient,
                        strides=strides,
                        padding="SAME",
                    )
                )
        return results

    def step() -> None:
        for result in convolutions():
            result.numpy()

    return step


def measure(steps: dict[str, Callable[[], None]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each call, taken in turn after two calls to warm up."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(repeats + 2):
        for name, step in steps.items():
            begun = time.perf_counter()
            step()
            if repeat >= 2:
                times[name].append(1e3 * (time.perf_counter() - begun))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", default="case-c")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("step.json"))
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()

    sample = load_dataset(load_case(arguments.case).dataset.name, sample=True)
    steps = {}
    for name, words in VARIANTS.items():
        case = load_case(arguments.case, [*arguments.overrides, *words.split(), "dataset.sample=true"])
        steps[name] = step_of(case, sample)
    steps["floor: convolutions alone"] = floor_of(plan_network(case), case.batch_size)
    times = measure(steps, arguments.repeats)

    machine = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": cpu_model(),
        "threads": cpu_threads(),
        "versions": package_versions(),
    }
    arguments.output.write_text(json.dumps({"machine": machine, "milliseconds": times}, indent=2) + "\n")
    first = median(times["manual"])
    print(f"{arguments.case} {' '.join(arguments.overrides)}, n = {arguments.repeats}, {machine}\n")
    print("| step | median ms | smallest | largest | median / manual |\n| --- | --- | --- | --- | --- |")
    for name, values in times.items():
        print(
            f"| {name} | {median(values):.0f} | {min(values):.0f} | {max(values):.0f} | {median(values) / first:.2f} |"
        )


if __name__ == "__main__":
    main()
