from __future__ import annotations

import pytest

# The first to import TensorFlow decides its settings, and with them the last bit of a number: that must be celu, as in
# the commands whose results the tests compare with.
import celu_cli.engine  # noqa: F401


@pytest.fixture(autouse=True)
def _no_terminal_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that no terminal takes is as wide as it needs to be, whatever the shell of the tests says of its own."""
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
