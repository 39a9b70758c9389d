"""What a whole run costs in addition to its steps: data, metrics, log, display, checkpoints, plots, the test images.

Usage: python -m benchmarks.loop [--repeats 5] [--only NAME ...] [--quick] [--output DIR]

A row of the run is the real `celu run` in a process and a terminal of its own, with an observer more that stamps its
events; a row of the steps alone calls the compiled steps of one epoch at once. They take turns, and so does an epoch of
Keras's `Model.fit` on the same images at 16 filters. Every epoch is one of the embedded sample.
"""

from __future__ import annotations

from statistics import mean, median
from typing import NamedTuple

from benchmarks.runs import Finished, RunFailed, watched_run
from benchmarks.shared import Target, announce, parser_of, ratio, table, times_table, turns_record, write_part
from benchmarks.turns import Row, workers
from celu_cli.case.load import load_case
from celu_cli.datasets.registry import SAMPLE_TRAIN_IMAGES
from celu_cli.machine import cpu_threads
from celu_cli.timing import Progress, Turns, Way, take_turns

WHOLE, TRAINING, RUN, ALONE, KERAS = (
    "celu run, whole epoch",
    "celu run, epoch without its test",
    "celu run, steps of an epoch",
    "steps alone",
    "Keras fit, epoch",
)
TINY_RUN = ("network.filters=8", "batch_size=500")


class Setting(NamedTuple):
    """A case and how many epochs of the sample a run has; the first, which compiles, is not counted."""

    case: str
    overrides: tuple[str, ...]
    epochs: int
    keras: bool
    most: float  # what an epoch without its test may take, by the steps alone


SETTINGS = {
    "case-c": Setting("case-c", (), 3, keras=False, most=1.03),
    "case-c, 16 filters": Setting("case-c", ("network.filters=16",), 12, keras=True, most=1.15),
}


class Epochs(NamedTuple):
    """Mean milliseconds of a run's epochs but the first, of parts of them, and of the process around them all."""

    whole: float
    training: float  # all but the test images
    steps: float
    outside: float


def epochs_of(done: Finished) -> Epochs:
    """Take the stamps apart.

    An epoch ends when its metrics are written; its steps end with the last of them, before the checkpoint and the test.
    """
    ends: list[float] = []
    steps: list[float] = []
    tests: list[float] = []
    last_step = last = test_begun = test_done = 0.0
    for stamp in done.stamps:
        last = stamp["time"]
        if stamp["event"] == "StepsDone":
            last_step = last
        elif stamp["event"] == "EvaluationStarted":
            test_begun = last
        elif stamp["event"] == "ImagesTested":
            test_done = last
        elif stamp["event"] == "EpochDone":
            if ends:
                steps.append(last_step - ends[-1])
                tests.append(test_done - test_begun)
            ends.append(last)
    whole = (ends[-1] - ends[0]) / (len(ends) - 1)
    # Importing and compiling come before the first epoch's end; plots and the report after the last event.
    outside = done.seconds - (last - ends[0])
    return Epochs(*(1e3 * seconds for seconds in (whole, whole - mean(tests), mean(steps), outside)))


def measure(setting: Setting, repeats: int, warm_up: int, outside: list[float], progress: Progress) -> Turns:
    """Times of an epoch by each row, in turns; `outside` gets the milliseconds of each run outside its epochs."""
    words = (*setting.overrides, "dataset.sample=true")
    steps = -(-SAMPLE_TRAIN_IMAGES // load_case(setting.case, words).batch_size)
    rows = [Row(ALONE, "celu", "celu", setting.case, words, steps)]
    if setting.keras:
        rows.append(Row(KERAS, "tensorflow", "keras", setting.case, words, steps, {"fit": True}))
    latest: list[Epochs] = []

    def whole_run() -> float:
        latest.clear()
        done = watched_run(["run", setting.case, *words, f"epochs={setting.epochs}"])
        latest.append(epochs_of(done))
        outside.append(latest[0].outside)
        return latest[0].whole

    def of_that_run(part: str) -> float:
        if not latest:
            raise RunFailed("the run that it is a part of failed")
        return getattr(latest[0], part)

    with workers([row.group for row in rows], cpu_threads()) as found:
        ways: dict[str, Way] = {
            WHOLE: whole_run,
            TRAINING: lambda: of_that_run("training"),
            RUN: lambda: of_that_run("steps"),
        }
        ways |= {row.name: lambda row=row: steps * found[row.group].take(row) for row in rows}
        return take_turns(ways, repeats, warm_up=warm_up, seconds_each=600.0, progress=progress)


def shares_table(turns: Turns, outside: list[float], epochs: int) -> str:
    """What an epoch and a run cost in addition to the steps."""
    rows = []
    for name, above, below in (
        ("an epoch's steps in the run / the same steps alone", RUN, ALONE),
        ("a whole epoch with test, log, checkpoint / its steps", WHOLE, RUN),
        ("a whole epoch / the epoch without its test", WHOLE, TRAINING),
        ("Keras fit, an epoch / an epoch's steps in the run", KERAS, RUN),
    ):
        value = ratio(turns, above, below)
        if value is not None:
            rows.append([name, f"{value:.3f}"])
    if outside:
        seconds = median(outside) / 1e3
        rows.append([f"start, first epoch, plots and end of a run of {epochs} epochs, s", f"{seconds:.1f}"])
    return table(["share", "value"], rows)


def main() -> None:
    arguments = parser_of(__doc__, repeats=5, settings=SETTINGS).parse_args()
    settings = {name: SETTINGS[name] for name in arguments.only}
    if arguments.quick:
        settings = {"case-c, tiny": Setting("case-c", TINY_RUN, 3, keras=False, most=1.15)}
    pages, records, targets = [], {}, []
    for name, setting in settings.items():
        outside: list[float] = []
        turns = measure(setting, arguments.repeats, 0 if arguments.quick else 1, outside, announce(name))
        shares = shares_table(turns, outside, setting.epochs)
        pages.append(f"### {name}\n\n{times_table(turns, ALONE)}\n{shares}")
        records[name] = turns_record(turns) | {"outside_epochs_milliseconds": outside}
        without_test = ratio(turns, TRAINING, ALONE)
        targets.append(
            Target(
                f"{name}: an epoch without its test / steps alone", without_test, setting.most, at_most=True
            )
        )
        if setting.keras:
            measured = ratio(turns, KERAS, RUN)
            targets.append(Target(f"{name}: Keras fit / celu run, an epoch's steps", measured, 2.00))
    print(write_part(arguments.output, "loop", "A whole run", {"cases": records}, "\n".join(pages), targets))


if __name__ == "__main__":
    main()
