"""What the process must look like before TensorFlow starts."""

from __future__ import annotations

import ctypes
import os
import sys

# Parameters of glibc's mallopt, from its malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3


def prepare_process() -> None:
    """Quiet TensorFlow's start-up chatter and let freed activations be used again."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Stop glibc from returning big blocks to the system.

    Each activation of a step is tens of megabytes. By default glibc maps and unmaps each one, so every step pays the
    page faults anew; elementwise passes over such arrays run about 1.5 times as long.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library, such as musl, has its own ways
        return
    mallopt(_M_MMAP_THRESHOLD, 2**31 - 1)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_M_TOP_PAD, 64 * 2**20)
