"""Reports of made-up runs, for the tests of the report's parts."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from math import inf
from pathlib import Path
from typing import Any

from celu_cli.analysis.compare.groups import Choice
from celu_cli.analysis.report.build import Report, build_report
from celu_cli.check.file import json_values
from celu_cli.check.measured import CheckedLayer, Deviation, GradientCheck, LayerCheck, PartCheck
from celu_cli.check.verdict import Verdict
from celu_cli.runs.directory import find_runs
from tests.runs.fakes import make_case, record_run, record_seeds

NOW = datetime(2026, 11, 25, 14, 0, 0, tzinfo=timezone.utc)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"&amp;"
SPREAD = [0.0, 0.004, -0.002, 0.001, 0.003, -0.001]


def report_of(logs: Path, choice: Choice | None = None, baseline: str | None = None) -> Report:
    """The report of all runs in `logs`."""
    found = find_runs(logs)
    return build_report(found.runs, choice or Choice(), baseline, found.problems, NOW)


def change_manifest(path: Path, **changes: Any) -> None:
    """Make run.json of the run at `path` say something else."""
    file = path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def change_metrics(path: Path, line: int, **changes: Any) -> None:
    """Make a line (from 0) of metrics.jsonl say something else."""
    file = path / "metrics.jsonl"
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    lines[line] |= changes
    file.write_text("".join(json.dumps(values) + "\n" for values in lines))


def deviation(error: float, cosine: float = 1.0) -> Deviation:
    return Deviation(error, cosine, 1.0, None, (0,), 0.0, 0.0)


def check_text(**changes: Any) -> str:
    """What `celu check --json` writes of a network of two layers."""
    layers = tuple(
        LayerCheck(
            plan=CheckedLayer(number, (8, 8, 8), 3, 8, "celu", 2.0, "none", 2, 0.0),
            winograd=False,
            exact_weights=deviation(0.5, 0.77),
            exact_output=deviation(inf),
            declared_weights=deviation(1e-15),
            declared_output=deviation(2e-15),
            trained_weights=deviation(1e-7),
            trained_output=deviation(3e-7),
            tape_rounding=1e-6,
            weights_differences=1e-8,
            output_differences=None,
            parts=(),
        )
        for number in (1, 2)
    )
    loss = PartCheck("loss", deviation(5.0), deviation(0.0))
    check = GradientCheck("case-c", "manual", "article", "float32", 6, 0.0, (), 2.0, loss, layers)
    verdict = Verdict("biased", (), (f"Biased as declared. {HOSTILE}",))
    return json.dumps(json_values(check, verdict) | changes)


def record_many(logs: Path) -> None:
    """Cases with seeds, and a run of every state, with texts that would be code in a careless page."""
    record_seeds(logs, SPREAD, name="case-b", backprop={"method": "auto"}, epochs=12, published="case-b")
    record_seeds(logs, [0.02 + 1.4 * shift for shift in SPREAD], name="case-c", epochs=12, published="case-c")
    hostile = {"name": "case-d", "activation": "elu", "description": HOSTILE}
    first, *_ = record_seeds(logs, SPREAD[:2], **hostile, epochs=8)
    (first / "check.json").write_text(check_text())
    (first / "overrides.txt").write_text(f"description={HOSTILE}\n")
    entries = [{"step": step, "cosine": [0.9, 0.8], "norm_ratio": [1e3, 2.0]} for step in (1, 5, 9)]
    change_metrics(first, 0, fidelity=entries)
    record_run(logs, make_case(name="case-c", seed=9, epochs=12, published="case-c"), done=5)
    failed = record_run(logs, make_case(name="case-c", seed=10, epochs=12, published="case-c"), done=2)
    change_manifest(failed, status="failed", error=HOSTILE)
    change_metrics(failed, 1, train_loss=None)
    crashed = record_run(logs, make_case(**hostile, seed=11, epochs=8), done=1)
    change_manifest(
        crashed, status="running", error=None, heartbeat="2026-11-20T00:00:00Z", host=HOSTILE, pid_space="x"
    )
    record_run(logs, make_case(name="case-e", activation="selu", alpha=None), done=0)
