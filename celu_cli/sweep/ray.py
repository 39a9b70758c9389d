"""Ray: workers anywhere in a cluster, whose runs come home file by file, so that no file system needs to be shared."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from filelock import BaseFileLock

from celu_cli.errors import RunError, UsageError
from celu_cli.events import Event, RunOpened, StepsDone
from celu_cli.execute import Job, Workshop
from celu_cli.files import write_whole
from celu_cli.machine import usable_cores
from celu_cli.runs.checkpoint import CHECKPOINT_NAME
from celu_cli.runs.directory import claim_run_directory, lock_run
from celu_cli.runs.manifest import MANIFEST_NAME, read_manifest, utc_now, write_manifest
from celu_cli.sweep.worker import Outcome, prepare_worker, train_cell

_NEWS_SECONDS = 0.5
_MOST_FAILED_STARTS = 3

Files = dict[str, bytes]
"""Files of a run directory by their path in it."""


class RunFiles:
    """The files of a run directory, of which `changed` returns those that are new since it was last asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sent: dict[str, tuple[int, int]] = {}

    def changed(self) -> tuple[Files, list[str]]:
        """What has changed, and the names of all files.

        Checkpoints are read first: a run may have epochs after its checkpoint, but must have those before it.
        """
        paths = [path for path in self._path.rglob("[!.]*") if path.is_file()]
        names = sorted((path.relative_to(self._path).as_posix() for path in paths), key=_is_no_checkpoint)
        changed = {}
        for name in names:
            with suppress(FileNotFoundError):  # a newer checkpoint has replaced it
                state = (self._path / name).stat()
                if self._sent.get(name) != (state.st_mtime_ns, state.st_size):
                    changed[name] = (self._path / name).read_bytes()
                    self._sent[name] = state.st_mtime_ns, state.st_size
        return changed, names


def put_files(path: Path, files: Mapping[str, bytes], names: list[str]) -> None:
    """Write `files` into the run directory `path`, which then has `names` and no other checkpoint.

    It is a whole run after every file: run.json, which makes it one, comes last, and checkpoints after the epochs
    before them.

    Raises:
        OSError: they cannot be written.
    """
    for name in sorted(files, key=lambda name: (name == MANIFEST_NAME, not _is_no_checkpoint(name))):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(path / name, files[name], synced=True)
    for old in (path / CHECKPOINT_NAME).glob("[!.]*"):
        if old.relative_to(path).as_posix() not in names:
            old.unlink()


def _is_no_checkpoint(name: str) -> bool:
    return not name.startswith(f"{CHECKPOINT_NAME}/")


class _Trainer:
    """The worker, an actor of Ray: trains in a thread of its own, and hands over what is new whenever it is asked."""

    def __init__(self, cores: int) -> None:
        self._jobs: SimpleQueue[tuple[Job, Files]] = SimpleQueue()
        self._stopping, self._ended = threading.Event(), threading.Event()
        self._news: list[Event | Outcome] = []
        self._writing = threading.Lock()
        self._files: RunFiles | None = None
        self._scratch = Path()
        threading.Thread(target=self._train, args=(cores,), daemon=True).start()

    def ready(self) -> None:
        """Answer, which says that the worker has been started."""

    def train(self, job: Job, files: Files) -> None:
        """Begin to train `job`; `files` are those of the run that it resumes."""
        self._ended.clear()
        self._jobs.put((job, files))

    def stop(self) -> None:
        self._stopping.set()

    def news(self) -> tuple[list[Event | Outcome], Files, list[str]]:
        """The events since the last call and the files that have changed; waits a moment for them."""
        self._ended.wait(_NEWS_SECONDS)
        with self._writing:
            ended = self._ended.is_set()
            news, self._news = self._news, []
        # After the events, so that what they report is in the files.
        files, names = self._files.changed() if self._files else ({}, [])
        if ended:
            self._files = None
            shutil.rmtree(self._scratch, ignore_errors=True)
        return news, files, names

    def _train(self, cores: int) -> None:
        prepare_worker(cores)  # in this thread: those of TensorFlow inherit its cores
        workshop = Workshop()
        while True:
            job, files = self._jobs.get()
            self._scratch = Path(tempfile.mkdtemp(prefix="celu-"))
            resumed = None
            if job.resume is not None:
                resumed = self._scratch / job.case.name / job.resume.name
                put_files(resumed, files, list(files))
            job = replace(job, logs=self._scratch, resume=resumed)
            outcome = train_cell(job, self._hear, self._stopping.is_set, workshop)
            with self._writing:
                self._news.append(outcome)
                self._ended.set()

    def _hear(self, event: Event) -> None:
        if isinstance(event, RunOpened):
            self._files = RunFiles(event.path)
        with self._writing:
            if isinstance(event, StepsDone) and self._news and isinstance(self._news[-1], StepsDone):
                self._news.pop()
            self._news.append(event)


@dataclass
class _Worker:
    actor: Any
    pending: Any  # what the actor has been asked and has not answered
    started: bool = False
    job: Job | None = None
    home: Path | None = None
    lock: BaseFileLock | None = None


class RayWorkers:
    """`count` workers, each an actor with `cpus`, `gpus` and `memory` bytes; as many as have room where it is None.

    A launcher as `celu_cli.sweep.conduct` needs it. A worker that is lost is started again, where there is room.

    Raises:
        UsageError: Ray is not installed or cannot be reached, or no node has room for a worker.
    """

    def __init__(
        self, count: int | None, cells: int, cpus: int, gpus: float, memory: int, address: str | None
    ) -> None:
        self._ray = _connect(address)
        self._cpus = cpus
        wanted = {"CPU": cpus, "GPU": gpus, "memory": memory}
        self._options = {"num_cpus": cpus, "num_gpus": gpus, "memory": memory, "max_concurrency": 4}
        room = [
            int(min(node["Resources"].get(what, 0) // much for what, much in wanted.items() if much))
            for node in self._ray.nodes()
            if node["Alive"]
        ]
        if not any(room):
            self._ray.shutdown()
            raise UsageError(
                f"no node of the Ray cluster has room for a worker: {cpus} CPUs, {gpus:g} GPUs and "
                f"{memory / 1e9:.1f} GB of memory"
            )
        self.count = count or min(sum(room), cells)
        self._failed_starts = 0
        self._workers = [self._start() for _ in range(self.count)]

    def idle(self) -> list[int]:
        """The numbers of the workers that wait for a cell."""
        return [n for n, worker in enumerate(self._workers) if worker.started and worker.job is None]

    def pids(self, _: int) -> tuple[int, ...]:
        """None of this machine's: an actor lives no longer than the process that started it."""
        return ()

    def submit(self, number: int, job: Job) -> None:
        """Have the worker train `job`."""
        worker = self._workers[number]
        worker.job, worker.home = job, job.resume
        files: Files = {}
        if job.resume is not None:
            worker.lock = lock_run(job.resume)
            files, _ = RunFiles(job.resume).changed()
        worker.actor.train.remote(job, files)
        worker.pending = worker.actor.news.remote()

    def poll(self, seconds: float) -> Iterator[tuple[int, Event | Outcome]]:
        """What the workers have said; their files are home by then."""
        numbers = {worker.pending: n for n, worker in enumerate(self._workers) if worker.pending is not None}
        done, _ = self._ray.wait(list(numbers), timeout=seconds) if numbers else ([], [])
        if not numbers:
            threading.Event().wait(seconds)
        for answer in done:
            number = numbers[answer]
            worker = self._workers[number]
            try:
                said = self._ray.get(answer)
            except self._ray.exceptions.RayError as error:
                yield from self._bury(number, error)
                continue
            worker.pending, worker.started, self._failed_starts = None, True, 0
            if worker.job is None:
                continue
            news, files, names = said
            ended = bool(news) and isinstance(news[-1], Outcome)
            try:
                self._bring_home(worker, files, names)
            except (OSError, RunError) as error:  # a full disk here: the cell is tried again
                self._ray.kill(worker.actor)
                yield from self._bury(number, error)
                continue
            if ended:
                self._end(worker)
            else:
                worker.pending = worker.actor.news.remote()
            for message in news:
                if isinstance(message, RunOpened) and worker.home is not None:
                    message = replace(message, path=worker.home)
                yield number, message

    def stop(self) -> None:
        """Ask every worker to write a checkpoint and end its cell; `poll` reports when it has."""
        for worker in self._workers:
            if worker.job is not None:
                worker.actor.stop.remote()

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            self._ray.kill(worker.actor)
            self._end(worker)
        self._ray.shutdown()

    def _start(self) -> _Worker:
        actor = self._ray.remote(**self._options)(_Trainer).remote(self._cpus)
        return _Worker(actor, actor.ready.remote())

    def _bring_home(self, worker: _Worker, files: Files, names: list[str]) -> None:
        assert worker.job is not None
        if worker.home is None and files:
            worker.home = claim_run_directory(worker.job.logs, worker.job.case.name, worker.job.case.seed)
            worker.lock = lock_run(worker.home)
        if worker.home is not None and names:
            put_files(worker.home, files, names)

    def _end(self, worker: _Worker) -> None:
        if worker.lock is not None:
            worker.lock.release()
        worker.job = worker.lock = None

    def _bury(self, number: int, error: Exception) -> Iterator[tuple[int, Outcome]]:
        """Put another worker in the place of one that was lost, and have its run resumed."""
        worker = self._workers[number]
        if not worker.started:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                raise UsageError(f"no worker can be started on Ray: {error}") from error
        if worker.home is not None and worker.job is not None:
            with suppress(OSError, RunError):  # otherwise its silence says so, a minute later
                lost = {"status": "interrupted", "error": "its worker was lost", "ended": utc_now()}
                write_manifest(worker.home, read_manifest(worker.home).model_copy(update=lost))
        was_busy = worker.job is not None
        self._end(worker)
        self._workers[number] = self._start()
        if was_busy:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            yield number, Outcome("lost", f"its worker was lost: {reason}", retry=True, exit_code=1)


def _connect(address: str | None) -> Any:
    """The module ray, connected to the cluster at `address`, or to one that is started here.

    Raises:
        UsageError: Ray is not installed or the cluster cannot be reached.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError("Ray is not installed; install it with: pip install 'celu[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    here = {} if address else {"num_cpus": len(usable_cores()), "include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **here)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"cannot reach a Ray cluster at {address or 'this machine'}: {error}") from error
    return ray
