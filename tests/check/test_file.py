from __future__ import annotations

import json
from dataclasses import replace
from math import isnan
from pathlib import Path

import pytest

from celu_cli.check.file import json_values, read_check
from celu_cli.check.verdict import judge
from celu_cli.errors import RunError
from tests.analysis.report.reports import check_text
from tests.check.test_verdict import check, layer, part


def test_a_check_is_read_and_null_stands_for_what_is_infinite(tmp_path: Path) -> None:
    assert read_check(tmp_path) is None
    (tmp_path / "check.json").write_text(check_text())
    found = read_check(tmp_path)
    assert found is not None
    check, verdict = found
    assert verdict.kind == "biased"
    assert isnan(check.layers[0].exact_output.relative_error)
    assert [layer.plan.number for layer in check.layers] == [1, 2]
    assert json.dumps(json_values(check, verdict)) == check_text()


def test_everything_a_check_measured_can_be_read_again(tmp_path: Path) -> None:
    wrong = replace(check(layer(2), layer(1)), loss=part("loss", 3.0))
    verdict = judge(wrong)
    assert verdict.faults
    (tmp_path / "check.json").write_text(json.dumps(json_values(wrong, verdict)))
    assert read_check(tmp_path) == (wrong, verdict)
    values = json.loads((tmp_path / "check.json").read_text())
    assert list(values)[:4] == ["verdict", "faults", "findings", "case_name"]
    (tmp_path / "check.json").write_text(json.dumps(values | {"of_a_newer_celu": 1}))
    assert read_check(tmp_path) == (wrong, verdict)


@pytest.mark.parametrize("text", ["", "[]", "{}", check_text(layers=[{}])])
def test_what_is_no_check_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    (tmp_path / "check.json").write_text(text)
    with pytest.raises(RunError, match=r"check.json is not what celu check --json writes"):
        read_check(tmp_path)
    (tmp_path / "check.json").unlink()
    (tmp_path / "check.json").mkdir()
    with pytest.raises(RunError, match=r"cannot read .*check.json"):
        read_check(tmp_path)
