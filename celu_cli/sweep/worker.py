"""What a worker does with one cell, wherever it runs: train the job and say in plain values how it ended."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from celu_cli.errors import CeluError, DataError, DivergedError, ExitCode, InterruptedByUser
from celu_cli.events import CheckpointReached, Event, LayersMeasured, Observer
from celu_cli.execute import Job, Workshop, execute
from celu_cli.sweep.cores import hold_cores


@dataclass(frozen=True)
class Outcome:
    """How the training of a cell ended. `retry` says that another attempt may succeed.

    A *lost* one ended without a word: its worker was killed, or its machine. With `cannot_resume` the run that was to
    go on is of no more use, so that the next attempt must begin again.
    """

    status: Literal["completed", "diverged", "interrupted", "failed", "lost"]
    message: str = ""
    retry: bool = False
    cannot_resume: bool = False
    exit_code: int = ExitCode.DONE


def prepare_worker(cores: list[int] | int) -> None:
    """Have this process train on `cores`, or on so many: TensorFlow makes a thread for each core that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, hold_cores(cores) if isinstance(cores, int) else cores)
    # Each alpha is a graph of its own, which is meant; TensorFlow would warn of the fifth.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def train_cell(job: Job, observer: Observer, stop: Callable[[], bool], workshop: Workshop) -> Outcome:
    """Train `job`; `observer` gets the events that are small, `stop` is asked whether to end with a checkpoint.

    `workshop` is the same for all cells of a worker.
    """
    opened = False

    def forward(event: Event) -> None:
        nonlocal opened
        opened = True
        if not isinstance(event, CheckpointReached | LayersMeasured):
            observer(event)

    def request() -> InterruptedByUser | None:
        return InterruptedByUser("the sweep was stopped") if stop() else None

    try:
        execute(job, [forward], request, workshop=workshop)
    except InterruptedByUser as error:
        return Outcome("interrupted", str(error))
    except DivergedError as error:
        return Outcome("diverged", str(error), exit_code=error.exit_code)
    except CeluError as error:
        may_pass = isinstance(error, DataError) or isinstance(error.__cause__, OSError)
        unusable = job.resume is not None and not opened and not may_pass
        return Outcome("failed", str(error), may_pass or unusable, unusable, error.exit_code)
    except OSError as error:
        return Outcome("failed", f"{type(error).__name__}: {error}", retry=True, exit_code=ExitCode.BUG)
    except Exception:
        return Outcome("failed", traceback.format_exc(), exit_code=ExitCode.BUG)
    return Outcome("completed")
