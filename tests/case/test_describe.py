from __future__ import annotations

from celu_cli.case.describe import describe_case
from tests.runs.fakes import make_case


def test_a_case_is_one_line_that_names_a_precision_other_than_float32() -> None:
    words = "CIFAR-10, celu alpha 2, manual backprop, amsgrad (tensor) 0.0008, seed 0"
    assert describe_case(make_case()) == words
    assert describe_case(make_case(precision="bfloat16")) == words.replace("seed", "bfloat16, seed")
