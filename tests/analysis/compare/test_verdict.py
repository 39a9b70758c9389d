"""The verdict in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from celu_cli.analysis.compare.groups import Choice, group_runs
from celu_cli.analysis.compare.metric import Metric
from celu_cli.analysis.compare.verdict import said_of, verdicts
from celu_cli.runs.directory import find_runs
from tests.runs.fakes import make_case, record_run, record_seeds

NOISE = [(0.008, 0.0, -0.008, 0.004), (0.0, -0.007, 0.006, 0.01), (-0.004, 0.009, 0.0, 0.0)]


def said(logs: Path, metric: Metric = "test-accuracy", unfinished: bool = False) -> list[str]:
    return list(verdicts(group_runs(find_runs(logs).runs, Choice(metric, None, unfinished)), metric).values())


def record_alphas(logs: Path, shifts: Sequence[float], **changes: object) -> None:
    for alpha, shift, noise in zip((1.0, 2.0, 4.0), shifts, NOISE, strict=True):
        record_seeds(logs, [shift + each for each in noise], alpha=alpha, **changes)


def test_seeds_that_cannot_tell_values_apart_are_the_headline(tmp_path: Path) -> None:
    record_alphas(tmp_path, (0.0, 0.001, 0.002))
    (sentence,) = said(tmp_path)
    # By hand, in units of .001: means 1, 3.25 and 3.25; squares around them 140, 164.75 and 90.75, each divided by 3;
    # sqrt(395.5 / 9) = 6.63.
    assert sentence.startswith(
        "4 seeds cannot tell these 3 values of alpha apart in test accuracy: they span 0.23 points, "
        "and another seed moves a run by about 0.66 points (p "
    )
    assert sentence.endswith(" for a trend).")


def test_a_trend_is_said_in_words_with_its_direction(tmp_path: Path) -> None:
    record_alphas(tmp_path, (0.04, 0.02, 0.0))
    (sentence,) = said(tmp_path)
    assert sentence.startswith(
        "These 3 values of alpha differ in test accuracy by more than chance, highest: case-c alpha=1; "
        "it falls as alpha grows (p 0.0"
    )


def test_the_order_of_the_values_counts_and_not_that_of_the_runs(tmp_path: Path) -> None:
    for alpha, shift in ((4.0, 0.04), (1.0, 0.0), (2.0, 0.02)):
        record_seeds(tmp_path, [shift + each for each in NOISE[0]], alpha=alpha)
    assert "it rises as alpha grows" in said(tmp_path)[0]


def test_cases_are_counted_as_cases_and_have_no_trend(tmp_path: Path) -> None:
    record_seeds(tmp_path, NOISE[0], name="case-b", activation="elu")
    record_seeds(tmp_path, NOISE[1], name="case-c", batch_size=50)
    (sentence,) = said(tmp_path)
    assert "these 2 cases apart" in sentence
    assert "trend" not in sentence
    assert "with so few seeds never below 0.125" in sentence


def test_other_settings_and_other_seeds_are_no_parameter(tmp_path: Path) -> None:
    record_seeds(tmp_path, NOISE[0], activation="elu", alpha=1.0)
    record_seeds(tmp_path, NOISE[1], activation="celu", alpha=2.0)
    record_seeds(tmp_path, NOISE[2], first=7, name="case-d")
    assert "these 3 settings of 2 cases apart" in said(tmp_path)[0]


def test_one_seed_each_is_no_verdict(tmp_path: Path) -> None:
    record_seeds(tmp_path, [0.0], name="case-b", activation="elu")
    record_seeds(tmp_path, [0.05], name="case-c")
    assert said(tmp_path) == [
        "One seed each cannot tell these 2 cases apart in test accuracy: they span 5.00 points, "
        "and another seed may reverse it."
    ]


def test_every_dataset_has_its_own(tmp_path: Path) -> None:
    for dataset in ("mnist", "cifar10"):
        for name in ("one", "two"):
            record_seeds(tmp_path, NOISE[0], name=f"{name}-{dataset}", dataset={"name": dataset})
    assert [sentence.split(" seeds")[0] for sentence in said(tmp_path)] == ["CIFAR-10: 4", "MNIST: 4"]


def test_a_sentence_behind_a_colon_begins_as_one_does() -> None:
    assert said_of("case-c", "These 3 cases differ.") == "case-c: these 3 cases differ."


def test_unfinished_runs_at_other_epochs_are_not_compared(tmp_path: Path) -> None:
    record_seeds(tmp_path, NOISE[0], name="case-b")
    record_seeds(tmp_path, NOISE[1][:3], name="case-c")
    record_run(tmp_path, make_case(name="case-c", seed=3), done=2)
    assert said(tmp_path, unfinished=True) == [
        "The 2 cases are not compared, because their runs stand at 2 to 3 epochs; "
        "--at-epoch 2 compares all at one."
    ]
    assert "cannot tell" in said(tmp_path)[0]


def test_the_best_epoch_gets_no_verdict(tmp_path: Path) -> None:
    record_alphas(tmp_path, (0.04, 0.02, 0.0))
    assert said(tmp_path, "best-test-accuracy")[0].startswith(
        "No verdict on these 3 values of alpha by best test accuracy: the best of many epochs looks better in longer"
    )


def test_the_least_loss_is_the_best(tmp_path: Path) -> None:
    for epochs, name in ((3, "short"), (6, "long"), (9, "longer")):
        record_seeds(tmp_path, [0.0, 0.0, 0.0, 0.0], name=name, epochs=epochs)
    # The made-up loss falls with the epochs alone, so that each row has one order.
    assert "lowest: longer; it falls as epochs grows" in said(tmp_path, "test-loss")[0]
