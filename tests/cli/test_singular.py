"""One of a thing is no plural, wherever things are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.invoke import Celu
from tests.runs.fakes import make_case, record_run

PLURAL = re.compile(
    r"(?<![\w.,])1 (?:batches|cases|cells|cores|epochs|groups|images|layers|measurements|pairs|pools|rows|runs|seeds"
    r"|settings|steps|threads|values|weights|workers)\b"
)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    layers = [{"kernel": 3, "filters": 10, "pool": "average", "pool_size": 32}]
    cases = [make_case(name=name, epochs=1, network={"layers": layers}) for name in ("one", "two")]
    return [str(record_run(Path("logs"), case)) for case in cases]


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (["compare", "--groups"], "1 epoch"),
        (["compare", "--groups", "--format", "md"], "1 epoch"),
        (["compare", "--format", "latex"], "all: "),
        (["compare", "one", "--groups"], "1 epoch"),
        (["why", "one", "two"], "equal in the 1 epoch that both have"),
        (["run", "--resume", "RUN"], "has completed its 1 epoch;"),
        (["sweep", "case-a", "seed=0", "epochs=1", "dataset.sample=true", "--dry-run"], "1 cell, 1 to train"),
        (
            ["sweep", "case-a", "seed=0", "epochs=1", "dataset.sample=true", "--workers", "7"],
            "may use 1 core,",
        ),
        (
            ["sweep", "case-a", "seed=0", "epochs=1", "dataset.sample=true", "--cpus-per-run", "7"],
            "may use 1 core;",
        ),
    ],
)
def test_one_is_said_in_the_singular(
    celu: Celu, runs: list[str], words: list[str], counts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celu_cli.machine.usable_cores", lambda: [0])
    outcome = celu(*(runs[0] if word == "RUN" else word for word in words))
    text = " ".join((outcome.out + outcome.err).split())
    assert counts in text
    assert PLURAL.findall(text) == []


@pytest.mark.usefixtures("runs")
def test_one_is_said_in_the_singular_in_pages_and_pictures(celu: Celu) -> None:
    celu("report", "logs/one", "-o", "report.html")
    celu("plot", "logs", "one", "--format", "svg")
    celu("compare", "--plot", "groups.svg")
    pages = [path for path in Path().rglob("*") if path.suffix in (".svg", ".html")]
    texts = [" ".join(re.sub("<[^>]*>", " ", page.read_text(encoding="utf-8")).split()) for page in pages]
    assert len(texts) > 3
    assert any("1 of 1 epoch" in text for text in texts)
    assert [found for text in texts for found in PLURAL.findall(text)] == []
