"""Time `celu compare` and `celu report` over many run directories, made up in a temporary directory and removed again.

Usage: python -m benchmarks.reading [--runs 1000] [--epochs 50] [--repeats 5] [--quick] [--output DIR]

Each repeat is a new process, so start-up counts; files are in the page cache after the first, which is not counted.
The runs are four cases with as many seeds as it takes. The size of the report's page stands in the record.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median

from benchmarks.shared import announce, parser_of, table, write_part
from celu_cli.case.dump import dump_case
from celu_cli.case.load import load_case
from celu_cli.events import EpochMetrics
from celu_cli.runs.manifest import new_manifest, write_manifest
from celu_cli.runs.metrics import append_metrics

CASES = ("case-b", "case-c", "case-d", "case-c-amsgrad")
COMMANDS = {
    "compare": ["compare"],
    "compare --runs": ["compare", "--runs"],
    "compare --baseline case-b": ["compare", "--baseline", "case-b"],
    "compare --format csv": ["compare", "--format", "csv"],
    "report --baseline case-b": ["report", "--baseline", "case-b"],
}


def epoch_of(number: int, seed: int) -> EpochMetrics:
    """An epoch that depends on the seed, so that the statistics have something to do."""
    accuracy = 0.75 * (1 - 0.8**number) + 1e-4 * (seed * 7919 % 101)
    return EpochMetrics(
        number, 2 / number, accuracy, 2.1 / number, accuracy, 8e-4, 0.0, 240.0, 208.0, "2026-11-23T14:00:00Z"
    )


def make_runs(logs: Path, runs: int, epochs: int) -> None:
    """Write `runs` finished runs into `logs`, the metrics of each copied from its seed's first."""
    begun = datetime(2026, 11, 1, tzinfo=timezone.utc)
    plain = new_manifest(0)
    for number in range(runs):
        seed, case_name = divmod(number, len(CASES))
        case = load_case(CASES[case_name], [f"seed={seed}", f"epochs={epochs}"])
        started = begun + timedelta(minutes=number)
        path = logs / case.name / f"{started:%Y-%m-%dT%H-%M-%SZ}-seed{seed}"
        path.mkdir(parents=True)
        (path / "case.yaml").write_text(dump_case(case), encoding="utf-8")
        write_manifest(
            path,
            plain.model_copy(
                update={"status": "completed", "started": started, "ended": started, "seed": seed}
            ),
        )
        model = logs / f"{seed}.jsonl"
        if not model.exists():
            for epoch in range(1, epochs + 1):
                append_metrics(logs, epoch_of(epoch, seed))
            (logs / "metrics.jsonl").rename(model)
        shutil.copyfile(model, path / "metrics.jsonl")


def seconds_of(words: list[str], directory: Path) -> tuple[float, float]:
    """Wall time of one `celu` process, and processor time, which a busy machine lengthens less."""
    begun, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "celu_cli", *words],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begun, processor


def main() -> None:
    parser = parser_of(__doc__, repeats=5)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=50)
    arguments = parser.parse_args()
    runs = 8 if arguments.quick else arguments.runs
    commands = {"compare": COMMANDS["compare"]} if arguments.quick else COMMANDS
    record: dict[str, dict[str, list[float]]] = {}
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        logs = Path(directory) / "logs"
        logs.mkdir()
        make_runs(logs, runs, arguments.epochs)
        progress = announce("reading")
        for name, words in commands.items():
            progress(name)
            times, processor = zip(
                *[seconds_of(words, Path(directory)) for _ in range(arguments.repeats + 1)][1:], strict=True
            )
            record[name] = {"seconds": list(times), "processor_seconds": list(processor)}
            columns = (median(times), min(times), max(times), median(processor))
            rows.append([f"celu {name}", *(f"{value:.2f}" for value in columns), str(len(times))])
            if words[0] == "report":
                record[name]["page_bytes"] = [(Path(directory) / "report.html").stat().st_size]
    heading = [
        f"{runs} runs of {arguments.epochs} epochs",
        "median s",
        "smallest",
        "largest",
        "processor, median s",
        "n",
    ]
    print(write_part(arguments.output, "reading", "Reading runs", record, table(heading, rows)))


if __name__ == "__main__":
    main()
