from __future__ import annotations

from pathlib import Path

import pytest

from celu_cli.check.file import read_check
from celu_cli.errors import RunError
from tests.analysis.report.reports import check_text


def test_a_check_is_read_and_null_stands_for_what_is_infinite(tmp_path: Path) -> None:
    assert read_check(tmp_path) is None
    (tmp_path / "check.json").write_text(check_text())
    check = read_check(tmp_path)
    assert check is not None
    assert check.layers[0].exact_output.relative_error is None
    assert [layer.plan.number for layer in check.layers] == [1, 2]


@pytest.mark.parametrize("text", ["", "[]", "{}", check_text(layers=[{}])])
def test_what_is_no_check_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / "check.json").write_text(text)
    with pytest.raises(RunError, match=r"check.json is not what celu check --json writes"):
        read_check(tmp_path)
    (tmp_path / "check.json").unlink()
    (tmp_path / "check.json").mkdir()
    with pytest.raises(RunError, match=r"cannot read .*check.json"):
        read_check(tmp_path)
