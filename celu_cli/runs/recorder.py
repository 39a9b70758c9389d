"""The observer that writes a run's files while it trains."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import BaseFileLock

from celu_cli.case.activations import user_files
from celu_cli.case.dump import dump_case
from celu_cli.case.identity import identity
from celu_cli.case.plan import plan_network
from celu_cli.case.schema import Case
from celu_cli.errors import CeluError, ExitCode, InterruptedByUser, RunError
from celu_cli.events import (
    CheckpointReached,
    EpochDone,
    Epochs,
    Event,
    TrainingEnded,
    TrainingStarted,
)
from celu_cli.files import remove_unfinished, sync_directory, write_whole
from celu_cli.processes import Process
from celu_cli.runs.checkpoint import CHECKPOINT_NAME, FoundCheckpoint, read_checkpoint, write_checkpoint
from celu_cli.runs.directory import claim_run_directory, lock_run
from celu_cli.runs.manifest import (
    HEARTBEAT_SECONDS,
    Manifest,
    RecordedStatus,
    new_manifest,
    read_manifest,
    resumed_manifest,
    utc_now,
    write_manifest,
)
from celu_cli.runs.metrics import EpochLine, append_metrics, first_epochs, keep_metrics, read_metrics
from celu_cli.runs.run import CASE_NAME, Run, append_overrides
from celu_cli.runs.train_log import append_log, epoch_line, log_line, summary_lines
from celu_cli.text import celu_command

_NOTHING_FOUND = FoundCheckpoint(None, ())
_WATCHED_SECONDS = 1.5 * HEARTBEAT_SECONDS
_SETTLED_SECONDS = 1.0


class RunRecorder:
    """Records one run; use it as a context manager around the training and call it with every event.

    `run` is the run as it stands, `found` the checkpoint it was resumed from. On leaving, the run is *completed* when
    the training said that it ended, *interrupted* when the user stopped it or it stopped early, and *failed* on any
    other exception, whose text is kept. Exceptions pass through.
    """

    def __init__(
        self,
        run: Run,
        lock: BaseFileLock | None,
        found: FoundCheckpoint = _NOTHING_FOUND,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.run = run
        self.found = found
        self._lock = lock
        self._ended = False
        self._writing = threading.Lock()
        self._stop = threading.Event()
        # A thread, because one evaluation or one large step may outlast the silence that means a crash.
        self._pulse = threading.Thread(target=self._beat, args=(heartbeat_seconds,), daemon=True)

    @property
    def path(self) -> Path:
        return self.run.path

    @classmethod
    def open(
        cls,
        logs: Path,
        case: Case,
        overrides: Sequence[str] = (),
        *,
        dataset_source: str | None = None,
    ) -> RunRecorder:
        """Claim a directory under `logs` and write what is known before the training.

        run.json comes last: a directory is a run from the moment it has one. When anything fails the
        directory is removed again.

        Raises:
            RunError: the directory or its files cannot be written.
        """
        path = claim_run_directory(logs, case.name, case.seed)
        try:
            with _clear_errors(path):
                lock = lock_run(path)
                (path / CASE_NAME).write_text(dump_case(case), encoding="utf-8")
                append_overrides(path, overrides)
                code = user_files(layer.activation for layer in plan_network(case).layers)
                manifest = _identified(new_manifest(case.seed, dataset_source, code), case)
                append_log(path, log_line("start", case=case.name, seed=case.seed, epochs=case.epochs))
                write_manifest(path, manifest)
                sync_directory(path)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return cls(Run(path, case, manifest, manifest.status, Epochs()), lock)

    @classmethod
    def reopen(cls, path: Path, case: Case, overrides: Sequence[str] = ()) -> RunRecorder:
        """Resume the run in `path` at its newest whole checkpoint, or at its beginning where it has none.

        Epochs that the checkpoint has not reached are dropped from metrics.jsonl, as they are trained again. `found`
        then has the checkpoint and what was wrong with newer ones.

        Raises:
            RunError: another process trains it, the files cannot be read or written, or it is not `resumable`.
        """
        with _clear_errors(path):
            lock = lock_run(path)
            earlier = read_manifest(path)
            _refuse_while_trained(path, earlier, locked=lock is not None)
            found, kept = resumable(path)
            checkpoint = found.checkpoint
            epoch, step = (checkpoint.epoch, checkpoint.step) if checkpoint else (1, 0)
            manifest = _identified(resumed_manifest(earlier, epoch, step), case)
            keep_metrics(path, kept)
            append_overrides(path, overrides)
            remove_unfinished(path)
            write_whole(path / CASE_NAME, dump_case(case))
            append_log(path, log_line("resume", epoch=epoch, step=step, epochs=case.epochs))
            write_manifest(path, manifest)
            if lock is None:
                _refuse_if_another_came(path)
        epochs = Epochs(one.metrics for one in kept)
        return cls(Run(path, case, manifest, manifest.status, epochs), lock, found)

    def __enter__(self) -> RunRecorder:
        self._pulse.start()
        return self

    def __call__(self, event: Event) -> None:
        """Write what `event` says.

        Raises:
            RunError: the files cannot be written.
        """
        with _clear_errors(self.path):
            match event:
                case TrainingStarted():
                    self._update(
                        train_images=event.train_images,
                        test_images=event.test_images,
                        initial_weights_hash=event.initial_weights_hash,
                        batch_order_hash=event.batch_order_hash,
                        shares=event.shares,
                    )
                case CheckpointReached(checkpoint):
                    write_checkpoint(self.path, checkpoint)
                case EpochDone(metrics):
                    append_metrics(self.path, metrics)
                    append_log(self.path, epoch_line(metrics))
                    with self._writing:
                        self.run = replace(self.run, metrics=Epochs((*self.run.metrics, metrics)))
                case TrainingEnded():
                    self._ended = True
                case _:
                    pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pulse.join()
        status, reason = self._outcome(error)
        try:
            with _clear_errors(self.path):
                values = {"status": status} | ({"error": reason} if reason else {})
                append_log(self.path, log_line("end", **values), *summary_lines(self.run.metrics))
                failed = getattr(error, "exit_code", ExitCode.BUG) if status == "failed" else None
                self._update(status=status, error=reason, exit_code=failed, ended=utc_now())
        except RunError:
            if error is None:
                raise  # otherwise the exception under way says more
        finally:
            if self._lock is not None:
                self._lock.release()

    def _outcome(self, error: BaseException | None) -> tuple[RecordedStatus, str | None]:
        match error:
            case None if self._ended:
                return "completed", None
            case None:
                return "interrupted", "the training stopped before its last epoch"
            case KeyboardInterrupt() | InterruptedByUser() | SystemExit() | GeneratorExit():
                return "interrupted", str(error) or "stopped by the user"
            case CeluError():
                return "failed", str(error)
            case _:
                return "failed", f"{type(error).__name__}: {error}"

    def _update(self, **changes: Any) -> None:
        with self._writing:
            manifest = self.run.manifest.model_copy(update={"heartbeat": utc_now(), **changes})
            self.run = replace(self.run, manifest=manifest, status=manifest.status)
            write_manifest(self.path, manifest)

    def _beat(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            with suppress(OSError):  # reported when an epoch is written; the next beat tries again
                self._update()


def resumable(path: Path) -> tuple[FoundCheckpoint, list[EpochLine]]:
    """What the run in `path` can be resumed with: its newest whole checkpoint and the epochs that this has done.

    Raises:
        RunError: no checkpoint is whole or there though epochs were trained, or the files cannot be read or lack epochs
            that the checkpoint has done.
    """
    found = read_checkpoint(path)
    checkpoint = found.checkpoint
    if checkpoint is not None:
        return found, first_epochs(path, least=checkpoint.epoch - 1, most=checkpoint.epochs_trained)
    if found.problems:
        raise RunError("\n".join([f"{path} has no checkpoint to go on from:", *found.problems]))
    if read_metrics(path):
        raise RunError(
            f"{path} has finished epochs but no checkpoint to go on from; copy its {CHECKPOINT_NAME}/ from "
            "where it was trained, or train its case from the start, as a new run: "
            + celu_command("run", path / CASE_NAME)
        )
    return found, []


def _refuse_while_trained(path: Path, manifest: Manifest, locked: bool) -> None:
    """Of a process of this machine, a lock that is ours says that it does not train the run; otherwise run.json must.

    Clocks of two machines are not compared where that would decide alone: a process elsewhere that seems silent is
    given the time for a heartbeat.
    """
    process = manifest.trainer
    if manifest.status != "running" or process == Process.find() or (locked and process.is_local):
        return
    where = f"process {process.pid} of {process.host}"
    if manifest.status_at(utc_now()) != "crashed":
        raise RunError(f"the run {path} is being trained by {where}; wait for it or stop it")
    if not locked and process.life() == "unknown":
        time.sleep(_WATCHED_SECONDS)
        if read_manifest(path).heartbeat != manifest.heartbeat:
            raise RunError(
                f"the run {path} is being trained by {where}, whose clock differs; wait for it or stop it"
            )


def _refuse_if_another_came(path: Path) -> None:
    """Of two that resume at once without a lock, the one whose run.json was replaced gives up."""
    time.sleep(_SETTLED_SECONDS)
    process = read_manifest(path).trainer
    if process != Process.find():
        raise RunError(f"process {process.pid} of {process.host} resumed the run {path} at the same moment")


def _identified(manifest: Manifest, case: Case) -> Manifest:
    return manifest.model_copy(update={"identity": identity(case, manifest.code.values())})


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write the run's files in {path}: {error.strerror or error}") from error
