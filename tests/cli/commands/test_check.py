from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from celu_cli.case.activations import ALPHA
from celu_cli.case.schema import Case
from celu_cli.check import combinations as check_matrix
from celu_cli.check.combinations import Combination
from celu_cli.check.file import read_check
from celu_cli.check.measured import GradientCheck
from celu_cli.engine.activations import ACTIVATIONS
from celu_cli.engine.check import gradients
from celu_cli.engine.operations.average_pool import AveragePool
from celu_cli.engine.operations.operation import Context
from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run

NARROW = ("network.filters=4", "network.initializer=he_normal")


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="module")
def measured() -> dict[str, GradientCheck]:
    return {}


@pytest.fixture
def measured_once(measured: dict[str, GradientCheck], monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that was measured before is not measured again; not for tests that plant a fault."""

    def measure(
        case: Case, samples: int | None = None, original: Any = gradients.check_on_sample
    ) -> GradientCheck:
        key = f"{samples} {case.model_dump_json()}"
        if key not in measured:
            measured[key] = original(case, samples)
        return measured[key]

    monkeypatch.setattr(gradients, "check_on_sample", measure)


@pytest.mark.slow
def test_of_a_network_with_winograd_s_algorithm_stderr_has_celu_s_line_alone() -> None:
    """TensorFlow warns there of functions that are traced again and again."""
    words = [sys.executable, "-m", "celu_cli", "check", "case-c", "network.filters=64"]
    # Set once this process has TensorFlow: it asks for TensorFlow's own log.
    surroundings = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=surroundings)
    assert "with Winograd's algorithm in layers 2 and 4" in " ".join(done.stdout.split())
    assert done.stderr == "Checking the gradients of case-c …\n"


class TestOneCase:
    def test_a_right_case_is_proved(self, celu: Celu) -> None:
        outcome = celu("check", "case-c", *NARROW)
        assert outcome.code == 0
        assert outcome.err == "Checking the gradients of case-c …\n"
        title, *_, heading = outcome.out.splitlines()[:5]
        assert title.startswith("case-c: manual, celu alpha 2, float32; 5 images of CIFAR-10")
        assert heading.split() == ["layer", *["error", "cosine", "ratio"] * 2, "finite", "float32"]
        assert "Right. In float64 the hand-written backprop gives the true gradient" in outcome.out
        assert max(map(len, outcome.out.splitlines())) <= 80

    @pytest.mark.usefixtures("measured_once")
    def test_the_article_s_rule_is_explained_and_fails_the_strict_only(self, celu: Celu) -> None:
        words = ("check", "case-d-as-run", *NARROW)
        outcome, strict = celu(*words), celu(*words, "--strict")
        assert (outcome.code, strict.code) == (0, 4)
        assert outcome.out == strict.out
        text = " ".join(outcome.out.split())
        assert "is 5 times the true one" in text
        assert "each passes down 4 times the true gradient" in text
        assert "CELU' is 2 where x > 0 instead of 1" in text
        assert "into layer 2 from 4, 3 from 5, 4 from 6, 5 from 7" in text
        assert strict.err.endswith(
            "celu: the gradients of case-d-as-run are biased, as it declares, and --strict asks for the true ones\n"
        )
        assert max(map(len, outcome.out.splitlines())) <= 80

    def test_a_planted_fault_fails_and_is_named(self, celu: Celu, monkeypatch: pytest.MonkeyPatch) -> None:
        def undivided(self: Any, *given: Any, old: Any = AveragePool.adjoint) -> Any:
            return old(self, *given[:-1], Context(article=True))

        monkeypatch.setattr(AveragePool, "adjoint", undivided)
        outcome = celu("check", "case-c", *NARROW)
        assert outcome.code == 4
        assert outcome.err.endswith("celu: the gradients of case-c are wrong; it enters at layer 6: pool\n")
        text = " ".join(outcome.out.split())
        assert "Layer 6, pool, is wrong when tried alone: it is 4 times the true one" in text
        assert "The same is wrong in layers 2 to 5." in text

    def test_json_holds_every_number_and_the_verdict(self, celu: Celu) -> None:
        outcome = celu("check", "case-c", *NARROW, "backprop.rule=article", "--json")
        values = json.loads(outcome.out)
        assert (outcome.code, values["verdict"], values["faults"]) == (0, "biased", [])
        assert values["loss"]["exact"]["factor"] == pytest.approx(5)
        assert [layer["plan"]["number"] for layer in values["layers"]] == list(range(1, 8))
        assert values["layers"][0]["exact_weights"]["cosine"] < 0.99
        assert values["findings"][0].startswith("Biased as declared.")

    def test_json_of_a_gradient_that_is_not_a_number_is_still_json(
        self, celu: Celu, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entry = replace(ACTIVATIONS["tanh"], derivative=lambda y, _: y / (y - y))
        monkeypatch.setitem(ACTIVATIONS, "tanh", entry)
        outcome = celu("check", "case-c", *NARROW, "activation=tanh", "alpha=null", "--json")
        values = json.loads(outcome.out)
        assert (outcome.code, values["verdict"]) == (4, "wrong")
        assert values["layers"][6]["exact_weights"]["relative_error"] is None

    @pytest.mark.parametrize("words", [(), ("case-c", "--all")])
    def test_it_takes_a_case_or_all(self, words: tuple[str, ...], celu: Celu) -> None:
        outcome = celu("check", *words)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err == "celu: name a case to check, or give --all without one\n"


def traits(combination: Combination) -> tuple[str, str, str]:
    case = combination.case
    rule = "" if case.backprop.method == "auto" else case.backprop.rule
    return case.activation, f"{case.backprop.method} {rule}", case.precision


@pytest.mark.usefixtures("measured_once")
class TestAll:
    def test_all_are_every_activation_method_and_precision(self) -> None:
        small = {traits(one) for one in check_matrix.combinations() if one.name == "small"}
        methods = {"auto ", "manual exact", "dilated exact"}
        exact = set(product(ALPHA, methods, ("float32", "bfloat16")))
        article = set(product(("celu",), ("manual article", "dilated article"), ("float32", "bfloat16")))
        assert small == exact | article

    @pytest.mark.slow
    def test_every_method_of_every_activation_and_every_shipped_case_holds(self, celu: Celu) -> None:
        outcome = celu("check", "--all", "--json")
        records = json.loads(outcome.out)
        assert outcome.code == 0
        assert len(records) == len(check_matrix.combinations())
        assert {record["verdict"] for record in records} == {"right", "biased"}
        assert [record["verdict"] for record in records if record["case_name"] == "case-c"] == ["right"]
        # A declared bias is what a strict check would refuse, and only that.
        for record in records:
            declared = record["rule"] == "article" or bool(record["dilated_layers"])
            assert (record["verdict"] == "biased") == declared

    def test_the_table_has_a_line_for_each(self, celu: Celu, monkeypatch: pytest.MonkeyPatch) -> None:
        few = [check_matrix.combinations()[number] for number in (0, 4, -1)]
        monkeypatch.setattr(check_matrix, "combinations", lambda: few)
        monkeypatch.delenv("COLUMNS")
        heading, *rows = celu("check", "--all").out.splitlines()
        assert heading.split() == [
            *("network", "activation", "backprop", "precision", "error", "cosine", "verdict")
        ]
        assert [row.split()[0] for row in rows] == ["small", "small", "case-d-as-run"]
        assert [row.split()[-1] for row in rows] == ["right", "biased", "biased"]


class TestActivationsOfOnesOwn:
    """The first is wrong in its derivative, the second in its value."""

    SOURCE = """\
import tensorflow as tf
from celu_cli.engine.activations import Activation

bent = Activation(
    value=lambda x, alpha: x * tf.sigmoid(x),
    derivative=lambda x, alpha: tf.sigmoid(x),
    keeps="input",
)
log = Activation(
    value=lambda x, alpha: tf.math.log(x),
    derivative=lambda x, alpha: 1.0 / x,
    keeps="input",
)
"""

    @pytest.fixture(autouse=True)
    def source(self, tmp_path: Path) -> None:
        (tmp_path / "own.py").write_text(self.SOURCE)

    def test_a_derivative_that_auto_does_not_use_is_tried_all_the_same(self, celu: Celu) -> None:
        words = ("check", "case-c", *NARROW, "alpha=null", "activation=./own.py:bent")
        by_tape, by_hand = celu(*words, "backprop=auto"), celu(*words)
        assert (by_tape.code, by_hand.code) == (4, 4)
        text = " ".join(by_tape.out.split())
        assert "Layer 7, activation (x > 0), the derivative of bent (own.py:6), is wrong" in text
        assert "Backprop auto does not use it: the gradients of this case are right." in text
        assert by_tape.err.endswith(
            "celu: the derivative at layer 7 of case-c is wrong, though auto does not use it: activation (x > 0), "
            "own.py:6\n"
        )
        assert by_hand.err.endswith("it enters at layer 7: activation (x > 0), own.py:6\n")

    @pytest.mark.parametrize("method", ["auto", "manual"])
    def test_nan_is_found_where_it_begins(self, celu: Celu, method: str) -> None:
        words = ("check", "case-c", *NARROW, "alpha=null", "activation=./own.py:log", f"backprop={method}")
        outcome = celu(*words)
        assert outcome.code == 4
        text = " ".join(outcome.out.split())
        assert "Layer 1, activation log (own.py:10): it makes NaN or infinity of finite numbers." in text
        assert "loss" not in text.partition("Layer 1,")[2]
        assert outcome.err.endswith("it enters at layer 1: NaN or infinity, own.py:10\n")

    def test_an_activation_is_checked_without_a_case(self, celu: Celu) -> None:
        outcome = celu("check", "own.py:bent")
        assert outcome.code == 4
        assert outcome.out.startswith("bent: manual, own.py:bent alpha 1, float32;")
        assert outcome.err.endswith(
            "the gradients of bent are wrong; it enters at layer 5: activation (x > 0), own.py:6\n"
        )
        assert celu("check", "own.py:bent", "alpha=2").code == 2
        assert "defines no gone" in celu("check", "own.py:gone").err


class TestRuns:
    @pytest.fixture
    def run(self, tmp_path: Path) -> Path:
        network = {"filters": 4, "initializer": {"name": "he_normal"}}
        return record_run(tmp_path / "logs", make_case(network=network))

    def test_a_run_is_checked_as_it_was_trained_and_the_check_kept_for_the_report(
        self, celu: Celu, run: Path
    ) -> None:
        outcome = celu("check", f"case-c/{run.name}", "--save")
        assert outcome.code == 0
        assert outcome.err.splitlines()[-1] == f"Saved as {Path('logs/case-c') / run.name / 'check.json'}"
        found = read_check(run)
        assert found is not None
        assert found[1].kind == "right"
        assert {layer.plan.filters for layer in found[0].layers} == {4, 10}

    def test_only_the_check_of_a_run_as_it_is_can_be_kept(self, celu: Celu, run: Path) -> None:
        refusals = {
            ("case-c",): "case-c is not a run: name one",
            (str(run), "alpha=1"): "name a run, without KEY=VALUE",
            ("--all",): "name a run, without KEY=VALUE",
        }
        for words, reason in refusals.items():
            outcome = celu("check", *words, "--save")
            assert (outcome.code, outcome.out) == (2, "")
            assert reason in outcome.err
        assert not (run / "check.json").exists()

    def test_a_run_is_shown_as_a_case_is(self, celu: Celu, run: Path) -> None:
        by_name, by_path = celu("show", f"case-c/{run.name}"), celu("show", str(run / "case.yaml"))
        assert by_name.code == 0
        assert by_name.out.splitlines()[:12] == by_path.out.splitlines()[:12]
        assert "there is no case" in celu("show", "case-c/gone").err + celu("show", "gone").err
