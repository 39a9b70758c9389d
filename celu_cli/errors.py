"""The errors a user can cause or meet, and the exit code of each.

Everything that celu expects to go wrong is a `CeluError`. Its text is complete: what was wrong, where, what is
accepted and what to do next. `celu_cli.cli.app` prints it and exits with `exit_code`; any other exception is a
bug and keeps its traceback.
"""

from __future__ import annotations

import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns to its caller."""

    DONE = 0
    BUG = 1
    USAGE = 2
    DATA = 3
    DIVERGED = 4
    INTERRUPTED = 130
    TERMINATED = 143


class CeluError(Exception):
    """Root of the expected errors; `exit_code` is what the command line returns for it."""

    exit_code = ExitCode.BUG


class UsageError(CeluError):
    """The command or its files ask for something that cannot be done."""

    exit_code = ExitCode.USAGE


class CaseError(UsageError):
    """A case file or an override is not valid."""


class RunError(UsageError):
    """A run directory is missing, unreadable or not what was asked for."""


class DataError(CeluError):
    """A dataset cannot be had, or is not the dataset it says it is."""

    exit_code = ExitCode.DATA


class DivergedError(CeluError):
    """The loss or a gradient became NaN or infinite."""

    exit_code = ExitCode.DIVERGED


class OutOfMemoryError(UsageError):
    """The case asks for more memory than there is."""


class GradientError(CeluError):
    """A gradient is not what it should be; the exit code is that of a training that went wrong."""

    exit_code = ExitCode.DIVERGED


_ENDING = (
    "SIGTERM",
    "SIGHUP",
    "SIGUSR1",
)  # a lost connection, and a cluster's warning, as an end that is asked for
STOP_SIGNALS = {int(signal.SIGINT): ExitCode.INTERRUPTED} | {
    int(getattr(signal, name)): ExitCode.TERMINATED for name in _ENDING if hasattr(signal, name)
}
"""The signals that ask a training to stop, with the exit code that each leads to."""


class InterruptedByUser(CeluError):  # noqa: N818 - not a failure: the user asked for it
    """One of `STOP_SIGNALS` stopped the run cleanly; `exit_code` says which kind."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.INTERRUPTED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
