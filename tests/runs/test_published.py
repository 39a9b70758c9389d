from __future__ import annotations

from pathlib import Path

import pytest

from celu_cli.errors import RunError
from celu_cli.runs import published
from celu_cli.runs.published import read_published
from tests.runs.fakes import make_case


def test_a_case_that_names_a_curve_gets_it() -> None:
    curve = read_published(make_case(published="case-c"))
    assert curve is not None
    assert curve.epochs[0].epoch == 1
    last = curve.at(51)
    assert last is not None
    assert (last.train_accuracy, last.test_accuracy) == (0.9995, 0.7808)
    assert curve.at(50) is None


def test_an_epoch_that_the_log_does_not_show_has_the_value_of_the_last_one_before_it() -> None:
    curve = read_published(make_case(published="case-c"))
    assert curve is not None
    assert curve.until(0) is None
    assert curve.until(9) == curve.until(10) == curve.at(9)
    assert curve.until(9).test_accuracy == 0.7582  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [None, "no-such-curve"])
def test_a_case_without_a_curve_gets_none(name: str | None) -> None:
    assert read_published(make_case(published=name)) is None


@pytest.mark.parametrize("text", ["epoch,train_loss\n1,2\n", "epoch\nx\n"])
def test_a_file_that_is_no_curve_is_a_clear_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(text)
    monkeypatch.setattr(published, "published_curve", lambda _: path)
    with pytest.raises(RunError, match=r"cannot read the published curve .*curve\.csv"):
        read_published(make_case(published="curve"))
