from __future__ import annotations

import math

import pytest

from celu_cli.case.reading.document import Place, parse, resolve_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("8.0e-4", 8e-4),
        (".5", 0.5),
        ("-.5e+3", -500.0),
        ("5.", 5.0),
        ("1E5", 1e5),
        ("5", 5),
        ("+5", 5),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("tRue", "tRue"),
        ("1_000", "1_000"),
        ("1,000", "1,000"),
        ("1:30", "1:30"),
        ("2018-10-01", "2018-10-01"),
        ("0b11", "0b11"),
        ("inf", "inf"),
        ("nan", "nan"),
        ("1e", "1e"),
        ("e5", "e5"),
        (".", "."),
        ("=", "="),
    ],
)
def test_a_bare_word_means_what_the_yaml_1_2_core_schema_says(text: str, value: object) -> None:
    read = resolve_scalar(text)
    assert (read, type(read)) == (value, type(value))


def test_not_a_number_is_read_as_such() -> None:
    read = resolve_scalar(".nan")
    assert isinstance(read, float)
    assert math.isnan(read)


def test_quotes_make_text() -> None:
    root = parse("a: '1e-3'\nb: \"true\"\nc: |\n  5\n", "x.yaml").root
    assert root is not None
    assert root.plain() == {"a": "1e-3", "b": "true", "c": "5\n"}


def test_every_value_knows_its_line_and_column() -> None:
    root = parse("a:\n  b: [1, {c: two}]\n", "x.yaml").root
    assert root is not None
    node = root.at(("a", "b", 1, "c"))
    assert node is not None
    assert node.value == "two"
    assert node.place == Place("x.yaml", 2, 14)
    assert node.key_place == Place("x.yaml", 2, 11)
    assert str(node.place) == "x.yaml:2:14"


def test_columns_count_characters_and_not_bytes() -> None:
    root = parse("{é: ü, b: 1}", "x.yaml").root
    assert root is not None
    assert root.nearest(("b",)).place.column == 11


def test_of_a_duplicate_key_the_first_is_kept_and_the_second_reported() -> None:
    document = parse("a: 1\na: 2\n", "x.yaml")
    assert document.root is not None
    assert document.root.plain() == {"a": 1}
    assert [str(problem) for problem in document.problems] == [
        "x.yaml:2:1: a: duplicate key, already given on line 1; keep one of the two"
    ]
