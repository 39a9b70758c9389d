from __future__ import annotations

from math import cos, pi
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celu_cli.case.reading.kinds import parts_in
from celu_cli.case.schema import Schedule
from celu_cli.engine.schedules import dilated_rate, learning_rates
from tests.engine.small import Floats, make_case


def rates(steps: int = 4, epochs: int = 4, **schedule: Any) -> Floats:
    """The learning rates of all steps of a training that begins at 0.1: [epochs, steps]."""
    case = make_case(
        epochs=epochs, schedule=schedule, optimizer={"name": "sgd", "learning_rate": 0.1}, batch_size=10
    )
    return np.array([learning_rates(case, epoch, steps) for epoch in range(1, epochs + 1)])


def test_constant_never_changes() -> None:
    np.testing.assert_array_equal(rates(name="constant"), np.full((4, 4), 0.1))


@pytest.mark.parametrize("name", [name for name in parts_in(Schedule) if name != "constant"])
def test_every_other_schedule_that_a_case_can_name_changes_the_rate(name: str) -> None:
    fields = parts_in(Schedule)[name].model_fields
    required = {key: 1 for key, field in fields.items() if field.is_required() and key != "name"}
    assert len(set(rates(name=name, **required).flat)) > 1


def test_a_case_without_schedule_has_a_constant_one() -> None:
    case = make_case(optimizer={"name": "sgd", "learning_rate": 0.3})
    assert learning_rates(case, 7, 2).tolist() == [0.3, 0.3]


def test_step_multiplies_the_rate_every_so_many_epochs() -> None:
    expected = np.repeat([[0.1], [0.1], [0.05], [0.05], [0.025], [0.025], [0.0125]], 3, axis=1)
    np.testing.assert_allclose(rates(3, 7, name="step", every=2, factor=0.5), expected, rtol=1e-14)


@settings(deadline=None, max_examples=30)
@given(steps=st.integers(1, 5000), epoch=st.integers(1, 200))
def test_step_changes_between_epochs_whatever_their_length(steps: int, epoch: int) -> None:
    case = make_case(epochs=200, schedule={"name": "step", "every": 1, "factor": 0.99})
    np.testing.assert_allclose(learning_rates(case, epoch, steps), 0.01 * 0.99 ** (epoch - 1), rtol=1e-12)


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_falls_from_the_full_rate_to_the_final_one(final: float) -> None:
    progress = np.arange(16) / 16
    expected = [0.1 * (final + (1 - final) * (1 + cos(pi * p)) / 2) for p in progress]
    np.testing.assert_allclose(rates(name="cosine", final_factor=final).ravel(), expected, rtol=1e-13)


def test_warm_up_grows_in_equal_steps_to_the_full_rate() -> None:
    expected = [0.1 * k / 6 for k in range(1, 7)] + [0.1] * 10
    np.testing.assert_allclose(rates(name="constant", warm_up_epochs=1.5).ravel(), expected, rtol=1e-13)


def test_cosine_begins_where_the_warm_up_ends() -> None:
    found = rates(name="cosine", warm_up_epochs=1.0).ravel()
    falling = [0.1 * (1 + cos(pi * k / 12)) / 2 for k in range(12)]
    np.testing.assert_allclose(found, [0.025, 0.05, 0.075, 0.1, *falling], rtol=1e-13)


def test_a_warm_up_longer_than_the_training_only_grows() -> None:
    for name in ("constant", "cosine"):
        found = rates(name=name, warm_up_epochs=10.0).ravel()
        np.testing.assert_allclose(found, [0.1 * k / 40 for k in range(1, 17)], rtol=1e-13)


def test_the_dilated_rate_falls_as_the_article_s_does() -> None:
    """case-d: 1e-4 / (1 + 10 t) with t = epoch - 1."""
    case = make_case(backprop={"method": "dilated", "rate": 1e-4, "decay": 10.0})
    found = [dilated_rate(case, epoch) for epoch in (1, 2, 3, 51)]
    np.testing.assert_allclose(found, [1e-4, 1e-4 / 11, 1e-4 / 21, 1e-4 / 501], rtol=1e-14)


def test_without_decay_the_dilated_rate_stays() -> None:
    case = make_case(backprop={"method": "dilated", "rate": 0.2, "decay": 0.0})
    assert {dilated_rate(case, epoch) for epoch in range(1, 9)} == {0.2}


@pytest.mark.parametrize("method", ["auto", "manual"])
def test_other_backprop_has_a_dilated_rate_of_0(method: str) -> None:
    assert dilated_rate(make_case(backprop={"method": method}), 1) == 0.0


def test_a_rate_that_grows_beyond_all_numbers_is_infinite_and_no_error() -> None:
    case = make_case(epochs=400, schedule={"name": "step", "every": 1, "factor": 10.0})
    assert np.isinf(learning_rates(case, 400, 1)).all()


def test_a_schedule_that_the_engine_does_not_know_is_not_taken_for_a_constant_rate() -> None:
    case = make_case(schedule={"name": "constant"})
    unknown = case.model_copy(update={"schedule": case.schedule.model_copy(update={"name": "linear"})})
    with pytest.raises(AssertionError):
        learning_rates(unknown, 1, 2)
