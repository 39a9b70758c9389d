"""run.json: what a run is, with what it was made, and how it stands."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from celu_cli.files import read_parsed, write_whole
from celu_cli.machine import (
    computing_environment,
    core_list,
    cpu_model,
    cpu_threads,
    git_commit,
    package_versions,
)
from celu_cli.processes import Life, Process

MANIFEST_NAME = "run.json"
HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
UNSET = "unset"

RecordedStatus = Literal["running", "completed", "interrupted", "failed"]
Status = Literal["running", "suspended", "completed", "interrupted", "failed", "crashed"]

NOT_RECORDED = "not recorded"
_STATUS_OF: dict[Life, Status | None] = {
    "alive": "running",
    "suspended": "suspended",
    "gone": "crashed",
    "unknown": None,
}


class _Trainer(BaseModel):
    """A process that trained the run, and with what.

    `pid_space` and `process_started` make its number unambiguous. `cores` are those that the process may use and
    `environment` the variables that change what it computes; None in runs of an older celu.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    pid: int = 0
    host: str = NOT_RECORDED
    pid_space: str | None = None
    process_started: int | None = None
    cpu_model: str = NOT_RECORDED
    cpu_threads: int | None = None
    cores: str | None = None
    environment: dict[str, str] | None = None
    git_commit: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)


class Resumption(_Trainer):
    """Where a later process resumed the run: after `step` steps of `epoch`, and with what.

    `stopped` is the last heartbeat of the process before it; the run paused from then to `time`.
    """

    time: AwareDatetime
    stopped: AwareDatetime | None = None  # runs resumed by an older celu have none
    epoch: int
    step: int


class Manifest(_Trainer):
    """The content of run.json; another version of celu may have more fields, which are kept as they are, and lack
    those that have a default.

    `code` has the SHA-256 of each Python file that an activation of the user's own came from. `pid`, `host` and what it
    ran on are of the process that began the run; `process` is the one that trains now or did last. `identity` says what
    is trained, `exit_code` how the run failed; runs of an older celu have neither, and `pid` and `host` of the last.
    `shares` is the number that each batch is cut into, on whatever machine the run goes on; None in runs of an older
    celu.
    """

    status: RecordedStatus
    started: AwareDatetime
    heartbeat: AwareDatetime
    ended: AwareDatetime | None = None
    error: str | None = None
    exit_code: int | None = None
    seed: int | None = None
    identity: str | None = None
    dataset_source: str | None = None
    train_images: int | None = None
    test_images: int | None = None
    initial_weights_hash: str | None = None
    batch_order_hash: str | None = None
    shares: int | None = None
    code: dict[str, str] = Field(default_factory=dict)
    resumed: tuple[Resumption, ...] = ()

    @property
    def process(self) -> Manifest | Resumption:
        """The process that trains now or did last."""
        return self.resumed[-1] if self.resumed else self

    @property
    def trainer(self) -> Process:
        """`process`, to be looked up."""
        of = self.process
        return Process(of.pid, of.host, of.pid_space, of.process_started)

    def status_at(self, now: datetime) -> Status:
        """The status as a reader sees it.

        A run whose process ended without a word has crashed. Where the process cannot be looked up, a run without a
        recent heartbeat has.
        """
        if self.status != "running":
            return self.status
        known = _STATUS_OF[self.trainer.life()]
        silent = (now - self.heartbeat).total_seconds() > STALE_SECONDS
        return known or ("crashed" if silent else "running")

    def machine_changes(self) -> list[str]:
        """What a resumed run is trained with now and was not trained with before, one text each."""
        if not self.resumed:
            return []
        before, now = self.resumed[-2] if len(self.resumed) > 1 else self, self.process
        pairs: dict[str, tuple[object, object]] = {
            "processor": (before.cpu_model, now.cpu_model),
            "number of threads": (before.cpu_threads, now.cpu_threads),
            **{
                name: (before.versions.get(name), now.versions.get(name))
                for name in ("celu", "numpy", "tensorflow")
            },
        }
        if before.cores is not None and now.cores is not None:
            pairs["cores"] = (before.cores, now.cores)
        if before.environment is not None and now.environment is not None:
            for name in sorted(before.environment | now.environment):
                pairs[name] = (before.environment.get(name, UNSET), now.environment.get(name, UNSET))
        return [f"{name}: {new}, previously {old}" for name, (old, new) in pairs.items() if old != new]


def new_manifest(
    seed: int,
    dataset_source: str | None = None,
    code: Iterable[Path] = (),
) -> Manifest:
    """The manifest of a run that starts now in this process.

    Raises:
        OSError: a file of `code` cannot be read.
    """
    now = utc_now()
    return Manifest(
        status="running",
        started=now,
        heartbeat=now,
        seed=seed,
        dataset_source=_without_home(dataset_source) if dataset_source else None,
        code={str(path): sha256(path.read_bytes()).hexdigest() for path in code},
        **_this_process(),
    )


def _this_process() -> dict[str, Any]:
    process = Process.find()
    return {
        "pid": process.pid,
        "host": process.host,
        "pid_space": process.space,
        "process_started": process.started,
        "cpu_model": cpu_model(),
        "cpu_threads": cpu_threads(),
        "cores": core_list(),
        "environment": computing_environment(),
        "git_commit": git_commit(),
        "versions": package_versions(),
    }


def resumed_manifest(manifest: Manifest, epoch: int, step: int) -> Manifest:
    """The manifest of a run that this process resumes after `step` steps of `epoch`."""
    now = utc_now()
    stopped = manifest.ended or manifest.heartbeat
    here = Resumption(time=now, stopped=stopped, epoch=epoch, step=step, **_this_process())
    changes = {"status": "running", "heartbeat": now, "ended": None, "error": None, "exit_code": None}
    return manifest.model_copy(update=changes | {"resumed": (*manifest.resumed, here)})


def write_manifest(run_path: Path, manifest: Manifest) -> None:
    """Replace run.json as a whole: a reader sees the old one or the new one, never a part."""
    write_whole(run_path / MANIFEST_NAME, manifest.model_dump_json(indent=2) + "\n", synced=True)


def read_manifest(run_path: Path) -> Manifest:
    """Read run.json.

    Raises:
        RunError: it is missing, unreadable or not a manifest.
    """
    return read_parsed(run_path / MANIFEST_NAME, Manifest.model_validate_json, "a run's manifest")


def _without_home(text: str) -> str:
    """The text with ~ for the user's home directory: run directories are shown to others."""
    home = os.path.expanduser("~")  # noqa: PTH111 - a user may have no home
    return text.replace(f"{home}{os.sep}", f"~{os.sep}") if home not in ("~", os.sep) else text


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(timezone.utc)
