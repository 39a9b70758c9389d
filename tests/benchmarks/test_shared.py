from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import loop, memory, runs, scaling, share_sizes, shared, startup, step
from benchmarks.runs import Finished, RunFailed
from benchmarks.shared import Target, join_tables, targets_table, times_table, write_part
from celu_cli.timing import Timing, Turns


def timed(**milliseconds: float) -> Turns:
    return Turns({name.replace("_", " "): Timing((value,), value) for name, value in milliseconds.items()})


class TestTables:
    def test_a_table_compares_every_row_with_the_base(self) -> None:
        heading, _, first, second = times_table(timed(base=100, other=250), "base").splitlines()
        assert heading.split(" | ")[-1] == "/ base |"
        assert first.startswith("| base | 100 | ")
        assert second.endswith(" | 2.50 |")

    def test_what_was_not_measured_is_named_with_its_reason(self) -> None:
        turns = timed(base=1)
        turns.failures["torch"] = "not\ninstalled"
        assert times_table(turns, "base").endswith("\nNot measured:\n\n- torch: not installed\n")

    def test_a_base_that_was_not_measured_leaves_the_ratio_empty(self) -> None:
        assert times_table(timed(other=250), "base").splitlines()[-1].endswith(" |  |")

    @pytest.mark.parametrize(
        ("target", "word"),
        [
            (Target("x", 1.65, 1.65), "yes"),
            (Target("x", 1.64, 1.65), "no"),
            (Target("x", 0.3, 0.3, at_most=True), "yes"),
            (Target("x", 0.31, 0.3, at_most=True), "no"),
            (Target("x", None, 1.0), "not measured"),
        ],
    )
    def test_a_target_says_whether_it_is_met(self, target: Target, word: str) -> None:
        assert targets_table([target]).splitlines()[-1].split(" | ")[-1] == f"{word} |"


def test_a_part_is_kept_as_json_and_joined_with_the_others_in_their_order(tmp_path: Path) -> None:
    write_part(tmp_path, "startup", "Starting", {"rows": 1}, "second\n")
    page = write_part(tmp_path, "step", "Steps", {"rows": 2}, "first\n", [Target("fast", 2.0, 1.0)])
    written = json.loads((tmp_path / "step.json").read_text())
    assert written["rows"] == 2
    assert written["targets"][0]["met"] is True
    assert written["machine"]["threads"] >= 1
    joined = (tmp_path / shared.TABLES).read_text()
    assert joined.startswith(page)
    assert joined.index("first") < joined.index("second")
    (tmp_path / "step.md").unlink()
    join_tables(tmp_path)
    assert "first" not in (tmp_path / shared.TABLES).read_text()


class TestStep:
    def test_the_targets_are_ratios_of_medians(self) -> None:
        wide = timed(celu_manual=100, celu_auto=101, arithmetic_limit=69)
        wide.timings |= {
            "article's graph": Timing((280.0,), 0),
            "Keras fit": Timing((160.0,), 0),
            "Keras fit, XLA": Timing((140.0,), 0),
            "celu manual, bfloat16": Timing((80.0,), 0),
            "PyTorch compiled, channels_last, bfloat16": Timing((100.0,), 0),
        }
        met = {target.name: (target.measured, target.met) for target in step.judge({"case-c": wide})}
        assert met["case-c: article's graph / celu manual"] == (2.8, True)
        assert met["case-c: arithmetic limit / celu manual"] == (0.69, True)
        bfloat16 = "case-c: PyTorch compiled, channels_last, bfloat16 / celu manual's faster precision"
        assert met[bfloat16] == (1.25, False)
        assert met["case-c: Keras fit / celu manual"] == (1.4, True)
        assert met["case-c: Keras fit with celu's settings / celu manual"] == (None, None)
        assert met["case-c: celu auto / celu manual"] == (1.01, True)
        assert met["case-c: floor: convolutions alone / celu manual"] == (None, None)

    def test_settings_that_were_not_asked_for_have_no_targets(self) -> None:
        assert step.judge({"case-a": timed(celu_manual=1)}) == []

    def test_the_article_s_rule_is_asked_of_cases_by_hand_alone(self) -> None:
        overrides = {
            name: step.tensorflow_rows(step.SETTINGS[name])[0].overrides for name in ("case-c", "case-a")
        }
        assert "backprop.rule=article" in overrides["case-c"]
        assert "backprop.rule=article" not in overrides["case-a"]

    def test_rows_that_are_judged_exist(self) -> None:
        setting = step.SETTINGS["case-c"]
        rows = [*step.celu_rows(setting), *step.tensorflow_rows(setting), *step.torch_rows(setting, True)]
        judged = step.judge(dict.fromkeys(step.SETTINGS, timed()))
        turns = Turns({row.name: Timing((1.0,), 1.0) for row in rows})
        all_there = step.judge(dict.fromkeys(step.SETTINGS, turns))
        assert len(judged) == len(all_there) == 14
        assert {target.measured for target in all_there} == {1.0}


class TestLoop:
    def test_stamps_are_taken_apart_into_epochs(self) -> None:
        events = [
            ("TrainingStarted", 5.0),
            ("EvaluationStarted", 19.0),
            ("EpochDone", 20.0),
            ("StepsDone", 21.0),
            ("StepsDone", 22.9),
            ("CheckpointReached", 22.95),
            ("EvaluationStarted", 23.0),
            ("ImagesTested", 23.4),
            ("ImagesTested", 23.9),
            ("EpochDone", 24.0),
            ("StepsDone", 27.1),
            ("CheckpointReached", 27.15),
            ("EvaluationStarted", 27.2),
            ("ImagesTested", 27.9),
            ("EpochDone", 28.0),
            ("TrainingEnded", 28.0),
        ]
        stamps = [{"event": name, "time": time} for name, time in events]
        epochs = loop.epochs_of(Finished(started=0.0, seconds=30.0, peak_memory=0, stamps=stamps))
        assert epochs == pytest.approx((4_000.0, 3_200.0, 3_000.0, 22_000.0))


class TestStartup:
    def test_import_times_are_summed_by_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = (
            "import time: self [us] | cumulative | imported package\n"
            "import time:      1000 |       3000 |   rich.text\n"
            "import time:      2000 |       2000 |     rich\n"
            "import time:       500 |       3500 | celu_cli\n"
        )

        class Done:
            stderr = told

        monkeypatch.setattr("subprocess.run", lambda *_, **__: Done)
        assert startup.import_times(["cases"], Path()) == {"rich": 3.0, "celu_cli": 0.5}

    def test_the_table_of_imports_leaves_nothing_out(self) -> None:
        found = {"one": {f"p{n}": float(n) for n in range(20)}, "two": {"p1": 7.0}}
        *_, others, together = startup.imports_table(found).splitlines()
        assert together == "| together | 190 | 7 |"
        assert others == f"| all others | {sum(range(12))} | 7 |"


class TestMemory:
    def test_growth_is_counted_after_the_caches_are_full(self) -> None:
        used = [10_000_000, 20_000_000, 30_000_000, 30_000_000, 30_000_000, 31_000_000, 34_000_000]
        assert memory.growth_of_epoch(used) == 2.0
        assert memory.growth_of_epoch(used[:5]) is None

    def test_the_peaks_judged_are_those_of_the_rows(self) -> None:
        rows = list(memory.peaks("case-c", (), 100))
        found = {name: [10 * index, 20 * index, 90 * index] for index, name in enumerate(rows)}
        share, growth = memory.judge(found, [])
        assert share.measured == 0.5
        assert (growth.measured, growth.met) == (None, None)


class TestScaling:
    def test_points_that_do_not_fit_are_named_and_not_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scaling, "free_memory", lambda: 3e9)
        monkeypatch.setattr(
            scaling,
            "measure_rows",
            lambda *_, **__: Turns({"celu manual": Timing((1.0,), 1), "floor": Timing((1.0,), 1)}),
        )
        found, reasons = scaling.measure(list(scaling.points(quick=False)), 5, 1e6, lambda _: None)
        assert "25 filters" in {point.name for point in found}
        assert "800 images a step" in reasons
        assert reasons["800 images a step"].endswith("3.0 GB are free")

    def test_no_point_is_begun_that_would_not_be_done_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scaling, "measure_rows", lambda *_, **__: pytest.fail("measured"))
        found, reasons = scaling.measure(list(scaling.points(quick=False)), 5, 0.1, lambda _: None)
        assert found == {}
        assert all("--minutes" in reason or "GB" in reason for reason in reasons.values())

    def test_a_wider_point_needs_more(self) -> None:
        narrow, wide = (
            scaling.needs_of(scaling.Point("filters", n, (f"network.filters={n}",), 1)) for n in (25, 400)
        )
        assert wide.memory > narrow.memory
        assert wide.flops > 100 * narrow.flops

    def test_every_axis_has_a_panel_with_step_and_floor(self) -> None:
        measured = timed(celu_manual=700, floor=600)
        found = dict.fromkeys(scaling.points(quick=False), measured)
        panels = scaling.draw(found).axes
        assert [axes.get_xlabel() for axes in panels] == ["filters", "images a step", "threads"]
        assert {len(axes.lines) for axes in panels} == {2}


class TestShareSizes:
    def test_no_thread_is_without_a_share(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(share_sizes, "cpu_threads", lambda: 24)
        found = {
            setting.threads: setting.shares
            for setting in share_sizes.settings(quick=False)
            if "16" in setting.name
        }
        assert found == {1: [16, 8, 4, 2], 2: [16, 8, 4, 2], 4: [16, 8, 4], 8: [16, 8], 16: [16]}

    def test_more_threads_are_calculated_from_what_one_takes(self) -> None:
        """100 images at 4 ms each: 4 shares of 25 or 15 of 7, of which each thread takes one after another."""
        (one,) = [
            setting
            for setting in share_sizes.settings(quick=False)
            if (setting.threads, setting.name) == (1, "16 filters")
        ]
        turns = Turns({row.name: Timing((400.0,), 400.0) for row in one.rows().values()})
        *_, seven, _, twenty_five, fifty = share_sizes.page([(one, turns)]).splitlines()
        assert seven == "| 16 filters | 7 | 4.00 | 112 | 56.0 | 28.0 |"
        assert twenty_five == "| 16 filters | 25 | 4.00 | 100 | 100 | 100 |"
        assert fifty == "| 16 filters | 50 | 4.00 | 200 | 200 | 200 |"


class TestProcesses:
    def test_the_first_of_an_event_is_counted_from_the_start_of_the_process(self) -> None:
        stamps = [{"event": "StepsDone", "time": 12.5}, {"event": "StepsDone", "time": 13.0}]
        assert Finished(started=10.0, seconds=5.0, peak_memory=0, stamps=stamps).first("StepsDone") == 2.5

    def test_a_process_tells_its_largest_memory(self) -> None:
        """Asked by a small process: the system counts the parent's memory until the child has replaced it."""
        code = (
            "from pathlib import Path; from benchmarks.runs import run_process as run\n"
            "for text in ('pass', \"b'x' * 300_000_000\"): "
            "print(run(['-c', text], directory=Path()).peak_memory)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=runs.ROOT, capture_output=True, text=True, check=True
        )
        small, large = map(int, done.stdout.split())
        assert 200_000_000 < large - small < 400_000_000

    def test_it_runs_in_a_terminal_that_is_read_to_the_end(self, tmp_path: Path) -> None:
        code = "import sys; assert sys.stderr.isatty(); print('x' * 1_000_000)"
        assert runs.run_process(["-c", code], directory=tmp_path).seconds > 0

    def test_one_that_fails_is_told_of_with_its_last_words(self, tmp_path: Path) -> None:
        with pytest.raises(RunFailed, match="ended with 3: the reason"):
            runs.run_process(["-c", "print('the reason'); raise SystemExit(3)"], directory=tmp_path)
