"""Every file in tests/broken_cases is refused with the text beside it, to the letter.

In a ``.txt``, ``<keys of a case>`` stands for the list of all keys at the top of a case, which grows.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from celu_cli.case.schema import Case
from tests.cli.invoke import Celu

DIRECTORY = Path(__file__).parents[1] / "broken_cases"
BROKEN = sorted(path.stem for path in DIRECTORY.glob("*.yaml"))
KEYS = ", ".join(["extends", *Case.model_fields])


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_case_is_refused_with_its_message_and_leaves_nothing(
    name: str, celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(DIRECTORY)
    outcome = celu("run", f"{name}.yaml", "--logs", str(tmp_path / "logs"))
    expected = (DIRECTORY / f"{name}.txt").read_text(encoding="utf-8").replace("<keys of a case>", KEYS)
    assert outcome.err == expected
    assert outcome.code == 2
    assert outcome.out == ""
    assert list(tmp_path.iterdir()) == []


def test_every_broken_case_has_a_message() -> None:
    assert sorted(path.stem for path in DIRECTORY.glob("*.txt")) == BROKEN
    assert len(BROKEN) >= 35


def test_a_directory_in_place_of_a_case_is_refused(celu: Celu, tmp_path: Path) -> None:
    outcome = celu("show", f"{tmp_path}/")
    assert (outcome.code, outcome.err) == (2, f"celu: {tmp_path}/ is a directory; name a YAML file in it\n")


def test_a_path_without_a_file_is_refused(
    celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert celu("show", "case-x.yaml").err == "celu: there is no file case-x.yaml\n"
    assert celu("show", "case-c.yaml").err == (
        "celu: there is no file case-c.yaml; to use the case case-c, leave out the ending\n"
    )
    assert celu("show", "x" * 5000 + ".yaml").code == 2


def test_a_misspelled_name_is_told_the_nearest(
    celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = celu("run", "case-cc")
    assert outcome.code == 2
    assert outcome.err == (
        "celu: there is no case 'case-cc'; there are case-a, case-b, case-c, case-c-amsgrad, case-c-as-run, "
        "case-d, case-d-as-run; did you mean case-c?\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_too_large_to_be_a_case_is_not_parsed(
    celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("large.yaml").write_text("# " + "x" * 1_000_000)
    assert celu("show", "large.yaml").err == (
        "celu: large.yaml:1:1: the file is larger than 128 KiB; it cannot be a case\n"
    )


def test_a_file_that_must_not_be_read_is_refused(
    celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.yaml").write_text("dataset: mnist\n")

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    assert celu("show", "secret.yaml").err == "celu: secret.yaml: cannot be read: Permission denied\n"


def test_a_flood_of_errors_is_cut_short(celu: Celu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flood.yaml").write_text("".join(f"key_{number}: 1\n" for number in range(500)))
    lines = celu("show", "flood.yaml").err.splitlines()
    assert lines[0] == "celu: flood.yaml has 503 errors:"
    assert lines[-1] == "and 463 more"
    assert len(lines) == 42
