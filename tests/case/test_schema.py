from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Union, get_origin

import pytest
from pydantic import ValidationError

from celu_cli.case.cost import cost_of
from celu_cli.case.load import load_case
from celu_cli.case.plan import plan_network
from celu_cli.case.reading.kinds import SHORTHANDS, parts_in
from celu_cli.case.schema import Case, Optimizer, Part
from celu_cli.errors import CaseError


def fields_of_several_parts(part: type[Part] = Case, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in part.model_fields.items():
        parts = set(parts_in(field.annotation).values())
        if len(parts) > 1 and get_origin(field.annotation) in (Union, types.UnionType):
            yield (*path, name)
        for inner in parts:
            yield from fields_of_several_parts(inner, (*path, name))


def test_every_part_that_comes_in_kinds_can_be_named_by_a_word() -> None:
    """Merging, messages and the JSON Schema all rest on it."""
    assert set(fields_of_several_parts()) <= set(SHORTHANDS)


@pytest.mark.parametrize("word", parts_in(Optimizer))
def test_every_optimizer_is_a_case_by_its_name_alone(word: str) -> None:
    case = Case.model_validate({"dataset": "mnist", "optimizer": word, "epochs": 1})
    assert case.optimizer.name == word
    assert cost_of(case, plan_network(case)).weight_memory > 0


def test_a_case_cannot_be_changed_after_it_was_checked() -> None:
    case = Case.model_validate({"dataset": "mnist", "optimizer": "adam", "epochs": 1})
    with pytest.raises(ValueError, match="frozen"):
        case.epochs = 2  # type: ignore[misc]


def keys_of_a_case(part: type[Part] = Case, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, field in part.model_fields.items():
        if name != "layers":
            yield ".".join((*path, name))
            for inner in set(parts_in(field.annotation).values()):
                yield from keys_of_a_case(inner, (*path, name))


@pytest.mark.parametrize("key", sorted(set(keys_of_a_case())))
@pytest.mark.parametrize("value", ["[[]]", "{no_such_key: 1}", "1e400"])
def test_every_key_refuses_nonsense_in_words(key: str, value: str) -> None:
    """No field may be added of which the messages cannot tell what it accepts."""
    with pytest.raises(CaseError, match=r"accepted|finite") as caught:
        load_case("case-c", [f"{key}={value}"])
    assert str(caught.value).count("override 1") >= 1


@pytest.mark.parametrize(
    ("published", "fits"),
    [
        *(("a", True), ("é.+-_9", True), ("n" * 100, True), ("e\N{COMBINING ACUTE ACCENT}", True)),
        *(("n" * 101, False), ("n\n", False), ("../n", False), (".n", False), ("-n", False), ("", False)),
    ],
)
def test_a_name_is_a_word_of_at_most_a_hundred_letters(published: str, fits: bool) -> None:
    values = {"dataset": "mnist", "optimizer": "adam", "epochs": 1, "published": published}
    if fits:
        assert Case.model_validate(values).published == published
    else:
        with pytest.raises(ValidationError, match="published"):
            Case.model_validate(values)
