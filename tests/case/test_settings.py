"""What differs between cases, and what a case has that the shipped one has not."""

from __future__ import annotations

from typing import Any

import pytest

from celu_cli.case.describe import describe_case
from celu_cli.case.load import load_case
from celu_cli.case.schema import Case
from celu_cli.case.settings import changed_settings, differing_keys, same_layers, shared_changes, value_text
from tests.runs.fakes import make_case

LAYER = {"kernel": 32, "filters": 10, "pool": "average", "pool_size": 32}
DILATED = {"method": "dilated"}
SGD = {"name": "sgd", "learning_rate": 8e-4}


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ([{}], []),
        ([{}, {}], []),
        ([{"activation": "elu", "alpha": None}, {"activation": "elu", "alpha": 1.0}], []),  # its default
        ([{}, {"network": {"filters": 8}, "batch_size": 50}], ["network.filters", "batch_size"]),
        ([{}, {"batch_size": 50}, {"epochs": 9}], ["epochs", "batch_size"]),
        ([{}, {"backprop": DILATED}], ["backprop.method"]),  # its rate and decay come with it
        (
            [{}, {"backprop": DILATED}, {"backprop": DILATED | {"rate": 0.5}}],
            ["backprop.method", "backprop.rate"],
        ),
        ([{}, {"optimizer": SGD}], ["optimizer.name"]),
        ([{}, {"seed": 1}], ["seed"]),
        ([{"name": "a"}, {"name": "b"}], []),
    ],
)
def test_the_differing_keys_are_all_that_differ_and_no_other(
    changes: list[dict[str, Any]], keys: list[str]
) -> None:
    assert differing_keys([make_case(**each) for each in changes]) == keys


def test_what_is_held_out_of_a_sample_does_not_differ() -> None:
    samples = [{"name": "cifar10", "sample": True, "hold_out": count} for count in (0, 10)]
    assert differing_keys([make_case(dataset=each) for each in samples]) == []


def test_a_preset_and_own_layers_differ_in_the_network() -> None:
    keys = differing_keys([make_case(), make_case(network={"layers": [LAYER]})])
    assert keys
    assert all(key.startswith("network.") for key in keys)


@pytest.mark.parametrize("key", ["kernel", "filters", "pool", "pool_size", "residual", "activation", "alpha"])
def test_networks_are_the_same_only_where_every_key_of_a_layer_is(key: str) -> None:
    base = {"kernel": 3, "filters": 3, "pool": "max", "pool_size": 4}
    other = {"kernel": 5, "filters": 4, "pool": "average", "pool_size": 5, "residual": 1.0}
    last = LAYER | {"kernel": 8, "pool_size": 8}

    def case(**changes: Any) -> Case:
        end = last | ({"pool_size": 6} if changes.get("pool_size") == 5 else {})
        return make_case(network={"layers": [base | changes, end]})

    assert same_layers(case(), case())
    changed = {**other, "activation": "elu", "alpha": 3.0}[key]
    assert not same_layers(case(), case(**{key: changed}))


@pytest.mark.parametrize(
    ("overrides", "texts"),
    [
        ([], []),
        (["alpha=1", "epochs=3", "seed=4", "optimizer.learning_rate=0.1", "precision=bfloat16"], []),
        (
            ["network.filters=16", "dataset.hold_out=45000", "batch_size=50"],
            ["5,000 of 50,000 images", "16 of 200 filters", "batch 50"],
        ),
        (["network.filters=400"], ["400 filters instead of 200"]),
        (["network.initializer=he_normal"], ["initializer he_normal"]),
        (
            ["optimizer.beta_2=0.5", "convolution=direct"],
            ["optimizer's beta_2 0.5", "convolution algorithm direct"],
        ),
        (["schedule.warm_up_epochs=5"], ["schedule's warm_up_epochs 5"]),
        (["optimizer={name: momentum, learning_rate: 1e-3, momentum: 0.5}"], ["optimizer's momentum 0.5"]),
    ],
)
def test_what_a_run_was_given_besides_its_case_is_said(overrides: list[str], texts: list[str]) -> None:
    case = load_case("case-c", overrides)
    assert list(changed_settings(case).values()) == texts
    assert describe_case(case).partition("; ")[2] == ", ".join(texts)


def test_a_case_that_extends_a_shipped_one_is_measured_by_it() -> None:
    mine = load_case("case-c", ["network.filters=16"]).model_copy(update={"name": "mine"})
    assert list(changed_settings(mine)) == ["network.filters"]


def test_a_case_that_comes_from_no_shipped_one_is_measured_by_the_defaults() -> None:
    mine = make_case(name="mine", batch_size=50)
    assert list(changed_settings(mine)) == ["optimizer.beta_2", "optimizer.epsilon", "batch_size"]


def test_what_all_cases_were_given_besides_is_said_of_them_together() -> None:
    small = [load_case(name, ["network.filters=16", "batch_size=50"]) for name in ("case-c", "case-d")]
    other = load_case("case-c", ["network.filters=16", "batch_size=20"])
    assert list(shared_changes(small).values()) == ["16 of 200 filters", "batch 50"]
    assert list(shared_changes([*small, other]).values()) == ["16 of 200 filters"]
    assert shared_changes([*small, load_case("case-d")]) == {}


def test_different_numbers_are_written_differently() -> None:
    assert value_text(0.1) == "0.1"
    assert value_text(1.0) == "1"
    assert value_text(1.0000001) == "1.0000001"
    assert [value_text(value) for value in (True, None, "celu", 3)] == ["true", "null", "celu", "3"]
