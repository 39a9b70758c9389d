"""Which trainings share one compiled program."""

from __future__ import annotations

import pytest

from celu_cli.case import shares
from celu_cli.case.load import load_case
from celu_cli.datasets.load import load_dataset
from celu_cli.engine.training.programs import Programs, compiled_part
from celu_cli.engine.training.train import train
from tests.cli.small import NETWORK

BASE = ("dataset.sample=true", NETWORK, "batch_size=500", "epochs=1")


@pytest.mark.parametrize(
    "change",
    [
        "seed=5",
        "optimizer.learning_rate=1e-2",
        "schedule=cosine",
        "epochs=7",
        "name=x",
        "network.initializer=normal",
    ],
)
def test_seed_rates_schedules_and_names_are_not_compiled(change: str) -> None:
    assert compiled_part(load_case("case-c", [*BASE, change])) == compiled_part(load_case("case-c", BASE))


@pytest.mark.parametrize(
    "change",
    [
        "alpha=1",
        "optimizer.beta_1=0.5",
        "batch_size=50",
        "backprop=auto",
        "fidelity={every: 2}",
        "precision=bfloat16",
        "shares=3",
    ],
)
def test_what_the_graph_depends_on_is_told_apart(change: str) -> None:
    assert compiled_part(load_case("case-c", [*BASE, change])) != compiled_part(load_case("case-c", BASE))


def test_the_graph_goes_by_the_number_of_shares_whether_the_case_or_the_machine_says_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of(threads: int, *overrides: str) -> object:
        monkeypatch.setattr(shares, "cpu_threads", lambda: threads)
        return compiled_part(load_case("case-c", [*BASE, *overrides]))

    assert of(2) == of(8, "shares=2") != of(8) == of(2, "shares=8")


def test_a_dilated_rate_of_zero_is_another_graph() -> None:
    def of(rate: str) -> object:
        return compiled_part(load_case("case-d", [*BASE, f"backprop.rate={rate}"]))

    assert of("1e-4") == of("1e-2")
    assert of("0") != of("1e-4")


def test_one_compilation_serves_every_seed_rate_and_schedule() -> None:
    programs, dataset = Programs(), load_dataset("cifar10", sample=True)
    cases = [
        load_case(
            "case-c", [*BASE, f"seed={seed}", f"optimizer.learning_rate={rate}", f"schedule={schedule}"]
        )
        for seed, rate, schedule in (
            (0, 1e-3, "constant"),
            (1, 1e-2, "cosine"),
            (2, 1e-4, "{name: step, every: 1}"),
        )
    ]
    for case in cases:
        for _ in train(case, dataset, programs=programs):
            pass
    program = programs.of(cases[0], dataset)
    assert all(programs.of(case, dataset) is program for case in cases)
    assert program.run_steps.experimental_get_tracing_count() == 1
    assert program.run_evaluation.experimental_get_tracing_count() == 1


def test_only_the_last_few_programs_are_kept() -> None:
    programs, dataset = Programs(), load_dataset("cifar10", sample=True)
    first = programs.of(load_case("case-c", BASE), dataset)
    for alpha in range(3, 8):
        programs.of(load_case("case-c", [*BASE, f"alpha={alpha}"]), dataset)
    assert programs.of(load_case("case-c", BASE), dataset) is not first
