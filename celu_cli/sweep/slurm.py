"""Slurm: a job array whose tasks are workers that claim cells of one plan."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from celu_cli.errors import UsageError

MOST_TASKS = 100
_SCRIPT = """\
#!/bin/bash
{options}

# Each task trains one cell after another until none is left; when it is stopped it writes a checkpoint first.
trap 'kill -TERM "$worker"' TERM
trap 'near_limit=yes; kill -TERM "$worker"' USR1
{command} &
worker=$!
while kill -0 "$worker" 2> /dev/null; do
  wait "$worker"
  code=$?
done
# What it preempts or loses Slurm requeues itself; what comes near its time limit it does not.
if [ -n "$near_limit" ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
"""


def batch_script(
    plan: Path, name: str, command: Sequence[str], tasks: int, cpus: int, gpus: float, memory: int
) -> str:
    """The script for sbatch: `tasks` tasks, each of which runs `celu sweep` with `command`.

    Slurm starts those it has room for, with `cpus` cores and `memory` bytes each; one that finds nothing to do ends at
    once. USR1 comes two minutes before the time limit, to the script alone.
    """
    log = str(plan.parent.resolve()).replace("%", "%%") + "/slurm-%A_%a.log"
    options = {
        "job-name": f"celu-{name}",
        "array": f"0-{tasks - 1}",
        "nodes": 1,
        "ntasks": 1,
        "cpus-per-task": cpus,
        **({"gpus-per-task": f"{gpus:g}"} if gpus else {}),
        "mem": f"{-(-memory // 2**20)}M",
        "signal": "B:USR1@120",
        "requeue": None,
        "open-mode": "append",
        "output": log,
    }
    lines = [
        f"#SBATCH --{key}" + ("" if value is None else f"={shlex.quote(str(value))}")
        for key, value in options.items()
    ]
    words = [sys.executable, "-m", "celu_cli", "sweep", *command, "--cpus-per-run", str(cpus)]
    return _SCRIPT.format(options="\n".join(lines), command=shlex.join(words))


def submit(script: str) -> str:
    """Hand `script` to sbatch and return the number of the job.

    Raises:
        UsageError: there is no sbatch here, or it refuses.
    """
    try:
        done = subprocess.run(["sbatch", "--parsable"], input=script, capture_output=True, text=True)
    except OSError as error:
        raise UsageError(
            f"cannot start sbatch ({error.strerror}); leave out --submit to print the script, and submit "
            "it where Slurm is"
        ) from error
    if done.returncode:
        raise UsageError(f"sbatch refused the job: {done.stderr.strip()}")
    return done.stdout.strip().partition(";")[0]
