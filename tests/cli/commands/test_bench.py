from __future__ import annotations

import json

import pytest

from tests.cli.invoke import Celu

TINY = ("network.filters=4", "batch_size=10", "--repeats", "2")


def test_each_backprop_stands_beside_the_floor(celu: Celu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    outcome = celu("bench", "case-c", *TINY)
    assert outcome.code == 0
    assert outcome.err == "Timing steps of case-c: manual, auto, dilated, floor, limit …\n"
    assert outcome.out.startswith("case-c: ")
    assert "10 images a step" in " ".join(outcome.out.split())
    rows = {line.split()[0]: line.split() for line in outcome.out.splitlines()[-5:]}
    assert list(rows) == ["manual", "auto", "dilated", "floor", "limit"]
    assert rows["manual"][-1] == "1.00"
    assert all(float(row[1]) > 0 for row in rows.values())
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "GFLOP of products" in " ".join(outcome.out.split())


def test_json_has_every_call_and_the_machine(celu: Celu) -> None:
    values = json.loads(celu("bench", "case-c", "--json", *TINY).out)
    assert {name: step["n"] for name, step in values["steps"].items()} == dict.fromkeys(
        ("manual", "auto", "dilated", "floor", "limit"), 2
    )
    assert values["limit_flops_per_image"] == values["training_flops_per_image"]  # too narrow for Winograd's
    assert len(values["steps"]["manual"]["milliseconds"]) == 2
    assert values["case"]["batch_size"] == 10
    assert values["machine"]["threads"] >= 1
    assert "tensorflow" in values["machine"]["versions"]


def test_a_backprop_that_the_case_cannot_have_is_left_out_with_the_reason(celu: Celu) -> None:
    """Two layers with one pool leave dilated backprop nothing to work on."""
    layers = (
        "network={layers: [{kernel: 3, filters: 4, pool: average, pool_size: 32}, {kernel: 1, filters: 10}]}"
    )
    outcome = celu("bench", "case-c", layers, "batch_size=10", "--repeats", "1")
    assert outcome.code == 0
    assert "\ndilated was left out: " in outcome.out
    assert "dilated backprop has no layer to work on" in " ".join(outcome.out.split())
    assert "\nmanual " in outcome.out


def test_a_case_that_is_wrong_is_refused_before_anything_is_timed(celu: Celu) -> None:
    outcome = celu("bench", "case-c", "alhpa=1")
    assert outcome.code == 2
    assert outcome.err.startswith('celu: override 1 "alhpa=1": alhpa: unknown key; accepted here: ')
    assert outcome.err.endswith("; did you mean alpha?\n")
    assert outcome.err.count("\n") == 1  # "Timing steps …" is not said
    assert outcome.out == ""
