"""Whether a case can be trained in this machine's memory at all; asked before anything is built."""

from __future__ import annotations

import os

from celu_cli.case.cost import cost_of
from celu_cli.case.network import NetworkPlan
from celu_cli.case.schema import Case

_UNITS = ("MB", "GB", "TB", "PB", "EB")


def machine_memory() -> int | None:
    """The bytes of memory that this machine has; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def memory_problem(case: Case, plan: NetworkPlan) -> str | None:
    """What is wrong where the tensors alone are more than the machine can hold."""
    needed, there = cost_of(case, plan).memory, machine_memory()
    if there is None or needed <= there:
        return None
    return (
        f"training needs at least {_told(needed)} of memory and this machine has {_told(there)}; "
        f"accepted: fewer filters, or a batch_size below {case.batch_size}"
    )


def _told(count: int) -> str:
    """Bytes as people say them; the largest unit takes whatever is left."""
    size = count / 1e6
    for unit in _UNITS[:-1]:
        if size < 1_000:
            return f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:,.1f} {_UNITS[-1]}"
