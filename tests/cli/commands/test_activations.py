from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from celu_cli.case.activations import ALPHA
from tests.cli.invoke import Celu

SWISH = """
import tensorflow as tf
from celu_cli.engine.activations import Activation

swish = Activation(
    formula="x sigmoid(alpha x)",
    value=lambda x, alpha: x * tf.sigmoid(alpha * x),
    derivative=lambda x, alpha: tf.sigmoid(alpha * x),
    keeps="input",
)
"""


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


def rows(out: str) -> list[list[str]]:
    """The cells of the table, columns being two spaces or more apart."""
    table = out.split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in table]


def test_celu_stands_beside_elu_with_alphas_that_tell_them_apart(celu: Celu) -> None:
    outcome = celu("activations")
    assert outcome.code == 0
    assert outcome.err == "Drawn into activations.png\n"
    heading, *table = rows(outcome.out)
    assert heading == ["activation", "alpha", "formula", "derivative at 0", "largest error"]
    assert [(name, alpha, at_zero) for name, alpha, _, at_zero, _ in table] == [
        ("celu", "0.5", "continuous"),
        ("celu", "1", "continuous"),
        ("celu", "2", "continuous"),
        ("elu", "0.5", "jumps from 0.5 to 1"),
        ("elu", "1", "continuous"),
        ("elu", "2", "jumps from 2 to 1"),
    ]
    with Image.open("activations.png") as image:
        assert image.format == "PNG"


def test_every_derivative_that_trains_is_that_of_its_value(celu: Celu) -> None:
    table = rows(celu("activations", *ALPHA, "-o", "all.svg").out)[1:]
    assert {row[0] for row in table} == set(ALPHA)
    assert {row[0]: float(row[-1]) for row in table if float(row[-1]) > 1e-9} == {}
    jumping = {row[0] for row in table if "jumps" in row[-2]}
    assert jumping == {"elu", "relu", "leaky_relu", "selu"}
    assert Path("all.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_alpha_goes_to_those_that_take_one(celu: Celu) -> None:
    table = rows(celu("activations", "relu", "celu", "--alpha", "3", "--alpha", "0.25", "--alpha", "3").out)[
        1:
    ]
    assert [row[:2] for row in table] == [["relu", "max(x, 0)"], ["celu", "3"], ["celu", "0.25"]]


def test_a_wrong_derivative_of_one_s_own_is_shown_with_its_error_and_place(celu: Celu) -> None:
    Path("mine.py").write_text(SWISH, encoding="utf-8")
    ((name, alpha, formula, at_zero, error),) = rows(
        celu("activations", "mine.py:swish", "--alpha", "2").out
    )[1:]
    assert (name, alpha, formula, at_zero) == ("mine.py:swish", "2", "x sigmoid(alpha x)", "continuous")
    size, place = error.removeprefix("wrong: ").split(" at x = ")
    assert error.startswith("wrong: ")
    assert float(size) > 0.1
    assert -4 <= float(place) <= 4


def test_a_wrong_derivative_fails_with_file_and_line_and_is_drawn_beside_the_finite_differences(
    celu: Celu,
) -> None:
    Path("mine.py").write_text(SWISH, encoding="utf-8")
    outcome = celu("activations", "mine.py:swish", "-o", "swish.svg")
    assert outcome.code == 4
    assert (
        "celu: the derivative of mine.py:swish with alpha 1 (mine.py:8) is wrong: its relative error against "
        in outcome.err
    )
    assert "stroke-dasharray" in Path("swish.svg").read_text(encoding="utf-8")
    assert celu("activations", "celu", "-o", "celu.svg").code == 0


def test_nan_is_neither_continuous_nor_unknown(celu: Celu) -> None:
    source = SWISH.replace("x * tf.sigmoid(alpha * x)", "tf.math.log(x)")
    Path("mine.py").write_text(source, encoding="utf-8")
    outcome = celu("activations", "mine.py:swish")
    ((*_, at_zero, error),) = rows(outcome.out)[1:]
    assert (outcome.code, at_zero) == (4, "continuous")  # its derivative, sigmoid(alpha x), is finite
    assert error == "wrong: NaN or infinite at x = -4"
    Path("reciprocal.py").write_text(
        SWISH.replace("tf.sigmoid(alpha * x)", "x / x - 1 / x"), encoding="utf-8"
    )
    ((*_, at_zero, error),) = rows(celu("activations", "reciprocal.py:swish").out)[1:]
    assert (at_zero, error) == ("NaN or infinite", "wrong: NaN or infinite at x = 0")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cellu"], "there is no activation 'cellu'; there are celu, elu, "),
        (["cellu"], "; did you mean celu?\n"),
        (["celu", "--alpha", "0"], "--alpha 0: celu needs an alpha above 0 and finite, not 0\n"),
        (["celu", "--alpha", "nan"], "--alpha nan: celu needs an alpha above 0 and finite, not nan\n"),
        (
            ["leaky_relu", "--alpha", "2"],
            "--alpha 2: leaky_relu needs an alpha above 0 and at most 1, not 2\n",
        ),
        (["relu", "tanh", "--alpha", "2"], "--alpha: there is none in relu, tanh; leave it out\n"),
        (["-o", "figure.jpg"], "figure.jpg: the name of a picture ends in .png, .svg or .pdf\n"),
        (["-o", "figure"], "figure: the name of a picture ends in .png, .svg or .pdf\n"),
        (["gone.py:swish"], "gone.py: cannot be read: No such file or directory\n"),
        (["gone.py:swish", "--alpha", "inf"], "--alpha inf: gone.py:swish needs a finite alpha, not inf\n"),
    ],
)
def test_wrong_words_are_refused_and_nothing_is_drawn(celu: Celu, words: list[str], message: str) -> None:
    outcome = celu("activations", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert list(Path().iterdir()) == []


def test_a_picture_that_cannot_be_written_is_an_error(celu: Celu) -> None:
    Path("taken").write_text("")
    assert celu("activations", "tanh", "-o", "taken/figure.png").code == 2
