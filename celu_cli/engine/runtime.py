"""What the process must look like before TensorFlow starts."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from celu_cli.machine import cpu_threads

# Parameters of glibc's mallopt, from its malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3


def start_tensorflow() -> None:
    """Import TensorFlow, with memory settings that suit training and without its chatter.

    The chatter comes from C++ before any log level holds. It is kept back and shown only when the import fails, or
    when the user asked for TensorFlow's log by setting TF_CPP_MIN_LOG_LEVEL.
    """
    _keep_freed_memory()
    # TensorFlow uses oneDNN unasked only where the processor has AVX-512; with AVX2 alone its matrix products and
    # elementwise passes are the faster ones too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        _import_tensorflow()
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    with _stderr_kept_back():
        _import_tensorflow()


def _import_tensorflow() -> None:
    # TensorFlow imports Keras to register its optimizers, which takes as long as a quarter of TensorFlow itself and is
    # of no use here. A module that is None cannot be imported; afterwards tf.keras is there for whoever asks.
    hidden = "keras.src.optimizers" not in sys.modules
    if hidden:
        sys.modules["keras.src.optimizers"] = None  # type: ignore[assignment]
    # What is imported stays: to look for garbage in it after every 700 new objects takes a fifth of the import.
    collecting = gc.isenabled()
    gc.disable()
    try:
        with settings_unwritten():
            import tensorflow as tf
    finally:
        if collecting:
            gc.enable()
        if hidden:
            del sys.modules["keras.src.optimizers"]

    if not tf.config.list_physical_devices("GPU"):
        # Rewriting a step's graph before the first step takes a second and makes no step on a processor faster.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    tf.config.threading.set_inter_op_parallelism_threads(cpu_threads())
    tf.config.threading.set_intra_op_parallelism_threads(1)


def spread_threads(shares: int) -> None:
    """Let as many threads compute an operation as there are for each of `shares`, which are computed side by side.

    Without, it is one. Where TensorFlow computes already, its threads stay as they are.
    """
    import tensorflow as tf

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cpu_threads() // shares))


def operations_at_once() -> int:
    """How many operations must be computed at the same time for all threads to be used."""
    import tensorflow as tf

    return max(1, cpu_threads() // (tf.config.threading.get_intra_op_parallelism_threads() or cpu_threads()))


@contextmanager
def settings_unwritten() -> Iterator[None]:
    """Import TensorFlow or Keras inside, and neither leaves a file.

    Keras writes its settings into the home directory, or without a home into a directory ~ of the working directory;
    where nothing can be written it goes on without. TEST_TMPDIR keeps Abseil from failing where there is no temporary
    directory.
    """
    before = {name: os.environ.get(name) for name in ("KERAS_HOME", "TEST_TMPDIR")}
    os.environ.update(dict.fromkeys(before, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


@contextmanager
def _stderr_kept_back() -> Iterator[None]:
    """Collect what is written to file descriptor 2; write it there after all if the block raises."""
    if sys.stderr is not None:
        sys.stderr.flush()
    stderr: int | None = None
    try:
        stderr = os.dup(2)
        kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError:  # there is nowhere to chatter, or no temporary directory to keep it in
        kept = None
    if stderr is None or kept is None:
        yield
        return
    with kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _keep_freed_memory() -> None:
    """Stop glibc from returning big blocks to the system.

    Each activation of a step is tens of megabytes. By default glibc maps and unmaps each one, so every step pays the
    page faults again; elementwise passes over such arrays run about 1.5 times as long.
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
