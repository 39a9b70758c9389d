"""The commands of the README work as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.invoke import Celu

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
# Full trainings take hours and full checks half a minute: the test makes each small, and changes nothing else.
SMALLER = {
    "run": ["--sample", "network.filters=4", "batch_size=500", "epochs=1"],
    # At four filters the article's weights would leave activations of 1e-7, whose signs float32 cannot tell.
    "bench": ["network.filters=4", "batch_size=10", "--repeats", "1"],
    "check": ["network.filters=4", "network.initializer=he_normal"],
}
RUN_BY_CI = {"make demo", "make test", "celu data fetch", "celu data verify"}


def test_every_command_runs_in_the_order_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-case.yaml").write_text(re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)[0])
    celu = Celu(capsys, monkeypatch)
    for command in COMMANDS:
        if command in RUN_BY_CI:
            continue
        program, *words = shlex.split(command)
        assert program == "celu"
        words = with_a_run(words) if "--resume" in words else words + SMALLER.get(words[0], [])
        outcome = celu(*words)
        assert outcome.code == 0, f"{command}: {outcome.err}"
        assert outcome.out, f"{command} printed nothing"


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
