"""What `celu bench` shows: a bar while it measures, then a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from celu_cli.case.describe import describe_activation
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.cli.output.tables import Column, fit, print_lines, print_prose, results_console, table_lines
from celu_cli.datasets.registry import SAMPLE_TRAIN_IMAGES
from celu_cli.text import counted, wrapped
from celu_cli.timing import WARM_UP, Timing, Turns


@contextmanager
def progress_of(case: Case, names: Sequence[str], repeats: int) -> Iterator[Callable[[str], None]]:
    """On stderr, a bar that disappears when all is measured; where there is no terminal, one line at the start."""
    console = Console(stderr=True, highlight=False)
    text = f"Timing steps of {case.name}"
    if not console.is_terminal or console.is_dumb_terminal:
        console.print(f"{text}: {', '.join(names)} …", markup=False, soft_wrap=True)
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[name]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        # Called when the turn of `name` begins: the one before it is done.
        task = bar.add_task(text, total=len(names) * (repeats + 1), completed=-1, name="starting TensorFlow")
        yield lambda name: bar.update(task, advance=1, name=name)


def print_bench(case: Case, turns: Turns, machine: Mapping[str, Any], least_flops: int) -> None:
    """Write title, table and what was left out to stdout; `least_flops` are the limit's for one image."""
    console = results_console()
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    busy = "" if machine["load"] is None else f", load {machine['load']:.1f}"
    threads = counted(machine["threads"], "thread")
    lines = [
        f"{case.name}: {plan_network(case).parameters:,} weights, {describe_activation(case)}, {case.precision}, "
        f"{counted(_images(case), 'image')} a step",
        f"{machine['processor']}, {threads}{busy}; {versions}; {WARM_UP} calls to warm up",
    ]
    if limit := turns.timings.get("limit"):
        flops = least_flops * _images(case) / 1e9
        lines.append(
            f"limit: {_number(flops)} GFLOP of products at {_rate(flops, limit)} GFLOP/s, a large product's rate; the "
            f"table's GFLOP/s count {_number(_direct_flops(case))}, as direct convolutions take"
        )
    title, *more = [Text(part) for line in lines for part in wrapped(line, console.width)]
    title.stylize("bold", 0, len(case.name))
    print_lines(console, [title, *more, Text(), *table_lines(fit(_columns(case, turns), console.width))])
    for name, reason in turns.failures.items():
        console.print()
        print_prose(console, f"{name} was left out: {' '.join(reason.split())}", "yellow")


def _columns(case: Case, turns: Turns) -> list[Column]:
    names, timings = list(turns.timings), list(turns.timings.values())
    base = turns.timings.get("manual", timings[0])
    return [
        Column("step", names),
        Column("median ms", [_number(one.median) for one in timings], right=True),
        Column("smallest", [_number(one.smallest) for one in timings], right=True, leaves=2),
        Column("largest", [_number(one.largest) for one in timings], right=True, leaves=3),
        Column("n", [str(one.n) for one in timings], right=True, leaves=1),
        Column("images/s", [_rate(_images(case), one) for one in timings], right=True, leaves=4),
        Column("GFLOP/s", [_rate(_direct_flops(case), one) for one in timings], right=True, leaves=5),
        Column(
            f"/ {names[timings.index(base)]}",
            [f"{one.median / base.median:.2f}" for one in timings],
            right=True,
        ),
    ]


def _direct_flops(case: Case) -> float:
    """Those of a step by direct convolutions, in GFLOP."""
    return plan_network(case).training_flops * _images(case) / 1e9


def _images(case: Case) -> int:
    return min(case.batch_size, SAMPLE_TRAIN_IMAGES)


def _rate(amount: float, timing: Timing) -> str:
    return _number(1e3 * amount / timing.median)


def _number(value: float) -> str:
    """Three digits, but no fewer than the whole number has."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
