from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_terminal_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that no terminal takes is as wide as it needs to be, whatever the shell of the tests says of its own."""
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
