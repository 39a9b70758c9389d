from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from celu_cli.analysis.plots.activation_curves import ActivationCurve, measure_activation
from celu_cli.analysis.plots.activations import activation_figure, draw_activations
from celu_cli.analysis.plots.style import BLUE
from celu_cli.errors import RunError


def elu(alpha: float, label: str = "elu") -> ActivationCurve:
    return measure_activation(
        label,
        alpha,
        "x for x >= 0, alpha (exp(x) - 1) for x < 0",
        lambda x: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x >= 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
    )


def tanh(label: str = "tanh", formula: str = "tanh(x)") -> ActivationCurve:
    return measure_activation(label, None, formula, np.tanh, lambda x: 1 - np.tanh(x) ** 2)


def words(path: Path) -> list[str]:
    """The texts of an SVG; one with mathematics in it comes letter by letter."""
    return re.findall(r">([^<>]+)</t", path.read_text(encoding="utf-8"))


def test_jumps_are_marked_and_alphas_named(tmp_path: Path) -> None:
    path = tmp_path / "figure.svg"
    draw_activations([elu(0.5), elu(1.0), elu(2.0), tanh()], path, "svg")
    said = words(path)
    assert {"ELU", "tanh", "0.5 → 1", "2 → 1"} <= set(said)
    assert "1 → 1" not in said
    assert said.count("=") == 3  # the alphas


def test_an_activation_with_one_alpha_has_it_in_its_title(tmp_path: Path) -> None:
    draw_activations([elu(1.0)], tmp_path / "figure.svg", "svg")
    assert words(tmp_path / "figure.svg").count("=") == 1


@pytest.mark.parametrize(("count", "columns", "bands"), [(1, 1, 1), (5, 4, 2)])
def test_panels_stand_in_rows_of_at_most_four(count: int, columns: int, bands: int, tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    draw_activations([tanh(f"tanh{number}") for number in range(count)], path, "png")
    with Image.open(path) as image:
        assert image.size == (int(200 * (3.3 * columns + 0.4)), int(200 * 4.9 * bands))


@pytest.mark.parametrize("file_format", ["png", "svg"])
def test_the_same_curves_give_the_same_bytes(file_format: str, tmp_path: Path) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        draw_activations([elu(2.0)], path, file_format)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_dollars_in_a_user_s_words_are_dollars(tmp_path: Path) -> None:
    draw_activations([tanh("a$b$c_.py:f", r"$\frac x$ of $x^")], tmp_path / "figure.svg", "svg")
    assert "a$b$c_.py:f" in words(tmp_path / "figure.svg")


def test_values_that_are_not_finite_are_left_out() -> None:
    def value(x: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    curve = measure_activation("sqrt", None, "", value, value)
    upper, lower = activation_figure([curve]).axes
    for axes in (upper, lower):
        (line, *_) = [line for line in axes.lines if line.get_color() == BLUE]
        drawn = line.get_xdata()[np.isfinite(line.get_ydata())]
        assert (drawn.min(), drawn.max()) == (0.0, 4.0)
        low, high = axes.get_ylim()
        assert -0.5 < low < 0 < 2 < high < 2.5  # the axis fits what is drawn
    assert [text.get_text() for text in lower.texts] == ["wrong: NaN or infinite, as at $x$ = -4"]


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        draw_activations([tanh()], tmp_path / "taken" / "figure.png", "png")
