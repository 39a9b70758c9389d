from __future__ import annotations

import signal

import pytest

# The first to import TensorFlow decides its settings, and with them the last bit of a number: that must be celu, as in
# the commands whose results the tests compare with.
import celu_cli.engine  # noqa: F401

# Under nohup it is ignored, by celu as by all that it starts: tests of it would wait without end.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_terminal_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that no terminal takes is as wide as it needs to be, whatever the shell of the tests says of its own."""
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
