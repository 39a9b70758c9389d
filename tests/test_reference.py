"""The reference pages say what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, ROOT / "scripts" / "write_reference.py", directory], check=True)
    return directory


@pytest.mark.parametrize("page", ["cases.md", "commands.md", "python.md"])
def test_a_reference_page_is_as_the_code_would_write_it_now(written: Path, page: str) -> None:
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == (written / page).read_text(
        encoding="utf-8"
    ), "run scripts/write_reference.py"
