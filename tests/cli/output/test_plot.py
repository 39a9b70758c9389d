from __future__ import annotations

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from celu_cli.cli.output.plot import draw_braille

values = st.one_of(st.floats(-2, 2), st.just(nan))


def test_a_rising_line_goes_from_the_lower_left_dot_to_the_upper_right() -> None:
    picture = draw_braille([([0, 1], [0, 1])], 2, 1, (0, 1), (0, 1))
    assert [[letter.text for letter in line] for line in picture] == [["⡠", "⠊"]]


def test_the_curve_drawn_last_owns_the_letter_and_an_empty_place_has_no_owner() -> None:
    (line,) = draw_braille([([0, 1], [0, 0]), ([0], [0])], 3, 1, (0, 2), (0, 1))
    assert [letter.curve for letter in line] == [1, 0, None]


def test_a_value_that_is_no_number_leaves_a_gap() -> None:
    (line,) = draw_braille([([0, 1, 2], [0.5, nan, 0.5])], 3, 1, (0, 2), (0, 1))
    assert line[1].text == " "


@given(st.lists(values, max_size=9), st.integers(1, 30), st.integers(1, 9))
def test_any_curve_fits_its_picture(ys: list[float], columns: int, rows: int) -> None:
    picture = draw_braille([(range(len(ys)), ys)], columns, rows, (0, max(1, len(ys))), (-1, 1))
    assert [len(line) for line in picture] == [columns] * rows
