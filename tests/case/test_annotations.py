"""A case's numbers become float32: what that cannot hold is refused before a training turns it into 0 or infinity."""

from __future__ import annotations

from pathlib import Path

import pytest

from celu_cli.case.annotations import LARGEST, SMALLEST, fits_float32
from celu_cli.case.load import resolve_case
from celu_cli.errors import CaseError

HOLDS = "of a size from 1.2e-38 to 8.5e+37, which float32 can hold"
# The key, and how its message begins for a number that is too large or too small.
FIELDS = [
    ("optimizer.learning_rate", "a number, above 0 and "),
    ("schedule.warm_up_epochs", "a number, at least 0 and "),
    ("network.initializer.standard_deviation", "a number, above 0 and "),
    ("network.residual", "a number, "),
    ("backprop.rate", "a number, at least 0 and "),
]


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(override: str) -> str:
    with pytest.raises(CaseError) as caught:
        resolve_case("case-d", [override])
    return str(caught.value)


@pytest.mark.parametrize("value", ["1e39", "1e300", "1e-39", "5e-324"])
@pytest.mark.parametrize(("key", "beginning"), FIELDS)
def test_a_number_that_float32_cannot_hold_is_refused(key: str, beginning: str, value: str) -> None:
    override = f"{key}={value}"
    expected = f'override 1 "{override}": {key}: {value} given; accepted: {beginning}{HOLDS}'
    assert refusal(override) == expected


@pytest.mark.parametrize(("value", "told"), [("1e39", "1e+39"), ("1e-300", "1e-300")])
def test_so_is_an_alpha(value: str, told: str) -> None:
    assert refusal(f"alpha={value}").endswith(f"alpha: celu needs an alpha {HOLDS}, not {told}")


def test_a_share_that_float32_rounds_to_one_is_refused() -> None:
    text = refusal("optimizer.beta_1=0.99999999999")
    assert text.endswith("accepted: a number, at least 0 and below 1 and so when rounded to float32")
    assert resolve_case("case-d", ["optimizer.beta_1=0.9999999"]).case.name == "case-d"


def test_the_limits_and_their_inverses_are_normal_numbers_of_float32() -> None:
    np = pytest.importorskip("numpy")
    for limit in (SMALLEST, LARGEST):
        assert fits_float32(limit)
        for number in (np.float32(limit), np.float32(1) / np.float32(limit)):
            assert np.finfo(np.float32).tiny <= number <= np.finfo(np.float32).max
    assert not fits_float32(SMALLEST / 2)
    assert not fits_float32(LARGEST * 2)
    assert not fits_float32(float("nan"))
