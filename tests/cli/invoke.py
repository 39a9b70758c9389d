"""The command line, run inside the test's own process and through the same door as a shell's."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from celu_cli.cli.app import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Celu:
    """Call it with the words that follow ``celu``."""

    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str) -> Outcome:
        self.monkeypatch.setattr(sys, "argv", ["celu", *words])
        self.capture.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        assert isinstance(code, int)
        return Outcome(code, *self.capture.readouterr())
