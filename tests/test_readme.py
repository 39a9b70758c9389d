"""The commands of the README work as they stand there, and do what the README says of them."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.invoke import Celu

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
DIGIT = Path(__file__).parents[1] / "docs" / "digit.jpg"
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
# Full trainings take hours and full checks half a minute: the test makes each small, and changes nothing else.
SMALLER = {
    "run": ["--sample", "network.filters=4", "batch_size=500", "epochs=1"],
    # At four filters the article's weights would leave activations of 1e-7, whose signs float32 cannot resolve.
    "bench": ["network.filters=4", "batch_size=10", "--repeats", "1"],
    "sweep": ["dataset.sample=true", "network.filters=4", "batch_size=500", "epochs=1"],
    "check": ["network.filters=4", "network.initializer=he_normal"],
}
RUN_BY_CI = {"make demo", "make test", "celu data fetch", "celu data verify"}


@dataclass(frozen=True)
class Claim:
    """What a command must show on stdout (patterns, in this order) and which files there must be afterwards."""

    shows: tuple[str, ...]
    leaves: tuple[str, ...] = ()


RESULT = ("train accuracy", "test accuracy", r"log +logs/\S+/train\.log")
PLOTS = ("plots/train.png", "plots/test.png")
RUN = ("case.yaml", "run.json", "train.log", "metrics.jsonl", "checkpoint/*", *PLOTS)


def run_of(case: str, *more: str) -> tuple[str, ...]:
    return tuple(f"logs/{case}/*-seed*/{file}" for file in (*RUN, *more))


CLAIMS = {
    "celu run case-a --sample": Claim(RESULT, run_of("case-a", "overrides.txt")),
    "celu run case-a": Claim(RESULT, run_of("case-a")),
    "celu run case-c alpha=1 optimizer.learning_rate=1e-3 epochs=5": Claim(
        RESULT, run_of("case-c", "overrides.txt")
    ),
    "celu run case-c --resume": Claim((*RESULT[:1], r"in epoch 1\)")),
    "celu run --resume logs/case-c/RUN epochs=60": Claim((*RESULT[:1], r"in epoch [12]\)")),
    "celu watch": Claim((r"^nothing is running, 3 ended earlier", "logs")),
    "celu watch logs/ --all --once": Claim(
        (r"case-a +0 .* 1/1 .* completed", r"case-c +0 .* 2/2 .* completed")
    ),
    "celu cases": Claim(tuple(rf"\ncase-{letter} +(MNIST|CIFAR-10) " for letter in "abcd")),
    # layers, shapes, costs, and the place of each value
    "celu show case-d": Claim(
        (
            r"\n +1 +5x5 +32x32x3 +32x32x200 ",
            "FLOP",
            "MB",
            r"epochs: 51 +# case-c\.yaml",
            r"seed: 0 +# default",
        )
    ),
    "celu show case-c optimizer=adam network.filters=100": Claim(("32x32x100", r"name: adam +# override")),
    "celu run my-case.yaml": Claim(RESULT, run_of("my-case")),
    "celu new from-scratch.yaml": Claim((r"^from-scratch\.yaml\n$",), ("from-scratch.yaml",)),
    "celu check case-c": Claim((r"\n +7 ", r"\n +1 ", r"\nRight\. .* true gradient in every layer")),
    "celu check case-c backprop.rule=article": Claim((r"\nBiased as declared\. The rule article departs",)),
    "celu run case-c-as-run --sample --fidelity 5": Claim(
        RESULT, run_of("case-c-as-run", "plots/fidelity-cosine.png", "plots/fidelity-norm-ratio.png")
    ),
    "celu activations celu elu --alpha 2 -o celu-elu.png": Claim(
        (r"\ncelu +2 .* continuous", r"\nelu +2 .* jumps from 2 to 1"), ("celu-elu.png",)
    ),
    "celu bench case-c": Claim(
        tuple(rf"\n{row} +\d" for row in ("manual", "auto", "dilated", "floor", "limit"))
    ),
    "celu compare": Claim((r"\ncase-a .* 0\.\d{4}", r"\ncase-c .* 0\.\d{4}")),
    # one seed each: a difference, and the plain sentence that it decides nothing
    "celu compare --baseline case-c --plot compared.png": Claim(
        ("difference", r"points (below|above) case-c, one seed"), ("compared.png",)
    ),
    "celu plot logs/": Claim((r"^logs/case-a/\S+/plots/train\.png\n", r"logs/case-c/\S+/plots/test\.png\n")),
    "celu plot logs/ --terminal": Claim(
        ("^Test accuracy", r"[\u2801-\u28ff]", "1 epoch", r"\nA  case-.*  0\.\d{4}")
    ),
    "celu plot logs/ case-c --format svg": Claim(
        (r"^logs/case-c/\S+/train\.svg\nlogs/case-c/\S+/test\.svg\n$",), ("logs/case-c/*/plots/train.svg",)
    ),
    "celu sweep case-a alpha=1,2 seed=0..3 --dry-run": Claim(
        (r"completed +case-a alpha=2 seed=0", r"8 cells, 7 to train, 1 completed")
    ),
    "celu sweep case-a alpha=1,2 seed=0..3": Claim(
        (r"^8 of 8 cells complete",), tuple(f"logs/case-a/*-seed3/{file}" for file in RUN[:5])
    ),
    "celu compare --sweep case-a-alpha-seed --plot alpha.png": Claim(
        (r"^alpha +seeds +test accuracy", r"\n *1 +4 +0\.", r"\n *2 +4 +0\.", "partly by luck"),
        ("alpha.png",),
    ),
    "celu compare --where 'case=case-a alpha=1,2 seed=0..3'": Claim(
        (r"\ncase-a alpha=2 .* 4 ", r"\ncase-a alpha=1 .* 4 ")
    ),
    "celu why 'case-a alpha=1' 'case-a alpha=2' --where seed=3": Claim(
        (r"^A  case-a/\S+-seed3", r"\nB  case-a/\S+-seed3", r"\n +alpha +1 +2\n")
    ),
    "celu report": Claim((r"^report\.html\n$",), ("report.html",)),
    "celu report logs/ --baseline case-c -o case-c.html": Claim((r"^case-c\.html\n$",), ("case-c.html",)),
    "celu run case-a --sample --tensorboard": Claim(
        RESULT, run_of("case-a", "train/events.out.tfevents.*", "test/events.out.tfevents.*")
    ),
    "celu export case-c --to tensorboard -o exported": Claim(
        (r"^exported/case-c/",), ("exported/case-c/*/train/events.out.tfevents.*",)
    ),
    "celu export --to csv -o runs.csv": Claim((r"^runs\.csv\n$",), ("runs.csv",)),
    # what differs, what it can do, and the commands that would separate it
    "celu why case-b case-c": Claim(("Can change the result", "optimizer.name", "celu run ")),
    "celu run case-a --sample epochs=4": Claim(RESULT, run_of("case-a")),
    "celu predict case-a digit.jpg --ink": Claim((r"^image +class +probability .*\ndigit\.jpg +\d +[01]\.",)),
    "celu export case-a --to keras -o digits.keras": Claim((r"^digits\.keras\n$",), ("digits.keras",)),
    "celu data list": Claim((r"\nmnist +60,000 \+ 10,000 ", r"\ncifar10 +50,000 \+ 10,000 ")),
}
JSON = {"celu schema", "celu why case-c case-c-as-run --format json"}
CSV = {"celu compare case-a case-c --format csv"}


def test_something_is_claimed_and_checked_of_every_command() -> None:
    assert CLAIMS.keys() | JSON | CSV | RUN_BY_CI == set(COMMANDS)


def test_every_command_does_what_the_readme_says_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-case.yaml").write_text(re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)[0])
    shutil.copy(DIGIT, tmp_path)
    celu = Celu(capsys, monkeypatch)
    for command in COMMANDS:
        if command in RUN_BY_CI:
            continue
        program, *words = shlex.split(command)
        assert program == "celu"
        words = with_a_run(words) if "--resume" in words else words + SMALLER.get(words[0], [])
        outcome = celu(*words)
        assert outcome.code == 0, f"{command}: {outcome.err}"
        if command in JSON:
            assert isinstance(json.loads(outcome.out), dict), command
        elif command in CSV:
            cases = {row["case"] for row in csv.DictReader(io.StringIO(outcome.out))}
            assert cases == {"case-a", "case-c"}, command
        else:
            claim = CLAIMS[command]
            assert re.search(".*".join(claim.shows), outcome.out, re.DOTALL), f"{command}\n{outcome.out}"
            assert [file for file in claim.leaves if not [*tmp_path.glob(file)]] == [], command


def with_a_run(words: list[str]) -> list[str]:
    """The words with a real run of case-c for RUN, which has been made to look interrupted, and a second epoch."""
    run = sorted(Path("logs/case-c").iterdir())[0]
    text = (run / "run.json").read_text(encoding="utf-8")
    (run / "run.json").write_text(text.replace('"completed"', '"interrupted"'), encoding="utf-8")
    return [word.replace("RUN", run.name).replace("epochs=60", "epochs=2") for word in words]


def test_ci_runs_the_commands_that_this_test_leaves_out() -> None:
    script = (Path(__file__).parents[1] / ".ci" / "run").read_text(encoding="utf-8")
    for command in RUN_BY_CI:
        assert command in script
