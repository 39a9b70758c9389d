"""Every key of a case, by what it is for: whatever compares, groups, resumes or extends cases goes by its role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from celu_cli.analysis.compare.groups import Choice, group_runs
from celu_cli.analysis.why.changes import case_changes
from celu_cli.case.annotations import Role
from celu_cli.case.difference import differences
from celu_cli.case.load import load_case
from celu_cli.case.schema import Case, keys_with_role
from celu_cli.runs.directory import find_runs
from tests.runs.fakes import make_case, record_run

# A value of each key that `make_case` does not have. A new key is named here, and then holds to its role.
OTHER: dict[str, Any] = {
    "name": "another",
    "description": "in other words",
    "dataset": {"name": "mnist"},
    "network": {"filters": 7},
    "activation": "elu",
    "alpha": 3.0,
    "backprop": {"method": "auto"},
    "optimizer": {"name": "sgd"},
    "schedule": {"name": "cosine"},
    "epochs": 4,
    "batch_size": 7,
    "seed": 5,
    "precision": "bfloat16",
    "convolution": "direct",
    "shares": 2,
    "fidelity": {"every": 3},
    "published": "case-d",
}
every_key = pytest.mark.parametrize("key", Case.model_fields)
LABELS = keys_with_role(Role.LABEL)
UNTRAINED = {*LABELS, *keys_with_role(Role.COMPARISON, Role.MEASUREMENT)}


def test_a_key_has_one_role_or_decides_what_is_trained() -> None:
    assert set(OTHER) == set(Case.model_fields)
    assert {role: keys_with_role(role) for role in Role} == {
        Role.LABEL: ("name", "description"),
        Role.COMPARISON: ("published",),
        Role.MEASUREMENT: ("fidelity",),
        Role.SEED: ("seed",),
    }


@every_key
def test_only_what_is_trained_can_explain_a_result(key: str) -> None:
    effects = {change.effect for change in case_changes(make_case(), make_case(**{key: OTHER[key]}))}
    assert effects == {"none"} if key in UNTRAINED else effects and "none" not in effects


@every_key
def test_a_run_goes_on_only_where_what_is_trained_and_measured_is_the_same(key: str) -> None:
    found = differences(make_case(), make_case(**{key: OTHER[key]}))
    assert bool(found) == (key not in {*LABELS, *keys_with_role(Role.COMPARISON)})


@every_key
def test_a_group_has_one_name_and_differs_in_nothing_trained_but_the_seed(key: str, tmp_path: Path) -> None:
    record_run(tmp_path, make_case())
    record_run(tmp_path, make_case(**{key: OTHER[key]}))
    groups = group_runs(find_runs(tmp_path).runs, Choice())
    assert len(groups) == (1 if key in (UNTRAINED - {"name"}) | {"seed"} else 2)


@every_key
def test_all_but_labels_are_inherited(key: str, tmp_path: Path) -> None:
    base, extending = tmp_path / "base.yaml", tmp_path / "extending.yaml"
    base.write_text(make_case(**{key: OTHER[key]}).model_dump_json(exclude_none=True))
    extending.write_text(f"extends: {base}\n")
    same = getattr(load_case(extending), key) == getattr(load_case(base), key)
    assert same == (key not in LABELS)
