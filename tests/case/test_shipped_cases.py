"""The shipped cases say what the article says."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from celu_cli.case.catalog import find_cases, published_curve, shipped_cases_directory
from celu_cli.case.load import load_case, resolve_case
from celu_cli.case.schema import Adam, AMSGrad, AutoBackprop, DatasetSpec, DilatedBackprop, ManualBackprop

ADAM = Adam(name="adam", learning_rate=8e-4, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
AMSGRAD = AMSGrad(
    name="amsgrad",
    learning_rate=8e-4,
    beta_1=0.9,
    beta_2=0.9,
    epsilon=1e-8,
    maximum="tensor",
    bias_correction=False,
)
FINAL = {
    "case-a": (0.9931, 0.9850),
    "case-b": (0.9873, 0.7428),
    "case-c": (0.9995, 0.7808),
    "case-d": (0.9994, 0.7799),
}


@pytest.fixture(autouse=True)
def directory_without_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "dataset", "backprop", "optimizer", "epochs"),
    [
        ("case-a", "mnist", AutoBackprop(method="auto"), ADAM, 11),
        ("case-b", "cifar10", AutoBackprop(method="auto"), ADAM, 51),
        ("case-c", "cifar10", ManualBackprop(), AMSGRAD, 51),
        ("case-d", "cifar10", DilatedBackprop(method="dilated", rate=1e-4, decay=10.0), AMSGRAD, 51),
        ("case-c-as-run", "cifar10", ManualBackprop(rule="article"), AMSGRAD, 51),
        (
            "case-d-as-run",
            "cifar10",
            DilatedBackprop(method="dilated", rate=1e-4, decay=10.0, rule="article"),
            AMSGRAD,
            51,
        ),
        (
            "case-c-amsgrad",
            "cifar10",
            ManualBackprop(),
            AMSGRAD.model_copy(update={"maximum": "elementwise"}),
            51,
        ),
    ],
)
def test_a_shipped_case_has_the_settings_of_the_article(
    name: str, dataset: str, backprop: object, optimizer: object, epochs: int
) -> None:
    case = load_case(name)
    assert case.name == name
    assert case.dataset == DatasetSpec.model_validate(
        {"name": dataset, "hold_out": 5000 if dataset == "mnist" else 0}
    )
    assert (case.activation, case.alpha, case.batch_size, case.epochs) == ("celu", 2.0, 100, epochs)
    assert case.backprop == backprop
    assert case.optimizer == optimizer
    assert case.network.initializer.model_dump() == {"name": "normal", "standard_deviation": 0.05}
    assert case.published == name[:6]


def test_all_shipped_cases_are_among_those_tested() -> None:
    assert len(find_cases()) == 7
    assert all(entry.path.parent == shipped_cases_directory() for entry in find_cases())


CIFAR = [
    (32, 32, 3),
    (32, 32, 200),
    (16, 16, 200),
    (8, 8, 200),
    (4, 4, 200),
    (2, 2, 200),
    (1, 1, 200),
    (1, 1, 10),
]
MNIST = [
    (28, 28, 1),
    (28, 28, 200),
    (14, 14, 200),
    (7, 7, 200),
    (3, 3, 200),
    (1, 1, 200),
    (1, 1, 200),
    (1, 1, 10),
]


@pytest.mark.parametrize(("name", "shapes"), [("case-a", MNIST), ("case-c", CIFAR)])
def test_the_layers_have_the_shapes_of_the_article(name: str, shapes: list[tuple[int, int, int]]) -> None:
    layers = resolve_case(name).plan.layers
    assert [layers[0].input_shape, *(layer.output_shape for layer in layers)] == shapes
    assert [layer.kernel for layer in layers] == [5, 3, 1, 3, 1, 2, 1]


@pytest.mark.parametrize("name", FINAL)
def test_a_published_curve_ends_where_the_article_ends(name: str) -> None:
    path = published_curve(name)
    assert path is not None
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy"]
    assert rows[0]["epoch"] == "1"
    assert int(rows[-1]["epoch"]) == load_case(name).epochs
    accuracies = tuple(round(float(rows[-1][key]), 4) for key in ("train_accuracy", "test_accuracy"))
    assert accuracies == FINAL[name]


def test_a_published_curve_in_cases_goes_before_the_shipped_one(tmp_path: Path) -> None:
    mine = tmp_path / "cases" / "published" / "case-a.csv"
    mine.parent.mkdir(parents=True)
    mine.write_text("epoch\n")
    assert published_curve("case-a") == Path("cases/published/case-a.csv")
    assert published_curve("case-x") is None
    assert published_curve("../case-a") is None
