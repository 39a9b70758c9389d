"""What a verdict makes of the numbers of a check, without TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
import pytest

from celu_cli.check.faults import ARITHMETIC, ASSEMBLY, LOSS, SKIP, TAPE
from celu_cli.check.measured import (
    FILTER,
    INPUT,
    NEGATIVE,
    POOL,
    POSITIVE,
    WHOLE_INPUT,
    CheckedLayer,
    Deviation,
    GradientCheck,
    LayerCheck,
    PartCheck,
    deviation,
    part_check,
)
from celu_cli.check.text import cosine_text, error_text, layers_text, short_number
from celu_cli.check.verdict import judge

TRUE = np.array([[3.0, -4.0], [0.0, 1.0]])
RIGHT = deviation(TRUE, TRUE)


def times(factor: float) -> Deviation:
    return deviation(factor * TRUE, TRUE)


def part(name: str, factor: float = 1.0, declared: float = 1.0) -> PartCheck:
    return part_check(name, factor * TRUE, TRUE, declared * TRUE)


def layer(number: int, wrong: tuple[PartCheck, ...] = (), **changes: Any) -> LayerCheck:
    """A layer in which all is right but the parts and fields given."""
    parts = {name: part(name) for name in (POOL, POSITIVE, NEGATIVE, FILTER, INPUT, WHOLE_INPUT)}
    parts |= {one.part: one for one in wrong}
    right = LayerCheck(
        plan=CheckedLayer(number, (8, 8, 8), 3, 8, "celu", 2.0, "average", 2, 0.0),
        winograd=False,
        exact_weights=RIGHT,
        exact_output=RIGHT,
        declared_weights=RIGHT,
        declared_output=RIGHT,
        trained_weights=RIGHT,
        trained_output=RIGHT,
        tape_rounding=1e-6,
        weights_differences=1e-9,
        output_differences=1e-9,
        parts=tuple(parts.values()),
    )
    return replace(right, **changes)


def check(*layers: LayerCheck, **changes: Any) -> GradientCheck:
    right = GradientCheck("case-x", "manual", "exact", "float32", 6, 0.0, (), 2.0, part("loss"), layers)
    return replace(right, **changes)


def article(*layers: LayerCheck) -> GradientCheck:
    return check(*layers, rule="article", loss=part("loss", 6.0, declared=6.0))


def article_layer(number: int, positive: float = 2.0, **changes: Any) -> LayerCheck:
    wrong = (part(POOL, 4.0, declared=4.0), part(POSITIVE, positive, declared=2.0))
    return layer(number, wrong, **{"exact_weights": times(48.0), **changes})


class TestDeviation:
    def test_two_arrays_that_agree_do_so_in_every_measure(self) -> None:
        found = deviation(np.zeros(3), np.zeros(3))
        assert (found.relative_error, found.cosine, found.norm_ratio, found.factor) == (0.0, 1.0, 1.0, 1.0)

    def test_a_constant_factor_is_found(self) -> None:
        found = times(-4.0)
        assert found.factor == pytest.approx(-4.0)
        assert (found.cosine, found.norm_ratio) == (pytest.approx(-1.0), pytest.approx(4.0))
        assert found.worst_index == (0, 1)
        assert times(0.0).factor == 0.0

    def test_where_there_is_no_factor_there_is_none(self) -> None:
        assert deviation(TRUE + 1.0, TRUE).factor is None
        assert deviation(TRUE, np.zeros((2, 2))).factor is None

    def test_what_is_not_a_number_deviates(self) -> None:
        broken = deviation(np.array([1.0, nan]), np.array([1.0, 2.0]))
        assert broken.worst_index == (1,)
        verdict = judge(check(layer(1, exact_weights=broken, declared_weights=broken)))
        assert verdict.kind == "wrong"


class TestRightAndBiased:
    def test_all_right_passes_even_the_strict(self) -> None:
        verdict = judge(check(layer(1), layer(2)))
        assert (verdict.kind, verdict.faults) == ("right", ())
        assert verdict.passes(strict=True)

    def test_a_declared_bias_passes_but_not_the_strict(self) -> None:
        verdict = judge(article(article_layer(1), article_layer(2)))
        assert (verdict.kind, verdict.faults) == ("biased", ())
        assert verdict.passes()
        assert not verdict.passes(strict=True)

    def test_the_article_s_departures_are_named_with_their_factors(self) -> None:
        loss, pools, activation, rest, *_ = judge(article(article_layer(1), article_layer(2))).findings
        assert "its gradient is 6 times the true one" in loss
        assert "the pools of layers 1 and 2: each passes down 4 times the true gradient" in pools
        assert "instead of 1/4" in pools
        assert "CELU' is 2 where x > 0 instead of 1" in activation
        assert rest.startswith("Nothing else departs")

    def test_the_constant_share_of_the_article_s_size_is_told_apart(self) -> None:
        size = judge(article(article_layer(1, exact_weights=times(960.0)), article_layer(2))).findings[5]
        assert "6 x 4 x 4 = 96; the activations make the other 10" in size

    def test_skip_gradients_are_proved_and_measured(self) -> None:
        off = deviation(TRUE + 1e-3, TRUE)
        skipping = layer(1, exact_weights=off)
        verdict = judge(check(skipping, layer(2), layer(3), method="dilated", rate=1e-4, dilated_layers=(1,)))
        assert verdict.kind == "biased"
        assert "adds 0.0001 (the rate of epoch 1)" in verdict.findings[0]
        assert "into layer 1 from 3" in verdict.findings[0]
        assert "cosine from 1 (layer 2) to >0.9999 (layer 1)" in verdict.findings[1]


class TestWrong:
    def test_the_first_wrong_part_from_the_loss_down_is_named(self) -> None:
        deviating = {"declared_weights": times(4.0), "declared_output": times(4.0)}
        verdict = judge(
            check(layer(1, **deviating), layer(2, (part(POOL, 4.0),), **deviating), layer(3), layer(4))
        )
        assert [(fault.layer, fault.part) for fault in verdict.faults] == [(2, POOL)]
        assert "4 times the true one (the cells of a 2 x 2 window)" in verdict.faults[0].text
        assert "enters at layer 2: all below is wrong for that reason alone" in verdict.findings[-1]

    def test_the_loss_comes_before_the_layers(self) -> None:
        verdict = judge(check(layer(1, (part(POOL, 4.0),)), loss=part("loss", 6.0)))
        assert (verdict.faults[0].layer, verdict.faults[0].part) == (None, LOSS)
        assert "the number of images" in verdict.faults[0].text

    def test_one_fault_in_many_layers_is_told_once(self) -> None:
        wrong = (part(NEGATIVE, -1.0),)
        (fault,) = judge(check(layer(1, wrong), layer(2, wrong), layer(3, wrong))).faults
        assert fault.layer == 3
        assert "the sign is reversed" in fault.text
        assert "The same is wrong in layers 1 and 2." in fault.text

    def test_a_whole_is_not_blamed_for_its_parts(self) -> None:
        wrong = (part(INPUT, 0.5), part(WHOLE_INPUT, 0.5))
        assert [fault.part for fault in judge(check(layer(1, wrong))).faults] == [INPUT]
        assert [fault.part for fault in judge(check(layer(1, wrong[1:]))).faults] == [WHOLE_INPUT]

    def test_right_parts_wrongly_put_together_are_backprop_s_fault(self) -> None:
        off = {"declared_weights": times(2.0), "declared_output": times(2.0)}
        (passed,) = judge(check(layer(1, **off), layer(2, **off), layer(3), layer(4))).faults
        assert (passed.layer, passed.part) == (3, ASSEMBLY)
        assert "not what layer 3 passes down to layer 2" in passed.text
        (own,) = judge(check(layer(1), layer(2, declared_weights=times(2.0)))).faults
        assert (own.layer, own.part) == (2, ASSEMBLY)

    def test_a_skip_gradient_is_blamed_where_there_is_one(self) -> None:
        skipping = layer(1, declared_weights=times(1.1))
        (fault,) = judge(
            check(skipping, layer(2), layer(3), method="dilated", rate=0.1, dilated_layers=(1,))
        ).faults
        assert (fault.layer, fault.part) == (1, SKIP)
        assert "from layer 3" in fault.text

    def test_what_the_rule_declares_is_what_counts(self) -> None:
        (fault,) = judge(article(article_layer(1, positive=1.0))).faults
        assert (fault.layer, fault.part) == (1, POSITIVE)
        assert "0.5 times the declared one" in fault.text

    def test_rounding_is_judged_by_the_tape_s(self) -> None:
        off = deviation(TRUE * (1.0 + 0.01 * np.eye(2)), TRUE)
        assert judge(check(layer(1, trained_weights=off, tape_rounding=0.01))).kind == "right"
        (fault,) = judge(check(layer(1, trained_weights=off))).faults
        assert (fault.layer, fault.part) == (1, ARITHMETIC)

    def test_a_tape_that_differences_refute_proves_nothing(self) -> None:
        verdict = judge(check(layer(1, (part(POOL, 4.0),), weights_differences=0.1), layer(2)))
        assert [(fault.layer, fault.part) for fault in verdict.faults] == [(1, TAPE)]
        assert "prove nothing" in verdict.findings[-1]

    def test_no_differences_are_no_fault(self) -> None:
        verdict = judge(check(layer(1, weights_differences=None), layer(2)))
        assert verdict.kind == "right"
        assert "from 3 of 4 tensors; the others are too small" in verdict.findings[1]
        unmeasured = layer(1, weights_differences=None, output_differences=None)
        assert "rests on the tape alone" in judge(check(unmeasured)).findings[1]


@pytest.mark.parametrize(
    ("error", "words"), [(0.0, "0"), (3.2e-16, "3e-16"), (0.256, "0.26"), (7.31, "7.3"), (149_997.0, "1.5e5")]
)
def test_errors_are_short(error: float, words: str) -> None:
    assert error_text(error) == words


def test_numbers_and_layers_in_words() -> None:
    assert [short_number(value) for value in (8.25, 149_997.0, 1e-7)] == ["8.25", "1.5e5", "1e-7"]
    assert [layers_text(one) for one in ([5], [2, 1], [4, 2, 3], [1, 3, 5])] == [
        "layer 5",
        "layers 1 and 2",
        "layers 2 to 4",
        "layers 1, 3 and 5",
    ]
    assert [cosine_text(one) for one in (1.0, 1.0 - 1e-7, 0.81346)] == ["1", ">0.9999", "0.8135"]
