"""The worked examples of docs/extending.md do what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.invoke import Celu

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
OWN, BUILT_IN = PAGE.split("\n## An activation of celu\n")
BUILT_IN = BUILT_IN.split("\n## ")[0]


@pytest.fixture
def celu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Celu:
    return Celu(capsys, monkeypatch)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a page in `language`."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def quoted(command: str, text: str) -> list[str]:
    """What the page shows below `command`, once for each time that it stands there."""
    sessions = "\n".join(blocks(text, "console"))
    return [
        below.split("\n$ ")[0]
        for below in re.split(rf"^\$ {re.escape(command)}\n", sessions, flags=re.MULTILINE)[1:]
    ]


def insert(copy: Path, block: str) -> None:
    """Put a block where its first line says."""
    place, code = block.split("\n", 1)
    found = re.fullmatch(r"# (\S+), (at the end of|above) (\w+)", place)
    assert found is not None, place
    path = copy / found[1]
    before, table, after = re.split(
        rf"^({found[3]}: dict.*)", path.read_text(), maxsplit=1, flags=re.MULTILINE
    )
    if found[2] == "above":
        before += f"{code}\n\n"
    else:
        after = after.replace("\n}\n", f"\n{code}}}\n", 1)
    path.write_text(before + table + after)


def test_an_activation_of_the_user_s_own_is_found_wrong_and_then_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, celu: Celu
) -> None:
    monkeypatch.chdir(tmp_path)
    (case,) = blocks(OWN, "yaml")
    wrong, slope = blocks(OWN, "python")
    (tmp_path / "swish.yaml").write_text(case)
    drawing = "activations ./my_activations.py:swish --alpha 2"
    drawn_wrong, drawn_right = quoted(f"celu {drawing}", OWN)
    said_wrong, said_right = quoted("celu check swish.yaml", OWN)

    (tmp_path / "my_activations.py").write_text(wrong)
    outcome = celu(*drawing.split())
    assert (outcome.out + outcome.err).strip() == drawn_wrong.strip()
    outcome = celu("check", "swish.yaml", "network.filters=4")
    assert outcome.code == 4
    assert outcome.err.splitlines()[-1] == said_wrong.splitlines()[-1]
    assert "Layer 7, activation (x > 0), is wrong when tried alone: " in outcome.out
    assert "Layer 7, activation (x > 0), is wrong when tried alone: " in said_wrong

    # A file is run once a process, so the second version needs a name of its own.
    right = wrong.replace("derivative=lambda x, alpha: tf.sigmoid(alpha * x)", "derivative=slope")
    (tmp_path / "right").mkdir()
    (tmp_path / "right" / "my_activations.py").write_text(right.replace("\nswish", f"\n{slope}\nswish"))
    (tmp_path / "right" / "swish.yaml").write_text(case)
    monkeypatch.chdir(tmp_path / "right")
    outcome = celu(*drawing.split())
    assert (outcome.out + outcome.err).strip() == drawn_right.strip()
    outcome = celu("check", "swish.yaml", "network.filters=4")
    assert outcome.code == 0
    verdict = "Right. In float64 the hand-written backprop gives the true gradient in every layer"
    assert verdict in outcome.out
    assert verdict in said_right


def test_an_activation_added_to_celu_as_the_page_says_can_be_checked_and_drawn(tmp_path: Path) -> None:
    for folder in ("celu_cli", "cases"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    *insertions, right, figure = blocks(BUILT_IN, "python")
    for block in insertions:
        insert(tmp_path, block)
    drawn = run("-m", "celu_cli", "activations", "mish")
    # On stderr TensorFlow may add a line of its own.
    assert [f"{drawn.stdout}Drawn into activations.png"] == quoted("celu activations mish", BUILT_IN)
    (check,) = (
        line for line in "\n".join(blocks(BUILT_IN, "console")).splitlines() if "$ celu check" in line
    )
    words = check.removeprefix("$ celu ").split()
    wrong = run("-m", "celu_cli", *words)
    assert wrong.returncode == 4
    assert "it enters at layer 7: activation" in wrong.stderr

    engine = tmp_path / "celu_cli" / "engine" / "activations.py"
    assert engine.read_text().count(right.split(" * tf.sigmoid")[0] + "\n") == 1
    engine.write_text(engine.read_text().replace(right.split(" * tf.sigmoid")[0] + "\n", right))
    assert run("-m", "celu_cli", *words).returncode == 0

    insert(tmp_path, figure)
    shutil.copytree(ROOT / "tests" / "analysis" / "plots", tmp_path / "plots")
    compared = run("-m", "pytest", "-q", "plots/test_activation_functions.py", "-p", "no:cacheprovider")
    assert compared.returncode == 0, compared.stdout
