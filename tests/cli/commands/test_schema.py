from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from celu_cli.case.catalog import find_cases
from celu_cli.case.dump import dump_case
from celu_cli.case.json_schema import case_json_schema
from celu_cli.case.load import load_case
from celu_cli.case.reading.document import parse
from tests.cli.invoke import Celu

SHIPPED = [entry.path for entry in find_cases()]
SMALL = {"dataset": "mnist", "optimizer": "adam", "epochs": 5}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(case_json_schema())


def test_the_command_prints_a_valid_schema(celu: Celu) -> None:
    schema = json.loads(celu("schema").out)
    Draft202012Validator.check_schema(schema)
    assert schema == case_json_schema()


def read(text: str) -> object:
    root = parse(text, "").root
    assert root is not None
    return root.plain()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cases_satisfy_the_schema(path: Path, validator: Draft202012Validator) -> None:
    validator.validate(read(path.read_text(encoding="utf-8")))
    validator.validate(read(dump_case(load_case(path))))


@pytest.mark.parametrize(
    "accepted",
    [
        {"optimizer": {"name": "adam"}, "network": {"filters": 3}},
        {"schedule": {"warm_up_epochs": 3}, "backprop": {"rule": "article"}},
        {"network": {"layers": [{"kernel": 1, "filters": 10}], "initializer": "he_normal"}},
        {"schedule": {"name": "step", "every": 3}, "alpha": None},
    ],
)
def test_what_a_case_may_say_satisfies_the_schema(
    accepted: dict[str, Any], validator: Draft202012Validator
) -> None:
    validator.validate({**SMALL, **accepted})


@pytest.mark.parametrize(
    "refused",
    [
        {"epoch": 5},
        {"epochs": "5"},
        {"epochs": 0},
        {"optimizer": {}},
        {"optimizer": "adamm"},
        {"optimizer": {"name": "adam", "momentum": 0.9}},
        {"schedule": "step"},
        {"network": {"layers": [{"kernel": 1}]}},
        {"network": {"layers": []}},
        {"alpha": True},
        {"dataset": {"name": "mnist", "sample": "yes"}},
        {"extends": 3},
        {"published": "../x"},
    ],
)
def test_what_a_case_may_not_say_fails_the_schema(
    refused: dict[str, Any], validator: Draft202012Validator
) -> None:
    assert not validator.is_valid({**SMALL, **refused})


def test_only_a_case_that_extends_another_may_be_partial(validator: Draft202012Validator) -> None:
    assert not validator.is_valid({"optimizer": "adam"})
    assert validator.is_valid({"extends": "case-c", "optimizer": {"beta_2": 0.99}})
