from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from celu_cli.cli.output.live import LiveDisplay
from celu_cli.cli.output.progress import TrainingProgress
from celu_cli.events import EvaluationStarted, StepsDone
from celu_cli.runs.published import read_published
from tests.runs.fakes import make_case, make_events, make_metrics

CASE = make_case(epochs=51, published="case-c")


def frame(width: int, done: int, height: int = 24) -> list[str]:
    """What a terminal shows in the middle of the epoch after `done`."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    display = LiveDisplay(CASE, read_published(CASE), console)
    for event in make_events(51, done=done):
        display(event)
    display(StepsDone(done + 1, 250, 1.2345, 0.5432, 156.7))
    with console.capture() as capture:
        console.print(display)
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = frame(width, done=13)
    assert all(len(line) <= width for line in lines)
    # heading, table with its heading, two bars, three lines of figures: nothing was wrapped into more
    assert len(lines) == 1 + 11 + 2 + 3


def test_the_frame_tells_where_the_training_stands() -> None:
    text = "\n".join(frame(80, done=13))
    assert "14 of 51" in text
    assert "250 of 500" in text
    assert "loss 1.2345, accuracy 0.5432, 157 images/s" in text
    assert "left" in text
    assert f"best test accuracy {make_metrics(13).test_accuracy:.4f} in epoch 13" in text


def test_the_published_value_of_the_same_epoch_stands_beside_ours_with_the_difference() -> None:
    lines = frame(80, done=9)
    row = next(line for line in lines if line.split()[:1] == ["9"])
    points = 100 * (make_metrics(9).test_accuracy - 0.7582)
    assert row.split()[3:5] == ["0.7582", f"{points:+.2f}"]


def test_the_last_ten_epochs_are_shown_and_fewer_on_a_low_terminal() -> None:
    def epochs(lines: list[str]) -> list[str]:
        return [line.split()[0] for line in lines if line.split()[0].isdigit()]

    assert epochs(frame(80, done=13)) == [str(epoch) for epoch in range(4, 14)]
    assert epochs(frame(80, done=13, height=11)) == ["11", "12", "13"]


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_file_gets_one_plain_line_an_epoch(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with LiveDisplay(CASE, read_published(CASE)) as display:
        for event in make_events(51, done=2):
            display(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err
    first, *lines = captured.err.splitlines()
    assert first.endswith("51 epochs of 500 steps, 50,000 train and 10,000 test images")
    assert [line.split(";")[0] for line in lines] == ["epoch 1/51", "epoch 2/51"]
    assert "published 0.4930" in lines[0]
    assert "published" not in lines[1]


def test_a_dumb_terminal_gets_plain_lines_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with LiveDisplay(CASE, None) as display:
        for event in make_events(51, done=1):
            display(event)
    assert "\x1b" not in capsys.readouterr().err


def test_no_color_leaves_no_colour_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True)
    with LiveDisplay(CASE, read_published(CASE), console) as display:
        for event in make_events(51, done=3):
            display(event)
    assert "\x1b[32m" not in stream.getvalue()
    assert "\x1b[38" not in stream.getvalue()


def test_the_cursor_comes_back_when_the_training_fails() -> None:
    stream = io.StringIO()
    display = LiveDisplay(CASE, None, Console(file=stream, width=80, force_terminal=True))
    with pytest.raises(ValueError, match="bad"), display:
        raise ValueError("bad")
    assert stream.getvalue().rfind("\x1b[?25h") > stream.getvalue().rfind("\x1b[?25l")


def test_the_time_left_follows_the_speed_then_the_finished_epochs() -> None:
    now = [0.0]
    progress = TrainingProgress(4, clock=lambda: now[0])
    assert progress.remaining is None
    started, *_ = make_events(4)
    progress.apply(started)
    progress.apply(StepsDone(1, 250, 1.0, 0.5, 1000.0))
    assert progress.remaining == pytest.approx(50 * 3.5)
    progress.apply(EvaluationStarted(1))
    for event in list(make_events(4, done=1))[1:]:
        progress.apply(event)
    assert progress.remaining == pytest.approx(301 * 3)
    now[0] = 12.0
    assert progress.elapsed == 12.0


def test_a_resumed_training_counts_the_epochs_before_it() -> None:
    progress = TrainingProgress(51)
    progress.apply(next(make_events(51)))
    progress.apply(StepsDone(40, 500, 1.0, 0.5, 1000.0))
    assert progress.epochs_done == 39
    assert progress.remaining == pytest.approx(50 * 11)
