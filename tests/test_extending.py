"""The worked examples of docs/extending.md do what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.invoke import Celu
from tests.test_architecture_page import rows_below

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
OWN, BUILT_IN = PAGE.split("\n## An activation of celu\n")
BUILT_IN, OPTIMIZER, OPERATION, METHOD = BUILT_IN.split("\n## ")


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
    if whole := re.fullmatch(r"# (\S+)", place):
        (copy / whole[1]).write_text(code, encoding="utf-8")
        return
    if line := re.fullmatch(r"# (\S+), above the line `(.+)`", place):
        path = copy / line[1]
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        number = next(number for number, text in enumerate(lines) if text.strip().startswith(line[2]))
        path.write_text("".join([*lines[:number], code, *lines[number:]]), encoding="utf-8")
        return
    found = re.fullmatch(r"# (\S+), (at the end of|in|above) (\w+)", place)
    assert found is not None, place
    path = copy / found[1]
    text = path.read_text(encoding="utf-8")
    before, table, after = re.split(rf"^({found[3]}(?:: dict| = ).*\n)", text, maxsplit=1, flags=re.MULTILINE)
    if found[2] == "above":
        before += f"{code}\n\n"
    elif found[2] == "in":
        after = code + after.split("\n", 1)[1]
    else:
        after = after.replace("\n}\n", f"\n{code}}}\n", 1)
    path.write_text(before + table + after, encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of celu to edit."""
    for folder in ("celu_cli", "cases"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def python(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What Python gives for `words` where celu is the copy."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    return subprocess.run(
        [sys.executable, *words], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("thing", "section"),
    [
        ("activation", BUILT_IN),
        ("optimizer", OPTIMIZER),
        ("layer operation", OPERATION),
        ("backprop method", METHOD),
    ],
)
def test_the_table_of_the_architecture_names_the_files_that_the_page_edits(thing: str, section: str) -> None:
    edited = {
        path for block in blocks(section, "python") for path in re.findall(r"^# (celu_cli/\S+\.py)", block)
    }
    (files,) = (files for name, files, _ in rows_below("To add …") if name == thing)
    named = set(re.findall(r"`(celu_cli/[\w/.]+)`", files.partition("; where")[0]))
    assert named == {f"{path.rpartition('/')[0]}/" if "/operations/" in path else path for path in edited}


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
    assert (
        "Layer 7, activation (x > 0), the derivative of swish (my_activations.py:9), is wrong" in outcome.out
    )
    assert (
        "Layer 7, activation (x > 0), the derivative of swish (my_activations.py:9), is wrong" in said_wrong
    )

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


def test_an_activation_added_to_celu_as_the_page_says_can_be_checked_and_drawn(copy: Path) -> None:
    *insertions, right, figure = blocks(BUILT_IN, "python")
    for block in insertions:
        insert(copy, block)
    drawn = python(copy, "-m", "celu_cli", "activations", "mish")
    # On stderr TensorFlow may add a line of its own.
    said = [line for line in drawn.stderr.splitlines() if line.startswith(("celu: ", "Drawn"))]
    assert [drawn.stdout + "\n".join(said)] == [
        one.strip() for one in quoted("celu activations mish", BUILT_IN)
    ]
    (check,) = re.findall(r"^\$ celu (check .*)", "".join(blocks(BUILT_IN, "console")), flags=re.MULTILINE)
    wrong = python(copy, "-m", "celu_cli", *check.split())
    assert wrong.returncode == 4
    assert "it enters at layer 7: activation" in wrong.stderr

    engine = copy / "celu_cli" / "engine" / "activations.py"
    remembered = right.split(" * tf.sigmoid")[0] + "\n"
    assert engine.read_text(encoding="utf-8").count(remembered) == 1
    engine.write_text(engine.read_text(encoding="utf-8").replace(remembered, right), encoding="utf-8")
    assert python(copy, "-m", "celu_cli", *check.split()).returncode == 0

    insert(copy, figure)
    shutil.copy(ROOT / "tests" / "check" / "test_activations.py", copy)
    compared = python(copy, "-m", "pytest", "-q", "test_activations.py", "-p", "no:cacheprovider")
    assert compared.returncode == 0, compared.stdout


def test_an_optimizer_added_as_the_page_says_trains(copy: Path) -> None:
    for block in blocks(OPTIMIZER, "python"):
        insert(copy, block)
    small = ("--sample", "network.filters=4", "network.initializer=he_normal", "batch_size=200", "epochs=2")
    run = python(copy, "-m", "celu_cli", "run", "case-c", "optimizer=lion", *small)
    assert run.returncode == 0, run.stderr
    (metrics,) = copy.glob("logs/case-c/*/metrics.jsonl")
    first, second = map(json.loads, metrics.read_text(encoding="utf-8").splitlines())
    assert second["train_loss"] < first["train_loss"]


def test_a_layer_operation_added_as_the_page_says_is_found_wrong_and_then_right_and_trains(
    copy: Path,
) -> None:
    *insertions, right = blocks(OPERATION, "python")
    for block in insertions:
        insert(copy, block)
    (case,) = blocks(OPERATION, "yaml")
    (copy / "scaled.yaml").write_text(case, encoding="utf-8")
    wrong = python(copy, "-m", "celu_cli", "check", "scaled.yaml")
    assert wrong.returncode == 4
    assert [f"{wrong.stderr.splitlines()[-1]}\n"] == quoted("celu check scaled.yaml", OPERATION)

    operation = copy / "celu_cli" / "engine" / "operations" / "scale.py"
    text = operation.read_text(encoding="utf-8")
    operation.write_text(text.replace("        return [], gradient\n", right), encoding="utf-8")
    assert python(copy, "-m", "celu_cli", "check", "scaled.yaml").returncode == 0
    run = python(copy, "-m", "celu_cli", "run", "scaled.yaml")
    assert run.returncode == 0, run.stderr
    heading, _, second, _ = python(copy, "-m", "celu_cli", "show", "scaled.yaml").stdout.splitlines()[3:7]
    assert second[heading.index("scale") :].split()[0] == "0.5"


def test_a_backprop_method_added_as_the_page_says_trains_and_is_compared_with_the_true_gradient(
    copy: Path,
) -> None:
    for block in blocks(METHOD, "python"):
        insert(copy, block)
    small = ("backprop=sign", "network.filters=4", "network.initializer=he_normal")
    run = python(
        copy,
        "-m",
        "celu_cli",
        "run",
        "case-c",
        *small,
        "--sample",
        "batch_size=200",
        "epochs=1",
        "optimizer=sgd",
    )
    assert run.returncode == 0, run.stderr
    check = python(copy, "-m", "celu_cli", "check", "case-c", *small)
    assert check.returncode == 4
    assert "the gradients of case-c are wrong" in check.stderr
