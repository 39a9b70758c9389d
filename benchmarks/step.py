"""Time one training step: celu's, what it cannot do without, and the same by the article's graph, Keras and PyTorch.

Usage: python -m benchmarks.step [--repeats 10] [--only NAME ...] [--quick] [--output DIR]

The rows take turns, each engine in a process of its own. "celu's settings" are the memory settings and oneDNN, which
celu turns on for its own process; the other rows of TensorFlow run as their users have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from benchmarks.shared import (
    NO_TORCH,
    TINY,
    Target,
    announce,
    has_torch,
    parser_of,
    ratio,
    say,
    times_table,
    turns_record,
    write_part,
)
from benchmarks.turns import Row, measure_rows
from celu_cli.case.load import load_case
from celu_cli.timing import Turns


class Setting(NamedTuple):
    """A case to measure; `epoch` is how many batches stand for an epoch where whole epochs are compared."""

    case: str
    overrides: tuple[str, ...] = ()
    epoch: int = 4
    bfloat16: bool = False


SETTINGS = {
    "case-c": Setting("case-c", bfloat16=True),
    "case-c, 100 filters": Setting("case-c", ("network.filters=100",)),
    "case-a": Setting("case-a"),
    "case-c, 16 filters": Setting("case-c", ("network.filters=16",), epoch=20),
}
WIDE, NARROW = "case-c", "case-c, 16 filters"
BASE, EPOCH, SIXTEEN = "celu manual", "celu manual, epoch", "celu manual, bfloat16"
FLOOR, LIMIT = "floor: convolutions alone", "arithmetic limit"
COMPILED, COMPILED_SIXTEEN = "PyTorch compiled, channels_last", "PyTorch compiled, channels_last, bfloat16"
# Of each setting two rows, and what the ratio of their medians is to be at least.
RATIOS = {
    WIDE: (
        ("article's graph", BASE, 2.70),
        ("Keras train_on_batch", BASE, 2.60),
        (COMPILED, BASE, 2.60),
        (FLOOR, BASE, 2.35),
        (LIMIT, BASE, 0.68),
        ("celu auto", BASE, 1.00),
    ),
    "case-c, 100 filters": ((COMPILED, BASE, 1.90),),
    NARROW: ((COMPILED, BASE, 1.30), (FLOOR, EPOCH, 1.00)),
}


def celu_rows(setting: Setting) -> list[Row]:
    """Each backprop; manual without Winograd's algorithm; an epoch in one call; the floor and the limit."""

    def row(name: str, *words: str, kind: str = "celu", count: int = 1) -> Row:
        overrides = (*setting.overrides, *words, "dataset.sample=true")
        return Row(name, "celu", kind, setting.case, overrides, count)

    rows = [
        row(BASE, "backprop=manual"),
        row("celu auto", "backprop=auto"),
        row("celu dilated", "backprop=dilated"),
        row("celu manual, direct convolutions", "backprop=manual", "convolution=direct"),
        row(EPOCH, "backprop=manual", count=setting.epoch),
        row(FLOOR, kind="floor"),
        row(LIMIT, kind="limit"),
    ]
    if setting.bfloat16:
        rows += [
            row(SIXTEEN, "backprop=manual", "precision=bfloat16"),
            row("celu auto, bfloat16", "backprop=auto", "precision=bfloat16"),
            row(f"{FLOOR}, bfloat16", "precision=bfloat16", kind="floor"),
            row(f"{LIMIT}, bfloat16", "precision=bfloat16", kind="limit"),
        ]
    return rows


def tensorflow_rows(setting: Setting) -> list[Row]:
    """The article's graph and Keras, as their users have them and with celu's settings of the process."""
    by_hand = load_case(setting.case, setting.overrides).backprop.method != "auto"
    rule = ("backprop.rule=article",) if by_hand else ()
    plain = (*setting.overrides, "dataset.sample=true")
    case, epoch = setting.case, setting.epoch
    return [
        Row("article's graph", "tensorflow", "article", case, (*plain, *rule)),
        Row("Keras train_on_batch", "tensorflow", "keras", case, plain),
        Row("Keras fit", "tensorflow", "keras", case, plain, epoch, {"fit": True}),
        Row(
            "Keras fit, XLA", "tensorflow", "keras", case, plain, epoch, {"fit": True, "jit_compile": "auto"}
        ),
        Row("article's graph, celu's settings", "tuned", "article", case, (*plain, *rule)),
        Row("Keras train_on_batch, celu's settings", "tuned", "keras", case, plain),
        Row("Keras fit, celu's settings", "tuned", "keras", case, plain, epoch, {"fit": True}),
    ]


def torch_rows(setting: Setting, compiled: bool) -> list[Row]:
    plain = (*setting.overrides, "dataset.sample=true")

    def row(name: str, **options: bool) -> Row:
        return Row(name, "torch", "torch", setting.case, plain, options=options)

    rows = [row("PyTorch", channels_last=False), row("PyTorch, channels_last")]
    if compiled:
        rows.append(row(COMPILED, compiled=True))
    if setting.bfloat16:
        rows.append(row("PyTorch, channels_last, bfloat16", bfloat16=True))
        if compiled:
            rows.append(row(COMPILED_SIXTEEN, compiled=True, bfloat16=True))
    return rows


def judge(found: Mapping[str, Turns]) -> list[Target]:
    """The targets, each a ratio of medians, of the settings that were asked for."""
    targets = [
        Target(f"{setting}: {above} / {below}", ratio(found[setting], above, below), bound)
        for setting, ratios in RATIOS.items()
        if setting in found
        for above, below, bound in ratios
    ]
    if WIDE in found:
        of_each = [ratio(found[WIDE], COMPILED_SIXTEEN, one) for one in (BASE, SIXTEEN)]
        fastest = max((value for value in of_each if value is not None), default=None)
        name = f"{WIDE}: {COMPILED_SIXTEEN} / celu manual's faster precision"
        targets += [Target(name, fastest, 1.30), *judge_fit(WIDE, found[WIDE], BASE, 1.35)]
    if NARROW in found:
        targets += judge_fit(NARROW, found[NARROW], EPOCH, 2.00)
    return targets


def judge_fit(setting: str, turns: Turns, base: str, bound: float) -> list[Target]:
    """Keras's `fit` as its users have it (with XLA or without, the faster one), and with celu's settings."""
    plain = [ratio(turns, name, base) for name in ("Keras fit", "Keras fit, XLA")]
    fastest = min((value for value in plain if value is not None), default=None)
    tuned = ratio(turns, "Keras fit, celu's settings", base)
    return [
        Target(f"{setting}: Keras fit / {base}", fastest, bound),
        Target(f"{setting}: Keras fit with celu's settings / {base}", tuned, bound),
    ]


def measure(name: str, setting: Setting, repeats: int, seconds: float, quick: bool) -> Turns:
    """The times of all rows of a setting that can be measured."""
    rows = [*celu_rows(setting), *tensorflow_rows(setting)]
    torch = torch_rows(setting, compiled=not quick)
    if quick:
        kept = {
            BASE,
            EPOCH,
            FLOOR,
            LIMIT,
            "article's graph",
            "Keras fit",
            "PyTorch, channels_last",
        }
        rows = [replace(row, group="celu") for row in rows if row.name in kept]
        torch = [row for row in torch if row.name in kept]
    missing = {}
    if has_torch():
        rows += torch
    else:
        say(f"  {NO_TORCH}: left out")
        missing = {row.name: NO_TORCH for row in torch}
    turns = measure_rows(rows, repeats, seconds_each=seconds, progress=announce(name))
    turns.failures |= missing
    return turns


def main() -> None:
    parser = parser_of(__doc__, settings=SETTINGS)
    parser.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        help="a row that would take longer gets fewer calls (%(default)s)",
    )
    arguments = parser.parse_args()
    settings = {name: SETTINGS[name] for name in arguments.only}
    if arguments.quick:
        settings = {"case-c, tiny": Setting("case-c", TINY)}
    found: dict[str, Turns] = {}
    pages: list[str] = []
    records: dict[str, Any] = {}
    for name, setting in settings.items():
        turns = found[name] = measure(name, setting, arguments.repeats, arguments.seconds, arguments.quick)
        case = load_case(setting.case, setting.overrides)
        images = dict.fromkeys(turns.timings, case.batch_size)
        pages.append(f"### {name}: a step of {case.batch_size} images\n\n{times_table(turns, BASE, images)}")
        records[name] = turns_record(turns)
        # What is measured is kept, whatever becomes of the settings still to come.
        page = write_part(
            arguments.output, "step", "A training step", {"cases": records}, "\n".join(pages), judge(found)
        )
    print(page)


if __name__ == "__main__":
    main()
