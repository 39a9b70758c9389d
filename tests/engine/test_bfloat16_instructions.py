from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from celu_cli.engine.network import multiplies_bfloat16


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    multiplies_bfloat16.cache_clear()
    yield
    multiplies_bfloat16.cache_clear()


@pytest.mark.parametrize(
    ("cpuinfo", "answer"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16 sse\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("flags\t\t: fpu avx2 fma\nvmx flags\t: avx512_bf16\n", False),
        ("Features\t: fp asimd\n", False),  # a processor of another make
        ("", False),
        (None, False),
    ],
)
def test_the_processor_s_flags_decide(
    cpuinfo: str | None, answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_text(path: Path, **_: str) -> str:
        assert path == Path("/proc/cpuinfo")
        if cpuinfo is None:
            raise FileNotFoundError
        return cpuinfo

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda _: [])
    assert multiplies_bfloat16() is answer


def test_a_graphics_card_multiplies_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [kind])
    assert multiplies_bfloat16()
