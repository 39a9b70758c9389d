"""What `celu sweep` shows: the plan of a dry run on stdout, the workers on stderr while they train."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from math import log

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from typing_extensions import Self

from celu_cli.case.cost import cost_of
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.cli.output.display import Display
from celu_cli.cli.output.progress import TrainingProgress
from celu_cli.events import EpochDone
from celu_cli.runs.metrics import read_metrics
from celu_cli.sweep.conduct import CellElsewhere, CellEnded, CellProgress, CellStarted, Result, SweepEvent
from celu_cli.sweep.plan import Cell, Plan
from celu_cli.sweep.standing import CellState
from celu_cli.text import counted, duration

_MEASURED_RUNS = 50
_CHECKPOINTS = 2
_MUCH_LARGER = 4
_FILES_BYTES = 150_000  # log, metrics, manifest and plots of a run


def plan_lines(plan: Plan, states: Sequence[CellState], workers: int) -> Iterator[str]:
    """The cells with how each stands, then counts, and what time and disk the rest will take."""
    width = max(len(state.standing) for state in states)
    for cell, state in zip(plan.cells, states, strict=True):
        yield f"{state.standing:<{width}}  {cell.label}"
    counts = Counter(state.standing for state in states)
    yield f"{plan.name}: {counted(len(plan.cells), 'cell')}, " + ", ".join(
        f"{n} {what}" for what, n in counts.items()
    )
    if plan.twins:
        yield f"{plan.twins} more train the same as one of these and are left out"
    left = [cell for cell, state in zip(plan.cells, states, strict=True) if not state.has_ended]
    if not left:
        return
    costs = Costs()
    measured = [
        (cell, state.run)
        for cell, state in zip(plan.cells, states, strict=True)
        if state.standing == "completed" and state.run
    ]
    for cell, run in measured[-_MEASURED_RUNS:]:
        epochs = read_metrics(run)
        costs.measure(cell.case, epochs.seconds, len(epochs))
    seconds = [costs.seconds(cell.case) for cell in left]
    if not costs.known:
        yield "time: not known before the first cell is complete"
    elif None in seconds:
        yield "time: not known before a larger cell is complete"
    else:
        some = min(len(measured), _MEASURED_RUNS)
        total = shared_time(seconds, workers)
        yield f"time: about {duration(total)} with {counted(workers, 'worker')}, as {some} finished cells took"
    yield f"disk: about {sum(costs.disk(cell.case) for cell in left) / 1e6:,.0f} MB"


def shared_time(seconds: Sequence[float | None], workers: int) -> float:
    """What `workers` need for cells of so many seconds, none of which can be shared out."""
    known = [each for each in seconds if each is not None]
    return max(sum(known) / workers, max(known, default=0.0))


class Costs:
    """What cells will take, as others did that are not much smaller: the time follows the multiplications.

    Of a tiny cell most of the time goes into starting its steps, which says nothing of a large one.
    """

    def __init__(self) -> None:
        self._counted: dict[Case, tuple[float, int]] = {}
        self._measured: dict[float, tuple[float, int]] = {}

    @property
    def known(self) -> bool:
        """Whether anything was measured."""
        return bool(self._measured)

    def measure(self, case: Case, seconds: float, epochs: int) -> None:
        """Take note that `epochs` epochs of `case` took `seconds`; what a cell takes beside them has none."""
        work, _ = self._of(case)
        before = self._measured.get(work, (0.0, 0))
        self._measured[work] = before[0] + seconds, before[1] + epochs

    def seconds(self, case: Case) -> float | None:
        """What one worker needs for `case`; None where nothing of about its size was measured."""
        work, _ = self._of(case)
        near = min(self._measured, key=lambda measured: abs(log(measured / work)), default=0.0)
        seconds, epochs = self._measured.get(near, (0.0, 0))
        if not epochs or work > _MUCH_LARGER * near:
            return None
        return case.epochs * seconds / epochs * work / near

    def disk(self, case: Case) -> int:
        """Bytes of the directory of a run."""
        return self._of(case)[1]

    def _of(self, case: Case) -> tuple[float, int]:
        key = case.model_copy(update={"seed": 0})
        if key not in self._counted:
            plan = plan_network(case)
            checkpoint = 4 * plan.parameters * (1 + case.optimizer.state_tensors)
            work = float(cost_of(case, plan).training_flops_per_epoch)
            self._counted[key] = work, _CHECKPOINTS * checkpoint + _FILES_BYTES
        return self._counted[key]


class SweepDisplay(Display):
    """One line a worker and totals where the terminal can show them, otherwise a line for every cell that ends.

    Use it as a context manager and call it with every event of the sweep, whose `result` grows meanwhile. `left` are
    the cells that are not done yet.
    """

    def __init__(
        self, plan: Plan, result: Result, left: Sequence[Cell], workers: int, console: Console | None = None
    ) -> None:
        super().__init__(console, frames_a_second=1)
        self._plan, self._result, self._workers = plan, result, workers
        self._costs = Costs()
        self._left = {cell.identity: cell.case for cell in left}
        self._at: dict[int, tuple[Cell, TrainingProgress]] = {}
        self._note = ""
        self._begin = time.monotonic()

    def __enter__(self) -> Self:
        done = len(self._plan.cells) - len(self._left)
        self._say(
            f"{self._plan.name}: {counted(len(self._plan.cells), 'cell')}, {done} done before, "
            f"{counted(self._workers, 'worker')}"
        )
        return super().__enter__()

    def __call__(self, event: SweepEvent) -> None:
        """Show what `event` says."""
        match event:
            case CellStarted(worker, cell, _):
                self._at[worker] = cell, TrainingProgress(cell.case.epochs)
            case CellProgress(worker, inner):
                cell, progress = self._at[worker]
                progress.apply(inner)
                if isinstance(inner, EpochDone):
                    self._costs.measure(cell.case, inner.metrics.seconds, 1)
            case CellEnded(worker, cell, outcome, again):
                _, progress = self._at.pop(worker)
                if outcome.status == "completed":
                    self._costs.measure(cell.case, max(0.0, progress.elapsed - progress.finished.seconds), 0)
                if not again:
                    self._left.pop(cell.identity, None)
                self._say_end(event, progress)
            case CellElsewhere(cell):
                self._left.pop(cell.identity, None)
                self._say(f"done elsewhere: {cell.label}")

    def stopping(self, signal_name: str) -> None:
        """Say that `signal_name` was received; may be called from another thread."""
        self._note = f"{signal_name}: every worker writes a checkpoint and stops; once more leaves at once"
        self._say(self._note)

    def __rich__(self) -> RenderableType:
        """The frame that shows the sweep as it stands now."""
        table = Table.grid(padding=(0, 2))
        for justify in ("right", "left", "left", "right"):
            table.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
        for worker in range(self._workers):
            label, *figures = self._worker_cells(worker)
            table.add_row(Text(str(worker + 1), style="dim"), label, *figures)
        return Group(table, Text(self._totals(), no_wrap=True, overflow="ellipsis"))

    def _worker_cells(self, worker: int) -> tuple[RenderableType, ...]:
        if worker not in self._at:
            return Text("idle", style="dim"), "", ""
        cell, progress = self._at[worker]
        done = progress.epochs_done + progress.epoch_fraction
        last = progress.finished.last
        figures = (
            f"test {last.test_accuracy:.4f}" if last else "preparing" if progress.started is None else ""
        )
        return Text(cell.label), ProgressBar(progress.epochs, done, width=12), Text(figures)

    def _totals(self) -> str:
        total, elapsed = len(self._plan.cells), duration(time.monotonic() - self._begin)
        parts = [f"{total - len(self._left)} of {counted(total, 'cell')}"]
        parts += [f"{self._result.diverged} diverged"] if self._result.diverged else []
        parts += [f"{len(self._result.failed)} failed"] if self._result.failed else []
        parts.append(f"{elapsed} elapsed")
        running = {cell.identity: progress.remaining for cell, progress in self._at.values()}
        seconds = [running.get(cell) or self._costs.seconds(case) for cell, case in self._left.items()]
        if seconds and None not in seconds:
            parts.append(f"about {duration(shared_time(seconds, self._workers))} left")
        return ", ".join(parts)

    def _say_end(self, event: CellEnded, progress: TrainingProgress) -> None:
        outcome, last = event.outcome, progress.finished.last
        line = f"{outcome.status}: {event.cell.label}"
        if outcome.status == "completed" and last is not None:
            line += (
                f"; test accuracy {last.test_accuracy:.4f}; {duration(progress.elapsed)}; {self._totals()}"
            )
        elif outcome.message:
            # A divergence is explained in its run; a failure must be understood here.
            message = outcome.message.strip()
            line += "; " + (message.splitlines()[0] if outcome.status == "diverged" else message)
            line += "; trying again" if event.again else ""
        if self._live is None or outcome.status not in ("completed", "interrupted"):
            self._say(line)
