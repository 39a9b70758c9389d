"""What makes two cases the same training: everything that trains, and nothing else."""

from __future__ import annotations

import pytest
from pydantic import Field

from celu_cli.case import identity as module
from celu_cli.case.identity import identity
from celu_cli.case.load import load_case
from celu_cli.case.schema import Case


@pytest.mark.parametrize("key", ["name=other", "description=x", "fidelity={every: 5}", "published=null"])
def test_keys_that_only_describe_or_measure_do_not_count(key: str) -> None:
    assert identity(load_case("case-c", [key])) == identity(load_case("case-c"))


@pytest.mark.parametrize(
    "key",
    [
        "seed=1",
        "alpha=1",
        "epochs=2",
        "batch_size=50",
        "dataset.sample=true",
        "optimizer.learning_rate=1e-3",
        "optimizer=adam",
        "backprop={method: dilated}",
        "network.filters=16",
        "schedule=cosine",
        "precision=bfloat16",
        "convolution=direct",
    ],
)
def test_every_key_that_trains_counts(key: str) -> None:
    assert identity(load_case("case-c", [key])) != identity(load_case("case-c"))


def test_a_default_written_out_is_the_default() -> None:
    written = ["schedule={name: constant, warm_up_epochs: 0}", "network={initializer: normal}", "alpha=1.0"]
    assert identity(load_case("case-c", written)) == identity(load_case("case-c", ["alpha=null"]))
    assert identity(load_case("case-c", ["alpha=2"])) == identity(load_case("case-c", ["alpha=2.0"]))


def test_a_key_that_is_added_later_with_its_default_changes_nothing() -> None:
    class Later(Case):
        smoothing: float = Field(0.0)

    case = load_case("case-c")
    values = case.model_dump()
    assert identity(Later.model_validate(values)) == identity(case)
    assert identity(Later.model_validate({**values, "smoothing": 0.1})) != identity(case)


def test_the_code_of_a_users_activation_counts_and_not_its_folder() -> None:
    case = load_case("case-c")
    here, there = (case.model_copy(update={"activation": f"{folder}/a.py:f"}) for folder in ("/x", "/y"))
    assert identity(here, ["0a"]) == identity(there, ["0a"])
    assert identity(here, ["0a"]) != identity(here, ["0b"])


def test_many_seeds_share_what_is_worked_out_once() -> None:
    of = module.seedless_identity(load_case("case-c"))
    assert of(3) == identity(load_case("case-c", ["seed=3"]))
