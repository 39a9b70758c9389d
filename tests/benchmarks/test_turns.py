"""Rows in several processes; the workers here are real, their steps need no TensorFlow."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from benchmarks import turns, worker
from benchmarks.turns import Row, WorkerError, measure_rows, workers
from celu_cli.timing import clocked

TINY = ("network.filters=4", "batch_size=2", "dataset.sample=true")


def row(name: str, *overrides: str, group: turns.Group = "celu", kind: str = "keras") -> Row:
    return Row(name, group, kind, "case-c", (*TINY, *overrides))


def test_a_row_whose_case_is_wrong_is_told_of() -> None:
    with workers(["celu"], threads=1) as found, pytest.raises(WorkerError, match="alhpa"):
        found["celu"].take(row("wrong", "alhpa=1"))


def test_a_case_that_a_peer_does_not_have_is_told_of() -> None:
    measured = measure_rows([row("relu", "activation=relu", "alpha=null")], 2)
    assert measured.timings == {}
    assert "the peers have celu" in measured.failures["relu"]


def test_a_process_that_dies_costs_its_own_rows_alone() -> None:
    with workers(["celu", "tensorflow"], threads=1) as found:
        found["celu"]._process.kill()
        with pytest.raises(WorkerError, match="its process ended with -9"):
            found["celu"].take(row("dead"))
        with pytest.raises(WorkerError, match="alhpa"):  # this one still answers
            found["tensorflow"].take(row("wrong", "alhpa=1", group="tensorflow"))


def test_a_process_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST_SECONDS", 0.0)
    with workers(["celu"], threads=1) as found:
        with pytest.raises(WorkerError, match="did not answer in 0 s"):
            found["celu"].take(row("slow"))
        assert found["celu"]._process.wait() == -9


def test_the_first_call_after_another_process_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Fake:
        def take(self, row: Row) -> float:
            asked.append(row.name)
            return float(len(asked))

    monkeypatch.setattr(turns, "workers", lambda *_: nullcontext({"celu": Fake(), "tensorflow": Fake()}))
    measured = measure_rows([row("a"), row("b"), row("c", group="tensorflow")], 2)
    assert "".join(asked) == "aabbcc" + "aabcc" * 2
    assert measured.timings["a"].milliseconds == (8.0, 13.0)


def test_a_process_is_ended_with_its_block() -> None:
    with workers(["celu"], threads=1) as found:
        process = found["celu"]._process
    assert process.returncode is not None


class TestAnswers:
    """The worker's side, in this process."""

    def ask(self, monkeypatch: pytest.MonkeyPatch, step: Callable[[], object], count: int = 1) -> list[dict]:
        made: list[str] = []
        monkeypatch.setattr(
            worker, "make_way", lambda asked, _: made.append(asked["name"]) or (clocked(step), count)
        )
        lines = "".join(json.dumps({"name": name}) + "\n" for name in ("a", "b", "a"))
        answers = list(worker.answers(io.StringIO(lines)))
        assert made == ["a", "b"] or any("error" in answer for answer in answers)
        return answers

    def test_a_step_is_made_once_and_timed_each_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        moments = iter([0.0, 1.0, 10.0, 12.0, 20.0, 23.0])
        monkeypatch.setattr("time.perf_counter", lambda: next(moments))
        answers = self.ask(monkeypatch, lambda: None, count=2)
        assert answers == [{"milliseconds": 500.0}, {"milliseconds": 1000.0}, {"milliseconds": 1500.0}]

    def test_trouble_of_any_kind_is_an_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def step() -> None:
            raise ZeroDivisionError("no such number")

        assert self.ask(monkeypatch, step) == [{"error": "ZeroDivisionError: no such number"}] * 3


def test_threads_are_the_same_for_every_engine() -> None:
    found = turns.environment(3)
    assert {found[name] for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")} == {"3"}


def test_celu_s_settings_leave_other_engines_all_threads() -> None:
    """celu computes an operation with one thread, since it cuts a batch into shares; nobody else does."""
    asked = (
        "from benchmarks import worker; worker.set_up('tuned'); import tensorflow as tf; "
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=turns.ROOT,
        env=turns.environment(3),
        capture_output=True,
        text=True,
    )
    assert done.stdout == "3\n", done.stderr
