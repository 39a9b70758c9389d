from __future__ import annotations

import os
import signal

import pytest

# The first to import TensorFlow decides its settings, and with them the last bit of a number: that must be celu, as in
# the commands whose results the tests compare with.
import celu_cli.engine  # noqa: F401

# Under nohup it is ignored, by celu as by all that it starts: tests of it would wait without end.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The first training decides on the threads of an operation, for as long as the process lives: that must be one, as in
# those commands, and not what the test that happens to come first asks for.
import tensorflow as tf  # noqa: E402

tf.constant(0)


@pytest.fixture(autouse=True)
def _no_terminal_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that no terminal takes is as wide as it needs to be, whatever the shell of the tests says of its own."""
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
        os.unsetenv(name)  # readline, which pytest imports, sets them behind os.environ, for every subprocess
