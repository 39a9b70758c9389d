"""docs/architecture.md says what the code says."""

from __future__ import annotations

import re

from tests.test_architecture import GROUND, MAY_IMPORT, PACKAGE

ROOT = PACKAGE.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def rows_below(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_tree_has_every_package_and_every_module_of_the_ground() -> None:
    (tree,) = re.findall(r"```text\n(celu_cli/.*?)```", PAGE, flags=re.DOTALL)
    drawn, folders = set(), [""]
    for line in tree.splitlines()[1:]:
        indent, name = re.fullmatch(r"( *)(\S+) +\S.*", line).groups()  # type: ignore[union-attr]
        folders[len(indent) // 2 :] = [name] if name.endswith("/") else []
        drawn.add("".join(folders if name.endswith("/") else [*folders, name]))
    packages = {f"{path.parent.relative_to(PACKAGE)}/" for path in PACKAGE.rglob("__init__.py")} - {"./"}
    modules = {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    assert drawn - {"datasets/sample_data/", "analysis/report/assets/"} == packages | modules
    assert all((PACKAGE / each).exists() for each in drawn)


def test_the_allowed_imports_are_those_that_the_architecture_test_allows() -> None:
    shown = {}
    for part, allowed in rows_below("What may import what"):
        names = set(re.findall(r"`(\w+)`", allowed)) | (GROUND if "the ground" in allowed else set())
        shown[part.strip("`")] = names
    assert shown == {part: names for part, names in MAY_IMPORT.items() if not part.startswith("__")}


def test_every_path_exists() -> None:
    for path in re.findall(r"`([\w./-]+(?:\.py|\.md|/))`", PAGE):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"(?<![\w/])((?:case|check|runs|engine|analysis|datasets)/[\w/]*(?:\.py)?)", PAGE):
        assert (PACKAGE / path).exists(), path


def test_every_link_of_the_docs_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for link, anchor in re.findall(r"\]\(([^)#:]*)(?:#([\w-]+))?\)", page.read_text(encoding="utf-8")):
            target = page.parent / link if link else page
            assert target.exists(), f"{page.name}: {link}"
            if anchor:
                headings = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert anchor in anchors, f"{page.name}: {link}#{anchor}"


def test_each_thing_that_can_be_added_names_files_and_the_test_that_proves_them_enough() -> None:
    rows = rows_below("To add …")
    assert len(rows) >= 4
    for thing, files, proof in rows:
        assert "celu_cli/" in files, thing
        path, name = re.fullmatch(r"`(\S+)::(\w+)`", proof).groups()  # type: ignore[union-attr]
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{thing}: {proof}"
