"""The worked examples of docs/cases.md are valid cases and do what stands above them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from celu_cli.case.load import ResolvedCase, load_case, resolve_case

PAGE = (Path(__file__).parents[2] / "docs" / "cases.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"\*\*([^*\n]+)\.\*\*.*?```yaml\n(.*?)```", PAGE, flags=re.DOTALL))


@pytest.fixture
def resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ResolvedCase]:
    monkeypatch.chdir(tmp_path)
    for number, text in enumerate(EXAMPLES.values()):
        Path(f"example-{number}.yaml").write_text(text, encoding="utf-8")
    return {title: resolve_case(f"example-{number}.yaml") for number, title in enumerate(EXAMPLES)}


def test_every_example_of_the_page_is_tried() -> None:
    assert len(EXAMPLES) == PAGE.count("```yaml") == 4


def test_one_change_leaves_everything_else_as_it_is(resolved: dict[str, ResolvedCase]) -> None:
    case, base = resolved["One change"].case.model_dump(), load_case("case-c").model_dump()
    differing = {key for key in case if case[key] != base[key]}
    assert differing == {"name", "description", "activation", "alpha", "published"}


def test_a_case_from_nothing_needs_what_the_page_says(
    resolved: dict[str, ResolvedCase], tmp_path: Path
) -> None:
    case = resolved["From nothing"].case
    assert (case.optimizer.name, case.schedule.name, case.backprop.method) == ("adamw", "cosine", "manual")
    for key in ("dataset", "optimizer", "epochs"):
        text = re.sub(rf"^{key}: .*\n", "", EXAMPLES["From nothing"], flags=re.MULTILINE)
        (tmp_path / "less.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(Exception, match=f"{key}: missing"):
            load_case("less.yaml")


def test_the_layers_are_as_the_page_says(resolved: dict[str, ResolvedCase]) -> None:
    layers = resolved["Layers of your own"].plan.layers
    assert [layer.output_shape[0] for layer in layers] == [16, 8, 8, 4, 1]
    assert layers[2].input_shape == (8, 8, 64)
    assert [layer.residual for layer in layers] == [0, 0, 1, 0, 0]
    assert [layer.alpha for layer in layers][:4] == [1, 1, 1, 0.5]
    assert layers[-1].activation == "identity"
    [override] = shlex.split(re.findall(r"`('network\.layers[^`]+')`", PAGE)[0])
    changed = resolve_case("example-2.yaml", [override]).plan.layers
    assert [layer.residual for layer in changed] == [0, 0, 0.5, 0, 0]


def test_the_dilated_example_measures_its_gradient(resolved: dict[str, ResolvedCase]) -> None:
    case = resolved["Other gradients, measured"].case
    assert case.fidelity is not None
    assert (case.backprop.method, case.fidelity.every, case.seed) == ("dilated", 100, 3)
