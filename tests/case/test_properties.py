from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from celu_cli.case.annotations import fits_float32
from celu_cli.case.cost import cost_of
from celu_cli.case.dump import dump_case
from celu_cli.case.load import ResolvedCase, resolve_case
from celu_cli.case.reading.document import parse, resolve_scalar
from celu_cli.case.schema import Case
from celu_cli.errors import CaseError
from tests.case.strategies import mutated_case_values, odd_case_values, valid_cases

# A busy machine must not fail a test that is only about what is said.
steady = settings(deadline=None, max_examples=60)
thorough = settings(deadline=None, max_examples=250)

_PLACED = re.compile(r"case\.yaml:\d+:\d+: .+|override \d+ \".*\": .+|and \d+ more")


def load_text(text: str | bytes, overrides: tuple[str, ...] = ()) -> Case:
    return resolve_text(text, overrides).case


def resolve_text(text: str | bytes, overrides: tuple[str, ...] = ()) -> ResolvedCase:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "case.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        try:
            return resolve_case(path, overrides)
        except CaseError as error:
            raise CaseError(str(error).replace(f"{directory}/", "")) from None


def check_places(error: CaseError) -> None:
    lines = str(error).split("\n")
    if len(lines) > 1:
        assert re.fullmatch(r"case\.yaml has \d+ errors:", lines.pop(0))
    for line in lines:
        assert _PLACED.fullmatch(line), line


_SPECIAL = Case.model_validate(
    {"dataset": "mnist", "optimizer": "adam", "epochs": 1, "description": "\x85\u2028 1e-3\n\ufeff"}
)


@steady
@example(_SPECIAL)
@given(valid_cases())
def test_a_dumped_case_loads_to_the_same_case(case: Case) -> None:
    named = case.model_copy(update={"name": case.name or "case"})
    assert load_text(dump_case(case)) == named


@steady
@given(valid_cases())
def test_a_dump_means_the_same_to_other_yaml_readers(case: Case) -> None:
    values = yaml.safe_load(dump_case(case))
    expected = {
        key: value for key, value in case.model_dump(mode="json", exclude_none=True).items() if value != ""
    }
    assert values == expected


@thorough
@given(mutated_case_values(), st.booleans())
def test_any_mutation_of_a_case_is_a_case_or_an_error_with_a_place(
    values: dict[str, Any], as_json: bool
) -> None:
    text = json.dumps(values) if as_json else yaml.safe_dump(values, allow_unicode=True)
    try:
        assert isinstance(load_text(text), Case)
    except CaseError as error:
        check_places(error)


@thorough
@given(odd_case_values())
def test_odd_numbers_make_a_case_that_plans_and_dumps_or_an_error_with_a_place(
    values: dict[str, Any],
) -> None:
    try:
        resolved = resolve_text(yaml.safe_dump(values))
    except CaseError as error:
        check_places(error)
        return
    assert cost_of(resolved.case, resolved.plan).memory > 0
    for field in numbers_in(resolved.case.model_dump()):
        assert fits_float32(field) or isinstance(field, int)
    assert load_text(dump_case(resolved.case)) == resolved.case


def numbers_in(values: Any) -> Iterator[float]:
    if isinstance(values, dict | list | tuple):
        for value in values.values() if isinstance(values, dict) else values:
            yield from numbers_in(value)
    elif isinstance(values, int | float):
        yield values


@thorough
@given(st.text() | st.text("abc:-[]{}#&*!|>'\"%@`,?<~ \n\t0123.e+", max_size=40))
@example("? ? ? a")
@example("- - - - - - - - - - - - - - -")
@example("%YAML 9.9\n---\na")
@example("a: |2\n b\n c: d")
@example('"\\Uffffffff"')
@example("%YAML 1." + "1" * 5_000 + "\n---\na")
def test_no_text_breaks_the_reader(text: str) -> None:
    document = parse(text, "case.yaml")
    for problem in document.problems:
        assert _PLACED.fullmatch(str(problem)), str(problem)


@steady
@given(st.binary(max_size=60))
def test_no_bytes_break_the_loader(content: bytes) -> None:
    try:
        load_text(content)
    except CaseError as error:
        check_places(error)


_OVERRIDES = st.lists(
    st.tuples(
        st.sampled_from(
            ["epochs", "optimizer", "optimizer.lr", "network.layers", "backprop.rate", "extends", "", "a b"]
        )
        | st.text(max_size=8),
        st.sampled_from(["=", "", "=="]),
        st.sampled_from(["1", "adam", "[", "{name: adam}", "null", "&a 1", "'", "- 1"]) | st.text(max_size=8),
    ).map("".join),
    max_size=3,
).map(tuple)


@steady
@given(_OVERRIDES)
def test_any_override_is_obeyed_or_refused_with_its_number(overrides: tuple[str, ...]) -> None:
    try:
        load_text("dataset: mnist\noptimizer: adam\nepochs: 5\n", overrides)
    except CaseError as error:
        check_places(error)


@steady
@given(st.floats() | st.integers(-(10**20), 10**20))
def test_numbers_mean_what_python_writes(number: float) -> None:
    read = resolve_scalar(str(number))
    if isinstance(number, float) and math.isfinite(number):
        assert read == number
        assert isinstance(read, (int, float))
    elif isinstance(number, int):
        assert read == number
