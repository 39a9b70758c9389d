"""The sweep files that are kept: every cell of them is a valid case."""

from __future__ import annotations

from pathlib import Path

import pytest

from celu_cli.sweep.plan import make_plan
from celu_cli.sweep.request import read_request

CHECKOUT = Path(__file__).parents[2]
KEPT = sorted([*CHECKOUT.glob("cases/*.sweep.yaml"), *CHECKOUT.glob("docs/*/*.sweep.yaml")])


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_every_cell_is_a_valid_case(path: Path) -> None:
    assert make_plan(read_request([str(path)])).cells


def test_the_study_of_alpha_has_five_values_and_six_seeds_with_alpha_and_without() -> None:
    plans = [
        make_plan(read_request([str(path)])) for path in KEPT if path.name.startswith(("alpha", "rescaled"))
    ]
    assert [len(plan.cells) for plan in plans] == [30, 30]
