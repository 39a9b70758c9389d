"""Run directories are read quickly, and as strictly as any case."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from celu_cli.case.dump import dump_case
from celu_cli.case.load import load_case, load_recorded_case
from celu_cli.case.reading.document import parse
from celu_cli.case.schema import Case
from celu_cli.errors import CaseError
from tests.case.strategies import valid_cases
from tests.runs.fakes import make_case


@settings(deadline=None)
@given(valid_cases())
def test_a_written_case_is_read_as_every_case_is(
    tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    path = tmp_path_factory.mktemp("run") / "case.yaml"
    path.write_text(dump_case(case), encoding="utf-8")
    assert load_recorded_case(path) == load_case(path, to_train=False)


def test_cases_that_differ_in_their_seed_alone_keep_it(tmp_path: Path) -> None:
    for seed in (0, 7, 2**63 - 1):
        path = tmp_path / f"{seed}.yaml"
        path.write_text(dump_case(make_case(seed=seed)), encoding="utf-8")
        assert load_recorded_case(path).seed == seed


@pytest.mark.parametrize(
    "change",
    [
        ("seed: 0", "seed: 0\nseed: 1"),
        ("seed: 0", "seed: 9223372036854775808"),
        ("seed: 0", "seed: no"),
        ("batch_size: 100", "batch_size: 0"),
        ("batch_size: 100", "batch_sice: 100"),
        ("precision: float32", "precision: &word float32"),
        ("  name: cifar10", "\tname: cifar10"),
    ],
)
def test_what_no_case_may_say_is_refused_with_the_same_words(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "case.yaml"
    text = dump_case(make_case())
    assert change[0] in text
    path.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(CaseError) as expected:
        load_case(path, to_train=False)
    with pytest.raises(CaseError) as found:
        load_recorded_case(path)
    assert str(found.value) == str(expected.value)


def test_both_readers_of_yaml_mean_the_same_by_the_same_text() -> None:
    text = 'a: 1e-3\nb: "no"\nc: [x, {d: ~}]\ne: no\n'
    quick, slow = parse(text, "text", quick=True), parse(text, "text")
    assert quick == slow
    assert slow.root is not None
    assert slow.root.plain() == {"a": 1e-3, "b": "no", "c": ["x", {"d": None}], "e": "no"}
