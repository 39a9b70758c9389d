"""The case that `celu new` writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from celu_cli.case.load import load_case
from celu_cli.case.schema import Case
from celu_cli.case.template import case_template
from tests.cli.invoke import Celu


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def uncommented(text: str) -> str:
    return re.sub(r"^# ", "", text, flags=re.MULTILINE)


@pytest.fixture
def celu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Celu:
    return Celu(capsys, monkeypatch)


def test_the_template_means_the_same_as_it_is_and_with_every_value_uncommented(here: Path) -> None:
    text = case_template("mine")
    (here / "mine.yaml").write_text(text)
    as_it_is = load_case("mine.yaml")
    assert (as_it_is.name, as_it_is.dataset.name, as_it_is.optimizer.name) == ("mine", "mnist", "adam")
    (here / "mine.yaml").write_text(uncommented(text))
    assert load_case("mine.yaml") == as_it_is
    minimal = "dataset: mnist\noptimizer: adam\nepochs: 5\n"
    (here / "mine.yaml").write_text(minimal)
    assert load_case("mine.yaml") == as_it_is


def test_each_value_can_be_uncommented_alone_with_the_keys_above_it(here: Path) -> None:
    lines = case_template("mine").splitlines()
    values = [number for number, line in enumerate(lines) if line.startswith("# ")]
    assert len(values) > 20
    for number in values:
        chosen, depth = {number}, indent(lines[number])
        for above in range(number, 0, -1):
            if lines[above] and not lines[above].startswith("#"):
                break
            if lines[above].startswith("# ") and indent(lines[above]) < depth:
                chosen.add(above)
                depth = indent(lines[above])
        if lines[number].endswith(":"):
            continue  # a part without any of its keys says nothing
        text = "\n".join(line[2:] if place in chosen else line for place, line in enumerate(lines))
        (here / "mine.yaml").write_text(text)
        load_case("mine.yaml")


def indent(line: str) -> int:
    return len(line[2:]) - len(line[2:].lstrip())


def test_every_key_of_the_usual_case_is_in_it_and_explained() -> None:
    case = load_case("case-a", ["optimizer={name: adam}", "backprop=manual"])
    text = case_template("mine")

    def keys(values: dict[str, Any]) -> list[str]:
        inner = [keys(value) for value in values.values() if isinstance(value, dict)]
        return [*values, *(key for found in inner for key in found)]

    for key in keys(case.model_dump()):
        assert re.search(rf"^(# )? *{key}:", text, re.MULTILINE), key
    # other kinds are named with what they are
    for kind in ("dilated", "auto", "layers", "he_normal", "cosine", "step", "nadam", "sgd"):
        assert re.search(rf"^## .*\b{kind}\b.*: ", text, re.MULTILINE), kind
    assert set(Case.model_fields) <= set(re.findall(r"^(?:# )?(\w+):", text, re.MULTILINE))


@pytest.mark.usefixtures("here")
def test_a_new_case_can_be_shown_at_once_and_no_file_is_ever_replaced(celu: Celu) -> None:
    made = celu("new", "mine.yaml")
    assert (made.code, made.out) == (0, "mine.yaml\n")
    assert celu("show", "mine.yaml").code == 0
    assert json.loads(celu("show", "mine.yaml", "--json").out)["case"]["name"] == "mine"
    Path("mine.yaml").write_text("kept")
    again = celu("new", "mine.yaml")
    assert (again.code, Path("mine.yaml").read_text()) == (2, "kept")
    assert "mine.yaml is there already" in again.err
    Path("link.yaml").symlink_to("nowhere.yaml")
    assert celu("new", "link.yaml").code == 2
    assert not Path("nowhere.yaml").exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "name", ["mine", "mine.txt", "my case.yaml", "mine.sweep.yaml", "no-folder/mine.yaml", ".yaml"]
)
def test_a_name_that_no_case_file_can_have_is_refused(name: str, celu: Celu) -> None:
    outcome = celu("new", name)
    assert (outcome.code, outcome.out) == (2, "")
    assert list(Path().iterdir()) == []
