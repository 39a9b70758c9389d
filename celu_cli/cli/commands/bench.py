"""`celu bench`: how fast this machine takes a training step, and how fast it could."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from celu_cli.cli.options import AsJson, Overrides
from celu_cli.errors import CaseError, UsageError
from celu_cli.files import with_home
from celu_cli.text import json_text

if TYPE_CHECKING:
    from celu_cli.case.schema import Case
    from celu_cli.timing import Turns


# The backprops that are timed; the others are compared with the first.
METHODS = ("manual", "auto", "dilated")
FLOOR, LIMIT = "floor", "limit"


def bench(
    case: Annotated[
        str,
        typer.Argument(metavar="[CASE]", parser=with_home, help="Name of a case, or path of a YAML file."),
    ] = "case-c",
    overrides: Overrides = None,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats", min=1, help="How many times each step is timed, after two calls to warm up."
        ),
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Time a training step of a case with each backprop, beside its convolutions and its arithmetic alone.

    The steps take turns on one batch of the embedded sample. The floor is what no step that convolves directly can do
    without: its convolutions, each by TensorFlow's own kernel. The limit is what no step of celu can do without: the
    multiplications of its convolutions, by Winograd's algorithm where that is used, at the rate of a large matrix
    product on this machine.
    """
    from celu_cli.case.load import load_case
    from celu_cli.case.plan import plan_network
    from celu_cli.case.reading.overrides import FlagOverride
    from celu_cli.machine import describe_machine

    given = [*(overrides or ()), FlagOverride.of("the sample, which celu bench uses", "dataset.sample=true")]
    chosen = load_case(case, given)
    variants, left_out = _variants(case, given, chosen.backprop.method)
    machine = describe_machine()  # before the measurement adds to the load
    turns, least_flops = _measure(chosen, variants, repeats)
    if not turns.timings:
        raise UsageError("no step could be timed:\n" + "\n".join(turns.failures.values()))
    turns.failures |= left_out
    if as_json:
        values = {
            "case": chosen.model_dump(mode="json"),
            "machine": machine,
            "training_flops_per_image": plan_network(chosen).training_flops,
            "limit_flops_per_image": least_flops,
            "steps": {name: timing.record() for name, timing in turns.timings.items()},
            "left_out": turns.failures,
        }
        typer.echo(json_text(values))
    else:
        from celu_cli.cli.output.bench import print_bench

        print_bench(chosen, turns, machine, least_flops)


def _variants(reference: str, overrides: list[str], chosen: str) -> tuple[dict[str, Case], dict[str, str]]:
    """The case with each backprop, and for those it cannot have the reason."""
    from celu_cli.case.load import load_case

    variants, left_out = {}, {}
    for method in METHODS:
        own = [one for one in overrides if not one.startswith("backprop")]
        given = overrides if method == chosen else [*own, f"backprop={method}"]
        try:
            variants[method] = load_case(reference, given)
        except CaseError as error:
            left_out[method] = str(error)
    return variants, left_out


def _measure(case: Case, variants: dict[str, Case], repeats: int) -> tuple[Turns, int]:
    """The timings, and how many FLOPs an image the limit has."""
    from celu_cli.cli.output.bench import progress_of
    from celu_cli.datasets.load import load_dataset
    from celu_cli.timing import clocked, take_turns

    sample = load_dataset(case.dataset.name, sample=True).train
    with progress_of(case, [*variants, FLOOR, LIMIT], repeats) as progress:
        # TensorFlow takes seconds to import: only now is it sure to be needed.
        from celu_cli.engine.bench import RepeatedSteps, arithmetic_limit, convolutions_alone, least_flops

        images = min(case.batch_size, len(sample.images))
        ways = {name: clocked(RepeatedSteps(variant, sample)) for name, variant in variants.items()}
        ways[FLOOR] = clocked(convolutions_alone(case, images))
        ways[LIMIT] = arithmetic_limit(case, images)
        return take_turns(ways, repeats, progress=progress), sum(least_flops(case).values())
