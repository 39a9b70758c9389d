"""An activation from the user's own file: how a case names it, and that reading a case never runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from celu_cli.case.activations import UserActivation, activation_label, user_activation
from celu_cli.case.dump import dump_case
from celu_cli.case.json_schema import case_json_schema
from celu_cli.case.load import load_case, resolve_case
from celu_cli.errors import CaseError

BASE = "dataset: mnist\noptimizer: adam\nepochs: 1\n"
RUNS_AND_FAILS = "raise SystemExit('a case was read, and its code ran')\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a file in a folder below it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ideas").mkdir()
    (tmp_path / "ideas" / "mine.py").write_text(RUNS_AND_FAILS)
    return tmp_path


def write(name: str, text: str) -> str:
    Path(name).write_text(BASE + text)
    return name


@pytest.mark.parametrize("written", ["./mine.py:swish", "mine.py:swish", "../ideas/./mine.py:swish"])
def test_a_file_is_found_beside_the_case_that_names_it(written: str, folder: Path) -> None:
    case = load_case(write("ideas/one.yaml", f"activation: {written}\n"))
    assert case.activation == f"{folder}/ideas/mine.py:swish"


def test_a_file_is_found_beside_the_base_that_names_it(folder: Path) -> None:
    write("ideas/base.yaml", "activation: ./mine.py:swish\n")
    Path("child.yaml").write_text("extends: ideas/base.yaml\nalpha: 3\n")
    case = load_case("child.yaml")
    assert (case.activation, case.alpha) == (f"{folder}/ideas/mine.py:swish", 3)


def test_a_file_in_an_override_is_relative_to_the_working_directory(folder: Path) -> None:
    write("ideas/one.yaml", "")
    case = load_case("ideas/one.yaml", ["activation=ideas/mine.py:swish"])
    assert case.activation == f"{folder}/ideas/mine.py:swish"


def test_a_layer_may_have_one_of_its_own(folder: Path) -> None:
    layers = "[{kernel: 3, filters: 4, activation: ideas/mine.py:swish, alpha: -2}, {kernel: 1, filters: 10}]"
    text = f"network:\n  layers: {layers}\n".replace("filters: 10", "filters: 10, pool: max, pool_size: 28")
    plan = resolve_case(write("one.yaml", text)).plan
    assert [layer.activation for layer in plan.layers] == [f"{folder}/ideas/mine.py:swish", "celu"]
    assert [layer.alpha for layer in plan.layers] == [-2, 1]


def test_a_resolved_case_loads_again_from_anywhere(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    case = load_case(write("ideas/one.yaml", "activation: ./mine.py:swish\n"))
    elsewhere = tmp_path_factory.mktemp("logs") / "case.yaml"
    elsewhere.write_text(dump_case(case))
    assert load_case(elsewhere).activation == f"{folder}/ideas/mine.py:swish"
    assert load_case(elsewhere).model_dump(exclude={"name"}) == case.model_dump(exclude={"name"})


def test_a_run_can_be_read_after_its_file_has_gone() -> None:
    write("ideas/one.yaml", "activation: ./gone.py:swish\n")
    assert load_case("ideas/one.yaml", to_train=False).activation.endswith("/ideas/gone.py:swish")
    with pytest.raises(CaseError, match=r"^ideas/one.yaml:4:13: activation: there is no file ideas/gone.py$"):
        load_case("ideas/one.yaml")


def test_a_missing_file_is_told_beside_all_other_errors() -> None:
    layers = "network:\n  layers:\n  - {kernel: 3, filters: 4, activation: gone.py:a}\n"
    with pytest.raises(CaseError) as caught:
        load_case(write("one.yaml", "activation: gone.py:b\nepoch: 1\n" + layers))
    lines = str(caught.value).splitlines()
    assert lines[0] == "one.yaml has 3 errors:"
    assert lines[1] == "one.yaml:4:13: activation: there is no file gone.py"
    assert lines[2].startswith("one.yaml:5:1: epoch: unknown key")
    assert lines[3] == "one.yaml:8:41: network.layers[1].activation: there is no file gone.py"


@pytest.mark.parametrize("directory", ["ideas", "x" * 5000])
def test_what_is_no_file_is_missing(directory: str) -> None:
    Path("folder.py").mkdir()
    path = "folder.py" if directory == "ideas" else f"{directory}.py"
    with pytest.raises(CaseError, match="there is no file"):
        load_case("case-c", [f"activation={path}:swish"])


@pytest.mark.parametrize("alpha", ["0", "-1", "1e9", "0.5"])
def test_any_finite_alpha_will_do(alpha: str) -> None:
    assert load_case("case-c", ["activation=ideas/mine.py:f", f"alpha={alpha}"]).alpha == float(alpha)


@pytest.mark.parametrize("alpha", [".inf", "-.inf", ".nan"])
def test_an_alpha_that_is_not_finite_is_refused(alpha: str) -> None:
    with pytest.raises(CaseError, match="needs a finite alpha"):
        load_case("case-c", ["activation=ideas/mine.py:f", f"alpha={alpha}"])


def test_alpha_is_1_where_none_is_given() -> None:
    plan = resolve_case("case-c", ["activation=ideas/mine.py:f", "alpha=null"]).plan
    assert {layer.alpha for layer in plan.layers} == {1.0}


def test_the_article_s_rule_stays_celu_s_alone() -> None:
    with pytest.raises(CaseError, match="article is defined for celu alone"):
        load_case("case-c", ["activation=ideas/mine.py:f", "backprop.rule=article"])


@pytest.mark.parametrize(
    "word", ["mine.py", "mine.py:", ":f", "mine.txt:f", "mine.py:2f", "mine.py:a.b", "py:f"]
)
def test_other_forms_are_refused_with_the_one_that_is_accepted(word: str) -> None:
    assert user_activation(word) is None
    with pytest.raises(CaseError, match=r"identity, or FILE\.py:NAME for one of your own$"):
        load_case("case-c", [f"activation='{word}'"])


def test_a_number_is_not_told_to_become_a_text() -> None:
    with pytest.raises(CaseError, match=r"for one of your own$"):
        load_case("case-c", ["activation=3"])


def test_the_form_has_a_file_and_a_name() -> None:
    assert user_activation("C:\\ideas\\a b.py:swish_2") == UserActivation(
        Path("C:\\ideas\\a b.py"), "swish_2"
    )
    assert activation_label("/far/away/mine.py:swish") == "mine.py:swish"
    assert activation_label("celu") == "celu"


def test_an_editor_s_schema_accepts_the_form() -> None:
    validator = Draft202012Validator(case_json_schema())
    case = {"dataset": "mnist", "optimizer": "adam", "epochs": 1}
    assert validator.is_valid({**case, "activation": "./mine.py:swish"})
    assert not validator.is_valid({**case, "activation": "./mine.py"})
