from __future__ import annotations

from pathlib import Path

import pytest

from celu_cli.case import catalog
from celu_cli.case.catalog import CaseEntry, find_case, find_cases, shipped_cases_directory


def test_a_local_case_hides_the_shipped_one_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cases").mkdir()
    Path("cases/case-b.yaml").touch()
    Path("cases/mine.yml").touch()
    Path("cases/notes.txt").touch()
    Path("cases/folder.yaml").mkdir()
    shipped = shipped_cases_directory()
    entries = {(entry.name, entry.local): entry for entry in find_cases()}
    assert entries["case-b", True] == CaseEntry("case-b", Path("cases/case-b.yaml"), local=True)
    assert entries["case-b", False] == CaseEntry("case-b", shipped / "case-b.yaml", shadowed=True)
    assert entries["mine", True] == CaseEntry("mine", Path("cases/mine.yml"), local=True)
    assert entries["case-a", False] == CaseEntry("case-a", shipped / "case-a.yaml")
    assert len(entries) == 9
    assert find_case("mine") == Path("cases/mine.yml")


def test_in_the_checkout_the_shipped_cases_are_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shipped_cases_directory().parent)
    assert not any(entry.local or entry.shadowed for entry in find_cases())


def test_an_installed_package_finds_its_cases_inside_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "celu_cli"
    (package / "shipped_cases").mkdir(parents=True)
    monkeypatch.setattr(catalog, "__file__", str(package / "case" / "catalog.py"))
    assert shipped_cases_directory() == package / "shipped_cases"
