"""What a run was made with: versions, git commit, processor. Nothing here imports a heavy package."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from celu_cli import __version__

_PACKAGES = ("numpy", "tensorflow")
# What TensorFlow, oneDNN and CUDA read from outside that changes bits or speed.
_VARIABLES = (
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS"),
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"),
    *("TF_XLA_FLAGS", "XLA_FLAGS", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "TF_CUDNN_USE_AUTOTUNE"),
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "TF_GPU_THREAD_MODE"),
)
_CHECKOUT = Path(__file__).resolve().parents[1]


def package_versions() -> dict[str, str]:
    """Versions of celu, Python and the packages that decide a run's numbers."""
    versions = {"celu": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):  # installed under another name, such as tensorflow-cpu
            versions[package] = metadata.version(package)
    return versions


def describe_machine() -> dict[str, Any]:
    """What a measurement of time must say of the machine: when, on what, how busy, and with which versions."""
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": cpu_model(),
        "threads": cpu_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": package_versions(),
        "commit": git_commit(),
    }


def git_commit() -> str | None:
    """Commit of celu's own checkout, None when it is installed as a package.

    ``+dirty`` follows the commit when tracked files differ from it.
    """
    if not (_CHECKOUT / ".git").exists():
        return None
    command = ["git", "-C", str(_CHECKOUT), "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    lines = answer.splitlines()
    commits = [line.split()[-1] for line in lines if line.startswith("# branch.oid ")]
    if not commits:
        return None
    return commits[0] + ("" if all(line.startswith("#") for line in lines) else "+dirty")


def cpu_model() -> str:
    """The processor's name as the system reports it."""
    return of_proc("cpuinfo", "model name") or platform.processor() or platform.machine()


def of_proc(file: str, key: str) -> str:
    """The first value of `key` in a file of /proc; empty where there is none, as elsewhere than on Linux."""
    try:
        lines = Path("/proc", file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    entries = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in entries if name.strip() == key), "")


def cpu_threads() -> int:
    """How many threads TensorFlow computes an operation with: as many as there are cores that this process may use.

    TF_NUM_INTRAOP_THREADS says otherwise where it is a number above 0.
    """
    try:
        asked = int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0"))
    except ValueError:
        asked = 0
    return asked if asked > 0 else len(usable_cores())


def computing_environment() -> dict[str, str]:
    """The environment variables, of those that are set, which change what TensorFlow computes or how fast.

    Once TensorFlow is imported this has what celu set for it, too.
    """
    return {name: os.environ[name] for name in _VARIABLES if name in os.environ}


def machine_memory() -> int | None:
    """The bytes of memory that this machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def usable_cores() -> list[int]:
    """The numbers of the hardware threads that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def core_list() -> str:
    """`usable_cores` as Linux writes them: ``0-3,8``."""
    ranges: list[list[int]] = []
    for core in usable_cores():
        if ranges and core == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], core]
        else:
            ranges.append([core])
    return ",".join("-".join(map(str, each)) for each in ranges)


def available_memory() -> int | None:
    """The bytes of memory that a new process could use without swapping; None where the system does not say."""
    kibibytes = of_proc("meminfo", "MemAvailable").removesuffix(" kB")
    return 1024 * int(kibibytes) if kibibytes.isdecimal() else machine_memory()
