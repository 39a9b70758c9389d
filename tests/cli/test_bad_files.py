"""A case that is no ordinary file, or a flood: refused at once, whatever it is, and nothing is left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from celu_cli.case.catalog import find_cases
from celu_cli.text import shown
from tests.cli.invoke import Celu

SMALL = "dataset: mnist\noptimizer: adam\nepochs: 5\n"
MOST_SECONDS = 2.0


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refusal(celu: Celu, here: Path) -> Callable[..., str]:
    """The message with which `celu run` refuses, which took no time and left nothing."""

    def run(*words: str) -> str:
        before = sorted(here.iterdir())
        began = time.process_time()
        outcome = celu("run", *words)
        assert time.process_time() - began < MOST_SECONDS
        assert (outcome.code, outcome.out) == (2, "")
        assert sorted(here.iterdir()) == before
        return outcome.err

    return run


def test_a_pipe_is_refused_and_not_waited_for(refusal: Callable[..., str]) -> None:
    os.mkfifo("pipe.yaml")
    assert refusal("pipe.yaml") == "celu: pipe.yaml is a pipe or a device; a case is a file\n"
    assert refusal("/dev/zero") == "celu: /dev/zero is a pipe or a device; a case is a file\n"


def test_a_name_beside_a_file_of_that_name_says_so(refusal: Callable[..., str], here: Path) -> None:
    (here / "mine.yml").write_text(SMALL)
    expected = "celu: there is no case 'mine' in cases/, but a file here; name it with its ending: mine.yml\n"
    assert refusal("mine") == expected


def test_a_link_in_a_circle_is_refused(refusal: Callable[..., str]) -> None:
    Path("circle.yaml").symlink_to("circle.yaml")
    Path("case.yaml").write_text("extends: circle.yaml\n")
    assert refusal("circle.yaml") == "celu: circle.yaml is a link that leads to no file\n"
    assert refusal("case.yaml").startswith("celu: case.yaml:1:10: extends: circle.yaml is a link")


def test_an_activation_in_a_file_that_is_a_link_in_a_circle_is_refused(refusal: Callable[..., str]) -> None:
    Path("circle.py").symlink_to("circle.py")
    Path("case.yaml").write_text(SMALL + "activation: circle.py:mine\n")
    assert "case.yaml:4:13: activation: there is no file" in refusal("case.yaml")


def test_a_directory_of_cases_that_is_a_link_in_a_circle_hides_nothing(refusal: Callable[..., str]) -> None:
    Path("cases").symlink_to("cases")
    assert refusal("case-cc").endswith("did you mean case-c?\n")
    assert "case-c" in [entry.name for entry in find_cases()]


def test_a_path_is_shown_even_where_there_is_no_working_directory(here: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert shown(Path("case.yaml")) == "case.yaml"
    assert "case-c" in [entry.name for entry in find_cases()]
    os.chdir(here)


def test_a_file_of_a_hundred_megabytes_is_not_read(refusal: Callable[..., str]) -> None:
    with Path("large.yaml").open("wb") as file:
        file.truncate(100_000_000)
    assert refusal("large.yaml") == (
        "celu: large.yaml:1:1: the file is larger than 128 KiB; it cannot be a case\n"
    )


def test_a_name_in_letters_that_no_encoding_has_is_refused(refusal: Callable[..., str]) -> None:
    Path("\udcff.yaml").write_text(SMALL)
    assert refusal("\udcff.yaml").startswith(
        "celu: \\udcff.yaml:1:1: name: '\\udcff' given; accepted: a name"
    )


def test_what_is_no_text_behind_a_byte_order_mark_is_told_its_place(refusal: Callable[..., str]) -> None:
    Path("case.yaml").write_bytes(b"\xef\xbb\xbfa: \x91\n")
    assert refusal("case.yaml") == "celu: case.yaml:1:4: not UTF-8 text; save the file with UTF-8 encoding\n"


def test_a_unicode_name_is_a_name(celu: Celu) -> None:
    Path("schön-模型.yaml").write_text(SMALL)
    assert celu("show", "schön-模型.yaml").code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('description: "\\Uffffffff"\n', ":4:17: not valid YAML: a number too large for what it stands for"),
        ("description: [" + "1," * 60_000 + "]\n", "more than 4,000 keys and values; it cannot be a case"),
        ("a: 1\n" * 25_000, "\nand 1956 more\n"),
        ("network: {layers: [" + "{a: 1}," * 12_000 + "]}\n", "more than 4,000 keys and values"),
        ("network: {layers: [" + "{a: 1}," * 1_250 + "]}\n", "has 3750 errors:"),
        ("a: [" + "*a," * 40_000 + "]\n", "anchors and aliases"),
        ("a: " + "[" * 100_000, "nested more than 12 deep"),
        ("- " * 60_000, "nested more than 12 deep"),
        ("k" * 1_000 + ": 1\n", ":4:1: " + "k" * 57 + "...: unknown key"),
        (
            "seed: " + "9" * 5_000 + "\n",
            "accepted: a whole number, at least 0 and at most 9223372036854775807",
        ),
        ("alpha: 0x" + "f" * 290 + "\n", "celu needs an alpha above 0 and finite, not inf"),
        ("network: {residual: 0x" + "f" * 290 + "}\n", "accepted: a finite number"),
        ("activation: " + "a" * 120_000 + ".py:x\n", "there is no file"),
    ],
    ids=lambda text: text[:20],
)
def test_a_flood_is_refused_at_once_in_a_message_that_can_be_read(
    text: str, message: str, refusal: Callable[..., str]
) -> None:
    Path("case.yaml").write_text(SMALL + text if not text.startswith("-") else text)
    said = refusal("case.yaml")
    assert message in said
    assert len(said) < 20_000


def test_a_long_chain_of_cases_is_refused_at_once(refusal: Callable[..., str]) -> None:
    for number in range(300):
        Path(f"c{number}.yaml").write_text(f"extends: c{number + 1}\n")
    Path("c300.yaml").write_text(SMALL)
    assert refusal("c0.yaml") == "celu: c200.yaml:1:10: extends: more than 200 cases extend one another\n"


@pytest.mark.parametrize("key", ["a", "optimizer"])
def test_an_override_of_a_bottomless_key_is_refused(key: str, refusal: Callable[..., str]) -> None:
    assert refusal("case-c", f"{key}{'.a' * 50_000}=1").endswith("...: nested more than 12 deep\n")
