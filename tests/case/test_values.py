"""The values of a swept key: what may be written without quotes in a shell, and what is refused."""

from __future__ import annotations

import pytest

from celu_cli.case.reading.document import Place
from celu_cli.case.reading.values import Axis, ValueProblem, read_axis, value_text

HERE = Place("here")


def axis(text: str) -> Axis:
    return read_axis("key", text, HERE)


def values(text: str) -> list[object]:
    return [node.plain() for node in axis(text).values]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5,1,2", [0.5, 1, 2]),
        ("0..4", [0, 1, 2, 3, 4]),
        ("-2..0", [-2, -1, 0]),
        ("0..2,10", [0, 1, 2, 10]),
        ("adam,sgd", ["adam", "sgd"]),
        ("true,false,null", [True, False, None]),
        ("linear:0:1:5", [0, 0.25, 0.5, 0.75, 1]),
        ("linear:10:50:5", [10, 20, 30, 40, 50]),
        ("log:1e-4:1e-1:7", [1e-4, 3.16228e-4, 1e-3, 3.16228e-3, 1e-2, 3.16228e-2, 1e-1]),
        ("{name: adam, beta_1: 0.9},sgd", [{"name": "adam", "beta_1": 0.9}, "sgd"]),
        (
            "[{kernel: 3, filters: 8},{kernel: 1, filters: 10}]",
            [[{"kernel": 3, "filters": 8}, {"kernel": 1, "filters": 10}]],
        ),
        ("'a,b',c", ["a,b", "c"]),
        ("it's,that's", ["it's", "that's"]),
    ],
)
def test_values_are_read_as_written(text: str, expected: list[object]) -> None:
    assert values(text) == expected
    assert [type(value) for value in values(text)] == [type(value) for value in expected]


def test_only_a_logarithmic_spacing_is_called_so() -> None:
    assert axis("log:1:100:3").logarithmic
    assert not axis("1,10,100").logarithmic
    assert not axis("linear:1:100:3").logarithmic


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "an empty value"),
        ("1,,2", "an empty value"),
        ("1,2,", "an empty value"),
        ("1,2,1", "1 is given twice"),
        ("4..0", "has no values; write 0..4"),
        ("0..10000000", "10,000,001 values; one sweep may have 100,000 cells at most"),
        ("log:0:1:3", "needs numbers above 0"),
        ("log:1:0.1:3", "from low to high"),
        ("linear:0:1", "is not three numbers"),
        ("linear:0:1:1", "a count of at least 2"),
        ("linear:0:.inf:3", "from low to high"),
        ("log:1:10:99999999", "99,999,999 values"),
        ("[1,2", "a list in [ ] that is not closed"),
    ],
)
def test_what_makes_no_values_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueProblem) as refused:
        axis(text)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    "text", ["0.5", "log:1e-4:1e-1:7", "'no'", "{name: adam, epsilon: 1e-8}", "null", "'1'", "true"]
)
def test_a_value_written_as_an_override_means_the_same_again(text: str) -> None:
    for node in axis(text).values:
        assert values(value_text(node)) == [node.plain()]
